"""The servers of a benchmark: a throw-away PostgreSQL cluster, and one or more stand-ins for SQL Server that hold the table."""
from __future__ import annotations

import contextlib
import pathlib
import subprocess
import sys

from . import table

SOURCE = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(SOURCE / "tests/scenario"))

from story import mssqld as story_mssqld, postgres as story_postgres  # noqa: E402
from story.errors import Skip, StoryError  # noqa: E402
from story.libpq import Connection  # noqa: E402
from story.process import Deadline, Process  # noqa: E402

START_SECONDS = 60
MSSQL_PASSWORD, PG_PASSWORD = story_mssqld.PASSWORD, story_postgres.PASSWORD
CACHE_BYTES = 8 << 30
# One number over all columns of all rows, in any order.
CHECKSUM = "SELECT count(*), sum(hash_record_extended(m, 0)::numeric) FROM public.mixed m"


class Shard(story_mssqld.Mssqld):
    """One stand-in with every `step`-th row."""

    def __init__(self, folder: pathlib.Path, number: int):
        super().__init__(f"s{number}", SOURCE / "tests/mssqld/mssqld", folder, table.CREATE_SOURCE,
                         ["--now", table.NOW, "--result-cache", str(folder / "cache"), "--result-cache-bytes", str(CACHE_BYTES)])
        self.start(Deadline(START_SECONDS))

    def load(self, first: int, count: int, step: int) -> subprocess.Popen:
        """Begins to load; load_end() waits."""
        return subprocess.Popen([SOURCE / "tests/mssqld/load", "--control", str(self.control), table.SOURCE,
                                 f"{SOURCE / 'bench/table.py'}:shard:{first},{count},{step}"], stdout=subprocess.PIPE, text=True)

    def load_end(self, loading: subprocess.Popen, count: int) -> None:
        said = loading.communicate()[0]
        if loading.returncode or not said.startswith(f"{count} rows"):
            raise StoryError(f"{self.name} did not take {count} rows: {said.strip()}")

    def log_size(self) -> int:
        return (self.folder / "server.log").stat().st_size

    def log_since(self, size: int) -> str:
        with open(self.folder / "server.log", encoding="utf-8") as f:
            f.seek(size)
            return f.read()


class Sink:
    """The cluster.  Each measured run has a database of its own."""

    def __init__(self, folder: pathlib.Path):
        self.cluster = story_postgres.Cluster(folder)
        self.cluster.start(Deadline(START_SECONDS))
        self.made = 0

    def conninfo(self, database: str) -> str:
        return self.cluster.conninfo(database)

    def query(self, database: str, sql: str) -> list[list[str | None]]:
        with Connection(self.conninfo(database)) as db:
            return db.query(sql)

    @contextlib.contextmanager
    def database(self):
        """A fresh one with the empty table in it.  What ran before has been written out, so that it disturbs nobody."""
        self.made += 1
        name = f"bench{self.made}"
        self.cluster.new_database(name)
        self.query(name, table.CREATE_TARGET)
        self.query("postgres", "CHECKPOINT")
        try:
            yield name
        finally:
            self.query("postgres", f'DROP DATABASE "{name}" WITH (FORCE)')

    def checksum(self, database: str) -> list[str | None]:
        return self.query(database, CHECKSUM)[0]

    def end(self) -> None:
        self.cluster.remove()
