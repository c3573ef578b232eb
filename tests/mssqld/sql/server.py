"""All databases under one folder."""
from __future__ import annotations

import itertools
import pathlib
import threading
import time
from typing import Iterator

from contract import SqlError
from tds import clock

from . import ast
from .database import Database
from .session import Session

VERSION = "Microsoft SQL Server 2019 (RTM) - 15.0.2000.5 (X64)\n\tmssqld, a stand-in for tests"
UNIX_EPOCH = 719_162 * clock.DAY


class Server:
    def __init__(self, folder: pathlib.Path, database: str, now: int | None):
        self.folder, self.now, self.version = folder, now, VERSION
        self.lock = threading.Lock()
        self.spids = itertools.count(51)
        self.denied: set[str] = set()
        self.databases: dict[str, Database] = {}
        for path in sorted(folder.glob("*.db")):
            self.databases[path.stem] = Database(folder, path.stem)
        self.default = self.make_database(database)
        self.make_database("master")

    def make_database(self, name: str) -> Database:
        with self.lock:
            if name.lower() not in self.databases:
                self.databases[name.lower()] = Database(self.folder, name)
            self.databases[name.lower()].name = name
            return self.databases[name.lower()]

    def numbered(self) -> list[tuple[int, Database]]:
        """All databases with their numbers: master is the first, and those of users begin with 5."""
        others = sorted(n for n in self.databases if n != "master")
        return [(1, self.databases["master"]), *enumerate((self.databases[n] for n in others), 5)]

    def database(self, name: str) -> Database | None:
        return self.databases.get(name.lower())

    def ticks(self) -> int:
        """Now, in 100 ns since 0001-01-01 UTC."""
        return self.now if self.now is not None else UNIX_EPOCH + time.time_ns() // 100

    def login(self, database: str, user: str, host: str, application: str) -> Session:
        db = self.database(database) if database else self.default
        if not db:
            raise SqlError(4060, f'Cannot open database "{database}" requested by the login. The login failed.', 11)
        return Session(self, db, next(self.spids), user, False, host, application)

    def admin(self) -> Session:
        session = Session(self, self.default, next(self.spids), "sa", True)
        session.text_size = -1
        return session

    def load(self, table: str, columns: list[str] | None, rows: Iterator[tuple]) -> int:
        from .parse import Parser
        session = self.admin()
        try:
            o = session.table(Parser(table).names(), 1)
            chosen = [o.column(c) for c in columns] if columns else [c for c in o.columns if c.identity is None and c.type.name != "rowversion"]
            if None in chosen:
                raise SqlError(207, f"Invalid column name '{columns[chosen.index(None)]}'.")
            return session.changing(lambda _: session.load_rows(o, chosen, rows), ast.Statement("load", 1, {}))
        finally:
            session.close()

    def deny(self, table: str) -> None:
        from .parse import Parser
        parts = Parser(table).names()
        self.denied.add(f"{parts[-2] if len(parts) > 1 else 'dbo'}.{parts[-1]}".lower())

    def clear_denied(self) -> None:
        self.denied.clear()

    def close(self) -> None:
        pass


def open_server(folder: str, database: str, now: int | None) -> Server:
    path = pathlib.Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    return Server(path, database, now)
