"""Expressions and conditions."""
from __future__ import annotations

from typing import Any

from contract import DEFAULT_COLLATION, SqlError

from . import ast, collate, values
from .convert import in_code_page
from .cursor import Cursor

NULL_TYPE = values.INT  # of a bare NULL
FIRST_WORD_ARGS = {"DATEADD", "DATEDIFF", "DATEDIFF_BIG", "DATEPART", "DATENAME"}  # their first argument is a word


def literal_number(raw: str) -> ast.Literal:
    if "e" in raw.lower():
        return ast.Literal(values.FLOAT, float(raw))
    if "." in raw:
        whole, _, fraction = raw.partition(".")
        digits = (whole + fraction).lstrip("0") or "0"
        return ast.Literal(values.make("numeric", [max(len(digits), len(fraction), 1), len(fraction)]), int(whole + fraction))
    n = int(raw)
    if n < 2 ** 31:
        return ast.Literal(values.INT, n)
    return ast.Literal(values.make("numeric", [len(str(n)), 0]), n)


class Expressions(Cursor):
    """Precedence as in T-SQL: ~, * / %, + - & ^ |, comparison, NOT, AND, BETWEEN IN LIKE OR."""

    def condition(self) -> Any:
        found = [self._and()]
        while self.accept("OR"):
            found.append(self._and())
        return found[0] if len(found) == 1 else ast.Logic("OR", found)

    def _and(self) -> Any:
        found = [self._not()]
        while self.accept("AND"):
            found.append(self._not())
        return found[0] if len(found) == 1 else ast.Logic("AND", found)

    def _not(self) -> Any:
        if self.accept("NOT"):
            return ast.Logic("NOT", [self._not()])
        return self._predicate()

    def _is_condition_in_brackets(self) -> bool:
        """After "(": is what follows a condition, not an expression or a query?"""
        depth, i = 0, 0
        while self.peek(i).kind != "end":
            t = self.peek(i)
            if t.kind == "op" and t.raw == "(":
                depth += 1
                if self.peek(i + 1).text == "SELECT" and depth == 1:
                    return False
            elif t.kind == "op" and t.raw == ")":
                depth -= 1
                if not depth:
                    return False
            elif depth == 1 and (t.kind == "op" and t.raw in ("=", "<>", "!=", "<", ">", "<=", ">=", "!<", "!>") or
                                 t.kind == "word" and t.text in ("AND", "OR", "NOT", "IS", "LIKE", "IN", "BETWEEN", "EXISTS")):
                return True
            elif depth == 1 and t.text == "CASE":
                while self.peek(i).text != "END" and self.peek(i).kind != "end":
                    i += 1
            elif depth > 1 and t.raw == "(":
                pass
            i += 1
        return False

    def _nested_condition(self) -> bool:
        """((a = 1) OR ...): brackets all the way down to a condition."""
        i = 0
        while self.peek(i).kind == "op" and self.peek(i).raw == "(":
            at, self.at = self.at, self.at + i
            inner = self._is_condition_in_brackets()
            self.at = at
            if inner:
                return True
            i += 1
        return False

    def _predicate(self) -> Any:
        if self.accept("EXISTS"):
            return ast.Exists(self._bracketed_query())
        if self.is_op("(") and self._nested_condition():
            self.expect_op("(")
            inner = self.condition()
            self.expect_op(")")
            return inner
        left = self.expression()
        negated = self.accept("NOT")
        if self.accept("IN"):
            return self._in(left, negated)
        if self.accept("BETWEEN"):
            low = self.expression()
            self.expect("AND")
            return ast.Between(left, low, self.expression(), negated)
        if self.accept("LIKE"):
            pattern = self.expression()
            return ast.Like(left, pattern, self.expression() if self.accept("ESCAPE") else None, negated)
        if negated:
            raise self.syntax()
        if self.accept("IS"):
            negated = self.accept("NOT")
            self.expect("NULL")
            return ast.IsNull(left, negated)
        op = self.now.raw if self.now.kind == "op" else ""
        if op not in ("=", "<>", "!=", "<", ">", "<=", ">=", "!<", "!>"):
            raise self.syntax()
        self.take()
        return ast.Compare({"!=": "<>", "!<": ">=", "!>": "<="}.get(op, op), left, self.expression())

    def _in(self, left: Any, negated: bool) -> ast.In:
        if self.peek().text in ("SELECT", "WITH"):
            return ast.In(left, None, self._bracketed_query(), negated)
        self.expect_op("(")
        items = [self.expression()]
        while self.accept_op(","):
            items.append(self.expression())
        self.expect_op(")")
        return ast.In(left, items, None, negated)

    def _bracketed_query(self) -> Any:
        self.expect_op("(")
        query = self.query()
        self.expect_op(")")
        return query

    def query(self) -> Any:
        raise NotImplementedError

    def expression(self) -> Any:
        left = self._term()
        while self.now.kind == "op" and self.now.raw in ("+", "-", "&", "|", "^"):
            left = ast.Binary(self.take().raw, left, self._term())
        return left

    def _term(self) -> Any:
        left = self._unary()
        while self.now.kind == "op" and self.now.raw in ("*", "/", "%"):
            left = ast.Binary(self.take().raw, left, self._unary())
        return left

    def _unary(self) -> Any:
        if self.now.kind == "op" and self.now.raw in ("-", "+", "~"):
            op = self.take().raw
            inner = self._unary()
            if op == "-" and isinstance(inner, ast.Literal) and inner.type.name in ("int", "numeric", "float"):
                if inner.type.name == "numeric" and inner.value == 2 ** 31 and inner.type.scale == 0:
                    return ast.Literal(values.INT, -2 ** 31)
                return ast.Literal(inner.type, -inner.value)
            return inner if op == "+" else ast.Unary(op, inner)
        operand = self._primary()
        while self.accept("COLLATE"):
            operand = ast.Collate(operand, collate.known(self.name(), self.now.line))
        return operand

    def _primary(self) -> Any:
        t = self.now
        if t.kind == "number":
            return literal_number(self.take().raw)
        if t.kind in ("string", "nstring"):
            return self._text(self.take())
        if t.kind == "binary":
            self.take()
            digits = t.raw[2:]
            raw = bytes.fromhex(digits if len(digits) % 2 == 0 else "0" + digits)
            return ast.Literal(values.make("varbinary", [max(1, len(raw)) if len(raw) <= 8000 else -1]), raw)
        if t.kind == "variable":
            return ast.Variable(self.take().raw)
        if self.is_op("("):
            if self.peek().text in ("SELECT", "WITH"):
                return ast.Subquery(self._bracketed_query())
            self.take()
            inner = self.expression()
            self.expect_op(")")
            return inner
        if self.accept("NULL"):
            return ast.Literal(NULL_TYPE, None)
        if self.accept("CASE"):
            return self._case()
        if self.accept("CURRENT_TIMESTAMP"):
            return ast.Call("GETDATE", [], False, None, t.line)
        if t.kind == "word" and self.peek().kind == "op" and self.peek().raw == "(":
            return self._call()
        return ast.Name(self.names(), t.line)

    def _text(self, t: Any) -> ast.Literal:
        """Without N in front it is in the code page of the default collation."""
        if t.kind == "nstring":
            units = max(1, len(t.raw.encode("utf-16-le", "surrogatepass")) // 2)
            return ast.Literal(values.make("nvarchar", [-1 if units > 4000 else units], DEFAULT_COLLATION), t.raw)
        units = max(1, len(t.raw))
        kind = values.make("varchar", [-1 if units > 8000 else units], DEFAULT_COLLATION)
        return ast.Literal(kind, in_code_page(t.raw, kind))

    def _case(self) -> ast.Case:
        operand = None if self.is_word("WHEN") else self.expression()
        whens = []
        while self.accept("WHEN"):
            when = self.expression() if operand is not None else self.condition()
            self.expect("THEN")
            whens.append((when, self.expression()))
        otherwise = self.expression() if self.accept("ELSE") else None
        self.expect("END")
        return ast.Case(operand, whens, otherwise)

    def _call(self) -> Any:
        t = self.take()
        name = t.text
        self.expect_op("(")
        if name in ("CAST", "TRY_CAST"):
            operand = self.expression()
            self.expect("AS")
            found: Any = ast.Cast(operand, self.type(30), None, name != "CAST")
        elif name in ("CONVERT", "TRY_CONVERT"):
            to = self.type(30)
            self.expect_op(",")
            operand = self.expression()
            found = ast.Cast(operand, to, self.expression() if self.accept_op(",") else None, name != "CONVERT")
        else:
            return self._function(name, t.line)
        self.expect_op(")")
        return found

    def _function(self, name: str, line: int) -> ast.Call:
        distinct, args = self.accept("DISTINCT"), []
        if name in FIRST_WORD_ARGS:
            args.append(self.take().text)
            self.expect_op(",")
        if self.accept_op("*"):
            args.append(ast.Star(None))
        elif not self.is_op(")"):
            args.append(self._argument(name))
        while self.accept_op(","):
            args.append(self._argument(name))
        self.expect_op(")")
        return ast.Call(name, args, distinct, self._over() if self.accept("OVER") else None, line)

    def _argument(self, name: str) -> Any:
        if name == "IIF":
            at = self.at
            try:
                return self.condition()
            except SqlError:
                self.at = at
        return self.expression()

    def _over(self) -> tuple:
        self.expect_op("(")
        partition, order = [], []
        if self.accept("PARTITION"):
            self.expect("BY")
            partition.append(self.expression())
            while self.accept_op(","):
                partition.append(self.expression())
        if self.accept("ORDER"):
            self.expect("BY")
            order = self.order_items()
        self.expect_op(")")
        return partition, order

    def order_items(self) -> list:
        items = []
        while True:
            e = self.expression()
            items.append((e, self.accept("DESC") or (self.accept("ASC") and False)))
            if not self.accept_op(","):
                return items
