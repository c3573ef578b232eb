"""Statements that define: tables, indexes, views, schemas."""
from __future__ import annotations

import dataclasses
import sqlite3
from typing import Any

from contract import DEFAULT_COLLATION, SqlError, Type

from . import values
from .ast import Statement
from .catalog import ColumnDef, Index, Object
from .convert import convert
from .collate import collation


class Definitions:
    """Methods of a session; each runs in a transaction of SQLite."""
    db: Any
    connection: sqlite3.Connection

    def _new_column(self, number: int, c: dict) -> ColumnDef:
        nullable = c["nullable"] if c["nullable"] is not None else c["identity"] is None
        return ColumnDef(number, c["name"], c["type"], nullable, c["identity"], c["default"])

    def create_table(self, s: Statement) -> None:
        catalog, parts = self.db.catalog, s.args["name"]
        if parts[-1].startswith("#"):
            raise SqlError(2702, f"Temporary tables such as '{parts[-1]}' are not done by this server.", 16)
        o = Object(catalog.new_id(), parts[-2] if len(parts) > 1 and parts[-2] else "dbo", parts[-1], "U", [])
        for i, c in enumerate(s.args["columns"], 1):
            if o.column(c["name"]):
                raise SqlError(2705, f"Column names in each table must be unique. Column name '{c['name']}' in table '{o.name}' is specified more than once.")
            o.columns.append(self._new_column(i, c))
            if sum(x.identity is not None for x in o.columns) > 1 or sum(x.type.name == "rowversion" for x in o.columns) > 1:
                raise SqlError(2744, f"Multiple identity or timestamp columns specified for table '{o.name}'. Only one of each is allowed.", 16, 2)
            if o.columns[-1].identity and (c["type"].name not in (*values.INTS, "decimal", "numeric") or c["type"].name == "bit" or c["type"].scale):
                raise SqlError(2749, f"Identity column '{c['name']}' must be of data type int, bigint, smallint, tinyint, or decimal or numeric with a "
                                     "scale of 0.", 16, 2)
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
        if kind == "primary" and any(i.primary for i in o.indexes):
            raise SqlError(1779, f"Table '{o.name}' already has a primary key defined on it.", 16, 0)
        for column, _ in columns if kind == "primary" else []:
            c = o.column(column)
            if c and c.nullable and self.connection.execute(f"SELECT EXISTS (SELECT 1 FROM {o.sql} WHERE {c.sql} IS NULL)").fetchone()[0]:
                raise SqlError(8111, f"Cannot define PRIMARY KEY constraint on nullable column in table '{o.name}'.")
            if c:
                c.nullable = False
        self._index(o, name, columns, [], True, clustered, kind == "primary", False)
        o.indexes[-1].constraint = True

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
            if c.type.name in ("text", "ntext", "image", "xml", "sql_variant") or c.type.name in values.CLR or c.type.length == -1:
                raise SqlError(1919, f"Column '{column}' in table '{o.schema}.{o.name}' is of a type that is invalid for use as a key column in an index.")
            keys.append((c, descending))
        for column in included:
            if not o.column(column):
                raise SqlError(1911, f"Column name '{column}' does not exist in the target table or view.")
        number = max([i.id for i in o.indexes if not i.clustered], default=1) + 1 if not clustered else 1
        o.indexes.append(Index(number, name, [(c.id, d) for c, d in keys], [o.column(c).id for c in included], unique, primary, clustered, filtered))
        listed = ", ".join(c.sql + (f" COLLATE {collation(c.type.collation)}" if c.type.name in values.TEXTS else "") + (" DESC" if d else "")
                           for c, d in keys)
        if unique and filtered:
            raise SqlError(10622, "A unique index with WHERE is not done by this server.")
        told_apart = ", ".join(self._unique_key(c) for c, _ in keys)
        try:
            self.connection.execute(f"CREATE INDEX i{o.id}_{number} ON {o.sql} ({listed})" if told_apart != listed or not unique else
                                    f"CREATE UNIQUE INDEX i{o.id}_{number} ON {o.sql} ({listed})")
            if unique and told_apart != listed:
                self.connection.execute(f"CREATE UNIQUE INDEX u{o.id}_{number} ON {o.sql} ({told_apart})")
        except sqlite3.IntegrityError:
            raise SqlError(1505, f"The CREATE UNIQUE INDEX statement terminated because a duplicate key was found for the object name "
                                 f"'{o.schema}.{o.name}' and the index name '{name}'.") from None

    def _unique_key(self, c: ColumnDef) -> str:
        """What may be there once: NULL, too, and equal instants with different offsets."""
        t = c.type.name
        if t == "datetimeoffset":
            return f"substr({c.sql}, 1, 19)" if not c.nullable else f"ifnull(substr({c.sql}, 1, 19), '')"
        by = f" COLLATE {collation(c.type.collation)}" if t in values.TEXTS else ""
        if not c.nullable:
            return c.sql + by
        return f"ifnull({c.sql}, x'00'){by}" if t not in values.BYTES and t != "uniqueidentifier" else f"ifnull({c.sql}, '')"

    def create_index(self, s: Statement) -> None:
        a = s.args
        o = self.object(a["table"], s.line)
        self._index(o, a["name"], a["columns"], a["included"], a["unique"], a["clustered"], False, a["filtered"])

    def create_view(self, s: Statement) -> None:
        catalog, parts = self.db.catalog, s.args["name"]
        q = self.compiler().query(s.args["query"])
        if q.ties is not None or q.variables:
            raise SqlError(1033, "A view with TOP ... WITH TIES or variables is not done by this server.")
        if len(s.args["columns"] or q.columns) != len(q.columns):
            raise SqlError(8158, f"'{parts[-1]}' has more columns than were specified in the column list.")
        names = s.args["columns"] or [c.name for c in q.columns]
        if "" in names:
            raise SqlError(4511, f"Create View or Function failed because no column name was specified for column {names.index('') + 1}.", 16)
        columns = [ColumnDef(i, name, c.type, c.nullable) for i, (name, c) in enumerate(zip(names, q.columns), 1)]
        catalog.add(Object(catalog.new_id(), parts[-2] if len(parts) > 1 else "dbo", parts[-1], "V", columns, text=s.args["text"]))

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
                self._drop_schema(parts[-1], s.args["if_exists"])
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
        if index.constraint:
            raise SqlError(3723, f"An explicit DROP INDEX is not allowed on index '{'.'.join(parts)}'. It is being used for a constraint.", 16, 4)
        self._remove_index(o, index)

    def _remove_index(self, o: Object, index: Index) -> None:
        o.indexes.remove(index)
        self.connection.execute(f"DROP INDEX i{o.id}_{index.id}")
        self.connection.execute(f"DROP INDEX IF EXISTS u{o.id}_{index.id}")

    def _drop_schema(self, name: str, if_exists: bool) -> None:
        catalog = self.db.catalog
        if name.lower() not in [n.lower() for n in catalog.schemas]:
            if if_exists:
                return
            raise SqlError(15151, f"Cannot drop the schema '{name}', because it does not exist or you do not have permission.")
        if any(o.schema.lower() == name.lower() for o in catalog.objects.values()) or name.lower() in ("dbo", "guest", "sys", "information_schema"):
            raise SqlError(3729, f"Cannot drop schema '{name}' because it is being referenced by another object.")
        catalog.schemas = [n for n in catalog.schemas if n.lower() != name.lower()]

    # ---- ALTER TABLE -------------------------------------------------------------------------------------------------------------
    def alter(self, s: Statement) -> None:
        o = self.table(s.args["table"], s.line)
        for action, args in s.args["actions"]:
            getattr(self, f"_alter_{action}")(o, args)

    def _alter_constraint(self, o: Object, args: dict) -> None:
        self._constraint(o, args["constraint"])

    def _alter_drop_constraint(self, o: Object, args: dict) -> None:
        index = next((i for i in o.indexes if i.constraint and i.name.lower() == args["name"].lower()), None)
        if not index:
            raise SqlError(3728, f"'{args['name']}' is not a constraint.")
        self._remove_index(o, index)

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
        if c.type.name == "rowversion" or c.identity or new["identity"] or new["default"] is not None:
            raise SqlError(4928, f"Cannot alter column '{c.name}' because it is a timestamp or identity column.")
        indexed = next((i for i in o.indexes if c.id in [k for k, _ in i.columns]), None)
        if indexed and (new["type"].name != c.type.name or indexed.primary and new["nullable"] is not False):
            raise SqlError(5074, f"The index '{indexed.name}' is dependent on column '{c.name}'.")
        to: Type = new["type"]
        if to.name in values.TEXTS and to.collation == DEFAULT_COLLATION and c.type.collation:
            to = dataclasses.replace(to, collation=c.type.collation)
        for rowid, v in self.connection.execute(f"SELECT rowid, {c.sql} FROM {o.sql} WHERE {c.sql} IS NOT NULL").fetchall():
            moved = convert(values.decode(c.type, v), c.type, to)
            self.connection.execute(f"UPDATE {o.sql} SET {c.sql} = ? WHERE rowid = ?", (values.encode(to, moved), rowid))
        if new["nullable"] is False and self.connection.execute(f"SELECT EXISTS (SELECT 1 FROM {o.sql} WHERE {c.sql} IS NULL)").fetchone()[0]:
            raise SqlError(515, f"Cannot insert the value NULL into column '{c.name}', table '{o.name}'; column does not allow nulls. UPDATE fails.", 16, 2)
        c.type, c.nullable = to, new["nullable"] is not False
