"""Expressions into SQL of SQLite, each with its type in T-SQL."""
from __future__ import annotations

import dataclasses
from typing import Any

from contract import SqlError, Type

from . import ast, values
from .database import collation

VALUE_UNKNOWN = object()


@dataclasses.dataclass
class E:
    sql: str
    type: Type
    nullable: bool = True
    value: Any = VALUE_UNKNOWN  # of a constant: the contract value
    collation: str | None = None  # said by COLLATE

    @property
    def constant(self) -> bool:
        return self.value is not VALUE_UNKNOWN


@dataclasses.dataclass
class Source:
    """What a FROM clause makes known: columns under an alias."""
    alias: str
    columns: list[tuple[str, str, Type, bool]]  # name, SQL, type, nullable
    rowid: str | None = None
    definition: Any = None  # of a table


class Scope:
    def __init__(self, sources: list[Source], outer: "Scope | None" = None):
        self.sources, self.outer = sources, outer
        self.aggregates = False

    def find(self, parts: list[str], line: int) -> E:
        wanted, table = parts[-1].lower(), parts[-2].lower() if len(parts) > 1 else None
        found = [(sql, t, n) for s in self.sources if table in (None, s.alias.lower()) for name, sql, t, n in s.columns if name.lower() == wanted]
        if len(found) > 1:
            raise SqlError(209, f"Ambiguous column name '{parts[-1]}'.", 16, line=line)
        if found:
            return E(*found[0])
        if self.outer:
            return self.outer.find(parts, line)
        if table and table not in [s.alias.lower() for s in self.sources]:
            raise SqlError(4104, f'The multi-part identifier "{".".join(parts)}" could not be bound.', line=line)
        raise SqlError(207, f"Invalid column name '{parts[-1]}'.", 16, line=line)


class Expressions:
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
                return self.constant(to, values.convert(e.value, e.type, to, style))
            except SqlError:
                if safe:
                    return self.constant(to, None)
                raise
        a = e.type
        if not safe and (a.name in values.INTS and to.name in values.INTS and values.INTS[to.name][1] >= values.INTS[a.name][1] and to.name != "bit" or
                         a.name == to.name and a.name in ("datetime2", "time") and a.scale <= to.scale or
                         a.name in values.TEXTS and to.name in values.TEXTS and to.length == -1):
            return E(e.sql, to, e.nullable)
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
                 "@@DBTS": lambda: (values.make("varbinary", [8]), s.db.last_rowversion.to_bytes(8, "big")),
                 "@@IDENTITY": lambda: (values.make("numeric", [38, 0]), s.identity), "@@LOCK_TIMEOUT": lambda: (values.INT, -1),
                 "@@SERVERNAME": lambda: (values.SYSNAME, "mssqld"), "@@OPTIONS": lambda: (values.INT, 5496), "@@MICROSOFTVERSION": lambda: (values.INT, 0x0F000000),
                 "@@LANGUAGE": lambda: (values.SYSNAME, "us_english"), "@@DATEFIRST": lambda: (Type("tinyint", 1, 3), 7)}
        if name not in known:
            raise SqlError(137, f'Must declare the scalar variable "{name}".', 15, 2)
        self.volatile |= name not in ("@@VERSION", "@@MAX_PRECISION", "@@SERVERNAME")
        return self.constant(*known[name]())

    def _collate(self, n: ast.Collate, scope: Scope) -> E:
        e = self.compile(n.operand, scope)
        return E(e.sql, Type(e.type.name, e.type.length, collation=n.collation), e.nullable, e.value, n.collation)

    def _unary(self, n: ast.Unary, scope: Scope) -> E:
        e = self.compile(n.operand, scope)
        if n.op == "-":
            return self._arithmetic("-", self.constant(values.INT, 0), e)
        return E(f"(~{e.sql})", e.type, e.nullable)

    def _binary(self, n: ast.Binary, scope: Scope) -> E:
        return self._arithmetic(n.op, self.compile(n.left, scope), self.compile(n.right, scope))

    def _arithmetic(self, op: str, a: E, b: E) -> E:
        t = values.common(a.type, b.type)
        if t.name in values.TEXTS and op == "+":
            return self._concatenate(a, b, t)
        if t.name in values.INTS:
            t = values.INT if t.name == "bit" else t
            if op in "&|^":
                sql = f"({a.sql} {op} {b.sql})" if op != "^" else f"(({a.sql} | {b.sql}) - ({a.sql} & {b.sql}))"
                return E(sql, t, a.nullable or b.nullable)
            low, high = values.INTS[t.name]
            return E(f"ms_int('{op}', {self.cast(a, t).sql}, {self.cast(b, t).sql}, {low}, {high})", t, True)
        if t.name in values.FLOATS:
            x, y = self.cast(a, values.FLOAT).sql, self.cast(b, values.FLOAT).sql
            return E(f"({x} {op} {y})", t, True)
        if t.name in values.EXACTS:
            return self._exact(op, a, b)
        if t.name in ("datetime", "smalldatetime") and op in "+-" and b.type.name in values.INTS:
            days = {"datetime": 25_920_000, "smalldatetime": 1440}[t.name]
            return E(f"({a.sql} {op} {days} * {b.sql})", t, True)
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
        return E(f"({a.sql} || {b.sql})", values.make(t.name, [-1 if n is None else min(n, limit)], t.collation), a.nullable or b.nullable)

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
        return E(f"({q.sql})", q.columns[0].type, True)

    def query(self, n: Any, outer: Scope | None) -> Any:
        raise NotImplementedError

    # ---- conditions ------------------------------------------------------------------------------------------------------------
    def collation_of(self, a: E, b: E) -> str:
        return collation(a.collation or b.collation or a.type.collation or b.type.collation)

    def compare(self, op: str, a: E, b: E) -> str:
        t = values.common(a.type, b.type)
        if t.name in ("text", "ntext", "image", "xml", "sql_variant") or t.name in values.CLR:
            raise SqlError(402, f"The data types {a.type.name} and {b.type.name} are incompatible in the {op} operator.")
        if t.name in values.TEXTS:
            return f"({a.sql} {op} {b.sql} COLLATE {self.collation_of(a, b)})"
        if not (t.name in values.BYTES and a.type.name in values.BYTES and b.type.name in values.BYTES):
            a, b = self.cast(a, t), self.cast(b, t)
        if t.name == "datetimeoffset":
            return f"(substr({a.sql}, 1, 19) {op} substr({b.sql}, 1, 19))"
        if t.name == "uniqueidentifier" and op not in ("=", "<>"):
            return f"(ms_uuid({a.sql}) {op} ms_uuid({b.sql}))"
        return f"({a.sql} {op} {b.sql})"

    def condition(self, n: Any, scope: Scope) -> str:
        if isinstance(n, ast.Logic):
            parts = [self.condition(x, scope) for x in n.operands]
            return f"(NOT {parts[0]})" if n.op == "NOT" else "(" + f" {n.op} ".join(parts) + ")"
        if isinstance(n, ast.Compare):
            return self.compare(n.op, self.compile(n.left, scope), self.compile(n.right, scope))
        if isinstance(n, ast.IsNull):
            return f"({self.compile(n.operand, scope).sql} IS {'NOT ' if n.negated else ''}NULL)"
        if isinstance(n, ast.Between):
            e = self.compile(n.operand, scope)
            inner = f"({self.compare('>=', e, self.compile(n.low, scope))} AND {self.compare('<=', e, self.compile(n.high, scope))})"
            return f"(NOT {inner})" if n.negated else inner
        if isinstance(n, ast.Like):
            e, pattern = self.compile(n.operand, scope), self.compile(n.pattern, scope)
            escape = self.compile(n.escape, scope).sql if n.escape is not None else "NULL"
            ci = int(self.collation_of(e, pattern) == "ms_ci")
            text = values.make("nvarchar", [-1])
            inner = f"ms_like({self.cast(e, text).sql}, {self.cast(pattern, text).sql}, {escape}, {ci})"
            return f"(NOT {inner})" if n.negated else inner
        if isinstance(n, ast.In):
            return self._in_condition(n, scope)
        if isinstance(n, ast.Exists):
            return f"EXISTS ({self.query(n.query, scope).sql})"
        raise SqlError(4145, "An expression of non-boolean type specified in a context where a condition is expected.", 15)

    def _in_condition(self, n: ast.In, scope: Scope) -> str:
        e = self.compile(n.operand, scope)
        if n.items is not None:
            inner = "(" + " OR ".join(self.compare("=", e, self.compile(i, scope)) for i in n.items) + ")"
        else:
            q = self.query(n.query, scope)
            if len(q.columns) != 1:
                raise SqlError(116, "Only one expression can be specified in the select list when the subquery is not introduced with EXISTS.")
            if values.common(e.type, q.columns[0].type) != e.type and e.type.name not in values.TEXTS:
                e = self.cast(e, values.common(e.type, q.columns[0].type))
            inner = f"({e.sql}{' COLLATE ' + collation(e.type.collation) if e.type.name in values.TEXTS else ''} IN ({q.sql}))"
        return f"(NOT {inner})" if n.negated else inner
