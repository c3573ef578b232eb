"""Expressions into SQL of SQLite, each with its type in T-SQL."""
from __future__ import annotations

from typing import Any

from contract import SqlError, Type

from . import ast, times, values
from .convert import convert
from .scope import E, Scope
from .conditions import Conditions

class Expressions(Conditions):
    """compile(node) -> E; condition(node) -> SQL.  Parameters are collected in self.bound."""

    def __init__(self, session: Any, variables: dict):
        self.session, self.variables = session, variables
        self.database = session.db
        self.bound: dict[str, Any] = {}
        self.volatile = False

    def constant(self, t: Type, v: Any, nullable: bool | None = None) -> E:
        name = f"p{len(self.bound)}"
        self.bound[name] = values.encode(t, v)
        return E(f":{name}", t, v is None if nullable is None else nullable, v)

    def cast(self, e: E, to: Type, style: int | None = None, safe: bool = False) -> E:
        if e.type == to:
            return e
        if e.constant:
            try:
                return self.constant(to, convert(e.value, e.type, to, style))
            except SqlError:
                if safe:
                    return self.constant(to, None)
                raise
        a = e.type
        if not safe and (a.name in values.INTS and to.name in values.INTS and values.INTS[to.name][1] >= values.INTS[a.name][1] and to.name != "bit" or
                         a.name == to.name and a.name in ("datetime2", "time") and a.scale <= to.scale or
                         a.name in values.TEXTS and to.name in ("nvarchar", "ntext") and to.length == -1):
            return E(e.sql, to, e.nullable, collation=e.collation)
        i = self.database.conversion(a, to, style)
        return E(f"{'ms_try' if safe else 'ms_cast'}({e.sql}, {i})", to, True if safe else e.nullable)

    # ---- values --------------------------------------------------------------------------------------------------------------
    def compile(self, n: Any, scope: Scope) -> E:
        return getattr(self, "_" + type(n).__name__.lower())(n, scope)

    def _literal(self, n: ast.Literal, scope: Scope) -> E:
        return self.constant(n.type, n.value)

    def _name(self, n: ast.Name, scope: Scope) -> E:
        return scope.find(n.parts, n.line)

    def _variable(self, n: ast.Variable, scope: Scope) -> E:
        if n.name.startswith("@@"):
            return self.global_variable(n.name.upper())
        if n.name.lower() not in self.variables:
            raise SqlError(137, f'Must declare the scalar variable "{n.name}".', 15, 2)
        t, v = self.variables[n.name.lower()]
        return self.constant(t, v, True)

    def global_variable(self, name: str) -> E:
        s = self.session
        known = {"@@VERSION": lambda: (values.make("nvarchar", [300]), s.server.version), "@@SPID": lambda: (Type("smallint", 2, 5), s.spid),
                 "@@ROWCOUNT": lambda: (values.INT, s.row_count), "@@TRANCOUNT": lambda: (values.INT, s.depth),
                 "@@ERROR": lambda: (values.INT, 0), "@@MAX_PRECISION": lambda: (Type("tinyint", 1, 3), 38),
                 "@@DBTS": lambda: (values.make("binary", [8]), s.db.last_rowversion.to_bytes(8, "big")),
                 "@@IDENTITY": lambda: (values.make("numeric", [38, 0]), s.identity), "@@LOCK_TIMEOUT": lambda: (values.INT, s.lock_timeout),
                 "@@SERVERNAME": lambda: (values.SYSNAME, "mssqld"), "@@OPTIONS": lambda: (values.INT, 5496), "@@MICROSOFTVERSION": lambda: (values.INT, 0x0F000000),
                 "@@LANGUAGE": lambda: (values.SYSNAME, "us_english"), "@@DATEFIRST": lambda: (Type("tinyint", 1, 3), 7)}
        if name not in known:
            raise SqlError(137, f'Must declare the scalar variable "{name}".', 15, 2)
        self.volatile |= name not in ("@@VERSION", "@@MAX_PRECISION", "@@SERVERNAME")
        return self.constant(*known[name]())

    def _collate(self, n: ast.Collate, scope: Scope) -> E:
        e = self.compile(n.operand, scope)
        if e.type.name not in values.TEXTS:
            raise SqlError(447, f"Expression type {e.type.name} is invalid for COLLATE clause.")
        return E(e.sql, Type(e.type.name, e.type.length, collation=n.collation), e.nullable, e.value, n.collation)

    def _unary(self, n: ast.Unary, scope: Scope) -> E:
        e = self.compile(n.operand, scope)
        if n.op == "~" and e.type.name in values.INTS:
            return E(f"(1 - {e.sql})" if e.type.name == "bit" else f"(255 - {e.sql})" if e.type.name == "tinyint" else f"(~{e.sql})", e.type, e.nullable)
        if n.op == "~" or e.type.name not in values.NUMBERS or e.type.name in ("bit", "tinyint"):
            raise SqlError(8117, f"Operand data type {e.type.name} is invalid for {'minus' if n.op == '-' else '~'} operator.")
        if e.type.name in ("decimal", "numeric"):
            s = e.type.scale
            return E(f"ms_exact('-', 0, {e.sql}, {s}, {s}, {s}, {e.type.precision})", e.type, e.nullable)
        return self._arithmetic("-", self.constant(e.type, 0), e)

    def _binary(self, n: ast.Binary, scope: Scope) -> E:
        return self._arithmetic(n.op, self.compile(n.left, scope), self.compile(n.right, scope))

    def _arithmetic(self, op: str, a: E, b: E) -> E:
        t = values.common(a.type, b.type)
        if t.name in values.TEXTS and op == "+":
            return self._concatenate(a, b, t)
        if t.name in values.NUMBERS:
            a, b = (e if e.type.name in values.NUMBERS else self.cast(e, t) for e in (a, b))
        if t.name in values.INTS:
            if op in "&|^":
                sql = f"({a.sql} {op} {b.sql})" if op != "^" else f"(({a.sql} | {b.sql}) - ({a.sql} & {b.sql}))"
                return E(sql, t, a.nullable or b.nullable)
            if t.name == "bit":
                raise SqlError(8117, f"Operand data type bit is invalid for {op} operator.")
            low, high = values.INTS[t.name]
            return E(f"ms_int('{op}', {self.cast(a, t).sql}, {self.cast(b, t).sql}, {low}, {high})", t, True)
        if t.name in values.FLOATS:
            if op not in "+-*/":
                raise SqlError(402, f"The data types {a.type.name} and {b.type.name} are incompatible in the {op} operator.")
            x, y = self.cast(a, values.FLOAT).sql, self.cast(b, values.FLOAT).sql
            return E(f"ms_float('{op}', {x}, {y}, {int(t.name == 'real')})", t, True)
        if t.name in values.EXACTS:
            if op in "&|^":
                raise SqlError(402, f"The data types {a.type.name} and {b.type.name} are incompatible in the {op} operator.")
            if t.name in ("money", "smallmoney"):
                low, high = (-2 ** 63, 2 ** 63 - 1) if t.name == "money" else (-2 ** 31, 2 ** 31 - 1)
                return E(f"ms_money('{op}', {self.cast(a, t).sql}, {self.cast(b, t).sql}, {low}, {high})", t, True)
            return self._exact(op, a, b)
        if t.name in ("datetime", "smalldatetime") and op in "+-" and b.type.name in values.INTS:
            days = {"datetime": 25_920_000, "smalldatetime": 1440}[t.name]
            low, high = times.LIMITS[t.name]
            return E(f"ms_limit({self.cast(a, t).sql} {op} {days} * {b.sql}, {low}, {high})", t, True)
        raise SqlError(8117, f"Operand data type {t.name} is invalid for {op} operator.")

    def _exact(self, op: str, a: E, b: E) -> E:
        """Precision and scale of the result as the documentation of T-SQL has them."""
        p1, p2 = (len(str(abs(e.value))) if e.constant and e.type.name in values.INTS and e.value is not None else values.digits_of(e.type) for e in (a, b))
        s1, s2 = values.scale_of(a.type), values.scale_of(b.type)
        if op in "+-%":
            s = max(s1, s2)
            p = max(p1 - s1, p2 - s2) + s + 1
        elif op == "*":
            p, s = p1 + p2 + 1, s1 + s2
        else:
            s = max(6, s1 + p2 + 1)
            p = p1 - s1 + s2 + s
        if p > 38:
            s, p = max(min(s, 38 - (p - s)), min(s, 6)), 38
        t = values.make("decimal", [p, s])
        return E(f"ms_exact('{op}', {a.sql}, {b.sql}, {s1}, {s2}, {s}, {p})", t, True)

    def _concatenate(self, a: E, b: E, t: Type) -> E:
        lengths = [x.type.length // (2 if x.type.name[0] == "n" else 1) if x.type.length != -1 else None for x in (a, b)]
        if a.type.name not in values.TEXTS or b.type.name not in values.TEXTS:
            raise SqlError(245, f"Conversion failed when converting the {t.name} value to data type int.")
        n = None if None in lengths else lengths[0] + lengths[1]
        limit = 4000 if t.name[0] == "n" else 8000
        by = a.collation or b.collation or next((x.type.collation for x in (a, b) if not x.constant), t.collation)
        sql = f"({a.sql} || {b.sql})" if n is None or n <= limit else f"substr({a.sql} || {b.sql}, 1, {limit})"
        return E(sql, values.make(t.name, [-1 if n is None else min(n, limit)], by), a.nullable or b.nullable, collation=a.collation or b.collation)

    def _cast(self, n: ast.Cast, scope: Scope) -> E:
        style = self.compile(n.style, scope).value if n.style is not None else None
        return self.cast(self.compile(n.operand, scope), n.type, style, n.safe)

    def _case(self, n: ast.Case, scope: Scope) -> E:
        results = [self.compile(then, scope) for _, then in n.whens]
        otherwise = self.compile(n.otherwise, scope) if n.otherwise is not None else None
        all_results = [*results, *([otherwise] if otherwise else [])]
        t = self.common_of(all_results)
        parts = []
        for (when, _), then in zip(n.whens, results):
            test = self.compare("=", self.compile(n.operand, scope), self.compile(when, scope)) if n.operand is not None else self.condition(when, scope)
            parts.append(f"WHEN {test} THEN {self.cast(then, t).sql}")
        tail = self.cast(otherwise, t).sql if otherwise else "NULL"
        return E(f"(CASE {' '.join(parts)} ELSE {tail} END)", t, True)

    def common_of(self, items: list[E]) -> Type:
        typed = [e for e in items if not (e.constant and e.value is None)] or items
        t = typed[0].type
        for e in typed[1:]:
            t = values.common(t, e.type)
        return t

    def _subquery(self, n: ast.Subquery, scope: Scope) -> E:
        q = self.query(n.query, scope)
        if len(q.columns) != 1:
            raise SqlError(116, "Only one expression can be specified in the select list when the subquery is not introduced with EXISTS.")
        a = self.alias()
        return E(f"(SELECT CASE WHEN count(*) > 1 THEN ms_many() ELSE max({a}.k0) END FROM ({q.sql}) AS {a})", q.columns[0].type, True)

    def query(self, n: Any, outer: Scope | None) -> Any:
        raise NotImplementedError
