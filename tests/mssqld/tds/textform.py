"""Values as JSON shows them: numbers where JSON has them exactly, texts for the rest."""
from __future__ import annotations

import uuid
from typing import Any

from contract import Type

from . import clock, typeinfo

EPOCH_1900 = 693_595  # days


def decimal(n: int, scale: int) -> str:
    digits = str(abs(n)).rjust(scale + 1, "0")
    whole = digits if scale == 0 else f"{digits[:-scale]}.{digits[-scale:]}"
    return ("-" if n < 0 else "") + whole


def _offset(v: tuple[int, int], scale: int) -> str:
    local = v[0] + v[1] * 600_000_000
    sign, minutes = ("-" if v[1] < 0 else "+"), abs(v[1])
    return f"{clock.moment(local, scale)}{sign}{minutes // 60:02}:{minutes % 60:02}"


def _datetime(v: int) -> str:
    days, ticks = divmod(v, 25920000)
    milliseconds = (ticks * 10 + 1) // 3
    return clock.moment((days + EPOCH_1900) * clock.DAY + milliseconds * 10_000, 3)


FORMS = {
    "decimal": lambda v, t: decimal(v, t.scale), "numeric": lambda v, t: decimal(v, t.scale),
    "money": lambda v, t: decimal(v, 4), "smallmoney": lambda v, t: decimal(v, 4),
    "date": lambda v, t: clock.date(v), "time": lambda v, t: clock.time(v, t.scale),
    "datetime2": lambda v, t: clock.moment(v, t.scale), "datetimeoffset": lambda v, t: _offset(v, t.scale),
    "datetime": lambda v, t: _datetime(v),
    "smalldatetime": lambda v, t: clock.moment(EPOCH_1900 * clock.DAY + v * 600_000_000, 0),
    "uniqueidentifier": lambda v, t: str(uuid.UUID(bytes_le=v)).upper(),
    "sql_variant": lambda v, t: text(v[0], v[1]),
}


def text(t: Type, value: Any) -> Any:
    if value is None:
        return None
    form = FORMS.get(typeinfo.base_name(t))
    if form:
        return form(value, t)
    return "0x" + value.hex().upper() if isinstance(value, bytes) else value
