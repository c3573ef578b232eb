"""A database: a file of SQLite, its catalog, and connections that know T-SQL's comparisons and conversions."""
from __future__ import annotations

import contextlib
import pathlib
import pickle
import sqlite3
import threading
import uuid
from typing import Any

from contract import SqlError, Type

from . import values
from .catalog import Catalog
from .collate import COLLATIONS, unpadded, uuid_key, uuid_of_key
from .convert import convert
from .functions import SCALARS, Sum, many

BUSY_SECONDS = 30


class Database:
    def __init__(self, folder: pathlib.Path, name: str):
        self.name = name
        self.path = folder / f"{name.lower()}.db"
        self.lock = threading.RLock()      # of catalog and counters
        self.incarnation = uuid.uuid4().hex
        self.changes = 0                   # grows with every commit
        self.conversions: list[tuple[Type, Type, int | None]] = []
        self.active: dict[int, int] = {}   # spid: first rowversion of its open transaction
        self.no_lock = contextlib.nullcontext()
        self.turn = threading.Condition()  # of who writes
        self.writer: int | None = None     # spid of the one that may
        self.waiting = 0                   # how many wait to
        with self._open() as db:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("CREATE TABLE IF NOT EXISTS _state (name TEXT PRIMARY KEY, value BLOB)")
        db.close()
        self.reload()

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=64)

    def _state(self, name: str) -> Any:
        db = self._open()
        row = db.execute("SELECT value FROM _state WHERE name = ?", (name,)).fetchone()
        db.close()
        return row and pickle.loads(row[0])

    def reload(self) -> None:
        with self.lock:
            self.catalog: Catalog = self._state("catalog") or Catalog()
            self.last_rowversion: int = self._state("rowversion") or 2000

    def keep(self, connection: sqlite3.Connection) -> None:
        """Catalog and counters, in the transaction in hand."""
        with self.lock:
            for name, value in (("catalog", self.catalog), ("rowversion", self.last_rowversion)):
                connection.execute("INSERT OR REPLACE INTO _state VALUES (?, ?)", (name, pickle.dumps(value)))

    def next_rowversion(self, spid: int) -> bytes:
        with self.lock:
            self.last_rowversion += 1
            self.active.setdefault(spid, self.last_rowversion)
            return self.last_rowversion.to_bytes(8, "big")

    def min_active_rowversion(self) -> bytes:
        with self.lock:
            return min(self.active.values(), default=self.last_rowversion + 1).to_bytes(8, "big")

    def take_turn(self, session: Any, seconds: float | None) -> None:
        """Waits until no other session has a transaction that writes."""
        with self.turn:
            self.waiting += 1
            self.turn.notify_all()
            mine = self.turn.wait_for(lambda: self.writer in (None, session.spid) or session.cancelled, seconds)
            self.waiting -= 1
            if not mine:
                raise SqlError(1222, "Lock request time out period exceeded.", 16, 51)
            if session.cancelled:
                raise SqlError(0, "cancelled")
            self.writer = session.spid

    def ended(self, spid: int, changed: bool) -> None:
        with self.lock:
            self.active.pop(spid, None)
            self.changes += changed
        with self.turn:
            if self.writer == spid:
                self.writer = None
            self.turn.notify_all()

    @property
    def version(self) -> str:
        return f"{self.incarnation}.{self.changes}"

    def conversion(self, a: Type, b: Type, style: int | None) -> int:
        with self.lock:
            key = (a, b, style)
            if key not in self.conversions:
                self.conversions.append(key)
            return self.conversions.index(key)

    # ---- connections ---------------------------------------------------------------------------------------------------------
    def connect(self, failures: list) -> sqlite3.Connection:
        """failures: where a function puts the SqlError behind SQLite's "user-defined function raised exception"."""
        db = self._open()
        db.execute("PRAGMA synchronous=OFF")
        db.execute("PRAGMA cache_size=-65536")
        db.execute("PRAGMA case_sensitive_like=ON")
        for name, compare in COLLATIONS.items():
            db.create_collation(name, compare)

        def guarded(function: Any) -> Any:
            def call(*args: Any) -> Any:
                try:
                    return function(*args)
                except SqlError as e:
                    failures.append(e)
                    raise
            return call

        def cast(v: Any, i: int) -> Any:
            a, b, style = self.conversions[i]
            return values.encode(b, convert(values.decode(a, v), a, b, style))

        def try_cast(v: Any, i: int) -> Any:
            try:
                return cast(v, i)
            except SqlError:
                return None

        db.create_function("ms_cast", 2, guarded(cast), deterministic=True)
        db.create_function("ms_try", 2, try_cast, deterministic=True)
        for name, key in (("ms_uuid", uuid_key), ("ms_uuid_of", uuid_of_key), ("ms_unpad", unpadded)):
            db.create_function(name, 1, key, deterministic=True)
        for name, count, function in SCALARS:
            db.create_function(name, count, guarded(function), deterministic=True)
        db.create_function("ms_many", 0, guarded(many))
        sums = type("BoundSum", (Sum,), {"database": self})
        db.create_aggregate("ms_sum", 2, sums)
        return db
