"""sql_variant: a value that brings its base type along."""
from __future__ import annotations

import struct
from typing import Any

from contract import Type

from . import collations, typeinfo


def encode(pair: tuple[Type, Any]) -> bytes:
    t, value = pair
    from .encode import value_encoder
    name = typeinfo.base_name(t)
    if value is None:
        return b"\0\0\0\0"
    if name in typeinfo.FIXED:
        token, properties, data = typeinfo.FIXED[name][0], b"", value_encoder(t, nullable=False)(value)
    elif name in ("decimal", "numeric"):
        token, properties = (0x6A if name == "decimal" else 0x6C), bytes([t.precision, t.scale])
        data = value_encoder(t)(value)[1:]
    elif name in typeinfo.TIMES:
        token, properties, data = typeinfo.TIMES[name], bytes([t.scale]), value_encoder(t)(value)[1:]
    elif name in ("date", "uniqueidentifier"):
        token, properties, data = (0x28 if name == "date" else 0x24), b"", value_encoder(t)(value)[1:]
    elif name in typeinfo.TEXTS:
        token = typeinfo.TEXTS[name]
        properties, data = collations.five_bytes(t.collation) + struct.pack("<H", t.length), value_encoder(t)(value)[2:]
    elif name in ("binary", "varbinary"):
        token, properties, data = typeinfo.BINARIES[name], struct.pack("<H", t.length), value_encoder(t)(value)[2:]
    else:
        raise ValueError(f"a sql_variant cannot hold {t.name}")
    body = bytes([token, len(properties)]) + properties + data
    return struct.pack("<I", len(body)) + body


def decode(data: bytes) -> tuple[Type, Any]:
    from . import decode as d
    token, n = data[0], data[1]
    properties, value = data[2:2 + n], data[2 + n:]
    if token in d.FIXED_TOKENS:
        t = typeinfo.plain(d.FIXED_TOKENS[token])
        return t, d.fixed_value(t, value)
    if token in (0x6A, 0x6C):
        t = Type("decimal" if token == 0x6A else "numeric", precision=properties[0], scale=properties[1])
    elif token in d.TIME_TOKENS:
        t = Type(d.TIME_TOKENS[token], scale=properties[0])
    elif token in (0x28, 0x24):
        t = typeinfo.plain("date" if token == 0x28 else "uniqueidentifier")
    elif token in d.SHORT_TOKENS:
        name = d.SHORT_TOKENS[token]
        length = struct.unpack_from("<H", properties, len(properties) - 2)[0]
        five = properties[:5] if name in typeinfo.TEXTS else b""
        t = Type(name, length=length, collation=collations.name_of(five) if five else None)
        return t, d.text_or_bytes(name, five, value)
    else:
        raise d.ProtocolError(f"a sql_variant of type 0x{token:02x}")
    return t, d.fixed_value(t, value)


