"""Comparing what a scenario expects with what is there."""
from __future__ import annotations

import re

from .errors import StoryError

OPERATORS = ("=", "!=", "<", "<=", ">", ">=", "~", "!~")


def shown(rows: list[list[str | None]]) -> str:
    """Rows as text: one a line, columns split by "|", NULL as NULL."""
    return "\n".join("|".join("NULL" if v is None else v for v in row) for row in rows)


def holds(actual: str, operator: str, wanted: str) -> bool:
    if operator in ("~", "!~"):
        return bool(re.search(wanted, actual, re.S)) == (operator == "~")
    try:
        left, right = float(actual), float(wanted)
    except ValueError:
        if operator not in ("=", "!="):
            raise StoryError(f"{actual!r} {operator} {wanted!r}: one of these is no number") from None
        left, right = actual, wanted
    return {"=": left == right, "!=": left != right, "<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[operator]


def demand(what: str, actual: str, operator: str, wanted: str) -> None:
    if operator not in OPERATORS:
        raise StoryError(f"{operator!r} is no comparison; there are: {' '.join(OPERATORS)}")
    if not holds(actual, operator, wanted):
        raise StoryError(f"{what}\n  expected: {operator} {wanted}\n  actual:   {actual}")


def demand_rows(what: str, actual: str, wanted: str) -> None:
    """Whole rows against a block; blanks around a line do not count."""
    left = [line.strip() for line in actual.splitlines()]
    right = [line.strip() for line in wanted.strip("\n").splitlines()]
    if left != right:
        raise StoryError(f"{what}\n  expected:\n    " + "\n    ".join(right) + "\n  actual:\n    " + "\n    ".join(left))
