"""Statements that change rows."""
from __future__ import annotations

import sqlite3
from typing import Any, Iterator

from contract import SqlError, Type

from . import ast, values
from .ast import Statement
from .catalog import ColumnDef, Object
from .convert import convert, fit_text
from .scope import E, Scope

BATCH = 2000
FILLED = ("rowversion",)


class Changes:
    """Methods of a session; each runs in a transaction of SQLite."""
    db: Any
    connection: sqlite3.Connection

    def default_of(self, c: ColumnDef) -> Any:
        e = self.evaluate(c.default)
        return convert(e.value, e.type, c.type)

    def evaluate(self, n: Any) -> E:
        """An expression without a FROM, as a constant."""
        compiler = self.compiler()
        e = compiler.compile(n, Scope([]))
        if e.constant:
            return e
        v = self.execute(f"SELECT {e.sql}", compiler.bound).fetchone()[0]
        return E("", e.type, True, values.decode(e.type, v))

    # ---- INSERT ------------------------------------------------------------------------------------------------------------------
    def _targets(self, o: Object, names: list[str] | None, line: int) -> list[ColumnDef]:
        if names is None:
            return [c for c in o.columns if c.identity is None and c.type.name not in FILLED]
        found = []
        for name in names:
            c = o.column(name)
            if not c:
                raise SqlError(207, f"Invalid column name '{name}'.", 16, line=line)
            if c.type.name == "rowversion":
                raise SqlError(273, "Cannot insert an explicit value into a timestamp column. Use INSERT with a column list to exclude the timestamp column, "
                                    "or insert a DEFAULT into the timestamp column.")
            if c.identity is not None and self.identity_insert != o.id:
                raise SqlError(544, f"Cannot insert explicit value for identity column in table '{o.name}' when IDENTITY_INSERT is set to OFF.")
            found.append(c)
        return found

    def insert(self, s: Statement) -> int:
        o = self.table(s.args["table"], s.line)
        targets = self._targets(o, s.args["columns"], s.line)
        if s.args["query"] is not None:
            compiler = self.compiler()
            q = compiler.query(s.args["query"])
            if q.ties is not None or q.variables:
                raise SqlError(1033, "INSERT from a SELECT with TOP ... WITH TIES or variables is not done by this server.")
            self._check_count(len(targets), len(q.columns))
            rows = ([(c.type, values.decode(c.type, v)) for c, v in zip(q.columns, row)] for row in self.execute(q.sql, compiler.bound).fetchall())
        else:
            for row in s.args["rows"]:
                self._check_count(len(targets), len(row) if s.args["columns"] != [] else 0)
            rows = ([None if e is None else self._cell(e) for e in row] for row in s.args["rows"])
        return self.insert_rows(o, targets, rows)

    def _check_count(self, targets: int, given: int) -> None:
        if given > targets:
            raise SqlError(110, "There are fewer columns in the INSERT statement than values specified in the VALUES clause.", 15)
        if given < targets:
            raise SqlError(109, "There are more columns in the INSERT statement than values specified in the VALUES clause.", 15)

    def _cell(self, n: Any) -> tuple[Type, Any]:
        if isinstance(n, ast.Literal):
            return n.type, n.value
        e = self.evaluate(n)
        return e.type, e.value

    def store(self, c: ColumnDef, t: Type, v: Any, o: Object) -> Any:
        """A value for column c, as SQLite keeps it."""
        if v is None:
            if not c.nullable:
                raise SqlError(515, f"Cannot insert the value NULL into column '{c.name}', table '{self.db.name}.{o.schema}.{o.name}'; column does not allow "
                                    f"nulls. {self.doing} fails.", 16, 2)
            return None
        if c.type.name == "sql_variant" or t.name == c.type.name == "xml":
            return values.encode(c.type, convert(v, t, c.type))
        if (t.name in values.TEXTS) != (c.type.name in values.TEXTS) and (t.name in values.BYTES or c.type.name in values.BYTES) and v != "":
            raise SqlError(257, f"Implicit conversion from data type {t.name} to {c.type.name} is not allowed. Use the CONVERT function to run this query.", 16, 3)
        if t.name in values.TEXTS and c.type.name in values.TEXTS:
            return self._kept_text(fit_text(v, c.type, c.name))
        if t.name in values.BYTES and c.type.name in ("binary", "varbinary") and c.type.length != -1 and len(v) > c.type.length:
            raise SqlError(2628, f"String or binary data would be truncated in table '{o.schema}.{o.name}', column '{c.name}'.")
        if t.name == "sql_variant" and c.type.name != "sql_variant":
            raise SqlError(257, f"Implicit conversion from data type sql_variant to {c.type.name} is not allowed. Use the CONVERT function to run this query.", 16, 3)
        kept = values.encode(c.type, convert(v, t, c.type))
        return self._kept_text(kept) if isinstance(kept, str) and c.type.name in values.TEXTS else kept

    def _kept_text(self, s: str) -> str | bytes:
        if s.isascii():
            return s
        try:
            s.encode()
            return s
        except UnicodeEncodeError:
            self.db.catalog.surrogates = True
            return s.encode("utf-16-le", "surrogatepass")

    def insert_rows(self, o: Object, targets: list[ColumnDef], rows: Iterator[list]) -> int:
        others = [c for c in o.columns if c not in targets]
        every = [*targets, *others]
        identity = next((i for i, c in enumerate(targets) if c.identity), None)
        sql = f"INSERT INTO {o.sql} ({', '.join(c.sql for c in every)}) VALUES ({', '.join('?' * len(every))})"
        count, batch = 0, []
        for row in rows:
            cells = [self._filled(c, o) if cell is None else self.store(c, *cell, o) for c, cell in zip(targets, row)]
            if identity is not None:
                self._identity_given(o, targets[identity], int(values.decode(targets[identity].type, cells[identity])))
            batch.append(cells + [self._filled(c, o) for c in others])
            count += 1
            if len(batch) == BATCH:
                self._insert_batch(o, sql, batch)
                batch = []
        self._insert_batch(o, sql, batch)
        return count

    def _filled(self, c: ColumnDef, o: Object) -> Any:
        """What a column gets that is not named."""
        if c.type.name == "rowversion":
            return self.db.next_rowversion(self.spid)
        if c.identity is not None:
            self.identity = o.next_identity
            o.next_identity += c.identity[1]
            return values.encode(c.type, convert(self.identity, values.BIGINT, c.type))
        if c.default is not None:
            return self.store(c, c.type, self.default_of(c), o)
        return self.store(c, c.type, None, o)

    def _identity_given(self, o: Object, c: ColumnDef, v: int) -> None:
        step = c.identity[1]
        self.identity = v
        if (v - o.next_identity) * step >= 0:
            o.next_identity = v + step

    def _insert_batch(self, o: Object, sql: str, batch: list) -> None:
        try:
            self.connection.executemany(sql, batch)
        except sqlite3.IntegrityError as e:
            raise self.duplicate(o, e) from None

    def duplicate(self, o: Object, e: sqlite3.IntegrityError) -> SqlError:
        """SQLite names the columns of the index, or the index where it is of expressions."""
        said = str(e).partition("failed: ")[2]
        index = next((i for i in o.indexes if i.unique and (said == f"index 'u{o.id}_{i.id}'" or
                                                            said == ", ".join(f"{o.sql}.c{k}" for k, _ in i.columns))), None)
        if index and index.constraint:
            kind = "PRIMARY KEY" if index.primary else "UNIQUE KEY"
            return SqlError(2627, f"Violation of {kind} constraint '{index.name}'. Cannot insert duplicate key in object '{o.schema}.{o.name}'.", 14)
        return SqlError(2601, f"Cannot insert duplicate key row in object '{o.schema}.{o.name}' with unique index '{index.name if index else '?'}'.", 14)

    def load_rows(self, o: Object, columns: list[ColumnDef], rows: Iterator[tuple]) -> int:
        """Contract values of just these columns, quickly."""
        others = [c for c in o.columns if c not in columns]
        encoders = [(i, values.encoder(c.type)) for i, c in enumerate(columns) if values.encoder(c.type)]
        sql = f"INSERT INTO {o.sql} ({', '.join(c.sql for c in [*columns, *others])}) VALUES ({', '.join('?' * (len(columns) + len(others)))})"
        count = 0

        def prepared() -> Iterator[tuple]:
            nonlocal count
            for row in rows:
                count += 1
                if encoders:
                    cells = list(row)
                    for i, f in encoders:
                        if cells[i] is not None:
                            cells[i] = f(cells[i])
                    row = tuple(cells)
                yield row + tuple(self._filled(c, o) for c in others) if others else row
        try:
            self.connection.executemany(sql, prepared())
        except sqlite3.IntegrityError as e:
            raise self.duplicate(o, e) from None
        return count

    # ---- UPDATE, DELETE, TRUNCATE ------------------------------------------------------------------------------------------------
    def update(self, s: Statement) -> int:
        compiler = self.compiler()
        o, source, sources, target = self._change_target(compiler, s.args["table"], s.args["source"], s.line)
        scope = Scope(sources)
        sets = []
        for name, n in s.args["sets"]:
            c = o.column(name)
            if not c:
                raise SqlError(207, f"Invalid column name '{name}'.", 16, line=s.line)
            if c.type.name == "rowversion" or c.identity is not None:
                raise SqlError(272, f"Cannot update a timestamp or identity column '{c.name}'.")
            sets.append((c, compiler.compile(n if n is not None else c.default or ast.Literal(values.INT, None), scope)))
        where = f" WHERE {compiler.condition(s.args['where'], scope)}" if s.args["where"] is not None else ""
        rows = self.execute(f"SELECT {target.rowid}, {', '.join(e.sql for _, e in sets)} FROM {source}{where}", compiler.bound).fetchall()
        version = next((c for c in o.columns if c.type.name == "rowversion"), None)
        assignments = ", ".join(f"{c.sql} = ?" for c in [*(c for c, _ in sets), *([version] if version else [])])
        changed = {}
        for rowid, *cells in rows:
            changed[rowid] = [self.store(c, e.type, values.decode(e.type, v), o) for (c, e), v in zip(sets, cells)]
        given = [[*cells, *([self.db.next_rowversion(self.spid)] if version else []), rowid] for rowid, cells in changed.items()]
        keys = {k for i in o.indexes if i.unique for k, _ in i.columns}
        try:
            if keys & {c.id for c, _ in sets}:  # two rows may change places
                self.connection.executemany(f"UPDATE {o.sql} SET rowid = -rowid WHERE rowid = ?", [[rowid] for rowid in changed])
                self._replace_rows(o, assignments, given)
            else:
                self.connection.executemany(f"UPDATE {o.sql} SET {assignments} WHERE rowid = ?", given)
        except sqlite3.IntegrityError as e:
            raise self.duplicate(o, e) from None
        return len(changed)

    def _replace_rows(self, o: Object, assignments: str, given: list[list]) -> None:
        """All rows leave before the first comes back, as SQL Server looks at keys when a statement is done."""
        every = ", ".join(c.sql for c in o.columns)
        self.connection.execute(f"CREATE TEMP TABLE moved AS SELECT rowid AS r, {every} FROM {o.sql} WHERE rowid < 0")
        try:
            self.connection.executemany(f"UPDATE temp.moved SET {assignments} WHERE r = -?", given)
            self.connection.execute(f"DELETE FROM {o.sql} WHERE rowid < 0")
            self.connection.execute(f"INSERT INTO {o.sql} (rowid, {every}) SELECT -r, {every} FROM temp.moved")
        finally:
            self.connection.execute("DROP TABLE temp.moved")

    def _change_target(self, compiler: Any, parts: list[str], source: Any, line: int) -> tuple:
        if source is None:
            o = self.table(parts, line)
            text, sources = compiler.table_source(o, None)
            return o, text, sources, sources[0]
        text, sources = compiler.source(source, None)
        target = next((x for x in sources if x.definition and x.alias.lower() == parts[-1].lower()), None)
        if not target:
            named = self.find_object(parts)
            target = next((x for x in sources if x.definition is named and named), None)
        if not target:
            raise SqlError(208, f"Invalid object name '{'.'.join(parts)}'.", line=line)
        return target.definition, text, sources, target

    def delete(self, s: Statement) -> int:
        compiler = self.compiler()
        o, text, sources, target = self._change_target(compiler, s.args["table"], s.args["source"], s.line)
        where = f" WHERE {compiler.condition(s.args['where'], Scope(sources))}" if s.args["where"] is not None else ""
        limit = ""
        if s.args["top"] is not None:
            n = self.evaluate(s.args["top"])
            if n.type.name not in values.INTS or n.value is None or n.value < 0:
                raise SqlError(1060, "The number of rows provided for a TOP or FETCH clauses row count parameter must be an integer.", 15)
            limit = f" LIMIT {n.value}"
        return self.execute(f"DELETE FROM {o.sql} WHERE rowid IN (SELECT {target.rowid} FROM {text}{where}{limit})", compiler.bound).rowcount

    def truncate(self, s: Statement) -> None:
        o = self.table(s.args["table"], s.line)
        self.connection.execute(f"DELETE FROM {o.sql}")
        first = next((c.identity[0] for c in o.columns if c.identity), 1)
        o.next_identity = first
