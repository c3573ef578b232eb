"""Values from texts and from JSON, for the bulk loader: one function a type."""
from __future__ import annotations

import datetime
import decimal
import math
import re
import uuid
from typing import Any, Callable

from contract import Type

from . import clock, typeinfo

EPOCH_1900 = 693_595 * clock.DAY
MOMENT = re.compile(r"(.+?)\s*(Z|[+-]\d\d:?\d\d)?$")
EXACT = decimal.Context(prec=60, rounding=decimal.ROUND_HALF_UP)


def _scaled(value: Any, scale: int) -> int:
    return int(decimal.Decimal(str(value)).scaleb(scale, EXACT).to_integral_value(context=EXACT))


def _moment(value: Any) -> int:
    if isinstance(value, datetime.datetime):
        value = value.replace(tzinfo=None).isoformat()
    return clock.ticks(str(value))


def _rounded(ticks: int, scale: int) -> int:
    step = 10 ** (7 - scale)
    return (ticks + step // 2) // step * step


def _time(value: Any, scale: int) -> int:
    return _rounded(clock.ticks("0001-01-01T" + str(value)), scale) % clock.DAY


def _with_offset(value: Any, scale: int) -> tuple[int, int]:
    local, offset = MOMENT.fullmatch(str(value)).groups()
    minutes = 0
    if offset and offset != "Z":
        minutes = int(offset[1:3]) * 60 + int(offset[-2:])
        minutes = -minutes if offset[0] == "-" else minutes
    return _rounded(clock.ticks(local) - minutes * 600_000_000, scale), minutes


def _datetime(value: Any) -> int:
    ticks = _moment(value) - EPOCH_1900
    return (ticks * 3 + 50_000) // 100_000  # to the nearest 1/300 s


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else bytes.fromhex(str(value).removeprefix("0x"))


def _float(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value!r} is no number for a float")
    return number


def _variant(value: Any) -> tuple[Type, Any]:
    if isinstance(value, bool):
        return Type("bit"), int(value)
    if isinstance(value, int):
        return Type("int" if -2 ** 31 <= value < 2 ** 31 else "bigint"), value
    if isinstance(value, float):
        return Type("float"), value
    text = str(value)
    return Type("nvarchar", length=max(2, len(text.encode("utf-16-le")))), text


def _bit(value: Any) -> int:
    words = {"true": 1, "false": 0, "1": 1, "0": 0}
    if str(value).lower() not in words:
        raise ValueError(f"{value!r} is no bit")
    return words[str(value).lower()]


PARSERS: dict[str, Callable[[Any, Type], Any]] = {
    "bit": lambda v, t: _bit(v), "real": lambda v, t: _float(v), "float": lambda v, t: _float(v),
    "decimal": lambda v, t: _scaled(v, t.scale), "numeric": lambda v, t: _scaled(v, t.scale),
    "money": lambda v, t: _scaled(v, 4), "smallmoney": lambda v, t: _scaled(v, 4),
    "date": lambda v, t: clock.ticks(str(v)) // clock.DAY, "time": lambda v, t: _time(v, t.scale),
    "datetime2": lambda v, t: _rounded(_moment(v), t.scale), "datetimeoffset": lambda v, t: _with_offset(v, t.scale),
    "datetime": lambda v, t: _datetime(v),
    "smalldatetime": lambda v, t: (_moment(v) - EPOCH_1900 + 300_000_000) // 600_000_000,
    "uniqueidentifier": lambda v, t: uuid.UUID(str(v)).bytes_le, "sql_variant": lambda v, t: _variant(v),
    "char": lambda v, t: str(v).ljust(t.length), "nchar": lambda v, t: str(v).ljust(t.length // 2),
    "binary": lambda v, t: _bytes(v).ljust(t.length, b"\0"),
    **{name: lambda v, t: int(v) for name in ("tinyint", "smallint", "int", "bigint")},
    **{name: lambda v, t: str(v) for name in ("varchar", "nvarchar", "text", "ntext", "xml")},
    **{name: lambda v, t: _bytes(v) for name in ("varbinary", "image")},
}


def parser(t: Type) -> Callable[[Any], Any]:
    parse = PARSERS.get(typeinfo.base_name(t))
    if not parse:
        raise ValueError(f"values of type {t.name} cannot be loaded")
    return lambda v: None if v is None else parse(v, t)
