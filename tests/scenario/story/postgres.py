"""PostgreSQL as an actor: throw-away clusters, and databases in them."""
from __future__ import annotations

import contextlib
import glob
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile

from .errors import Skip, StoryError
from .libpq import Connection, PgError
from .process import Deadline, Process, child_environment

PASSWORD = "warehouse-secret"


def binaries() -> pathlib.Path:
    """Folder of initdb and postgres; the newest version that is installed."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda p: int(p.split("/")[4]))
    if not found:
        raise Skip("no PostgreSQL server is installed (apt-get install postgresql-15)")
    return pathlib.Path(found[-1]).parent


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def as_postgres() -> list[str]:
    """Words to put before a command so that it runs as an unprivileged user: the server refuses root."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]


def _parent(process: pathlib.Path) -> int:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:  # it has ended
        return 0


class Cluster:
    """A server of its own.  Data go under `folder` if the server's user can get there, else into a temporary folder."""

    def __init__(self, folder: pathlib.Path):
        self.bin = binaries()
        self.log = folder / "postgres.log"
        folder.mkdir(parents=True, exist_ok=True)
        self.data = self._place(folder)
        self.port = 0
        self.server: Process | None = None
        self.databases = 0
        password = self.data / "password"
        password.write_text(PASSWORD)
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(password, user.pw_uid, user.pw_gid)
        done = subprocess.run(as_postgres() + [str(self.bin / "initdb"), "-D", str(self.data / "db"), "-U", "postgres", "-E", "UTF8",
                              "--locale=C.UTF-8", "--no-sync", "--auth=scram-sha-256", f"--pwfile={password}"],
                              env=child_environment({}), cwd="/", capture_output=True, text=True, check=False)
        if done.returncode:
            raise StoryError(f"initdb failed: {done.stderr.strip()}")

    def _place(self, folder: pathlib.Path) -> pathlib.Path:
        if os.geteuid() != 0:
            return pathlib.Path(tempfile.mkdtemp(prefix="pg-", dir=folder))
        reach = subprocess.run(as_postgres() + ["test", "-x", str(folder)], capture_output=True, check=False)
        place = pathlib.Path(tempfile.mkdtemp(prefix="etl-test-pg-", dir=folder if reach.returncode == 0 else None))
        user = pwd.getpwnam("postgres")
        os.chown(place, user.pw_uid, user.pw_gid)
        return place

    def start(self, deadline: Deadline) -> None:
        for _ in range(3):  # another process may take the port first
            self.port = self.port or free_port()
            self.server = Process("postgres", as_postgres() + [
                str(self.bin / "postgres"), "-D", str(self.data / "db"), "-p", str(self.port), "-c", "listen_addresses=127.0.0.1",
                "-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "full_page_writes=off",
                "-c", "max_connections=200", "-c", "shared_buffers=64MB", "-c", "max_wal_size=4GB", "-c", "log_min_messages=warning",
                "-c", "timezone=UTC"], child_environment({}), pathlib.Path("/"), self.log)
            try:
                self.server.wait_line("ready to accept connections", deadline)
                return
            except StoryError:
                if "Address already in use" not in self.server.text():
                    raise
                self.port = 0
        raise StoryError("PostgreSQL found no free port")

    def stop(self, how: int = signal.SIGINT) -> None:
        """SIGINT: fast; SIGQUIT: at once, as in a crash."""
        if self.server:
            self.server.end(how)

    def crash(self) -> None:
        """The server and all its sessions are gone from one moment to the next."""
        server = self.server.pid
        children = [int(p.name) for p in pathlib.Path("/proc").iterdir() if p.name.isdigit() and _parent(p) == server]
        for pid in [server, *children]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.server.end(signal.SIGKILL)

    def remove(self) -> None:
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.data, ignore_errors=True)

    def conninfo(self, database: str) -> str:
        return f"host=127.0.0.1 port={self.port} user=postgres password={PASSWORD} dbname={database} application_name=scenario connect_timeout=10"

    def new_database(self, name: str) -> None:
        with Connection(self.conninfo("postgres")) as db:
            db.query(f'CREATE DATABASE "{name}" TEMPLATE template0')


class Postgres:
    """The actor: one database, in the shared cluster or in its own."""

    kind = "postgres"

    def __init__(self, name: str, cluster: Cluster, database: str, own: bool):
        self.name, self.cluster, self.database, self.own = name, cluster, database, own
        self.connection: Connection | None = None
        cluster.new_database(database)

    @property
    def attributes(self) -> dict[str, str]:
        return {"host": "127.0.0.1", "port": str(self.cluster.port), "user": "postgres", "password": PASSWORD, "database": self.database}

    def conninfo(self) -> str:
        return self.cluster.conninfo(self.database)

    def query(self, sql: str) -> list[list[str | None]]:
        try:
            if self.connection is None:
                self.connection = Connection(self.conninfo())
            return self.connection.query(sql)
        except PgError as e:
            self.disconnect()
            raise StoryError(f"{self.name}: {e}") from None

    def disconnect(self) -> None:
        if self.connection:
            self.connection.close()
            self.connection = None

    def connection_text(self) -> str:
        """As a connection of etl.conf."""
        a = self.attributes
        return (f'{self.name} = {{ plugin = "postgres"; host = "{a["host"]}"; port = {a["port"]}; user = "{a["user"]}"; '
                f'password = "{a["password"]}"; database = "{a["database"]}"; }};')

    def stop(self, how: str = "fast") -> None:
        self._own("stop")
        self.disconnect()
        self.cluster.stop(signal.SIGQUIT if how == "crash" else signal.SIGINT)

    def start(self, deadline: Deadline) -> None:
        self._own("start")
        self.cluster.start(deadline)

    def _own(self, what: str) -> None:
        if not self.own:
            raise StoryError(f"{self.name} is a database of the shared cluster; to {what} it, write: start postgres {self.name} own")

    def end(self) -> None:
        self.disconnect()
        if self.own:
            self.cluster.remove()

    def tail(self) -> list[str]:
        return self.cluster.server.tail() if self.own and self.cluster.server else []
