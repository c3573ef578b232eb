"""Statements that define: tables, indexes, views, schemas."""
from __future__ import annotations

import dataclasses
import sqlite3
from typing import Any

from contract import DEFAULT_COLLATION, SqlError, Type

from . import values
from .ast import Statement
from .catalog import ColumnDef, Index, Object
from .database import collation


class Definitions:
    """Methods of a session; each runs in a transaction of SQLite."""
    db: Any
    connection: sqlite3.Connection

    def _new_column(self, number: int, c: dict) -> ColumnDef:
        nullable = c["nullable"] if c["nullable"] is not None else c["identity"] is None
        return ColumnDef(number, c["name"], c["type"], nullable, c["identity"], c["default"])

    def create_table(self, s: Statement) -> None:
        catalog, parts = self.db.catalog, s.args["name"]
        o = Object(catalog.new_id(), parts[-2] if len(parts) > 1 and parts[-2] else "dbo", parts[-1], "U", [])
        for i, c in enumerate(s.args["columns"], 1):
            if o.column(c["name"]):
                raise SqlError(2705, f"Column names in each table must be unique. Column name '{c['name']}' in table '{o.name}' is specified more than once.")
            o.columns.append(self._new_column(i, c))
            if c["identity"]:
                o.next_identity = c["identity"][0]
        catalog.add(o)
        self.connection.execute(f"CREATE TABLE {o.sql} ({', '.join(c.sql for c in o.columns)})")
        for constraint in s.args["constraints"]:
            self._constraint(o, constraint)

    def _constraint(self, o: Object, constraint: tuple) -> None:
        kind, name, columns, clustered = constraint
        mark = "PK" if kind == "primary" else "UQ"
        name = name or f"{mark}__{o.name[:16]}__{o.id:08X}{len(o.indexes) or ''}"
        for column, _ in columns if kind == "primary" else []:
            c = o.column(column)
            if c:
                c.nullable = False
        self._index(o, name, columns, [], True, clustered, kind == "primary", False)

    def _index(self, o: Object, name: str, columns: list, included: list, unique: bool, clustered: bool, primary: bool, filtered: bool) -> None:
        if any(i.name.lower() == name.lower() for i in o.indexes):
            raise SqlError(1913, f"The operation failed because an index or statistics with name '{name}' already exists on table '{o.schema}.{o.name}'.")
        if clustered and any(i.clustered for i in o.indexes):
            raise SqlError(1902, f"Cannot create more than one clustered index on table '{o.schema}.{o.name}'.", 16, 3)
        keys = []
        for column, descending in columns:
            c = o.column(column)
            if not c:
                raise SqlError(1911, f"Column name '{column}' does not exist in the target table or view.")
            keys.append((c, descending))
        number = max([i.id for i in o.indexes if not i.clustered], default=1) + 1 if not clustered else 1
        o.indexes.append(Index(number, name, [(c.id, d) for c, d in keys], [o.column(c).id for c in included if o.column(c)], unique, primary, clustered, filtered))
        listed = ", ".join(c.sql + (f" COLLATE {collation(c.type.collation)}" if c.type.name in values.TEXTS else "") + (" DESC" if d else "")
                           for c, d in keys)
        try:
            self.connection.execute(f"CREATE {'UNIQUE ' if unique and not filtered else ''}INDEX i{o.id}_{number} ON {o.sql} ({listed})")
        except sqlite3.IntegrityError:
            raise SqlError(1505, f"The CREATE UNIQUE INDEX statement terminated because a duplicate key was found for the object name "
                                 f"'{o.schema}.{o.name}' and the index name '{name}'.") from None

    def create_index(self, s: Statement) -> None:
        a = s.args
        o = self.object(a["table"], s.line)
        self._index(o, a["name"], a["columns"], a["included"], a["unique"], a["clustered"], False, a["filtered"])

    def create_view(self, s: Statement) -> None:
        catalog, parts = self.db.catalog, s.args["name"]
        q = self.compiler().query(s.args["query"])
        names = s.args["columns"] or [c.name for c in q.columns]
        if "" in names:
            raise SqlError(4511, f"Create View or Function failed because no column name was specified for column {names.index('') + 1}.", 16)
        columns = [ColumnDef(i, name, c.type, c.nullable) for i, (name, c) in enumerate(zip(names, q.columns), 1)]
        catalog.add(Object(catalog.new_id(), parts[-2] if len(parts) > 1 else "dbo", parts[-1], "V", columns, text=s.args["text"],
                           columns_named=s.args["columns"]))

    def create_schema(self, s: Statement) -> None:
        if s.args["name"].lower() in [n.lower() for n in self.db.catalog.schemas]:
            raise SqlError(2714, f"There is already an object named '{s.args['name']}' in the database.", 16, 6)
        self.db.catalog.schemas.append(s.args["name"])

    def drop(self, s: Statement) -> None:
        what, catalog = s.args["what"], self.db.catalog
        for parts in s.args["names"]:
            if what == "index":
                self._drop_index(s, parts)
                continue
            if what == "schema":
                catalog.schemas = [n for n in catalog.schemas if n.lower() != parts[-1].lower()]
                continue
            o = catalog.find(parts)
            if not o or o.kind != ("U" if what == "table" else "V"):
                if s.args["if_exists"]:
                    continue
                raise SqlError(3701, f"Cannot drop the {what} '{'.'.join(parts)}', because it does not exist or you do not have permission.", 11, 5)
            del catalog.objects[(o.schema.lower(), o.name.lower())]
            if o.kind == "U":
                self.connection.execute(f"DROP TABLE {o.sql}")

    def _drop_index(self, s: Statement, parts: list[str]) -> None:
        o = self.object(s.args["table"] or parts[:-1], s.line)
        index = next((i for i in o.indexes if i.name.lower() == parts[-1].lower()), None)
        if not index:
            if s.args["if_exists"]:
                return
            raise SqlError(3701, f"Cannot drop the index '{'.'.join(parts)}', because it does not exist or you do not have permission.", 11, 7)
        o.indexes.remove(index)
        self.connection.execute(f"DROP INDEX i{o.id}_{index.id}")

    # ---- ALTER TABLE -------------------------------------------------------------------------------------------------------------
    def alter(self, s: Statement) -> None:
        o = self.object(s.args["table"], s.line)
        getattr(self, f"_alter_{s.args['action']}")(o, s.args)

    def _alter_constraint(self, o: Object, args: dict) -> None:
        self._constraint(o, args["constraint"])

    def _alter_add(self, o: Object, args: dict) -> None:
        c = self._new_column(max([x.id for x in o.columns], default=0) + 1, args["column"])
        if o.column(c.name):
            raise SqlError(2705, f"Column names in each table must be unique. Column name '{c.name}' in table '{o.name}' is specified more than once.", 16, 4)
        empty = self.connection.execute(f"SELECT NOT EXISTS (SELECT 1 FROM {o.sql})").fetchone()[0]
        if not c.nullable and c.default is None and not empty and c.type.name != "rowversion":
            raise SqlError(4901, "ALTER TABLE only allows columns to be added that can contain nulls, or have a DEFAULT definition specified, or the column "
                                 f"being added is an identity or timestamp column. Column '{c.name}' cannot be added to non-empty table '{o.name}'.")
        o.columns.append(c)
        self.connection.execute(f"ALTER TABLE {o.sql} ADD COLUMN {c.sql}")
        if c.type.name == "rowversion":
            for (rowid,) in self.connection.execute(f"SELECT rowid FROM {o.sql}").fetchall():
                self.connection.execute(f"UPDATE {o.sql} SET {c.sql} = ? WHERE rowid = ?", (self.db.next_rowversion(self.spid), rowid))
        elif c.default is not None and not c.nullable:
            self.connection.execute(f"UPDATE {o.sql} SET {c.sql} = ?", (values.encode(c.type, self.default_of(c)),))

    def _known(self, o: Object, name: str) -> ColumnDef:
        c = o.column(name)
        if not c:
            raise SqlError(4924, f"ALTER TABLE ALTER COLUMN failed because column '{name}' does not exist in table '{o.name}'.")
        return c

    def _alter_drop(self, o: Object, args: dict) -> None:
        c = self._known(o, args["name"])
        if any(c.id in [k for k, _ in i.columns] + i.included for i in o.indexes):
            raise SqlError(5074, f"The index is dependent on column '{c.name}'.")
        o.columns.remove(c)
        self.connection.execute(f"ALTER TABLE {o.sql} DROP COLUMN {c.sql}")

    def _alter_alter(self, o: Object, args: dict) -> None:
        c, new = self._known(o, args["column"]["name"]), args["column"]
        to: Type = new["type"]
        if to.name in values.TEXTS and to.collation == DEFAULT_COLLATION and c.type.collation:
            to = dataclasses.replace(to, collation=c.type.collation)
        for rowid, v in self.connection.execute(f"SELECT rowid, {c.sql} FROM {o.sql} WHERE {c.sql} IS NOT NULL").fetchall():
            moved = values.convert(values.decode(c.type, v), c.type, to)
            self.connection.execute(f"UPDATE {o.sql} SET {c.sql} = ? WHERE rowid = ?", (values.encode(to, moved), rowid))
        if new["nullable"] is False and self.connection.execute(f"SELECT EXISTS (SELECT 1 FROM {o.sql} WHERE {c.sql} IS NULL)").fetchone()[0]:
            raise SqlError(515, f"Cannot insert the value NULL into column '{c.name}', table '{o.name}'; column does not allow nulls. UPDATE fails.", 16, 2)
        c.type, c.nullable = to, new["nullable"] is not False
