"""Dates and times: from text, to text in T-SQL's styles, and into one another."""
from __future__ import annotations

import datetime
import re
from typing import Any

from contract import SqlError, Type
from tds import clock

EPOCH_1900 = 693_595  # days
MINUTE = 600_000_000  # 100 ns
LIMITS = {"datetime": ((639_905 - EPOCH_1900) * 25_920_000, (3_652_059 - EPOCH_1900) * 25_920_000 - 1),
          "smalldatetime": (0, 65_536 * 1440 - 1)}  # 1753-01-01 .. 9999-12-31, 1900-01-01 .. 2079-06-06
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def rounded(ticks: int, scale: int) -> int:
    step = 10 ** (7 - scale)
    return (ticks + step // 2) // step * step


def in_range(v: int, t: Type, a: Type) -> int:
    low, high = LIMITS[t.name]
    if not low <= v <= high:
        raise SqlError(242, f"The conversion of a {a.name} data type to a {t.name} data type resulted in an out-of-range value.", 16, 3)
    return v


def ticks(v: Any, t: Type) -> tuple[int, int]:
    """100 ns since 0001-01-01 (local), offset in minutes."""
    if t.name == "date":
        return v * clock.DAY, 0
    if t.name == "time":
        return EPOCH_1900 * clock.DAY + v, 0
    if t.name == "datetime":
        return EPOCH_1900 * clock.DAY + (v * 100_000 + 1) // 3, 0
    if t.name == "smalldatetime":
        return EPOCH_1900 * clock.DAY + v * MINUTE, 0
    if t.name == "datetimeoffset":
        return v[0] + v[1] * MINUTE, v[1]
    return v, 0


def of_ticks(local: int, offset: int, b: Type, a: Type) -> Any:
    if b.name == "date":
        return local // clock.DAY
    if b.name == "time":
        return rounded(local % clock.DAY, b.scale) % clock.DAY
    if b.name == "datetime":
        return in_range(((local - EPOCH_1900 * clock.DAY) * 3 + 50_000) // 100_000, b, a)
    if b.name == "smalldatetime":
        return in_range((local - EPOCH_1900 * clock.DAY + MINUTE // 2) // MINUTE, b, a)
    local = rounded(local, b.scale)
    if not 0 <= local < 3_652_059 * clock.DAY:
        raise SqlError(517, f"Adding a value to a '{b.name}' column caused an overflow.")
    return (local - offset * MINUTE, offset) if b.name == "datetimeoffset" else local


def convert(v: Any, a: Type, b: Type) -> Any:
    if {a.name, b.name} == {"date", "time"}:
        raise SqlError(206, f"Operand type clash: {a.name} is incompatible with {b.name}", 16, 2)
    return of_ticks(*ticks(v, a), b, a)


# ---- from text ---------------------------------------------------------------------------------------------------------------
DATES = [(re.compile(r"(?P<y>[0-9]{4})-(?P<m>[0-9]{1,2})-(?P<d>[0-9]{1,2})"), (None, 0, 20, 120, 21, 121, 23, 25, 126, 127)),
         (re.compile(r"(?P<y>[0-9]{4})(?P<m>[0-9]{2})(?P<d>[0-9]{2})"), None),
         (re.compile(r"(?P<m>[0-9]{1,2})[/](?P<d>[0-9]{1,2})[/](?P<y>[0-9]{4})"), (None, 0, 101)),
         (re.compile(r"(?P<d>[0-9]{1,2})[/](?P<m>[0-9]{1,2})[/](?P<y>[0-9]{4})"), (103,)),
         (re.compile(r"(?P<d>[0-9]{1,2})[.](?P<m>[0-9]{1,2})[.](?P<y>[0-9]{4})"), (104,)),
         (re.compile(r"(?P<d>[0-9]{1,2})-(?P<m>[0-9]{1,2})-(?P<y>[0-9]{4})"), (105,)),
         (re.compile(r"(?P<m>[0-9]{1,2})-(?P<d>[0-9]{1,2})-(?P<y>[0-9]{4})"), (110,)),
         (re.compile(r"(?P<y>[0-9]{4})[/](?P<m>[0-9]{1,2})[/](?P<d>[0-9]{1,2})"), (111,)),
         (re.compile(r"(?P<y>[0-9]{4})[.](?P<m>[0-9]{1,2})[.](?P<d>[0-9]{1,2})"), (102,))]
STYLES = {None, 0, 112, *(style for _, styles in DATES for style in styles or ())}
TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,7}))?)?\s*([AaPp][Mm])?\s*(Z|[+-][0-9]{2}:[0-9]{2})?")


def _failed(b: Type) -> SqlError:
    return SqlError(241, "Conversion failed when converting date and/or time from character string.")


def _time_of(text: str, b: Type) -> tuple[int, int]:
    """Ticks of a day, offset in minutes."""
    m = TIME.fullmatch(text)
    if not m:
        raise _failed(b)
    hours, minutes, seconds, fraction, half, zone = m.groups()
    h, mi, s = int(hours), int(minutes), int(seconds or 0)
    if half:
        if not 1 <= h <= 12:
            raise _failed(b)
        h = h % 12 + (12 if half.lower() == "pm" else 0)
    old = b.name in LIMITS
    if h > 23 or mi > 59 or s > 59 or old and (len(fraction or "") > 3 or zone not in (None, "Z")):
        raise _failed(b)
    offset = 0
    if zone and zone != "Z":
        offset = (int(zone[1:3]) * 60 + int(zone[4:])) * (-1 if zone[0] == "-" else 1)
        if abs(offset) > 840 or b.name != "datetimeoffset":
            raise _failed(b)
    return (h * 3600 + mi * 60 + s) * 10_000_000 + int((fraction or "0").ljust(7, "0")), offset


def parse(v: str, a: Type, b: Type, style: int | None) -> Any:
    """A date or time as text: ISO 8601, yyyymmdd, and what the style says."""
    if style not in STYLES:
        raise SqlError(281, f"{style} is not a valid style number when converting from {a.name} to {b.name}.", 16)
    s = v.strip(" ")
    days, rest = EPOCH_1900, s
    for pattern, styles in DATES:
        m = pattern.match(s)
        if m and (styles is None or style in styles) and (m.end() == len(s) or s[m.end()] in " TtZ"):
            try:
                days = datetime.date(int(m["y"]), int(m["m"]), int(m["d"])).toordinal() - 1
            except ValueError:
                raise (SqlError(242, f"The conversion of a {a.name} data type to a {b.name} data type resulted in an out-of-range value.", 16, 3)
                       if b.name in LIMITS else _failed(b)) from None
            rest = s[m.end():].lstrip("Tt ") if s[m.end():] != "Z" else ""
            break
    of_day, offset = _time_of(rest, b) if rest else (0, 0)
    return of_ticks(days * clock.DAY + of_day, offset, b, a)


# ---- to text -----------------------------------------------------------------------------------------------------------------
DATE_STYLES = {1: "{m:02}/{d:02}/{yy:02}", 101: "{m:02}/{d:02}/{y:04}", 2: "{yy:02}.{m:02}.{d:02}", 102: "{y:04}.{m:02}.{d:02}",
               3: "{d:02}/{m:02}/{yy:02}", 103: "{d:02}/{m:02}/{y:04}", 4: "{d:02}.{m:02}.{yy:02}", 104: "{d:02}.{m:02}.{y:04}",
               5: "{d:02}-{m:02}-{yy:02}", 105: "{d:02}-{m:02}-{y:04}", 10: "{m:02}-{d:02}-{yy:02}", 110: "{m:02}-{d:02}-{y:04}",
               11: "{yy:02}/{m:02}/{d:02}", 111: "{y:04}/{m:02}/{d:02}", 12: "{yy:02}{m:02}{d:02}", 112: "{y:04}{m:02}{d:02}", 23: "{y:04}-{m:02}-{d:02}"}
SECONDS, FRACTION, MIXED, ISO, ISO_UTC = (8, 108), (14, 114), (0, 100), 126, 127
WHOLE = {20: False, 120: False, 21: True, 121: True, 25: True}  # with a fraction?


def _fraction(of_day: int, t: Type, mark: str = ".") -> str:
    if t.name in ("datetime", "smalldatetime"):
        return mark + f"{(of_day % 10_000_000 + 5000) // 10_000:03}"
    return mark + f"{of_day % 10_000_000:07}"[:t.scale] if t.scale else ""


def _clock_text(of_day: int, t: Type, fraction: bool, mark: str = ".") -> str:
    s = of_day // 10_000_000
    return f"{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}" + (_fraction(of_day, t, mark) if fraction else "")


def _twelve(of_day: int) -> str:
    minutes = of_day // MINUTE
    return f"{(minutes // 60 + 11) % 12 + 1:2}:{minutes % 60:02}{'AM' if minutes < 720 else 'PM'}"


def text(v: Any, a: Type, b: Type, style: int | None) -> str:
    """b is the text's type, for the error."""
    local, offset = ticks(v, a)
    if a.name == "datetime":  # to the millisecond that it is shown with
        local = rounded(local, 3)
    if style is None:
        style = 0 if a.name in ("datetime", "smalldatetime") else 121
    if style == ISO_UTC and a.name == "datetimeoffset":
        local, offset = local - offset * MINUTE, 0
    day, of_day = datetime.date.fromordinal(local // clock.DAY + 1), local % clock.DAY
    zone = f"{'-' if offset < 0 else '+'}{abs(offset) // 60:02}:{abs(offset) % 60:02}" if a.name == "datetimeoffset" else ""
    has_date, has_time = a.name != "time", a.name != "date"
    if style in DATE_STYLES and has_date:
        return DATE_STYLES[style].format(y=day.year, yy=day.year % 100, m=day.month, d=day.day)
    iso = f"{day.year:04}-{day.month:02}-{day.day:02}"
    if style in SECONDS and has_time:
        return _clock_text(of_day, a, False)
    if style in FRACTION and has_time:
        return _clock_text(of_day, a, True, ":" if a.name == "datetime" else ".")
    if style in MIXED:
        date = f"{MONTHS[day.month - 1]} {day.day:2} {day.year:04}"
        found = " ".join([date] * has_date + [_twelve(of_day)] * has_time)
        return (found + (" " + zone if zone else "")).strip()
    if style in WHOLE:
        parts = [iso] * has_date + [_clock_text(of_day, a, WHOLE[style])] * has_time + ([zone] if zone else [])
        return " ".join(parts)
    if style in (ISO, ISO_UTC):
        shown = _clock_text(of_day, a, of_day % 10_000_000 != 0)
        return "T".join([iso] * has_date + [shown] * has_time) + ("Z" if zone and style == ISO_UTC else zone)
    raise SqlError(281, f"{style} is not a valid style number when converting from {a.name} to a character string.", 16)
