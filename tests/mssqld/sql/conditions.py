"""Conditions into SQL of SQLite: comparisons of any two types, by the collation that is due."""
from __future__ import annotations

from typing import Any

from contract import SqlError

from . import ast, values
from .collate import collation
from .scope import E, Scope

PLAIN = {*values.INTS, "date", "time", "datetime", "smalldatetime", "datetime2", "float", "real", "money", "smallmoney", "decimal"}


class Conditions:
    """condition(node, scope) -> SQL.  compile, cast, constant, query and alias are those of the classes built on this one."""
    compile: Any
    cast: Any
    constant: Any
    query: Any
    alias: Any

    def collation_of(self, a: E, b: E) -> str:
        """What COLLATE says wins over a column's, and that over a constant's."""
        for candidates in ((a.collation, b.collation), *([] if a.constant and b.constant else [[e.type.collation for e in (a, b) if not e.constant]])):
            names = {c.lower(): c for c in candidates if c}
            if len(names) > 1:
                x, y = names.values()
                raise SqlError(468, f'Cannot resolve the collation conflict between "{x}" and "{y}" in the equal to operation.', 16, 9)
            if names:
                return collation(*names.values())
        return collation(a.type.collation or b.type.collation)

    def _settled(self, a: E, b: E) -> E:
        """Constant b as one of a's type, if that loses nothing: then a stays as it is, and an index on it serves."""
        exacts = {*values.INTS, "decimal", "numeric"}
        if b.constant and b.value is not None and not a.constant and a.type.name in exacts and b.type.name in exacts:
            by = values.scale_of(a.type) - values.scale_of(b.type)
            n = values.rescale(b.value, by)
            low, high = values.INTS.get(a.type.name, (1 - 10 ** values.digits_of(a.type), 10 ** values.digits_of(a.type) - 1))
            if values.rescale(n, -by) == b.value and low <= n <= high and a.type.name != "bit":
                return self.constant(a.type, n)
        if b.constant and b.value is not None and a.type.name in ("binary", "rowversion") and b.type.name in values.BYTES and len(b.value) <= a.type.length:
            return self.constant(a.type, b.value.ljust(a.type.length, b"\0"))
        return b

    def compare(self, op: str, a: E, b: E) -> str:
        a, b = self._settled(b, a), self._settled(a, b)
        t = values.common(a.type, b.type)
        if t.name in ("text", "ntext", "image", "xml", "sql_variant") or t.name in values.CLR:
            raise SqlError(402, f"The data types {a.type.name} and {b.type.name} are incompatible in the {op} operator.")
        if t.name in values.TEXTS:
            return f"({a.sql} {op} {b.sql} COLLATE {self.collation_of(a, b)})"
        if a.type.name in values.BYTES and b.type.name in values.BYTES:
            same = a.type.length == b.type.length and a.type.name in ("binary", "rowversion") and b.type.name in ("binary", "rowversion")
            return f"({a.sql} {op} {b.sql})" if same else f"(ms_unpad({a.sql}) {op} ms_unpad({b.sql}))"
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
            if e.type.name not in values.TEXTS and e.type.name not in values.NUMBERS or pattern.type.name not in values.TEXTS:
                raise SqlError(8116, f"Argument data type {e.type.name} is invalid for argument 1 of like function.")
            escape = self.compile(n.escape, scope).sql if n.escape is not None else "NULL"
            text = values.make("nvarchar", [-1])
            inner = f"ms_like({self.cast(e, text).sql}, {self.cast(pattern, text).sql}, {escape}, '{self.collation_of(e, pattern)}')"
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
            inner = self._in_query(e, self.query(n.query, scope))
        return f"(NOT {inner})" if n.negated else inner

    def _in_query(self, e: E, q: Any) -> str:
        if len(q.columns) != 1:
            raise SqlError(116, "Only one expression can be specified in the select list when the subquery is not introduced with EXISTS.")
        c = E("s.k0", q.columns[0].type)
        t = values.common(e.type, c.type)
        if t.name in values.TEXTS and e.type.name in values.TEXTS and c.type.name in values.TEXTS:
            return f"({e.sql} COLLATE {self.collation_of(e, c)} IN ({q.sql}))"
        if t.name in PLAIN and t.name == c.type.name and values.scale_of(t) == values.scale_of(c.type) and (t.name != "decimal" or t == c.type):
            return f"({self.cast(e, t).sql} IN ({q.sql}))"
        a = self.alias()
        c = E(f"{a}.k0", c.type)
        known = self.compare("=", e, c)
        return (f"(SELECT CASE WHEN count(*) = 0 THEN 0 WHEN max({known}) THEN 1 WHEN max({known} IS NULL) THEN NULL ELSE 0 END "
                f"FROM ({q.sql}) AS {a})")
