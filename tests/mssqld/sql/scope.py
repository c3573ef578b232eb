"""Expressions compiled, and the columns that a FROM clause makes known."""
from __future__ import annotations

import dataclasses
from typing import Any

from contract import SqlError, Type

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

    def owns(self, parts: list[str]) -> bool:
        """Is it a column of these sources, not of a query around this one?"""
        wanted, table = parts[-1].lower(), parts[-2].lower() if len(parts) > 1 else None
        return any(name.lower() == wanted for s in self.sources if table in (None, s.alias.lower()) for name, *_ in s.columns)

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
