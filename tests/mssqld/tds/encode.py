"""Rows as bytes: for each list of columns a function is written and compiled, so that a row costs as little Python as it can.

Neighbouring columns of fixed size share one struct.pack; a row with a NULL takes a second way, which leaves NULLs out (NBCROW)
where that is shorter."""
from __future__ import annotations

import struct
from typing import Any, Callable

from contract import MAX, Column, Type

from . import collations, typeinfo, variant

DAY = 864_000_000_000  # 100 ns
TEXT_POINTER = b"\x10" + b"dummy textptr\0\0\0" + b"dummyTS\0"
NO_TEXT_LIMIT = (1 << 31) - 1
u16, u32 = struct.Struct("<H").pack, struct.Struct("<I").pack


def plp(data: bytes) -> bytes:
    n = len(data)
    if n == 0:
        return b"\0\0\0\0\0\0\0\0\0\0\0\0"
    return struct.pack("<QI", n, n) + data + b"\0\0\0\0"


def long_value(data: bytes) -> bytes:
    return TEXT_POINTER + u32(len(data)) + data


def _scaled(v: str, scale: int) -> str:
    return v if scale == 7 else f"{v} // {10 ** (7 - scale)}"


INTEGERS = {"bit": "B", "tinyint": "B", "smallint": "h", "int": "i", "bigint": "q", "real": "f", "float": "d", "smallmoney": "i"}


def fixed_parts(t: Type, nullable: bool) -> tuple[str, list[str]] | None:
    """The struct format and the expressions of v, for a type whose values all have one size."""
    name = typeinfo.base_name(t)
    if name in typeinfo.FIXED:
        head, size = ("B", [str(typeinfo.FIXED[name][2])]) if nullable else ("", [])
        if name in INTEGERS:
            return head + INTEGERS[name], size + ["{v}"]
        if name == "money":
            return head + "iI", size + ["{v} >> 32", "{v} & 0xffffffff"]
        if name == "datetime":
            return head + "iI", size + ["{v} // 25920000", "{v} % 25920000"]
        return head + "HH", size + ["{v} // 1440", "{v} % 1440"]  # smalldatetime
    if name in ("decimal", "numeric"):
        size = typeinfo.decimal_bytes(t.precision)
        if size in (5, 9):
            return ("BBI" if size == 5 else "BBQ"), [str(size), "{v} >= 0", "abs({v})"]
        return f"BB{size - 1}s", [str(size), "{v} >= 0", f"abs({{v}}).to_bytes({size - 1}, 'little')"]
    if name == "date":
        return "BHB", ["3", "{v} & 0xffff", "{v} >> 16"]
    if name == "uniqueidentifier":
        return "B16s", ["16", "{v}"]
    if name in ("rowversion", "timestamp"):
        return "H8s", ["8", "{v}"]
    if name == "binary":
        return f"H{t.length}s", [str(t.length), "{v}"]
    return _fixed_time(name, t.scale)


def _fixed_time(name: str, scale: int) -> tuple[str, list[str]] | None:
    n = typeinfo.time_bytes(scale)
    if name == "time":
        return {3: ("BHB", ["3", f"({_scaled('{v}', scale)}) & 0xffff", f"({_scaled('{v}', scale)}) >> 16"]),
                4: ("BI", ["4", _scaled("{v}", scale)]),
                5: ("BIB", ["5", f"({_scaled('{v}', scale)}) & 0xffffffff", f"({_scaled('{v}', scale)}) >> 32"])}[n]
    if name == "datetime2":
        both = f"({_scaled(f'{{v}} % {DAY}', scale)} | {{v}} // {DAY} << {8 * n})"
        return ("BQ", ["8", both]) if n == 5 else (f"B{n + 3}s", [str(n + 3), f"{both}.to_bytes({n + 3}, 'little')"])
    if name == "datetimeoffset":
        both = f"({_scaled(f'{{v}}[0] % {DAY}', scale)} | {{v}}[0] // {DAY} << {8 * n})"
        return f"B{n + 3}sh", [str(n + 5), f"{both}.to_bytes({n + 3}, 'little')", "{v}[1]"]
    return None


def varying(t: Type, text_size: int) -> tuple[str, bytes]:
    """The expression of v for a type whose values vary in size, and its NULL."""
    name = typeinfo.base_name(t)
    cut = "" if text_size < 0 or text_size >= NO_TEXT_LIMIT else f"[:{text_size}]"
    cut_wide = "" if not cut else f"[:{text_size & ~1}]"
    wide = "{v}.encode('utf-16-le', 'surrogatepass')"
    narrow = f"{{v}}.encode({collations.encoding(t.collation)!r}, 'replace')"
    no_plp, no_short = b"\xff" * 8, b"\xff\xff"
    if name == "sql_variant":
        return "variant({v})", b"\0\0\0\0"
    if name == "xml":
        return f"plp({wide}{cut_wide})", no_plp
    if name in typeinfo.UDTS:
        return "plp({v})", no_plp
    if name in typeinfo.LONGS:
        data = {"text": narrow + cut, "ntext": wide + cut_wide, "image": "{v}" + cut}[name]
        return f"long_value({data})", b"\0"
    data = wide if name in ("nchar", "nvarchar") else narrow if name in typeinfo.TEXTS else "{v}"
    if name not in typeinfo.TEXTS and name != "varbinary":
        raise ValueError(f"the wire has no type {t.name}")
    if t.length == MAX:
        return f"plp({data}{cut_wide if data is wide else cut})", no_plp
    return (f"u16(len(t := {data})) + t" if data != "{v}" else "u16(len({v})) + {v}"), no_short


def null_of(t: Type) -> bytes:
    if fixed_parts(t, True):
        return b"\xff\xff" if typeinfo.base_name(t) in typeinfo.BINARIES else b"\0"
    return varying(t, -1)[1]


def value_encoder(t: Type, text_size: int = -1, nullable: bool = True) -> Callable[[Any], bytes]:
    """One value, as a row has it."""
    source = f"lambda v: {_row_source([Column('', t, nullable)], ['v'], text_size, b'')}"
    inner = eval(source, _names())
    null = null_of(t)
    return lambda v: null if v is None else inner(v)


def _names() -> dict[str, Any]:
    return {"u16": u16, "plp": plp, "long_value": long_value, "variant": variant.encode, "Struct": struct.Struct, "pack": struct.pack}


def _row_source(columns: list[Column], names: list[str], text_size: int, head: bytes) -> str:
    """An expression for all values, none of them NULL."""
    pieces: list[str] = []
    format_, arguments = (f"{len(head)}s" if head else ""), ([repr(head)] if head else [])

    def flush() -> None:
        nonlocal format_, arguments
        if format_ and arguments == [repr(head)] and head:
            pieces.append(repr(head))
        elif format_:
            pieces.append(f"pack('<{format_}', {', '.join(arguments)})")
        format_, arguments = "", []

    for column, name in zip(columns, names):
        fixed = fixed_parts(column.type, typeinfo.may_be_null(column))
        if fixed:
            format_ += fixed[0]
            arguments += [e.format(v=name) for e in fixed[1]]
        else:
            flush()
            pieces.append(varying(column.type, text_size)[0].format(v=name))
    flush()
    return " + ".join(pieces)


def row_encoder(columns: list[Column], text_size: int = -1) -> Callable[[list[tuple]], bytes]:
    """From a batch of rows to their ROW and NBCROW tokens."""
    n = len(columns)
    single = [value_encoder(c.type, text_size, typeinfo.may_be_null(c)) for c in columns]
    bitmap_bytes = (n + 7) // 8

    def with_nulls(row: tuple) -> bytes:
        if sum(v is None for v in row) <= bitmap_bytes:
            return b"\xd1" + b"".join([e(v) for e, v in zip(single, row)])
        bits, parts = 0, []
        for i, v in enumerate(row):
            if v is None:
                bits |= 1 << i
            else:
                parts.append(single[i](v))
        return b"\xd2" + bits.to_bytes(bitmap_bytes, "little") + b"".join(parts)

    names = [f"c{i}" for i in range(n)]
    expression = _row_source(columns, names, text_size, b"\xd1")
    unpack = f"for ({', '.join(names)},) in [r]"
    body = f"[with_nulls(r) if None in r else {expression} for r in rows {unpack}]"
    namespace = _names() | {"with_nulls": with_nulls}
    exec(f"def encode(rows):\n    return b''.join({body})\n", namespace)
    return namespace["encode"]
