"""A session: batches run statement by statement, each in the transaction it is due."""
from __future__ import annotations

import sqlite3
from typing import Any, Iterator

from contract import Column, Columns, Done, Environment, Event, Param, Rows, SqlError

from . import ast, values
from .catalog import Object
from .ddl import Definitions
from .dml import BATCH, Changes
from .parse import Parser, parse
from .procedures import Procedures
from .select import Query, Select

DEFINING = {"create_table", "create_index", "create_view", "create_schema", "drop", "alter"}
CHANGING = {"insert": 0xC3, "update": 0xC5, "delete": 0xC4}


class Session(Definitions, Changes, Procedures):
    def __init__(self, server: Any, database: Any, spid: int, user: str, admin: bool):
        self.server, self.db, self.spid, self.user, self.admin = server, database, spid, user, admin
        self.failures: list[SqlError] = []
        self.connection: sqlite3.Connection = database.connect(self.failures)
        self.text_size, self.format_only = 4096, False
        self.row_limit = 0
        self.depth, self.row_count = 0, 0  # @@TRANCOUNT, @@ROWCOUNT
        self.identity: int | None = None
        self.identity_insert: int | None = None
        self.variables: dict[str, tuple] = {}
        self.cancelled = False
        self.defined = False               # the transaction in hand changed the catalog
        self.system_tables: set[str] = set()

    @property
    def database(self) -> str:
        return self.db.name

    # ---- names -------------------------------------------------------------------------------------------------------------------
    def find_object(self, parts: list[str]) -> Object | None:
        if len(parts) > 2 and parts[-3] and parts[-3].lower() != self.db.name.lower():
            return None
        return self.db.catalog.find(parts)

    def is_denied(self, o: Object) -> bool:
        return not self.admin and f"{o.schema}.{o.name}".lower() in self.server.denied

    def object(self, parts: list[str], line: int) -> Object:
        o = self.find_object(parts)
        if not o:
            raise SqlError(208, f"Invalid object name '{'.'.join(parts)}'.", line=line)
        if self.is_denied(o):
            raise SqlError(229, f"The SELECT permission was denied on the object '{o.name}', database '{self.db.name}', schema '{o.schema}'.", 14, 5, line)
        return o

    def table(self, parts: list[str], line: int) -> Object:
        o = self.object(parts, line)
        if o.kind != "U":
            raise SqlError(4406, f"Update or insert of view or function '{o.name}' failed because it contains a derived or constant field.", line=line)
        return o

    def system_table(self, full: str, columns: list[str], make: Any) -> str:
        """A temporary table with the rows of a system view as they are now."""
        name = full.replace(".", "_")
        if name not in self.system_tables:
            self.connection.execute(f"CREATE TEMP TABLE {name} ({', '.join(f'k{i}' for i in range(len(columns)))})")
            self.system_tables.add(name)
        with self.db.lock:
            rows = make(self.db.catalog, self.db.name)
        self.connection.execute(f"DELETE FROM temp.{name}")
        self.connection.executemany(f"INSERT INTO temp.{name} VALUES ({', '.join('?' * len(columns))})", rows)
        return name

    # ---- running -----------------------------------------------------------------------------------------------------------------
    def compiler(self) -> Select:
        return Select(self, self.variables)

    def execute(self, sql: str, bound: dict) -> sqlite3.Cursor:
        return self.connection.execute(sql, bound)

    def run(self, sql: str, params: list[Param]) -> Iterator[Event]:
        self.cancelled = False
        self.variables = {}
        yield from self.batch(sql, params)

    def batch(self, sql: str, params: list[Param]) -> Iterator[Event]:
        self.variables = {p.name.lower(): (p.type, p.value) for p in params}
        for statement in parse(sql):
            yield from self._guarded(statement)

    def _guarded(self, s: ast.Statement) -> Iterator[Event]:
        """One statement; errors of SQLite as those of SQL Server."""
        self.failures.clear()
        try:
            yield from self._statement(s)
        except sqlite3.Error as e:
            if self.cancelled:
                raise SqlError(0, "cancelled") from None
            if self.failures:
                raise self.failures[0] from None
            if "locked" in str(e) or "busy" in str(e):
                raise SqlError(1222, "Lock request time out period exceeded.", 16, 51) from None
            if "integer overflow" in str(e):
                raise SqlError(8115, "Arithmetic overflow error converting expression to data type bigint.", 16, 2) from None
            raise SqlError(8623, f"The query processor cannot carry this out: {e}", 16) from None
        if self.cancelled:
            raise SqlError(0, "cancelled")

    def _statement(self, s: ast.Statement) -> Iterator[Event]:
        kind = s.kind
        if kind == "select":
            yield from self._select(s)
        elif kind in CHANGING:
            self.row_count = self._in_transaction(getattr(self, kind), s)
            yield Done(self.row_count, CHANGING[kind])
        elif kind == "truncate":
            self._in_transaction(self.truncate, s)
            yield Done(None, 0)
        elif kind in DEFINING:
            self.defined = True
            self._in_transaction(getattr(self, kind), s)
            yield Done(None, 0)
        elif kind == "exec":
            yield from self.exec_statement(s)
        elif kind in ("exec_text", "print"):
            yield from getattr(self, "exec_text" if kind == "exec_text" else "print_statement")(s)
        else:
            yield from getattr(self, f"_do_{kind}")(s)

    # ---- SELECT ------------------------------------------------------------------------------------------------------------------
    def _select(self, s: ast.Statement) -> Iterator[Event]:
        n = s.args["query"]
        if isinstance(n, ast.Select) and n.into is not None:
            raise SqlError(102, "Incorrect syntax near the keyword 'INTO'.", 15, line=s.line)
        compiler = self.compiler()
        q = compiler.query(n)
        if q.variables:
            self._assign(q, compiler)
            yield Done(self.row_count)
            return
        yield Columns(q.columns, q.order)
        if self.format_only:
            yield Done(0)
            return
        count = 0
        for rows in self.rows(q, compiler.bound):
            if self.row_limit:
                rows = rows[:self.row_limit - count]
            count += len(rows)
            yield Rows(rows)
            if count == self.row_limit:
                break
        self.row_count = count
        yield Done(count)

    def rows(self, q: Query, bound: dict) -> Iterator[list[tuple]]:
        decoders = [(i, d) for i, d in ((i, self._decoder(c)) for i, c in enumerate(q.columns)) if d]
        cursor = self.execute(q.sql, bound)
        width, left, last = len(q.columns), q.ties, None
        while rows := cursor.fetchmany(BATCH):
            if q.ties is not None:
                rows, left, last, done = self._ties(rows, width, left, last)
            if decoders:
                for i, d in decoders:
                    rows = [r if r[i] is None else (*r[:i], d(r[i]), *r[i + 1:]) for r in rows] if len(decoders) == 1 else rows
                rows = rows if len(decoders) == 1 else [self._decoded(r, decoders) for r in rows]
            if self.cancelled:
                raise SqlError(0, "cancelled")
            if rows:
                yield rows
            if q.ties is not None and done:
                return

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
        self.variables[name.lower()] = (to, values.convert(v, t, to))

    def describe(self, sql: str, params: list[Param]) -> list[Column] | None:
        before, self.variables = self.variables, {p.name.lower(): (p.type, p.value) for p in params}
        try:
            for s in parse(sql):
                if s.kind == "declare":
                    list(self._do_declare(s))
                elif s.kind == "select":
                    q = self.compiler().query(s.args["query"])
                    if not q.variables:
                        return q.columns
            return None
        finally:
            self.variables = before

    def cacheable(self, sql: str, params: list[Param]) -> str | None:
        if self.depth or not sql.lstrip("( \r\n\t").upper().startswith(("SELECT", "WITH")):
            return None
        try:
            statements = parse(sql)
            if len(statements) != 1 or statements[0].kind != "select":
                return None
            compiler = Select(self, {p.name.lower(): (p.type, p.value) for p in params})
            version = self.db.version
            q = compiler.query(statements[0].args["query"])
        except SqlError:
            return None
        return None if compiler.volatile or q.variables else f"{version}\0{self.db.name}\0{sql}\0{params!r}"

    # ---- transactions ------------------------------------------------------------------------------------------------------------
    def _in_transaction(self, function: Any, s: ast.Statement) -> Any:
        """A statement is undone as a whole when it fails."""
        single = self.depth == 0
        self.connection.execute("BEGIN IMMEDIATE" if single else "SAVEPOINT statement")
        try:
            with self.db.lock if s.kind in DEFINING else self.server.no_lock:
                result = function(s)
                if single:
                    self._commit()
                else:
                    self.connection.execute("RELEASE statement")
            return result
        except BaseException:
            if single:
                self._undo()
            else:
                self.connection.execute("ROLLBACK TO statement")
                self.connection.execute("RELEASE statement")
            raise

    def _commit(self) -> None:
        self.db.keep(self.connection)
        self.connection.execute("COMMIT")
        self.defined = False
        self.db.ended(self.spid, True)

    def _undo(self) -> None:
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")
        if self.defined:
            self.db.reload()
        self.defined = False
        self.db.ended(self.spid, False)

    def begin(self) -> None:
        if self.depth == 0:
            self.connection.execute("BEGIN IMMEDIATE")
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

    def _do_begin(self, s: ast.Statement) -> Iterator[Event]:
        self.begin()
        if self.depth == 1:
            yield Environment("begin", self.spid, None)
        yield Done(None, 0)

    def _do_commit(self, s: ast.Statement) -> Iterator[Event]:
        self.commit()
        if self.depth == 0:
            yield Environment("commit", None, self.spid)
        yield Done(None, 0)

    def _do_rollback(self, s: ast.Statement) -> Iterator[Event]:
        if s.args["name"]:
            self.connection.execute(f'ROLLBACK TO "u_{s.args["name"].lower()}"')
        else:
            self.rollback()
            yield Environment("rollback", None, self.spid)
        yield Done(None, 0)

    def _do_save(self, s: ast.Statement) -> Iterator[Event]:
        if self.depth == 0:
            raise SqlError(628, "Cannot issue SAVE TRANSACTION when there is no active transaction.")
        self.connection.execute(f'SAVEPOINT "u_{s.args["name"].lower()}"')
        yield Done(None, 0)

    # ---- the rest ----------------------------------------------------------------------------------------------------------------
    def _do_declare(self, s: ast.Statement) -> Iterator[Event]:
        for name, t, n in s.args["variables"]:
            e = self.evaluate(n) if n is not None else None
            self.variables[name.lower()] = (t, values.convert(e.value, e.type, t) if e else None)
        yield Done(None, 0)

    def _do_set_variable(self, s: ast.Statement) -> Iterator[Event]:
        e = self.evaluate(s.args["value"])
        self._set_variable(s.args["name"], e.type, e.value)
        yield Done(None, 0)

    def _do_set(self, s: ast.Statement) -> Iterator[Event]:
        option, value = s.args["option"], s.args["value"]
        if option == "TEXTSIZE":
            self.text_size = value if value > 0 else 4096 if value == 0 else -1
        elif option == "IDENTITY_INSERT":
            self.identity_insert = self.object(s.args["table"], s.line).id if value else None
        elif option == "ROWCOUNT":
            self.row_limit = value
        elif isinstance(option, list) and "FMTONLY" in option:
            self.format_only = value
        yield Done(None, 0)

    def _do_use(self, s: ast.Statement) -> Iterator[Event]:
        old, new = self.db, self.server.database(s.args["database"])
        if not new:
            raise SqlError(911, f"Database '{s.args['database']}' does not exist. Make sure that the name is entered correctly.")
        self.connection.close()
        self.db, self.connection, self.system_tables = new, new.connect(self.failures), set()
        yield Environment("database", new.name, old.name)
        yield Done(None, 0)

    def _do_create_database(self, s: ast.Statement) -> Iterator[Event]:
        self.server.make_database(s.args["name"])
        yield Done(None, 0)

    # ---- bulk --------------------------------------------------------------------------------------------------------------------
    def bulk_insert(self, statement: str) -> tuple[list[Column], Any]:
        p = Parser(statement)
        p.expect("INSERT")
        p.expect("BULK")
        o = self.table(p.names(), 1)
        p.expect_op("(")
        names = []
        while True:
            names.append(p.name())
            p.type()
            while p.accept("COLLATE") and p.name() or p.accept("NOT", "NULL") or p.accept("NULL"):
                pass
            if not p.accept_op(","):
                break
        return self.bulk_columns(o, names), Bulk(self, o, names)

    def cancel(self) -> None:
        self.cancelled = True
        self.connection.interrupt()

    def close(self) -> None:
        self.depth = 0
        try:
            self._undo()
            self.connection.close()
        except sqlite3.Error:
            pass  # it is being used still: closed with its last user


class Bulk:
    """Rows of a bulk load, all in one transaction."""

    def __init__(self, session: Session, o: Object, names: list[str]):
        self.session, self.object = session, o
        self.columns = [o.column(n) for n in names]
        self.rows: list[tuple] = []

    def add(self, rows: list[tuple]) -> None:
        self.rows += rows

    def finish(self) -> int:
        s = ast.Statement("bulk", 1, {})
        rows = ([(c.type, v) for c, v in zip(self.columns, row)] for row in self.rows)
        return self.session._in_transaction(lambda _: self.session._insert_rows(self.object, self.columns, rows), s)
