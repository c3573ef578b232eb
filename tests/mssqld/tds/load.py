"""Loading a table from a file or a generator, past TDS and SQL."""
from __future__ import annotations

import csv
import importlib.util
import itertools
import json
import pathlib
from typing import Any, Iterator

from contract import Column, Columns, Server

from . import fromtext

FORMATS = ("csv", "jsonl", "python")
FILLED_BY_SERVER = ("rowversion", "timestamp")


def table_columns(server: Server, table: str) -> list[Column]:
    session = server.admin()
    try:
        for event in session.run(f"SELECT TOP 0 * FROM {table}", []):
            if isinstance(event, Columns):
                return event.columns
    finally:
        session.close()
    raise ValueError(f"{table} has no columns")


def _chosen(columns: list[Column], names: list[str] | None, table: str) -> list[Column]:
    if names is None:
        return [c for c in columns if not c.computed and c.type.name not in FILLED_BY_SERVER]
    by_name = {c.name.lower(): c for c in columns}
    for name in names:
        if name.lower() not in by_name:
            raise ValueError(f"{table} has no column {name!r}; it has: {', '.join(c.name for c in columns)}")
    return [by_name[n.lower()] for n in names]


def _parsed(path: str, columns: list[Column], rows: Iterator[list[Any]]) -> Iterator[tuple]:
    parsers = [fromtext.parser(c.type) for c in columns]
    for number, row in enumerate(rows, 1):
        if len(row) != len(parsers):
            raise ValueError(f"{path}: row {number} has {len(row)} values for {len(parsers)} columns")
        try:
            yield tuple([p(v) for p, v in zip(parsers, row)])
        except (ValueError, ArithmeticError, AttributeError) as e:
            raise ValueError(f"{path}: row {number}: {e}") from e


def _from_csv(server: Server, table: str, path: str, names: list[str] | None) -> int:
    """The first line names the columns; an empty field without quotes cannot be told from one with them, so both are NULL."""
    with open(path, newline="", encoding="utf-8") as file:
        lines = csv.reader(file)
        columns = _chosen(table_columns(server, table), names or next(lines), table)
        rows = ([None if v == "" else v for v in line] for line in lines)
        return server.load(table, [c.name for c in columns], _parsed(path, columns, rows))


def _from_jsonl(server: Server, table: str, path: str, names: list[str] | None) -> int:
    """An object a line, the first one with all columns; or an array a line."""
    with open(path, encoding="utf-8") as file:
        values = (json.loads(line) for line in file if line.strip())
        first = next(values, None)
        if first is None:
            return 0
        columns = _chosen(table_columns(server, table), names or (list(first) if isinstance(first, dict) else None), table)
        keys = names or (list(first) if isinstance(first, dict) else [])
        rows = ([v.get(k) for k in keys] if isinstance(v, dict) else v for v in itertools.chain([first], values))
        return server.load(table, [c.name for c in columns], _parsed(path, columns, rows))


def _from_python(server: Server, table: str, what: str, names: list[str] | None) -> int:
    """FILE.py:FUNCTION:ARGUMENT,... gives tuples of the values that contract.py describes."""
    path, _, rest = what.partition(":")
    function, _, arguments = rest.partition(":")
    if not function:
        raise ValueError("a generator is FILE.py:FUNCTION or FILE.py:FUNCTION:ARGUMENT,...")
    spec = importlib.util.spec_from_file_location(pathlib.Path(path).stem, path)
    if not spec or not pathlib.Path(path).exists():
        raise ValueError(f"there is no {path}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    rows = getattr(module, function)(*[json.loads(a) for a in arguments.split(",") if a])
    columns = _chosen(table_columns(server, table), names, table)
    return server.load(table, [c.name for c in columns], rows)


def load(server: Server, table: str, form: str, source: str, names: list[str] | None = None) -> int:
    """How many rows."""
    ways = {"csv": _from_csv, "jsonl": _from_jsonl, "python": _from_python}
    if form not in ways:
        raise ValueError(f"no format {form!r}; there are: {' '.join(FORMATS)}")
    return ways[form](server, table, source, names)
