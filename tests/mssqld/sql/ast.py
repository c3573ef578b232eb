"""The nodes of parsed T-SQL."""
from __future__ import annotations

import dataclasses
from typing import Any

from contract import Type


def node(cls):
    return dataclasses.dataclass(cls)


@node
class Literal:
    type: Type
    value: Any


@node
class Name:
    parts: list[str]
    line: int = dataclasses.field(compare=False)


@node
class Star:
    table: str | None


@node
class Variable:
    name: str


@node
class Unary:
    op: str
    operand: Any


@node
class Binary:
    op: str  # + - * / % & | ^
    left: Any
    right: Any


@node
class Compare:
    op: str  # = <> < <= > >=
    left: Any
    right: Any


@node
class Logic:
    op: str  # AND OR NOT
    operands: list


@node
class IsNull:
    operand: Any
    negated: bool


@node
class In:
    operand: Any
    items: list | None
    query: Any
    negated: bool


@node
class Between:
    operand: Any
    low: Any
    high: Any
    negated: bool


@node
class Like:
    operand: Any
    pattern: Any
    escape: Any
    negated: bool


@node
class Exists:
    query: Any


@node
class Case:
    operand: Any
    whens: list
    otherwise: Any


@node
class Cast:
    operand: Any
    type: Type
    style: Any
    safe: bool  # TRY_


@node
class Call:
    name: str
    args: list
    distinct: bool
    over: tuple | None  # (partition, order)
    line: int = dataclasses.field(compare=False)


@node
class Collate:
    operand: Any
    collation: str


@node
class Subquery:
    query: Any


@node
class Item:
    value: Any
    alias: str | None
    variable: str | None = None


@node
class Table:
    parts: list[str]
    alias: str | None
    line: int
    arguments: list[Any] | None = None  # of a function that gives a table


@node
class Derived:
    query: Any
    alias: str
    columns: list[str] | None


@node
class Join:
    kind: str  # INNER LEFT RIGHT FULL CROSS
    left: Any
    right: Any
    on: Any


@node
class Select:
    items: list
    source: Any = None
    where: Any = None
    group: list = dataclasses.field(default_factory=list)
    having: Any = None
    distinct: bool = False
    top: Any = None
    percent: bool = False
    ties: bool = False
    order: list = dataclasses.field(default_factory=list)  # (expression, descending)
    offset: Any = None
    fetch: Any = None
    into: Any = None


@node
class Union:
    left: Any
    right: Any
    op: str  # UNION, UNION ALL, EXCEPT, INTERSECT
    order: list = dataclasses.field(default_factory=list)
    offset: Any = None
    fetch: Any = None


@node
class With:
    tables: list  # (name, columns, query)
    query: Any


@node
class Statement:
    """Any other statement: its kind, and what it says."""
    kind: str
    line: int
    args: dict
