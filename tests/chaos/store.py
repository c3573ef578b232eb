"""The state store, as the checks ask it: what SQLite has is brought to PostgreSQL at the end, so that one set of questions does for both."""
from __future__ import annotations

import contextlib
import sqlite3

SCHEMA = "etl_state"
COPIED = ("pipeline_runs", "pipeline_tasks", "breakers")


class Store:
    def __init__(self, world):
        self.world, self.file = world, world.folder / "store/etl.db"
        self.url = f"sqlite://{self.file}" if world.alone else "postgresql://{user}:{password}@{host}:{port}/{database}".format(**world.pg.attributes)

    def ask(self, sql: str) -> list[list[str | None]]:
        """What both understand, while hosts are at work."""
        if not self.world.alone:
            return self.world.ask(f"SET LOCAL search_path = {SCHEMA}, public; {sql}")
        with contextlib.closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True, timeout=10)) as db:
            return [[None if v is None else str(v) for v in row] for row in db.execute(sql)]

    def bring(self) -> None:
        """When the host has ended."""
        if not self.world.alone:
            return
        self.world.ask(f"CREATE SCHEMA {SCHEMA}")
        with contextlib.closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True)) as db:
            for table in COPIED:
                columns = ", ".join(f"{name} {kind}" for _, name, kind, *_ in db.execute(f"PRAGMA table_info({table})"))
                lines = ["(" + ", ".join(quoted) + ")" for quoted in (map(_quoted, row) for row in db.execute(f"SELECT * FROM {table}"))]
                self.world.ask(f"CREATE TABLE {SCHEMA}.{table} ({columns})" + (f"; INSERT INTO {SCHEMA}.{table} VALUES {', '.join(lines)}" if lines else ""))


def _quoted(value) -> str:
    return "NULL" if value is None else str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"
