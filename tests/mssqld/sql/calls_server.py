"""Functions that tell of the server, its databases and what is in them."""
from __future__ import annotations

from typing import Any

from contract import DEFAULT_COLLATION, SqlError, Type

from . import values
from .convert import convert
from .scope import E

TEXT_MAX = values.make("nvarchar", [-1])
SMALLINT = values.make("smallint", [])


class ServerCalls:
    """Methods of a compiler."""
    session: Any
    database: Any
    cast: Any
    constant: Any

    def _fixed(self, e: E | None, function: str) -> Any:
        """An argument that must be known before rows are read, as this server does not look names up for each row."""
        if not e.constant:
            raise SqlError(8116, f"The argument of {function} must be a constant or a variable; this server does not evaluate it for each row.")
        return e.value

    def _name_of(self, e: E, function: str) -> str:
        v = self._fixed(e, function)
        return "" if v is None else convert(v, e.type, TEXT_MAX)

    def _chosen(self, e: E, t: Type, known: list[tuple]) -> E:
        """What of the known pairs belongs to an expression."""
        whens = " ".join(f"WHEN {self.constant(e.type, k).sql} THEN {self.constant(t, v).sql}" for k, v in known)
        return E(f"(CASE {e.sql} {whens} END)", t) if known else self.constant(t, None)

    def f_min_active_rowversion(self) -> E:
        self.volatile = True
        return self.constant(values.make("binary", [8]), self.database.min_active_rowversion(), False)

    def _object(self, e: E, function: str) -> Any:
        from .parse import Parser
        name = self._name_of(e, function)
        try:
            p = Parser(name)
            parts = p.names()
        except SqlError:
            return None
        return self.session.find_object(parts) if p.now.kind == "end" else None

    def f_object_id(self, name: E, kind: E | None = None) -> E:
        self.volatile = True
        if not name.constant and kind is None:  # plain names alone
            known = [(text, o.id) for o in self._each_object() for text in ([o.name] if o.schema == "dbo" else []) + [f"{o.schema}.{o.name}"]]
            return self._chosen(self.cast(name, TEXT_MAX), values.INT, known)
        o = self._object(name, "OBJECT_ID")
        if o and kind and self._name_of(kind, "OBJECT_ID").strip().upper() != o.kind:
            o = None
        return self.constant(values.INT, o.id if o else None)

    def _each_object(self) -> list:
        self.volatile = True
        return list(self.database.catalog.objects.values())

    def f_object_name(self, e: E) -> E:
        return self._chosen(self.cast(e, values.INT), values.SYSNAME, [(o.id, o.name) for o in self._each_object()])

    def f_object_schema_name(self, e: E) -> E:
        return self._chosen(self.cast(e, values.INT), values.SYSNAME, [(o.id, o.schema) for o in self._each_object()])

    def f_schema_name(self, e: E | None = None) -> E:
        if e is None:
            return self.constant(values.SYSNAME, "dbo")
        self.volatile = True
        return self._chosen(self.cast(e, values.INT), values.SYSNAME, list(enumerate(self.database.catalog.schemas, 1)))

    def f_schema_id(self, e: E | None = None) -> E:
        self.volatile = True
        names = [s.lower() for s in self.database.catalog.schemas]
        wanted = self._name_of(e, "SCHEMA_ID").lower() if e else "dbo"
        return self.constant(values.INT, names.index(wanted) + 1 if wanted in names else None)

    def f_type_name(self, e: E) -> E:
        from .system import TYPE_NAMES
        return self._chosen(self.cast(e, values.INT), values.SYSNAME, TYPE_NAMES)

    def f_db_name(self, e: E | None = None) -> E:
        if e is None:
            return self.constant(values.SYSNAME, self.session.database)
        self.volatile = True
        return self._chosen(self.cast(e, values.INT), values.SYSNAME, [(n, d.name) for n, d in self.session.server.numbered()])

    def f_db_id(self, e: E | None = None) -> E:
        self.volatile = True
        wanted = self._name_of(e, "DB_ID").lower() if e else self.session.database.lower()
        return self.constant(SMALLINT, next((n for n, d in self.session.server.numbered() if d.name.lower() == wanted), None))

    def f_suser_sname(self) -> E:
        self.volatile = True
        return self.constant(values.SYSNAME, self.session.user)

    f_suser_name = f_original_login = f_suser_sname

    def f_user_name(self) -> E:
        return self.constant(values.SYSNAME, "dbo")

    def f_host_name(self) -> E:
        self.volatile = True
        return self.constant(values.SYSNAME, self.session.host)

    def f_app_name(self) -> E:
        self.volatile = True
        return self.constant(values.SYSNAME, self.session.application)

    def f_serverproperty(self, e: E) -> E:
        known = {"productversion": "15.0.2000.5", "productlevel": "RTM", "edition": "Developer Edition (64-bit)", "engineedition": 3,
                 "collation": DEFAULT_COLLATION, "productmajorversion": "15", "servername": "mssqld", "machinename": "mssqld", "isclustered": 0,
                 "ishadrenabled": 0, "isintegratedsecurityonly": 0}
        v = known.get(self._name_of(e, "SERVERPROPERTY").lower())
        t = values.INT if isinstance(v, int) else values.SYSNAME
        return self.constant(Type("sql_variant", 8016), None if v is None else (t, v))

    def f_has_perms_by_name(self, name: E, kind: E, permission: E) -> E:
        self.volatile = True
        word = self._name_of(permission, "HAS_PERMS_BY_NAME").upper()
        if self._fixed(name, "HAS_PERMS_BY_NAME") is None:
            return self.constant(values.INT, 1)
        o = self._object(name, "HAS_PERMS_BY_NAME")
        allowed = o and (word not in ("SELECT", "ANY") or not self.session.is_denied(o))
        return self.constant(values.INT, None if not o else int(allowed))

    def f_scope_identity(self) -> E:
        self.volatile = True
        return self.constant(values.make("numeric", [38, 0]), self.session.identity)

    def f_ident_current(self, e: E) -> E:
        self.volatile = True
        o = self._object(e, "IDENT_CURRENT")
        c = next((c for c in o.columns if c.identity), None) if o else None
        return self.constant(values.make("numeric", [38, 0]), max(o.next_identity - c.identity[1], c.identity[0]) if c else None)

    def f_columnproperty(self, table: E, column: E, what: E) -> E:
        known = {"allowsnull": lambda c: int(c.nullable), "isidentity": lambda c: int(c.identity is not None), "iscomputed": lambda c: 0,
                 "columnid": lambda c: c.id}
        ask = known.get(self._name_of(what, "COLUMNPROPERTY").lower())
        column = self.cast(column, TEXT_MAX)
        each = " ".join(f"WHEN {o.id} THEN {self._chosen(column, values.INT, [(c.name, ask(c)) for c in o.columns]).sql}" for o in self._each_object() if ask)
        return E(f"(CASE {self.cast(table, values.INT).sql} {each} END)", values.INT) if each else self.constant(values.INT, None)

    def f_sql_variant_property(self, e: E, what: E) -> E:
        if e.type.name != "sql_variant":
            raise SqlError(8116, f"Argument data type {e.type.name} is invalid for argument 1 of sql_variant_property function; this server takes only sql_variant.")
        if self._name_of(what, "SQL_VARIANT_PROPERTY").lower() != "basetype":
            raise SqlError(8116, "This server tells only the property BaseType.")
        return E(f"ms_basetype({e.sql})", values.SYSNAME)
