"""TYPE_INFO: how a column announces its type, and COLMETADATA."""
from __future__ import annotations

import dataclasses
import struct

from contract import MAX, Column, Type

from . import collations

# name: token when never NULL, token when it may be, bytes
FIXED = {
    "bit": (0x32, 0x68, 1), "tinyint": (0x30, 0x26, 1), "smallint": (0x34, 0x26, 2), "int": (0x38, 0x26, 4), "bigint": (0x7F, 0x26, 8),
    "real": (0x3B, 0x6D, 4), "float": (0x3E, 0x6D, 8), "money": (0x3C, 0x6E, 8), "smallmoney": (0x7A, 0x6E, 4),
    "datetime": (0x3D, 0x6F, 8), "smalldatetime": (0x3A, 0x6F, 4),
}
LENGTHS = {name: size for name, (_, _, size) in FIXED.items()} | {"uniqueidentifier": 16}
TEXTS = {"char": 0xAF, "varchar": 0xA7, "nchar": 0xEF, "nvarchar": 0xE7}
BINARIES = {"binary": 0xAD, "varbinary": 0xA5, "rowversion": 0xAD, "timestamp": 0xAD}
LONGS = {"text": 0x23, "ntext": 0x63, "image": 0x22}
TIMES = {"time": 0x29, "datetime2": 0x2A, "datetimeoffset": 0x2B}
ROWVERSION_USER_TYPE = 80
PLP = 0xFFFF
NULLABLE, MAYBE_WRITABLE, IDENTITY, COMPUTED = 0x01, 0x08, 0x10, 0x20
ALIASES = {"sysname": "nvarchar"}
UDTS = {"hierarchyid": (892, "SqlHierarchyId"), "geography": (0xFFFF, "SqlGeography"), "geometry": (0xFFFF, "SqlGeometry")}
ASSEMBLY = "Microsoft.SqlServer.Types.{}, Microsoft.SqlServer.Types, Version=16.0.0.0, Culture=neutral, PublicKeyToken=89845dcd8080cc91"


def base_name(t: Type) -> str:
    low = t.name.lower()
    return ALIASES.get(low, low)


def b_varchar(text: str) -> bytes:
    data = text.encode("utf-16-le", "surrogatepass")
    return bytes([len(data) // 2]) + data


def us_varchar(text: str) -> bytes:
    data = text.encode("utf-16-le", "surrogatepass")
    return struct.pack("<H", len(data) // 2) + data


def decimal_bytes(precision: int) -> int:
    """Of a value, its sign included."""
    return 5 if precision <= 9 else 9 if precision <= 19 else 13 if precision <= 28 else 17


def time_bytes(scale: int) -> int:
    return 3 if scale <= 2 else 4 if scale <= 4 else 5


def is_plp(t: Type) -> bool:
    name = base_name(t)
    return name == "xml" or name in UDTS or (t.length == MAX and (name in TEXTS or name in BINARIES))


def type_info(t: Type, nullable: bool = True) -> bytes:
    name = base_name(t)
    if name in FIXED:
        never, maybe, size = FIXED[name]
        return bytes([maybe, size]) if nullable else bytes([never])
    if name in ("decimal", "numeric"):
        return bytes([0x6A if name == "decimal" else 0x6C, decimal_bytes(t.precision), t.precision, t.scale])
    if name == "uniqueidentifier":
        return b"\x24\x10"
    if name == "date":
        return b"\x28"
    if name in TIMES:
        return bytes([TIMES[name], t.scale])
    if name in TEXTS:
        return struct.pack("<BH", TEXTS[name], PLP if t.length == MAX else t.length) + collations.five_bytes(t.collation)
    if name in BINARIES:
        return struct.pack("<BH", BINARIES[name], PLP if t.length == MAX else 8 if name in ("rowversion", "timestamp") else t.length)
    if name in LONGS:
        head = struct.pack("<BI", LONGS[name], 0x7FFFFFFE if name == "ntext" else 0x7FFFFFFF)
        return head + (b"" if name == "image" else collations.five_bytes(t.collation))
    if name == "xml":
        return b"\xf1\x00"
    if name == "sql_variant":
        return struct.pack("<BI", 0x62, 8009)
    if name in UDTS:
        size, class_name = UDTS[name]
        return struct.pack("<BH", 0xF0, size) + b_varchar("") + b_varchar("sys") + b_varchar(name) + us_varchar(ASSEMBLY.format(class_name))
    raise ValueError(f"the wire has no type {t.name}")


def user_type(t: Type) -> int:
    return ROWVERSION_USER_TYPE if base_name(t) in ("rowversion", "timestamp") else 0


def without_utf8(c: Column) -> Column:
    """As a client that does not know of UTF-8 collations gets it."""
    if not (c.type.collation or "").upper().endswith("_UTF8") or base_name(c.type) not in ("char", "varchar"):
        return c
    length = c.type.length if c.type.length == MAX else min(2 * c.type.length, 8000)
    return dataclasses.replace(c, type=dataclasses.replace(c.type, name="n" + base_name(c.type), length=length))


def plain(name: str) -> Type:
    """A type without parameters, with the length that sys.types has for it."""
    return Type(name, LENGTHS.get(name, 0))


def may_be_null(c: Column) -> bool:
    """Types without a fixed token carry a length byte and can always be NULL on the wire."""
    return c.nullable or c.computed


def column_metadata(columns: list[Column]) -> bytes:
    if not columns:
        return b"\x81\xff\xff"
    out = [struct.pack("<BH", 0x81, len(columns))]
    for c in columns:
        flags = (NULLABLE if c.nullable else 0) | (IDENTITY if c.identity else 0) | (COMPUTED if c.computed else 0)
        flags |= 0 if c.identity or c.computed else MAYBE_WRITABLE
        out.append(struct.pack("<IH", user_type(c.type), flags))
        out.append(type_info(c.type, may_be_null(c)))
        if base_name(c.type) in LONGS:
            out.append(b"\x01" + us_varchar(""))  # the table's name, in one part
        out.append(b_varchar(c.name))
    return b"".join(out)
