"""The SQL Server stand-in (tests/mssqld) as an actor."""
from __future__ import annotations

import json
import pathlib
import re
import socket

from .errors import Skip, StoryError
from .process import Deadline, Process, child_environment

PASSWORD = "Shard-secret1"


class Mssqld:
    """One server process with one database."""

    kind = "mssqld"

    def __init__(self, name: str, program: pathlib.Path, folder: pathlib.Path, init: str, options: list[str]):
        if not program.exists():
            raise Skip(f"there is no SQL Server stand-in at {program}")
        self.name, self.program, self.folder, self.options = name, program, folder, options
        self.port = self.control = 0
        self.server: Process | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self.init: pathlib.Path | None = None
        if init.strip():
            self.init = folder / "init.sql"
            self.init.write_text(init, encoding="utf-8")

    def start(self, deadline: Deadline) -> None:
        argv = [str(self.program), "--data", str(self.folder / "data"), "--port", str(self.port), "--user", "sa", "--password", PASSWORD,
                "--database", "shop", "--log", str(self.folder / "server.log"), *self.options]
        if self.init:
            argv += ["--init", str(self.init)]
        self.server = Process(self.name, argv, child_environment({}), self.folder, self.folder / "mssqld.out")
        line = self.server.wait_line(r"^ready ", deadline, "stdout")
        self.init = None  # a second start finds its data there
        numbers = dict(re.findall(r"(\w+)=(\d+)", line))
        self.port, self.control = int(numbers["port"]), int(numbers["control"])

    @property
    def attributes(self) -> dict[str, str]:
        return {"host": "127.0.0.1", "port": str(self.port), "control": str(self.control), "user": "sa", "password": PASSWORD,
                "database": "shop"}

    def command(self, line: str) -> str:
        """One line to the control port; what stands behind "ok" in its answer."""
        with socket.create_connection(("127.0.0.1", self.control), 30) as s, s.makefile("rw", encoding="utf-8", newline="\n") as f:
            f.write(line + "\n")
            f.flush()
            answer = f.readline().rstrip("\n")
        word, _, rest = answer.partition(" ")
        if word != "ok":
            raise StoryError(f"{self.name} answered {line[:200]!r} with {answer!r}")
        return rest

    def query(self, sql: str) -> list[list[str | None]]:
        rows: list[list[str | None]] = []
        for batch in re.split(r"^\s*GO\s*$", sql, flags=re.M | re.I):
            if batch.strip():
                rows = self._rows(self.command("sql " + " ".join(batch.split("\n"))))
        return rows

    @staticmethod
    def _rows(answer: str) -> list[list[str | None]]:
        try:
            value = json.loads(answer)
        except ValueError:
            return [[answer]]
        if isinstance(value, dict):
            value = value.get("rows", [])
        if not isinstance(value, list):
            return [[str(value)]]
        rows = [list(r.values()) if isinstance(r, dict) else r for r in value]
        return [[None if v is None else str(v) for v in r] for r in rows]

    def connection_text(self) -> str:
        a = self.attributes
        return (f'{self.name} = {{ plugin = "sqlserver"; host = "{a["host"]}"; port = {a["port"]}; user = "{a["user"]}"; '
                f'password = "{a["password"]}"; database = "{a["database"]}"; }};')

    def stop(self, how: str = "fast") -> None:
        if self.server:
            self.server.end(*([9] if how == "crash" else []))

    def end(self) -> None:
        self.stop("crash")

    def tail(self) -> list[str]:
        log = self.folder / "server.log"
        lines = log.read_text(errors="replace").splitlines()[-15:] if log.exists() else []
        return lines + (self.server.tail(5) if self.server else [])
