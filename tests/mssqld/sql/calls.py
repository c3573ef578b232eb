"""Calls of functions: what each takes and gives."""
from __future__ import annotations

from typing import Any

from contract import DEFAULT_COLLATION, SqlError, Type

from . import ast, values
from .expr import E, Expressions, Scope
from .functions import part

AGGREGATES = {"COUNT", "COUNT_BIG", "SUM", "MIN", "MAX", "AVG"}
TICKS = values.make("datetime2", [7])
TEXT_MAX = values.make("nvarchar", [-1])


class Calls(Expressions):
    def _call(self, n: ast.Call, scope: Scope) -> E:
        if n.name in AGGREGATES:
            return self._aggregate(n, scope)
        if n.name in ("ROW_NUMBER", "RANK", "DENSE_RANK"):
            return self._window(n, scope)
        method = getattr(self, f"f_{n.name.lower()}", None)
        if not method:
            raise SqlError(195, f"'{n.name}' is not a recognized built-in function name.", 15, 10, n.line)
        if n.name in ("IIF",):
            return method(n, scope)
        args = [a if isinstance(a, str) else self.compile(a, scope) for a in n.args]
        try:
            return method(*args)
        except TypeError as e:
            if "positional argument" not in str(e):
                raise
            raise SqlError(174, f"The {n.name.lower()} function requires another number of arguments.", 15, line=n.line) from None

    # ---- aggregates --------------------------------------------------------------------------------------------------------------
    def _aggregate(self, n: ast.Call, scope: Scope) -> E:
        scope.aggregates = scope.aggregates or n.over is None
        tail = self._over(n.over, scope) if n.over is not None else ""
        if n.name in ("COUNT", "COUNT_BIG"):
            t = values.INT if n.name == "COUNT" else values.BIGINT
            if isinstance(n.args[0], ast.Star):
                return E(f"count(*){tail}", t, False)
            e = self.compile(n.args[0], scope)
            by = f" COLLATE {self.collation_of(e, e)}" if n.distinct and e.type.name in values.TEXTS else ""
            return E(f"count({'DISTINCT ' if n.distinct else ''}{e.sql}{by}){tail}", t, False)
        e = self.compile(n.args[0], scope)
        t = e.type
        if n.name in ("MIN", "MAX"):
            by = f" COLLATE {self.collation_of(e, e)}" if t.name in values.TEXTS else ""
            return E(f"{n.name.lower()}({e.sql}{by}){tail}", t, True)
        if t.name not in values.NUMBERS or t.name == "bit":
            raise SqlError(8117, f"Operand data type {t.name} is invalid for {n.name.lower()} operator.", line=n.line)
        distinct = "DISTINCT " if n.distinct else ""
        if t.name in values.INTS:
            to = values.BIGINT if t.name == "bigint" else values.INT
            low, high = values.INTS[to.name]
            total = f"sum({distinct}{e.sql}){tail}"
            return E(f"ms_int('+', 0, {total}, {low}, {high})" if n.name == "SUM" else f"ms_int('/', {total}, count({distinct}{e.sql}){tail}, {low}, {high})", to)
        if t.name in values.FLOATS:
            return E(f"{'sum' if n.name == 'SUM' else 'avg'}({distinct}{e.sql}){tail}", values.FLOAT)
        to = t if t.name in ("money", "smallmoney") else values.make("decimal", [38, values.scale_of(t)])
        total = E(f"ms_sum({distinct}{e.sql}, {self.database.conversion(t, to, None)}){tail}", to)
        return total if n.name == "SUM" else self._exact("/", total, E(f"count({distinct}{e.sql}){tail}", values.INT))

    def _over(self, over: tuple, scope: Scope) -> str:
        parts = []
        if over[0]:
            parts.append("PARTITION BY " + ", ".join(self.compile(e, scope).sql for e in over[0]))
        if over[1]:
            parts.append("ORDER BY " + ", ".join(self.sort_key(self.compile(e, scope)) + (" DESC" if d else "") for e, d in over[1]))
        return f" OVER ({' '.join(parts)})"

    def _window(self, n: ast.Call, scope: Scope) -> E:
        if n.over is None:
            raise SqlError(10753, f"The function '{n.name}' must have an OVER clause.", 15, line=n.line)
        return E(f"{n.name.lower()}(){self._over(n.over, scope)}", values.BIGINT, False)

    def sort_key(self, e: E) -> str:
        from .database import collation
        if e.type.name in values.TEXTS:
            return f"{e.sql} COLLATE {collation(e.collation or e.type.collation)}"
        return f"ms_uuid({e.sql})" if e.type.name == "uniqueidentifier" else e.sql

    # ---- time ----------------------------------------------------------------------------------------------------------------------
    def _now(self, t: Type) -> E:
        self.volatile |= self.session.server.now is None
        return self.constant(t, values.convert(self.session.server.ticks(), TICKS, t), False)

    def f_sysutcdatetime(self) -> E:
        return self._now(TICKS)

    f_sysdatetime = f_sysutcdatetime  # the server's zone is UTC

    def f_getdate(self) -> E:
        return self._now(values.make("datetime", []))

    f_getutcdate = f_getdate

    def f_sysdatetimeoffset(self) -> E:
        return self._now(values.make("datetimeoffset", [7]))

    def f_dateadd(self, word: str, n: E, at: E) -> E:
        t = at.type if at.type.name in values.TIMES else values.make("datetime", [])
        ticks = self.cast(self.cast(at, t), TICKS)
        return self.cast(E(f"ms_dateadd('{part(word)}', {self.cast(n, values.BIGINT).sql}, {ticks.sql})", TICKS), t)

    def _difference(self, word: str, a: E, b: E, t: Type) -> E:
        x, y = self.cast(a, TICKS), self.cast(b, TICKS)
        return E(f"ms_datediff('{part(word)}', {x.sql}, {y.sql})", t)

    def f_datediff(self, word: str, a: E, b: E) -> E:
        return self._difference(word, a, b, values.INT)

    def f_datediff_big(self, word: str, a: E, b: E) -> E:
        return self._difference(word, a, b, values.BIGINT)

    def f_datepart(self, word: str, at: E) -> E:
        return E(f"ms_datepart('{part(word)}', {self.cast(at, TICKS).sql})", values.INT)

    def f_year(self, at: E) -> E:
        return self.f_datepart("YEAR", at)

    def f_month(self, at: E) -> E:
        return self.f_datepart("MONTH", at)

    def f_day(self, at: E) -> E:
        return self.f_datepart("DAY", at)

    # ---- texts and bytes -----------------------------------------------------------------------------------------------------------
    def _text(self, e: E) -> E:
        return e if e.type.name in values.TEXTS else self.cast(e, TEXT_MAX)

    def f_len(self, e: E) -> E:
        return E(f"ms_len({self._text(e).sql})", values.INT)

    def f_datalength(self, e: E) -> E:
        t = values.BIGINT if e.type.length == -1 else values.INT
        return E(f"ms_bytes({e.sql}, '{e.type.name}', {e.type.length})", t)

    def _same(self, function: str, e: E) -> E:
        e = self._text(e)
        return E(f"{function}({e.sql})", e.type, e.nullable)

    def f_upper(self, e: E) -> E:
        return self._same("upper", e)

    def f_lower(self, e: E) -> E:
        return self._same("lower", e)

    def f_ltrim(self, e: E) -> E:
        return self._same("ltrim", e)

    def f_rtrim(self, e: E) -> E:
        return self._same("rtrim", e)

    def f_trim(self, e: E) -> E:
        return self._same("trim", e)

    def f_substring(self, e: E, start: E, n: E) -> E:
        e = e if e.type.name in values.BYTES else self._text(e)
        return E(f"ms_substring({e.sql}, {start.sql}, {n.sql})", e.type)

    def f_left(self, e: E, n: E) -> E:
        return self.f_substring(e, self.constant(values.INT, 1), n)

    def f_right(self, e: E, n: E) -> E:
        e = self._text(e)
        return E(f"CASE WHEN {n.sql} <= 0 THEN '' ELSE substr({e.sql}, -{n.sql}) END", e.type)

    def f_replace(self, e: E, old: E, new: E) -> E:
        return E(f"ms_replace({self._text(e).sql}, {self._text(old).sql}, {self._text(new).sql})", TEXT_MAX)

    def f_replicate(self, e: E, n: E) -> E:
        return E(f"replace(hex(zeroblob({n.sql})), '00', {self._text(e).sql})", values.make("nvarchar", [4000]) if e.type.length != -1 else TEXT_MAX)

    def f_concat(self, *items: E) -> E:
        return E("(" + " || ".join(f"coalesce({self._text(e).sql}, '')" for e in items) + ")", TEXT_MAX, False)

    def f_nchar(self, n: E) -> E:
        return E(f"char({n.sql})", values.make("nvarchar", [1]))

    def f_hashbytes(self, algorithm: E, e: E) -> E:
        wide = int(e.type.name[0] == "n")
        return E(f"ms_hash({algorithm.sql}, {e.sql}, {wide})", values.make("varbinary", [8000]))

    def f_newid(self) -> E:
        self.volatile = True
        return E("randomblob(16)", values.make("uniqueidentifier", []), False)

    # ---- numbers ---------------------------------------------------------------------------------------------------------------------
    def f_abs(self, e: E) -> E:
        if e.type.name in ("decimal", "numeric") and e.type.precision > 18:
            zero = self.constant(e.type, 0)
            return E(f"CASE WHEN {e.sql} < {zero.sql} THEN {self._exact('-', zero, e).sql} ELSE {e.sql} END", e.type)
        return E(f"abs({e.sql})", e.type, e.nullable)

    def f_round(self, e: E, digits: E) -> E:
        if e.type.name in values.FLOATS:
            return E(f"round({e.sql}, {digits.sql})", values.FLOAT)
        return E(f"ms_round({e.sql}, {digits.sql}, {values.scale_of(e.type)})", e.type)

    # ---- choices ---------------------------------------------------------------------------------------------------------------------
    def f_isnull(self, a: E, b: E) -> E:
        t = b.type if a.constant and a.value is None else a.type
        return E(f"coalesce({self.cast(a, t).sql}, {self.cast(b, t).sql})", t, a.nullable and b.nullable)

    def f_coalesce(self, *items: E) -> E:
        t = self.common_of(list(items))
        return E("coalesce(" + ", ".join(self.cast(e, t).sql for e in items) + ")", t, all(e.nullable for e in items))

    def f_nullif(self, a: E, b: E) -> E:
        return E(f"(CASE WHEN {self.compare('=', a, b)} THEN NULL ELSE {a.sql} END)", a.type)

    def f_iif(self, n: ast.Call, scope: Scope) -> E:
        return self._case(ast.Case(None, [(n.args[0], n.args[1])], n.args[2]), scope)

    # ---- the server ------------------------------------------------------------------------------------------------------------------
    def f_min_active_rowversion(self) -> E:
        self.volatile = True
        return self.constant(values.make("varbinary", [8]), self.database.min_active_rowversion(), False)

    def _object(self, e: E) -> Any:
        from .parse import Parser
        if not e.constant:
            raise SqlError(102, "Incorrect syntax near 'OBJECT_ID'.", 15)
        try:
            parts = Parser(values.convert(e.value, e.type, TEXT_MAX) or "").names()
        except SqlError:
            return None
        return self.session.find_object(parts)

    def f_object_id(self, name: E, kind: E | None = None) -> E:
        self.volatile = True
        o = self._object(name)
        if o and kind and kind.value and kind.value.strip().upper() != o.kind:
            o = None
        return self.constant(values.INT, o.id if o else None)

    def f_object_name(self, e: E) -> E:
        self.volatile = True
        o = self.database.catalog.by_id(e.value)
        return self.constant(values.SYSNAME, o.name if o else None)

    def f_schema_name(self, e: E | None = None) -> E:
        if e is None:
            return self.constant(values.SYSNAME, "dbo")
        whens = " ".join(f"WHEN {i} THEN '{s}'" for i, s in enumerate(self.database.catalog.schemas, 1))
        return E(f"(CASE {e.sql} {whens} END)", values.SYSNAME)

    def f_schema_id(self, e: E) -> E:
        names = [s.lower() for s in self.database.catalog.schemas]
        wanted = str(e.value).lower()
        return self.constant(values.INT, names.index(wanted) + 1 if wanted in names else None)

    def f_db_name(self) -> E:
        return self.constant(values.SYSNAME, self.session.database)

    def f_db_id(self) -> E:
        return self.constant(values.make("smallint", []), 5)

    def f_suser_sname(self) -> E:
        return self.constant(values.SYSNAME, self.session.user)

    f_suser_name = f_user_name = f_suser_sname

    def f_serverproperty(self, e: E) -> E:
        known = {"productversion": "15.0.2000.5", "productlevel": "RTM", "edition": "Developer Edition (64-bit)", "engineedition": 3,
                 "collation": DEFAULT_COLLATION, "productmajorversion": "15", "servername": "mssqld", "machinename": "mssqld", "isclustered": 0}
        v = known.get(str(e.value).lower())
        t = values.INT if isinstance(v, int) else values.SYSNAME
        return self.constant(Type("sql_variant", 8016), None if v is None else (t, v))

    def f_has_perms_by_name(self, name: E, kind: E, permission: E) -> E:
        self.volatile = True
        o = self._object(name)
        return self.constant(values.INT, None if not o else int(not self.session.is_denied(o)))

    def f_scope_identity(self) -> E:
        self.volatile = True
        return self.constant(values.make("numeric", [38, 0]), self.session.identity)
