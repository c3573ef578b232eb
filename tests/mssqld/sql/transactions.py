"""Transactions of a session.  SQLite's begins with the first change, so that a transaction that only reads keeps nobody waiting; one
session writes at a time.  Readers see what is committed; under SNAPSHOT, what was when the transaction first read."""
from __future__ import annotations

import pickle
import sqlite3
from typing import Any, Callable, Iterator

from contract import Done, Environment, Event, SqlError

from .ast import Statement

DEFINING = {"create_table", "create_index", "create_view", "create_schema", "drop", "alter"}
LOCKING = ("REPEATABLE READ", "SERIALIZABLE")


class Transactions:
    """Methods of a session."""
    db: Any
    connection: sqlite3.Connection
    spid: int

    def start_transactions(self) -> None:
        self.depth = 0                      # @@TRANCOUNT
        self.isolation = "READ COMMITTED"
        self.lock_timeout = -1              # ms; -1: no limit
        self.defined = self.wrote = False   # the transaction in hand changed the catalog, changed rows
        self.snapshot = False               # it sees what was committed when it first read
        self.transaction_name: str | None = None
        self.savepoints: list[tuple[str, bytes]] = []  # name, the catalog of then

    def _write(self) -> None:
        """From here on this session's transaction may change something."""
        self.db.take_turn(self, None if self.lock_timeout < 0 else self.lock_timeout / 1000)
        try:
            if not self.connection.in_transaction:
                self.connection.execute("BEGIN IMMEDIATE")
        except BaseException:
            if not self.wrote:
                self.db.ended(self.spid, False)
            raise
        self.wrote = True

    def read(self) -> None:
        """Before a SELECT."""
        if self.depth and not self.connection.in_transaction:
            if self.isolation in LOCKING:
                self._write()
            elif self.isolation == "SNAPSHOT":
                self.connection.execute("BEGIN")
                self.snapshot = True

    def in_transaction(self, function: Callable[[Statement], Any], s: Statement) -> Any:
        """A statement is undone as a whole when it fails."""
        single, defines = self.depth == 0, s.kind in DEFINING
        self._write()
        before = pickle.dumps(self.db.catalog) if defines else b""
        try:
            self.connection.execute("SAVEPOINT statement")
            self.defined = self.defined or defines
            with self.db.lock if defines else self.db.no_lock:
                result = function(s)
                self.connection.execute("RELEASE statement")
                if single:
                    self._commit()
            return result
        except BaseException:
            if single or not self.connection.in_transaction:
                self.depth = 0
                self._undo()
            else:
                self.connection.execute("ROLLBACK TO statement")
                self.connection.execute("RELEASE statement")
                if defines:
                    self.db.catalog = pickle.loads(before)
            raise

    def _commit(self) -> None:
        wrote = self.wrote
        if wrote:
            self.db.keep(self.connection)
        if self.connection.in_transaction:
            self.connection.execute("COMMIT")
        self._ended(wrote)

    def _undo(self) -> None:
        try:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            if self.defined:
                self.db.reload()
        finally:
            self._ended(False)

    def _ended(self, changed: bool) -> None:
        self.defined = self.wrote = self.snapshot = False
        self.transaction_name, self.savepoints = None, []
        self.db.ended(self.spid, changed)

    # ---- what a client asks for ----------------------------------------------------------------------------------------------
    def begin(self) -> None:
        self.depth += 1

    def commit(self) -> None:
        if self.depth == 0:
            raise SqlError(3902, "The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION.")
        self.depth -= 1
        if self.depth == 0:
            self._commit()

    def rollback(self) -> None:
        if self.depth == 0:
            raise SqlError(3903, "The ROLLBACK TRANSACTION request has no corresponding BEGIN TRANSACTION.")
        self.depth = 0
        self._undo()

    def do_begin(self, s: Statement) -> Iterator[Event]:
        self.begin()
        if self.depth == 1:
            self.transaction_name = (s.args["name"] or "").lower()
            yield Environment("begin", self.spid, None)
        yield Done(None, 0)

    def do_commit(self, s: Statement) -> Iterator[Event]:
        self.commit()
        if self.depth == 0:
            yield Environment("commit", None, self.spid)
        yield Done(None, 0)

    def do_rollback(self, s: Statement) -> Iterator[Event]:
        name, saved = (s.args["name"] or "").lower(), [n for n, _ in self.savepoints]
        if not name or self.depth and name == self.transaction_name and name not in saved:
            self.rollback()
            yield Environment("rollback", None, self.spid)
        elif name not in saved:
            raise SqlError(6401, f"Cannot roll back {s.args['name']}. No transaction or savepoint of that name was found.")
        else:
            at = len(saved) - 1 - saved[::-1].index(name)
            self.connection.execute(f"ROLLBACK TO u{at}")
            if self.defined:
                with self.db.lock:
                    self.db.catalog = pickle.loads(self.savepoints[at][1])
            del self.savepoints[at + 1:]
        yield Done(None, 0)

    def do_save(self, s: Statement) -> Iterator[Event]:
        if self.depth == 0:
            raise SqlError(628, "Cannot issue SAVE TRANSACTION when there is no active transaction.")
        self._write()
        self.connection.execute(f"SAVEPOINT u{len(self.savepoints)}")
        self.savepoints.append((s.args["name"].lower(), pickle.dumps(self.db.catalog)))
        yield Done(None, 0)
