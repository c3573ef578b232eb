"""Bulk load: the rows that follow an `insert bulk`."""
from __future__ import annotations

import re
from typing import TYPE_CHECKING, Callable, Iterator

from contract import Column, Done, Event, SqlError

from . import decode, typeinfo
from .packets import ProtocolError

if TYPE_CHECKING:
    from .connection import Connection

COLUMNS, ROW, NBC_ROW, DONE = 0x81, 0xD1, 0xD2, 0xFD
BATCH_ROWS = 1000
TEXTS, NUMBERS = {*typeinfo.TEXTS, "text", "ntext", "xml"}, {"tinyint", "smallint", "int", "bigint", "bit"}
FAMILIES = (TEXTS, NUMBERS, {*typeinfo.BINARIES, "image"}, {"float", "real"}, {"money", "smallmoney"})


def family(name: str) -> frozenset[str]:
    return next((frozenset(f) for f in FAMILIES if name in f), frozenset([name]))


def read_columns(b: decode.Bytes) -> list[decode.Reader]:
    if b.number("B") != COLUMNS:
        raise ProtocolError("a bulk load that does not begin with its columns")
    readers = []
    for _ in range(b.number("H")):
        b.take(6)  # user type and flags
        reader = decode.read_type(b, in_row=True)
        if reader.type.name in typeinfo.LONGS:
            for _ in range(b.number("B")):
                b.us_varchar()
        b.b_varchar()
        readers.append(reader)
    return readers


def check(columns: list[Column], readers: list[decode.Reader]) -> list[Callable[[object], object]]:
    """What makes each column's values those of the table's types."""
    if len(columns) != len(readers):
        raise SqlError(4815, f"A bulk load of {len(readers)} columns into {len(columns)}.")
    converters = []
    for i, (column, reader) in enumerate(zip(columns, readers), 1):
        wanted, sent = column.type, reader.type
        if wanted.name in ("decimal", "numeric") and sent.name in ("decimal", "numeric"):
            if wanted.scale < sent.scale:
                raise SqlError(4816, f"Invalid column type from bcp client for colid {i}.")
            factor = 10 ** (wanted.scale - sent.scale)
            converters.append(lambda v, f=factor: v * f)
        elif typeinfo.base_name(wanted) in family(sent.name):
            converters.append(_padding(wanted.name, wanted.length))
        else:
            raise SqlError(4816, f"Invalid column type from bcp client for colid {i}.")
    return converters


def _padding(name: str, length: int) -> Callable[[object], object]:
    if name in ("char", "nchar"):
        return lambda v: v.ljust(length // (2 if name == "nchar" else 1))
    if name == "binary":
        return lambda v: v.ljust(length, b"\0")
    return lambda v: v


def read_rows(b: decode.Bytes, readers: list[decode.Reader]) -> Iterator[tuple]:
    bitmap_bytes = (len(readers) + 7) // 8
    while not b.at_end():
        token = b.number("B")
        if token == DONE:
            return
        if token == ROW:
            yield tuple([r.read(b) for r in readers])
        elif token == NBC_ROW:
            nulls = int.from_bytes(b.take(bitmap_bytes), "little")
            yield tuple([None if nulls >> i & 1 else r.read(b) for i, r in enumerate(readers)])
        else:
            raise ProtocolError(f"token 0x{token:02x} among the rows of a bulk load")


def announced(sql: str) -> bool:
    return bool(re.match(r"\s*insert\s+bulk\b", sql, re.I))


def begin(connection: "Connection", sql: str) -> Iterator[Event]:
    connection.bulk = connection.session.bulk_insert(sql)
    yield Done(None, 0)


def load(connection: "Connection", more: Callable[[], bytes]) -> Callable[[], Iterator[Event]]:
    def run() -> Iterator[Event]:
        pending, connection.bulk = connection.bulk, None
        try:
            if not pending:
                raise SqlError(4002, "The incoming tabular data stream (TDS) protocol stream is incorrect: rows without INSERT BULK.")
            columns, target = pending
            b = decode.Bytes(b"", more)
            readers = read_columns(b)
            converters = check(columns, readers)
            batch: list[tuple] = []
            for row in read_rows(b, readers):
                batch.append(tuple([None if v is None else f(v) for f, v in zip(converters, row)]))
                if len(batch) == BATCH_ROWS:
                    target.add(batch)
                    batch = []
            target.add(batch)
            yield Done(target.finish(), 0xF0)
        finally:
            while more():  # the rest of a message that failed
                pass
    return run
