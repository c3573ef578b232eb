"""Values that clients send: parameters of an RPC and rows of a bulk load."""
from __future__ import annotations

import struct
from typing import Any, Callable

from contract import MAX, Type

from . import collations, typeinfo, variant
from .packets import ProtocolError

DAY = 864_000_000_000
FIXED_TOKENS = {v[0]: k for k, v in typeinfo.FIXED.items()}
SIZED_TOKENS = {0x26: {1: "tinyint", 2: "smallint", 4: "int", 8: "bigint"}, 0x68: {1: "bit"}, 0x6D: {4: "real", 8: "float"},
                0x6E: {4: "smallmoney", 8: "money"}, 0x6F: {4: "smalldatetime", 8: "datetime"}, 0x24: {16: "uniqueidentifier"}}
TIME_TOKENS = {v: k for k, v in typeinfo.TIMES.items()}
SHORT_TOKENS = {v: k for k, v in typeinfo.TEXTS.items()} | {0xAD: "binary", 0xA5: "varbinary"}
BYTE_TOKENS = {0x27: "varchar", 0x2F: "char", 0x25: "varbinary", 0x2D: "binary"}
LONG_TOKENS = {v: k for k, v in typeinfo.LONGS.items()}
MOST_VALUE_BYTES = (1 << 31) - 1


class Bytes:
    """Bytes taken from the front; `more` gives the next piece, or nothing at the end."""

    def __init__(self, data: bytes, more: Callable[[], bytes] | None = None):
        self.data, self.at, self.more = data, 0, more

    def take(self, n: int) -> bytes:
        while len(self.data) - self.at < n:
            piece = self.more() if self.more else b""
            if not piece:
                raise ProtocolError("a message that ends too soon")
            self.data, self.at = self.data[self.at:] + piece, 0
        out = self.data[self.at:self.at + n]
        self.at += n
        return out

    def number(self, format_: str) -> int:
        return struct.unpack("<" + format_, self.take(struct.calcsize("<" + format_)))[0]

    def b_varchar(self) -> str:
        return self.take(2 * self.number("B")).decode("utf-16-le", "surrogatepass")

    def us_varchar(self) -> str:
        return self.take(2 * self.number("H")).decode("utf-16-le", "surrogatepass")

    def at_end(self) -> bool:
        if self.at < len(self.data):
            return False
        piece = self.more() if self.more else b""
        self.data, self.at = piece, 0
        return not piece

    def peek(self) -> int:
        value = self.take(1)[0]
        self.at -= 1
        return value


def text_or_bytes(name: str, five: bytes, data: bytes) -> Any:
    if name in ("nchar", "nvarchar", "ntext", "xml"):
        if len(data) % 2:
            raise ProtocolError("UTF-16 text with an odd number of bytes")
        return data.decode("utf-16-le", "surrogatepass")
    return data.decode(collations.code_page_of(five), "replace") if name in ("char", "varchar", "text") else data


def fixed_value(t: Type, data: bytes) -> Any:
    name = t.name
    if name in ("real", "float"):
        return struct.unpack("<f" if len(data) == 4 else "<d", data)[0]
    if name in ("bit", "tinyint"):
        return data[0]
    if name == "money":
        high, low = struct.unpack("<iI", data)
        return high << 32 | low
    if name == "datetime":
        days, ticks = struct.unpack("<iI", data)
        return days * 25920000 + ticks
    if name == "smalldatetime":
        days, minutes = struct.unpack("<HH", data)
        return days * 1440 + minutes
    if name in ("decimal", "numeric"):
        magnitude = int.from_bytes(data[1:], "little")
        return magnitude if data[0] else -magnitude
    if name == "date":
        return int.from_bytes(data, "little")
    if name in typeinfo.TIMES:
        n = typeinfo.time_bytes(t.scale)
        ticks = int.from_bytes(data[:n], "little") * 10 ** (7 - t.scale)
        if name == "time":
            return ticks
        ticks += int.from_bytes(data[n:n + 3], "little") * DAY
        return ticks if name == "datetime2" else (ticks, struct.unpack("<h", data[n + 3:n + 5])[0])
    return data if name == "uniqueidentifier" else int.from_bytes(data, "little", signed=True)


class Reader:
    """One column or parameter: its type, and how its values are read."""

    def __init__(self, type_: Type, read: Callable[[Bytes], Any]):
        self.type, self.read = type_, read


def _by_length_byte(t: Type, convert: Callable[[Type, bytes], Any]) -> Reader:
    def read(b: Bytes) -> Any:
        n = b.number("B")
        return convert(t, b.take(n)) if n else None
    return Reader(t, read)


def _read_plp(b: Bytes) -> bytes | None:
    total = b.number("Q")
    if total == 0xFFFFFFFFFFFFFFFF:
        return None
    parts, size = [], 0
    while n := b.number("I"):
        size += n
        if size > MOST_VALUE_BYTES:
            raise ProtocolError("a value above 2 GiB")
        parts.append(b.take(n))
    return b"".join(parts)


def _sized(token: int, b: Bytes) -> Reader:
    size = b.number("B")
    names = SIZED_TOKENS[token]
    t = typeinfo.plain(names.get(size) or names[max(names)])

    def read(b: Bytes) -> Any:
        n = b.number("B")
        if n == 0:
            return None
        if n not in names:
            raise ProtocolError(f"a value of {n} bytes for type 0x{token:02x}")
        return fixed_value(typeinfo.plain(names[n]), b.take(n))
    return Reader(t, read)


def _short(name: str, b: Bytes) -> Reader:
    length = b.number("H")
    five = b.take(5) if name in typeinfo.TEXTS else b""
    collation = collations.name_of(five) if five else None
    plp = length == typeinfo.PLP
    t = Type(name, length=MAX if plp else length or (2 if name[0] == "n" else 1), collation=collation)

    def read(b: Bytes) -> Any:
        if plp:
            data = _read_plp(b)
        else:
            n = b.number("H")
            data = None if n == 0xFFFF else b.take(n)
        return None if data is None else text_or_bytes(name, five, data)
    return Reader(t, read)


def _long(name: str, b: Bytes, in_row: bool) -> Reader:
    b.take(4)
    five = b.take(5) if name != "image" else b""
    t = Type(name, length=16, collation=collations.name_of(five) if five else None)

    def read(b: Bytes) -> Any:
        if in_row:
            n = b.number("B")
            if n == 0:
                return None
            b.take(n + 8)
        n = b.number("i")
        return None if n < 0 else text_or_bytes(name, five, b.take(n))
    return Reader(t, read)


def _variant(b: Bytes) -> Reader:
    b.take(4)

    def read(b: Bytes) -> Any:
        n = b.number("I")
        return variant.decode(b.take(n)) if n else None
    return Reader(Type("sql_variant", length=8016), read)


def _xml(b: Bytes) -> Reader:
    if b.number("B"):
        b.b_varchar(), b.b_varchar(), b.us_varchar()

    def read(b: Bytes) -> Any:
        data = _read_plp(b)
        return None if data is None else text_or_bytes("xml", b"", data).removeprefix("\ufeff")
    return Reader(Type("xml", length=MAX), read)


def read_type(b: Bytes, in_row: bool = False) -> Reader:
    """TYPE_INFO.  in_row: text and image values come with a text pointer."""
    token = b.number("B")
    if token == 0x1F:
        return Reader(typeinfo.plain("int"), lambda b: None)
    if token in FIXED_TOKENS:
        t = typeinfo.plain(FIXED_TOKENS[token])
        size = typeinfo.FIXED[t.name][2]
        return Reader(t, lambda b: fixed_value(t, b.take(size)))
    if token in SIZED_TOKENS:
        return _sized(token, b)
    if token in (0x6A, 0x6C, 0x37, 0x3F):
        _, precision, scale = b.take(3)
        return _by_length_byte(Type("decimal" if token in (0x6A, 0x37) else "numeric", precision=precision, scale=scale), fixed_value)
    if token == 0x28:
        return _by_length_byte(Type("date"), fixed_value)
    if token in TIME_TOKENS:
        return _by_length_byte(Type(TIME_TOKENS[token], scale=b.number("B")), fixed_value)
    if token in SHORT_TOKENS:
        return _short(SHORT_TOKENS[token], b)
    if token in BYTE_TOKENS:
        return _by_length_byte(Type(BYTE_TOKENS[token], length=b.number("B")), lambda t, data: text_or_bytes(t.name, bytes(5), data))
    if token in LONG_TOKENS:
        return _long(LONG_TOKENS[token], b, in_row)
    if token == 0x62:
        return _variant(b)
    if token == 0xF1:
        return _xml(b)
    raise ProtocolError(f"a value of type 0x{token:02x}, which this server does not take")
