"""The server under test: tests/mssqld, started for one client, or a real one."""
from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import subprocess
import tempfile
from typing import Iterator

MSSQLD = pathlib.Path(__file__).resolve().parents[2] / "mssqld" / "mssqld"
PASSWORD = "Conf;secret 1"
START_S = 30


@dataclasses.dataclass
class Target:
    host: str
    port: int
    user: str
    password: str
    database: str
    folder: pathlib.Path  # scratch
    real: bool

    def freetds_conf(self, encryption: str = "off") -> dict[str, str]:
        """An environment in which FreeTDS knows the server as "conf"."""
        file = self.folder / f"freetds-{encryption}.conf"
        file.write_text(f"[conf]\nhost = {self.host}\nport = {self.port}\ntds version = 7.4\nclient charset = UTF-8\nencryption = {encryption}\n")
        return {**os.environ, "FREETDSCONF": str(file), "LC_ALL": "C.UTF-8"}


@contextlib.contextmanager
def open_target() -> Iterator[Target]:
    with tempfile.TemporaryDirectory(prefix="mssqld-conformance-") as name:
        folder = pathlib.Path(name)
        real = os.environ.get("ETL_TEST_MSSQL")
        if real:
            host, port, user, rest = real.split(":", 3)
            password, database = rest.rsplit(":", 1)
            yield Target(host, int(port), user, password, database, folder, True)
            return
        server = subprocess.Popen([str(MSSQLD), "--data", str(folder / "data"), "--user", "sa", "--password", PASSWORD, "--database", "conf",
                                   "--tls", "on", "--log", str(folder / "log")], stdout=subprocess.PIPE, text=True)
        try:
            line = server.stdout.readline().split()
            if not line or line[0] != "ready":
                raise RuntimeError("tests/mssqld/mssqld did not start")
            port = dict(word.split("=") for word in line[1:])["port"]
            yield Target("127.0.0.1", int(port), "sa", PASSWORD, "conf", folder, False)
        finally:
            server.terminate()
            server.wait(START_S)
            server.stdout.close()
