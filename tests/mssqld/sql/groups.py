"""What may stand in a query with GROUP BY: what it groups by, aggregates, and what is made of these."""
from __future__ import annotations

import dataclasses
from typing import Any, Callable

from contract import SqlError, Type

from . import ast
from .scope import Scope

MESSAGES = {"select": (8120, "select list", "either an aggregate function or the GROUP BY clause"),
            "having": (8121, "HAVING clause", "either an aggregate function or the GROUP BY clause"),
            "order": (8127, "ORDER BY clause", "either an aggregate function or the GROUP BY clause")}


class Grouping:
    def __init__(self, group: list, scope: Scope, compile_name: Callable[[ast.Name, Scope], Any], aggregates: set[str]):
        self.scope, self.compile_name, self.aggregates = scope, compile_name, aggregates
        self.allowed = [self._canonical(g) for g in group]

    def _canonical(self, n: Any) -> Any:
        """Equal for expressions that are the same but for how a column is qualified."""
        if isinstance(n, ast.Name):
            return ("column", self.compile_name(n, self.scope).sql)
        if isinstance(n, (list, tuple)):
            return tuple(self._canonical(x) for x in n)
        if dataclasses.is_dataclass(n) and not isinstance(n, Type):
            return (type(n).__name__, *(self._canonical(getattr(n, f.name)) for f in dataclasses.fields(n) if f.compare))
        return n

    def check(self, n: Any, clause: str) -> None:
        if isinstance(n, ast.Name):
            if self.scope.owns(n.parts) and self._canonical(n) not in self.allowed:
                number, where, allowed = MESSAGES[clause]
                raise SqlError(number, f"Column '{'.'.join(n.parts)}' is invalid in the {where} because it is not contained in {allowed}.", line=n.line)
            return
        if isinstance(n, ast.Star):
            raise SqlError(8120, "Column '*' is invalid in the select list because it is not contained in either an aggregate function or the GROUP BY clause.")
        if isinstance(n, ast.Call) and n.name in self.aggregates and n.over is None:
            return
        if isinstance(n, (list, tuple)):
            for x in n:
                self.check(x, clause)
        elif dataclasses.is_dataclass(n) and not isinstance(n, (Type, ast.Select, ast.Union, ast.With)) and self._canonical(n) not in self.allowed:
            for f in dataclasses.fields(n):
                self.check(getattr(n, f.name), clause)
