"""Queries into SQL of SQLite, with the columns they give."""
from __future__ import annotations

import dataclasses
from typing import Any

from contract import Column, SqlError, Type

from . import ast, statistics, values
from .calls import AGGREGATES, Calls
from .catalog import Object
from .collate import collation
from .groups import Grouping
from .scope import E, Scope, Source
from .system import VIEWS


@dataclasses.dataclass
class Query:
    sql: str
    columns: list[Column]
    order: list[int] = dataclasses.field(default_factory=list)
    hidden: int = 0             # further columns behind them: keys of ORDER BY, for WITH TIES
    ties: int | None = None     # rows after which only ties follow
    variables: list[str] | None = None
    untyped: list[bool] = dataclasses.field(default_factory=list)  # the bare NULLs, which become of the type that they meet

DISTINCT_ORDER = SqlError(145, "ORDER BY items must appear in the select list if SELECT DISTINCT is specified.", 15)
SET_ORDER = SqlError(104, "ORDER BY items must appear in the select list if the statement contains a UNION, INTERSECT or EXCEPT operator.", 15)


class Select(Calls):
    def __init__(self, session: Any, variables: dict):
        super().__init__(session, variables)
        self.aliases = 0
        self.with_tables: dict[str, tuple] = {}
        self.depth = self.trusted = 0

    def query(self, n: Any, outer: Scope | None = None) -> Query:
        self.depth += 1
        try:
            if isinstance(n, ast.With):
                before = dict(self.with_tables)
                for name, columns, q in n.tables:
                    self.with_tables[name.lower()] = (q, columns, dict(self.with_tables))
                try:
                    self.depth -= 1
                    return self.query(n.query, outer)
                finally:
                    self.depth += 1
                    self.with_tables = before
            return self._union_query(n, outer) if isinstance(n, ast.Union) else self._select_query(n, outer)
        finally:
            self.depth -= 1

    # ---- sources -----------------------------------------------------------------------------------------------------------------
    def alias(self) -> str:
        self.aliases += 1
        return f"a{self.aliases}"

    def source(self, n: Any, outer: Scope | None) -> tuple[str, list[Source]]:
        if isinstance(n, ast.Join):
            return self._join(n, outer)
        if isinstance(n, ast.Derived):
            return self._derived(self.query(n.query, outer), n.alias, n.columns)
        name = n.parts[-1].lower()
        if len(n.parts) == 1 and name in self.with_tables:
            q, columns, visible = self.with_tables[name]
            now, self.with_tables = self.with_tables, visible
            try:
                return self._derived(self.query(q, None), n.alias or n.parts[-1], columns)
            finally:
                self.with_tables = now
        full = ".".join(n.parts[-2:]).lower()
        if full in VIEWS:
            return self._system_view(full, n.alias or n.parts[-1], *VIEWS[full])
        if n.arguments is not None:
            return self._histogram(n)
        o = self.session.object(n.parts, n.line, self.trusted > 0)
        return self._view(o, n.alias) if o.kind == "V" else self.table_source(o, n.alias)

    def _view(self, o: Object, alias: str | None) -> tuple[str, list[Source]]:
        """Who may read a view need not be allowed to read what is below it."""
        from .parse import Parser
        now, self.with_tables = self.with_tables, {}
        self.trusted += 1
        try:
            q = self.query(Parser(o.text).query(), None)
            self._check_width(q, o.columns, o.name)
            return self._derived(q, alias or o.name, [c.name for c in o.columns])
        finally:
            self.with_tables = now
            self.trusted -= 1

    def _check_width(self, q: Query, columns: list, name: str) -> None:
        if len(q.columns) != len(columns):
            raise SqlError(4502 if len(q.columns) < len(columns) else 8158, f"View or function '{name}' has more column names specified than columns defined."
                           if len(q.columns) < len(columns) else f"'{name}' has more columns than were specified in the column list.")

    def table_source(self, o: Object, alias: str | None) -> tuple[str, list[Source]]:
        a = self.alias()
        columns = [(c.name, f"{a}.{c.sql}", c.type, c.nullable) for c in o.columns]
        return f"{o.sql} AS {a}", [Source(alias or o.name, columns, f"{a}.rowid", o)]

    def _derived(self, q: Query, alias: str, names: list[str] | None) -> tuple[str, list[Source]]:
        a = self.alias()
        if names:
            self._check_width(q, names, alias)
        names = names or [c.name for c in q.columns]
        for i, name in enumerate(names, 1):
            if not name:
                raise SqlError(8155, f"No column name was specified for column {i} of '{alias}'.", 16, 2)
            if name.lower() in [other.lower() for other in names[:i - 1]]:
                raise SqlError(8156, f"The column '{name}' was specified multiple times for '{alias}'.")
        columns = [(name, f"{a}.k{i}", c.type, c.nullable) for i, (name, c) in enumerate(zip(names, q.columns))]
        return f"({q.sql}) AS {a}", [Source(alias, columns)]

    def _system_view(self, full: str, alias: str, columns: list, make: Any) -> tuple[str, list[Source]]:
        self.volatile = True
        name = self.session.system_table(full, len(columns), make)
        a = self.alias()
        return f"temp.{name} AS {a}", [Source(alias, [(c, f"{a}.k{i}", t, True) for i, (c, t) in enumerate(columns)])]

    def _histogram(self, n: ast.Table) -> tuple[str, list[Source]]:
        given = [self.compile(e, Scope([])) for e in n.arguments]
        if len(given) != 2:
            raise SqlError(313, f"An insufficient number of arguments were supplied for the procedure or function {statistics.FUNCTION}.", 16, 3)
        fixed = [self._fixed(e, statistics.FUNCTION) for e in given]
        return self._system_view(statistics.FUNCTION, n.alias or n.parts[-1], statistics.COLUMNS, lambda s: statistics.rows(s, *fixed))

    def _join(self, n: ast.Join, outer: Scope | None) -> tuple[str, list[Source]]:
        left, ls = self.source(n.left, outer)
        right, rs = self.source(n.right, outer)
        if isinstance(n.right, ast.Join):
            right = f"({right})"
        for kind, sources in (("LEFT", rs), ("RIGHT", ls), ("FULL", rs + ls)):
            if n.kind == kind:  # where there is no partner there are NULLs
                for s in sources:
                    s.columns = [(name, sql, t, True) for name, sql, t, _ in s.columns]
        if n.kind == "CROSS":
            return f"{left} CROSS JOIN {right}", ls + rs
        return f"{left} {n.kind} JOIN {right} ON {self.condition(n.on, Scope(ls + rs, outer))}", ls + rs

    # ---- SELECT ------------------------------------------------------------------------------------------------------------------
    def _items(self, n: ast.Select, scope: Scope) -> tuple[list[tuple[str, E]], list[str] | None]:
        items: list[tuple[str, E]] = []
        variables: list[str] = []
        for item in n.items:
            if isinstance(item, ast.Star):
                found = [s for s in scope.sources if item.table is None or s.alias.lower() == item.table.lower()]
                if not found:
                    raise SqlError(107, f"The column prefix '{item.table}' does not match with a table name or alias name used in the query.", 15)
                items += [(name, E(sql, t, nullable)) for s in found for name, sql, t, nullable in s.columns]
                continue
            name = item.alias or (item.value.parts[-1] if isinstance(item.value, ast.Name) else "")
            items.append((name, self.compile(item.value, scope)))
            if item.variable:
                variables.append(item.variable)
        if variables and len(variables) != len(items):
            raise SqlError(141, "A SELECT statement that assigns a value to a variable must not be combined with data-retrieval operations.", 15)
        return items, variables or None

    def _order_keys(self, order: list, items: list[tuple[str, E]], scope: Scope, ordinals: list[int], grouping: Grouping | None = None,
                    only_items: SqlError | None = None) -> list[tuple[str, bool]]:
        """only_items: what is wrong with keys that are no items."""
        keys = []
        for e, descending in order:
            at = None
            if isinstance(e, ast.Literal) and e.type.name == "int":
                if not 1 <= e.value <= len(items):
                    raise SqlError(108, f"The ORDER BY position number {e.value} is out of range of the number of items in the select list.", 16)
                at = e.value - 1
            elif isinstance(e, ast.Name) and len(e.parts) == 1:
                named = [i for i, (name, _) in enumerate(items) if name.lower() == e.parts[0].lower()]
                if len({items[i][1].sql for i in named}) > 1:
                    raise SqlError(209, f"Ambiguous column name '{e.parts[0]}'.", 16, line=e.line)
                at = named[0] if named else None
            compiled = items[at][1] if at is not None else self.compile(e, scope)
            if at is None:
                at = next((i for i, (_, item) in enumerate(items) if item.sql == compiled.sql), None)
            if at is not None:
                ordinals.append(at + 1)
            elif only_items is not None:
                raise only_items
            elif grouping:
                grouping.check(e, "order")
            keys.append((self.sort_key(compiled), descending))
        return keys

    def _count(self, n: Any, scope: Scope) -> int:
        e = self.cast(self.session.evaluate(n), values.BIGINT)
        if not e.constant or e.value is None or e.value < 0:
            raise SqlError(1060, "The number of rows provided for a TOP or FETCH clauses row count parameter must be an integer.", 15)
        return e.value

    def _select_query(self, n: ast.Select, outer: Scope | None) -> Query:
        source, sources = self.source(n.source, outer) if n.source is not None else ("", [])
        scope = Scope(sources, outer)
        if n.ties and self.depth > 1:
            raise SqlError(1033, "TOP ... WITH TIES is done by this server in the outermost query alone.")
        where = self.condition(n.where, scope) if n.where is not None else ""
        if scope.aggregates:
            raise SqlError(147, "An aggregate may not appear in the WHERE clause unless it is in a subquery contained in a HAVING clause or a select list.", 15)
        group = [self.compile(g, scope) for g in n.group]
        items, variables = self._items(n, scope)
        having = self.condition(n.having, scope) if n.having is not None else ""
        grouped = bool(group) or scope.aggregates or n.having is not None
        grouping = Grouping(n.group, scope, self.compile, AGGREGATES) if grouped else None
        if grouping:
            grouping.check([i.value if isinstance(i, ast.Item) else i for i in n.items], "select")
            grouping.check(n.having, "having")
        ordinals: list[int] = []
        keys = self._order_keys(n.order, items, scope, ordinals, grouping, DISTINCT_ORDER if n.distinct else None)
        if n.ties and not keys:
            raise SqlError(1062, "The TOP N WITH TIES clause is not allowed without a corresponding ORDER BY clause.", 15)
        top = self._count(n.top, scope) if n.top is not None else None
        if n.percent:
            raise SqlError(102, "Incorrect syntax near 'PERCENT'.", 15)
        hidden = [k for k, _ in keys] if n.ties else []
        for _, e in items if n.distinct else []:
            self.sort_key(e)  # refuses what cannot be told apart
        columns = [f"{self.sort_key(e) if n.distinct and e.type.name in values.TEXTS else e.sql} AS k{i}" for i, (_, e) in enumerate(items)]
        columns += [f"{k} AS h{i}" for i, k in enumerate(hidden)]
        sql = f"SELECT {'DISTINCT ' if n.distinct else ''}{', '.join(columns)}"
        sql += (f" FROM {source}" if source else "") + (f" WHERE {where}" if where else "")
        sql += f" GROUP BY {', '.join(self.sort_key(g) for g in group)}" if group else ""
        sql += f" HAVING {having}" if having else ""
        sql += self._tail(n, keys, scope, top, grouped or n.distinct, sources)
        shown = [Column(name, e.type, e.nullable) for name, e in items]
        untyped = [e.constant and e.value is None and e.type == values.INT for _, e in items]
        return Query(sql, shown, ordinals, len(hidden), top if n.ties else None, variables, untyped)

    def _tail(self, n: ast.Select, keys: list, scope: Scope, top: int | None, plain: bool, sources: list[Source]) -> str:
        sql = ""
        if keys:
            sql = " ORDER BY " + ", ".join(k + (" DESC" if d else "") for k, d in keys)
        elif self.depth == 1 and not plain and sources and sources[0].rowid:
            sql = f" ORDER BY {sources[0].rowid} DESC"  # no ORDER BY means no order: whoever relies on one shall notice
        if n.offset is not None:
            offset = self._count(n.offset, scope)
            return f"{sql} LIMIT {self._count(n.fetch, scope) if n.fetch is not None else -1} OFFSET {offset}"
        return f"{sql} LIMIT {top}" if top is not None and not n.ties else sql

    # ---- UNION -------------------------------------------------------------------------------------------------------------------
    def _union_query(self, n: ast.Union, outer: Scope | None) -> Query:
        left, right = self.query(n.left, outer), self.query(n.right, outer)
        if len(left.columns) != len(right.columns):
            raise SqlError(205, "All queries combined using a UNION, INTERSECT or EXCEPT operator must have an equal number of expressions in their target lists.")
        for c in left.columns + right.columns if n.op != "UNION ALL" else []:
            self.sort_key(E("", c.type))
        types: list[Type] = [b.type if x else a.type if y else values.common(a.type, b.type)
                             for a, b, x, y in zip(left.columns, right.columns, left.untyped, right.untyped)]
        parts = []
        for q in (left, right):
            a = self.alias()
            cells = [self.cast(E(f"{a}.k{i}", c.type), t).sql + (f" COLLATE {collation(t.collation)}" if t.name in values.TEXTS else "") + f" AS k{i}"
                     for i, (c, t) in enumerate(zip(q.columns, types))]
            parts.append(f"SELECT {', '.join(cells)} FROM ({q.sql}) AS {a}")
        columns = [Column(a.name, t, a.nullable or b.nullable) for a, b, t in zip(left.columns, right.columns, types)]
        a = self.alias()
        scope = Scope([Source("", [(c.name, f"{a}.k{i}", c.type, c.nullable) for i, c in enumerate(columns)])])
        ordinals: list[int] = []
        items = [(c.name, E(f"{a}.k{i}", c.type)) for i, c in enumerate(columns)]
        keys = self._order_keys(n.order, items, scope, ordinals, None, SET_ORDER)
        sql = f"SELECT * FROM ({parts[0]} {n.op} {parts[1]}) AS {a}"
        if keys:
            sql += " ORDER BY " + ", ".join(k + (" DESC" if d else "") for k, d in keys)
        if n.offset is not None:
            sql += f" LIMIT {self._count(n.fetch, scope) if n.fetch is not None else -1} OFFSET {self._count(n.offset, scope)}"
        return Query(sql, columns, ordinals, untyped=[x and y for x, y in zip(left.untyped, right.untyped)])
