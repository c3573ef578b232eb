"""A session: batches run statement by statement, each in the transaction it is due."""
from __future__ import annotations

import sqlite3
from typing import Any, Iterator

from contract import Column, Columns, Done, Environment, Event, Param, Rows, SqlError

from . import ast, bulk, values
from .catalog import Object
from .convert import convert
from .ddl import Definitions
from .dml import BATCH, Changes
from .flow import Leave, Running
from .parse import parse
from .procedures import Procedures
from .select import Query, Select
from .transactions import DEFINING, Transactions

CHANGING = {"insert": 0xC3, "update": 0xC5, "delete": 0xC4}
MUST_BE_OFF = {"IMPLICIT_TRANSACTIONS", "NOEXEC", "NUMERIC_ROUNDABORT", "ANSI_DEFAULTS"}  # what they would do is not done here


class Session(Transactions, Running, Definitions, Changes, Procedures):
    def __init__(self, server: Any, database: Any, spid: int, user: str, admin: bool, host: str = "", application: str = ""):
        self.server, self.db, self.spid, self.user, self.admin, self.host, self.application = server, database, spid, user, admin, host, application
        self.failures: list[SqlError] = []
        self.connection: sqlite3.Connection = database.connect(self.failures)
        self.text_size, self.format_only = 4096, False
        self.row_limit, self.row_count = 0, 0       # SET ROWCOUNT, @@ROWCOUNT
        self.counts, self.abort_all = True, False   # not NOCOUNT, XACT_ABORT
        self.identity: int | None = None
        self.identity_insert: int | None = None
        self.variables: dict[str, tuple] = {}
        self.cancelled = False
        self.doing = "INSERT"                       # for what is said of a NULL
        self.start_transactions()

    @property
    def database(self) -> str:
        return self.db.name

    # ---- names -------------------------------------------------------------------------------------------------------------------
    def find_object(self, parts: list[str]) -> Object | None:
        if len(parts) > 3 or len(parts) > 2 and parts[-3] and parts[-3].lower() != self.db.name.lower():
            return None
        return self.db.catalog.find(parts)

    def is_denied(self, o: Object) -> bool:
        return not self.admin and f"{o.schema}.{o.name}".lower() in self.server.denied

    def object(self, parts: list[str], line: int, trusted: bool = False) -> Object:
        o = self.find_object(parts)
        if not o:
            raise SqlError(208, f"Invalid object name '{'.'.join(parts)}'.", line=line)
        if self.is_denied(o) and not trusted:
            raise SqlError(229, f"The SELECT permission was denied on the object '{o.name}', database '{self.db.name}', schema '{o.schema}'.", 14, 5, line)
        return o

    def table(self, parts: list[str], line: int) -> Object:
        o = self.object(parts, line)
        if o.kind != "U":
            raise SqlError(4406, f"Update or insert of view or function '{o.name}' failed because it contains a derived or constant field.", line=line)
        return o

    def system_table(self, full: str, width: int, make: Any) -> str:
        """A temporary table with the rows of a system view as they are now."""
        name = full.replace(".", "_")
        with self.db.lock:
            rows = make(self)
        self.connection.execute(f"CREATE TEMP TABLE IF NOT EXISTS {name} ({', '.join(f'k{i}' for i in range(width))})")
        self.connection.execute(f"DELETE FROM temp.{name}")
        self.connection.executemany(f"INSERT INTO temp.{name} VALUES ({', '.join('?' * width)})", rows)
        return name

    # ---- running -----------------------------------------------------------------------------------------------------------------
    def compiler(self) -> Select:
        return Select(self, self.variables)

    def execute(self, sql: str, bound: dict) -> sqlite3.Cursor:
        return self.connection.execute(sql, bound)

    def run(self, sql: str, params: list[Param]) -> Iterator[Event]:
        self.cancelled = False
        yield from self.batch(sql, params)

    def batch(self, sql: str, params: list[Param]) -> Iterator[Event]:
        self.variables = {p.name.lower(): (p.type, p.value) for p in params}
        try:
            for statement in parse(sql):
                yield from self.guarded(statement)
        except Leave as e:
            if e.kind != "return":
                raise SqlError(135, f"Cannot use a {e.kind.upper()} statement outside the scope of a WHILE statement.", 15) from None

    def guarded(self, s: ast.Statement) -> Iterator[Event]:
        """One statement; errors of SQLite as those of SQL Server."""
        try:
            try:
                self.failures.clear()
                yield from self._statement(s)
            except sqlite3.Error as e:
                raise self._translated(e) from None
            if self.cancelled:
                raise SqlError(0, "cancelled")
        except SqlError:
            if self.abort_all and self.depth:
                self.rollback()
                yield Environment("rollback", None, self.spid)
            raise

    def _translated(self, e: sqlite3.Error) -> SqlError:
        if self.cancelled:
            return SqlError(0, "cancelled")
        if self.failures:
            return self.failures[0]
        if ("locked" in str(e) or "busy" in str(e)) and self.snapshot:
            self.rollback()
            return SqlError(3960, "Snapshot isolation transaction aborted due to update conflict.", 16, 2)
        if "integer overflow" in str(e):
            return SqlError(8115, "Arithmetic overflow error converting expression to data type bigint.", 16, 2)
        return SqlError(8623, f"The query processor cannot carry this out: {e}", 16)

    def changing(self, function: Any, s: ast.Statement) -> Any:
        """in_transaction() with the errors of guarded()."""
        self.failures.clear()
        try:
            return self.in_transaction(function, s)
        except sqlite3.Error as e:
            raise self._translated(e) from None

    def _done(self, count: int | None, command: int = 0) -> Done:
        return Done(count if self.counts else None, command)

    def _statement(self, s: ast.Statement) -> Iterator[Event]:
        kind = s.kind
        if kind == "select":
            yield from self._select(s)
        elif self.format_only and kind not in ("set", "exec", "declare", "if", "block", "use"):
            yield Done(None, 0)
        elif kind in CHANGING:
            self.doing = kind.upper()
            self.row_count = self.in_transaction(getattr(self, kind), s)
            yield self._done(self.row_count, CHANGING[kind])
        elif kind == "truncate" or kind in DEFINING:
            self.in_transaction(getattr(self, kind), s)
            yield Done(None, 0)
        else:
            yield from getattr(self, f"do_{kind}")(s)

    # ---- SELECT ------------------------------------------------------------------------------------------------------------------
    def _select(self, s: ast.Statement) -> Iterator[Event]:
        n = s.args["query"]
        if isinstance(n, ast.Select) and n.into is not None:
            raise SqlError(102, "Incorrect syntax near the keyword 'INTO'.", 15, line=s.line)
        self.read()
        compiler = self.compiler()
        q = compiler.query(n)
        if q.variables:
            self._assign(q, compiler)
            yield self._done(self.row_count, 0xC1)
            return
        yield Columns(q.columns, q.order)
        count = 0
        for rows in self.rows(q, compiler.bound) if not self.format_only else ():
            if self.row_limit:
                rows = rows[:self.row_limit - count]
            count += len(rows)
            yield Rows(rows)
            if count == self.row_limit:
                break
        self.row_count = count
        yield self._done(count, 0xC1)

    def rows(self, q: Query, bound: dict) -> Iterator[list[tuple]]:
        decoders = [(i, d) for i, d in ((i, self._decoder(c)) for i, c in enumerate(q.columns)) if d]
        cursor = self.execute(q.sql, bound)
        width, left, last, done = len(q.columns), q.ties, None, False
        while not done and (rows := cursor.fetchmany(BATCH)):
            if q.ties is not None:
                rows, left, last, done = self._ties(rows, width, left, last)
            if len(decoders) == 1:
                i, d = decoders[0]
                rows = [r if r[i] is None else (*r[:i], d(r[i]), *r[i + 1:]) for r in rows]
            elif decoders:
                rows = [self._decoded(r, decoders) for r in rows]
            if self.cancelled:
                raise SqlError(0, "cancelled")
            if rows:
                yield rows

    def _decoder(self, c: Column) -> Any:
        if c.type.name in values.TEXTS and self.db.catalog.surrogates:
            return lambda v: v.decode("utf-16-le", "surrogatepass") if isinstance(v, bytes) else v
        return values.decoder(c.type)

    @staticmethod
    def _decoded(row: tuple, decoders: list) -> tuple:
        cells = list(row)
        for i, d in decoders:
            if cells[i] is not None:
                cells[i] = d(cells[i])
        return tuple(cells)

    @staticmethod
    def _ties(rows: list[tuple], width: int, left: int, last: Any) -> tuple[list[tuple], int, Any, bool]:
        """What of these rows comes before TOP's number is reached, or ties with the last of them."""
        kept = []
        for row in rows:
            key = row[width:]
            if left <= 0 and key != last:
                return kept, left, last, True
            kept.append(row[:width])
            left, last = left - 1, key if left > 0 else last
        return kept, left, last, False

    def _assign(self, q: Query, compiler: Select) -> None:
        self.row_count = 0
        for rows in self.rows(q, compiler.bound):
            self.row_count += len(rows)
            for name, c, v in zip(q.variables, q.columns, rows[-1]):
                self._set_variable(name, c.type, v)

    def _set_variable(self, name: str, t: Any, v: Any) -> None:
        if name.lower() not in self.variables:
            raise SqlError(137, f'Must declare the scalar variable "{name}".', 15, 1)
        to = self.variables[name.lower()][0]
        self.variables[name.lower()] = (to, convert(v, t, to))

    def describe(self, sql: str, params: list[Param]) -> list[Column] | None:
        before, self.variables = self.variables, {p.name.lower(): (p.type, p.value) for p in params}
        try:
            for s in parse(sql):
                if s.kind == "declare":
                    list(self.do_declare(s))
                elif s.kind == "select":
                    q = self.compiler().query(s.args["query"])
                    if not q.variables:
                        return q.columns
            return None
        except sqlite3.Error as e:
            raise self._translated(e) from None
        finally:
            self.variables = before

    def cacheable(self, sql: str, params: list[Param]) -> str | None:
        if self.depth or self.format_only or not sql.lstrip("( \r\n\t").upper().startswith(("SELECT", "WITH")):
            return None
        try:
            statements = parse(sql)
            if len(statements) != 1 or statements[0].kind != "select":
                return None
            compiler = Select(self, {p.name.lower(): (p.type, p.value) for p in params})
            version = self.db.version
            q = compiler.query(statements[0].args["query"])
        except (SqlError, sqlite3.Error):
            return None
        if compiler.volatile or q.variables:
            return None
        return f"{version}\0{self.db.name}\0{self.server.now}\0{self.row_limit}\0{self.counts}\0{sql}\0{params!r}"

    # ---- the rest ----------------------------------------------------------------------------------------------------------------
    def do_declare(self, s: ast.Statement) -> Iterator[Event]:
        for name, t, n in s.args["variables"]:
            e = self.evaluate(n) if n is not None else None
            self.variables[name.lower()] = (t, convert(e.value, e.type, t) if e else None)
        yield Done(None, 0)

    def do_set_variable(self, s: ast.Statement) -> Iterator[Event]:
        e = self.evaluate(s.args["value"])
        self._set_variable(s.args["name"], e.type, e.value)
        yield Done(None, 0)

    def do_set(self, s: ast.Statement) -> Iterator[Event]:
        option, value = s.args["option"], s.args["value"]
        if option == "TEXTSIZE":
            self.text_size = value if value > 0 else 4096 if value == 0 else -1
        elif option == "IDENTITY_INSERT":
            self.identity_insert = self.object(s.args["table"], s.line).id if value else None
        elif option == "ROWCOUNT":
            self.row_limit = value
        elif option == "LOCK_TIMEOUT":
            self.lock_timeout = value
        elif option == "ISOLATION":
            self.isolation = value
        elif isinstance(option, list):
            refused = MUST_BE_OFF & set(option)
            if value and refused:
                raise SqlError(102, f"SET {refused.pop()} ON is not done by this server.", 15, line=s.line)
            self.format_only = value if "FMTONLY" in option else self.format_only
            self.counts = not value if "NOCOUNT" in option else self.counts
            self.abort_all = value if "XACT_ABORT" in option else self.abort_all
        yield Done(None, 0)

    def do_use(self, s: ast.Statement) -> Iterator[Event]:
        old, new = self.db, self.server.database(s.args["database"])
        if not new:
            raise SqlError(911, f"Database '{s.args['database']}' does not exist. Make sure that the name is entered correctly.")
        if self.depth:
            raise SqlError(226, "USE statement is not done inside a transaction by this server.")
        self.connection.close()
        self.db, self.connection = new, new.connect(self.failures)
        yield Environment("database", new.name, old.name)
        yield Done(None, 0)

    def do_create_database(self, s: ast.Statement) -> Iterator[Event]:
        name = s.args["name"]
        if self.server.database(name):
            raise SqlError(1801, f"Database '{name}' already exists. Choose a different database name.", 16, 3)
        self.server.make_database(name)
        yield Done(None, 0)

    def bulk_insert(self, statement: str) -> tuple[list[Column], Any]:
        return bulk.start(self, statement)

    def cancel(self) -> None:
        self.cancelled = True
        self.connection.interrupt()
        with self.db.turn:
            self.db.turn.notify_all()

    def close(self) -> None:
        self.depth = 0
        try:
            self._undo()
            self.connection.close()
        except sqlite3.Error:
            pass  # it is being used still: closed with its last user
