"""Calls of functions: which there are, aggregates, and choices among values."""
from __future__ import annotations

from contract import SqlError

from . import ast, values
from .calls_server import ServerCalls
from .calls_text import TextCalls
from .calls_time import TimeCalls
from .collate import collation
from .expr import Expressions
from .scope import E, Scope

AGGREGATES = {"COUNT", "COUNT_BIG", "SUM", "MIN", "MAX", "AVG"}
RANKS = {"ROW_NUMBER", "RANK", "DENSE_RANK"}


class Calls(TimeCalls, TextCalls, ServerCalls, Expressions):
    def _call(self, n: ast.Call, scope: Scope) -> E:
        if n.name in AGGREGATES:
            return self._aggregate(n, scope)
        if n.name in RANKS:
            return self._window(n, scope)
        if n.over is not None or n.distinct:
            raise SqlError(10753, f"The function '{n.name}' may not have an OVER clause or DISTINCT.", 15, line=n.line)
        method = getattr(self, f"f_{n.name.lower()}", None)
        if not method:
            raise SqlError(195, f"'{n.name}' is not a recognized built-in function name.", 15, 10, n.line)
        if n.name in ("IIF",):
            return method(n, scope)
        if any(isinstance(a, ast.Star) for a in n.args):
            raise SqlError(102, "Incorrect syntax near '*'.", 15, line=n.line)
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
        if len(n.args) != 1:
            raise SqlError(174, f"The {n.name} function requires 1 argument(s).", 15, line=n.line)
        tail = self._over(n.over, scope) if n.over is not None else ""
        if n.name in ("COUNT", "COUNT_BIG"):
            t = values.INT if n.name == "COUNT" else values.BIGINT
            if isinstance(n.args[0], ast.Star):
                return E(f"count(*){tail}", t, False)
            e = self.compile(n.args[0], scope)
            return E(f"count(DISTINCT {self.sort_key(e)}){tail}" if n.distinct else f"count({e.sql}){tail}", t, False)
        e = self.compile(n.args[0], scope)
        t = e.type
        if n.name in ("MIN", "MAX"):
            return self._extreme(n.name.lower(), e, tail)
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
        if n.over is not None:
            raise SqlError(8117, f"{n.name} of {t.name} with an OVER clause is not done by this server.", line=n.line)
        if n.distinct:
            raise SqlError(8117, f"{n.name} (DISTINCT) of {t.name} is not done by this server.", line=n.line)
        return self._exact_total(n.name, e)

    def _exact_total(self, name: str, e: E) -> E:
        money = e.type.name in ("money", "smallmoney")
        to = values.make("money", []) if money else values.make("decimal", [38, values.scale_of(e.type)])
        total = E(f"ms_sum({e.sql}, {self.database.conversion(e.type, to, None)})", to)
        if name == "SUM":
            return total
        count = f"count({e.sql})"
        if money:
            return E(f"ms_money('/', {total.sql}, 10000 * {count}, {-2 ** 63}, {2 ** 63 - 1})", to)
        t = values.make("decimal", [38, max(6, e.type.scale)])
        return E(f"ms_exact('/', {total.sql}, {count}, {e.type.scale}, 0, {t.scale}, 38)", t)

    def _extreme(self, function: str, e: E, tail: str) -> E:
        if e.type.name in ("text", "ntext", "image", "xml", "sql_variant", "bit") or e.type.name in values.CLR:
            raise SqlError(8117, f"Operand data type {e.type.name} is invalid for {function} operator.")
        if e.type.name == "uniqueidentifier":
            return E(f"ms_uuid_of({function}(ms_uuid({e.sql})){tail})", e.type)
        by = f" COLLATE {self.collation_of(e, e)}" if e.type.name in values.TEXTS else ""
        return E(f"{function}({e.sql}{by}){tail}", e.type, collation=e.collation)

    def _over(self, over: tuple, scope: Scope) -> str:
        parts = []
        if over[0]:
            parts.append("PARTITION BY " + ", ".join(self.sort_key(self.compile(e, scope)) for e in over[0]))
        if over[1]:
            parts.append("ORDER BY " + ", ".join(self.sort_key(self.compile(e, scope)) + (" DESC" if d else "") for e, d in over[1]))
        return f" OVER ({' '.join(parts)})"

    def _window(self, n: ast.Call, scope: Scope) -> E:
        if n.over is None:
            raise SqlError(10753, f"The function '{n.name}' must have an OVER clause.", 15, line=n.line)
        return E(f"{n.name.lower()}(){self._over(n.over, scope)}", values.BIGINT, False)

    def sort_key(self, e: E) -> str:
        """What orders, groups and tells apart values of this type."""
        t = e.type.name
        if t in ("text", "ntext", "image", "xml") or t in values.CLR:
            raise SqlError(306, "The text, ntext, and image data types cannot be compared or sorted, except when using IS NULL or LIKE operator.")
        if t == "sql_variant":
            raise SqlError(306, "Values of sql_variant are not ordered or grouped by this server.")
        if t in values.TEXTS:
            return f"{e.sql} COLLATE {collation(e.collation or e.type.collation)}"
        if t == "datetimeoffset":
            return f"substr({e.sql}, 1, 19)"
        return f"ms_unpad({e.sql})" if t in ("varbinary",) else f"ms_uuid({e.sql})" if t == "uniqueidentifier" else e.sql

    # ---- choices ---------------------------------------------------------------------------------------------------------------------
    def f_isnull(self, a: E, b: E) -> E:
        t = b.type if a.constant and a.value is None and a.type == values.INT else a.type
        return E(f"coalesce({self.cast(a, t).sql}, {self.cast(b, t).sql})", t, a.nullable and b.nullable)

    def f_coalesce(self, *items: E) -> E:
        t = self.common_of(list(items))
        return E("coalesce(" + ", ".join(self.cast(e, t).sql for e in items) + ")", t, all(e.nullable for e in items))

    def f_nullif(self, a: E, b: E) -> E:
        return E(f"(CASE WHEN {self.compare('=', a, b)} THEN NULL ELSE {a.sql} END)", a.type)

    def f_choose(self, at: E, *items: E) -> E:
        t = self.common_of(list(items))
        whens = " ".join(f"WHEN {i} THEN {self.cast(e, t).sql}" for i, e in enumerate(items, 1))
        return E(f"(CASE {self.cast(at, values.INT).sql} {whens} END)", t)

    def f_iif(self, n: ast.Call, scope: Scope) -> E:
        return self._case(ast.Case(None, [(n.args[0], n.args[1])], n.args[2]), scope)
