"""SELECT and what is around it."""
from __future__ import annotations

from typing import Any

from . import ast
from .parse_expr import Expressions
from .statistics import FUNCTION

HINTS = {"NOLOCK", "READPAST", "READUNCOMMITTED", "READCOMMITTED", "REPEATABLEREAD", "SERIALIZABLE", "HOLDLOCK", "UPDLOCK", "ROWLOCK", "PAGLOCK", "TABLOCK",
         "TABLOCKX", "XLOCK", "SNAPSHOT", "FORCESEEK", "FORCESCAN", "NOWAIT"}


class Queries(Expressions):
    def query(self) -> Any:
        if self.accept("WITH"):
            return self._with()
        found = self._union()
        if self.accept("ORDER"):
            self.expect("BY")
            found.order = self.order_items()
            if self.accept("OFFSET"):
                found.offset = self.expression()
                if not self.accept("ROWS"):
                    self.expect("ROW")
                if self.accept("FETCH"):
                    if not self.accept("NEXT"):
                        self.expect("FIRST")
                    found.fetch = self.expression()
                    if not self.accept("ROWS"):
                        self.expect("ROW")
                    self.expect("ONLY")
        if self.accept("OPTION"):
            self.expect_op("(")
            depth = 1
            while depth:
                t = self.take()
                if t.kind == "end":
                    raise self.syntax()
                depth += (t.kind == "op" and t.raw == "(") - (t.kind == "op" and t.raw == ")")
        return found

    def _with(self) -> ast.With:
        tables = []
        while True:
            name = self.name()
            columns = self.bracketed_names() if self.is_op("(") else None
            self.expect("AS")
            tables.append((name, columns, self._bracketed_query()))
            if not self.accept_op(","):
                return ast.With(tables, self.query())

    def _union(self) -> Any:
        left = self._intersection()
        while self.is_word("UNION") or self.is_word("EXCEPT"):
            op = self.take().text
            if op == "UNION" and self.accept("ALL"):
                op = "UNION ALL"
            left = ast.Union(left, self._intersection(), op)
        return left

    def _intersection(self) -> Any:
        left = self._select()
        while self.accept("INTERSECT"):
            left = ast.Union(left, self._select(), "INTERSECT")
        return left

    def _select(self) -> Any:
        if self.accept_op("("):
            found = self.query()
            self.expect_op(")")
            return found
        self.expect("SELECT")
        s = ast.Select([])
        s.distinct = self.accept("DISTINCT")
        if not s.distinct:
            self.accept("ALL")
        if self.accept("TOP"):
            bracket = self.accept_op("(")
            s.top = self.expression() if bracket else self._primary()
            if bracket:
                self.expect_op(")")
            s.percent = self.accept("PERCENT")
            s.ties = self.accept("WITH", "TIES")
        s.items.append(self._item())
        while self.accept_op(","):
            s.items.append(self._item())
        if self.accept("INTO"):
            s.into = self.names()
        if self.accept("FROM"):
            s.source = self._sources()
        if self.accept("WHERE"):
            s.where = self.condition()
        if self.accept("GROUP"):
            self.expect("BY")
            s.group.append(self.expression())
            while self.accept_op(","):
                s.group.append(self.expression())
        if self.accept("HAVING"):
            s.having = self.condition()
        return s

    def _item(self) -> Any:
        if self.accept_op("*"):
            return ast.Star(None)
        if self.peek().raw == "." and self.peek(2).raw == "*" and self.peek(2).kind == "op":
            table = self.name()
            self.take(), self.take()
            return ast.Star(table)
        if self.now.kind == "variable" and self.peek().kind == "op" and self.peek().raw == "=":
            name = self.take().raw
            self.take()
            return ast.Item(self.expression(), None, name)
        if self.now.kind in ("word", "name") and self.peek().kind == "op" and self.peek().raw == "=":
            alias = self.name()
            self.take()
            return ast.Item(self.expression(), alias)
        value = self.expression()
        if self.accept("AS"):
            alias = self.take().raw if self.now.kind in ("string", "nstring") else self.name()
            return ast.Item(value, alias)
        if self.now.kind == "name" or (self.now.kind == "word" and self._may_be_alias()):
            return ast.Item(value, self.name())
        return ast.Item(value, None)

    def _may_be_alias(self) -> bool:
        from .cursor import RESERVED
        return self.now.text not in RESERVED and self.now.text not in ("OPTION", "OFFSET", "GO", "THROW", "RAISERROR")

    def _sources(self) -> Any:
        left = self._joined()
        while self.accept_op(","):
            left = ast.Join("CROSS", left, self._joined(), None)
        return left

    def _joined(self) -> Any:
        left = self._source()
        while True:
            if self.accept("CROSS", "JOIN"):
                left = ast.Join("CROSS", left, self._source(), None)
                continue
            kind = None
            for words, k in ((("INNER", "JOIN"), "INNER"), (("JOIN",), "INNER"), (("LEFT", "OUTER", "JOIN"), "LEFT"), (("LEFT", "JOIN"), "LEFT"),
                             (("RIGHT", "OUTER", "JOIN"), "RIGHT"), (("RIGHT", "JOIN"), "RIGHT"), (("FULL", "OUTER", "JOIN"), "FULL"),
                             (("FULL", "JOIN"), "FULL")):
                if self.accept(*words):
                    kind = k
                    break
            if not kind:
                return left
            right = self._source()
            self.expect("ON")
            left = ast.Join(kind, left, right, self.condition())

    def _source(self) -> Any:
        line = self.now.line
        if self.is_op("("):
            if self.peek().text in ("SELECT", "WITH") or self.peek().raw == "(":
                query = self._bracketed_query()
                self.accept("AS")
                alias = self.name()
                return ast.Derived(query, alias, self.bracketed_names() if self.is_op("(") else None)
            self.take()
            if self.accept("VALUES"):
                return self._constructed()
            inner = self._joined()
            self.expect_op(")")
            return inner
        table = ast.Table(self.names(), None, line)
        if self.is_op("(") and ".".join(table.parts).lower() == FUNCTION:
            table.arguments = self._arguments()
        if self.accept("AS") or self.now.kind == "name" or (self.now.kind == "word" and self._may_be_alias()):
            table.alias = self.name()
        self._hints()
        return table

    def _arguments(self) -> list[Any]:
        self.expect_op("(")
        found = [self.expression()]
        while self.accept_op(","):
            found.append(self.expression())
        self.expect_op(")")
        return found

    def _constructed(self) -> ast.Derived:
        """(VALUES (1, N'a'), (2, N'b')) AS t (id, name)"""
        rows = []
        while True:
            self.expect_op("(")
            row = [self.expression()]
            while self.accept_op(","):
                row.append(self.expression())
            self.expect_op(")")
            rows.append(ast.Select([ast.Item(e, None) for e in row]))
            if not self.accept_op(","):
                break
        self.expect_op(")")
        self.accept("AS")
        alias = self.name()
        while len(rows) > 1:  # in pairs, so that it gets wide instead of deep
            rows = [ast.Union(rows[i], rows[i + 1], "UNION ALL") if i + 1 < len(rows) else rows[i] for i in range(0, len(rows), 2)]
        return ast.Derived(rows[0], alias, self.bracketed_names())

    def _hints(self) -> None:
        if self.is_word("WITH") and self.peek().raw == "(" or (self.is_op("(") and self.peek().text in HINTS):
            self.accept("WITH")
            self.expect_op("(")
            while not self.accept_op(")"):
                if self.now.text not in HINTS:
                    raise self.syntax()
                self.take()
                self.accept_op(",")
