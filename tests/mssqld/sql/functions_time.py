"""Functions of dates and times that SQLite calls.  Times are 100 ns since 0001-01-01."""
from __future__ import annotations

import calendar
import datetime
import re
from typing import Any

from contract import SqlError
from tds import clock

from . import times

PARTS = {"NANOSECOND": 0, "NS": 0, "MICROSECOND": 10, "MCS": 10, "MILLISECOND": 10_000, "MS": 10_000, "SECOND": 10_000_000, "SS": 10_000_000,
         "S": 10_000_000, "MINUTE": times.MINUTE, "MI": times.MINUTE, "N": times.MINUTE, "HOUR": 60 * times.MINUTE, "HH": 60 * times.MINUTE,
         "DAY": clock.DAY, "DD": clock.DAY, "D": clock.DAY, "DAYOFYEAR": clock.DAY, "DY": clock.DAY, "WEEKDAY": clock.DAY, "DW": clock.DAY,
         "WEEK": 7 * clock.DAY, "WK": 7 * clock.DAY, "WW": 7 * clock.DAY}
MONTHS = {"MONTH": 1, "MM": 1, "M": 1, "QUARTER": 3, "QQ": 3, "Q": 3, "YEAR": 12, "YY": 12, "YYYY": 12}
WHOLE = {"DY": "DAYOFYEAR", "DW": "WEEKDAY", "WK": "WEEK", "WW": "WEEK"}
END = 3_652_059 * clock.DAY


def part(word: str) -> str:
    if word not in PARTS and word not in MONTHS:
        raise SqlError(155, f"'{word.lower()}' is not a recognized datepart option.", 15)
    return WHOLE.get(word, word)


def _day(ticks: int) -> datetime.date:
    return datetime.date.fromordinal(ticks // clock.DAY + 1)


def _overflow(kind: str) -> SqlError:
    return SqlError(517, f"Adding a value to a '{kind}' column caused an overflow.")


def date_add(word: str, n: int | None, ticks: int | None, kind: str) -> int | None:
    if n is None or ticks is None:
        return None
    if word in MONTHS:
        d = _day(ticks)
        year, month = divmod(d.year * 12 + d.month - 1 + n * MONTHS[word], 12)
        if not 1 <= year <= 9999:
            raise _overflow(kind)
        day = min(d.day, calendar.monthrange(year, month + 1)[1])
        return (datetime.date(year, month + 1, day).toordinal() - 1) * clock.DAY + ticks % clock.DAY
    found = ticks + (n * PARTS[word] if PARTS[word] else n // 100)
    if kind == "time":
        return times.EPOCH_1900 * clock.DAY + found % clock.DAY
    if not 0 <= found < END:
        raise _overflow(kind)
    return found


def date_diff(word: str, a: int | None, b: int | None, limit: int) -> int | None:
    """Boundaries crossed between two times."""
    if a is None or b is None:
        return None
    if word in MONTHS:
        first, last = ((d.year * 12 + d.month - 1) // MONTHS[word] for d in (_day(a), _day(b)))
        n = last - first
    elif word == "WEEK":  # they begin on Sundays; the first day of all was a Monday
        n = (b // clock.DAY + 1) // 7 - (a // clock.DAY + 1) // 7
    else:
        unit = PARTS[word]
        n = (b - a) * 100 if not unit else b // unit - a // unit
    if abs(n) > limit:
        raise SqlError(535, "The datediff function resulted in an overflow. The number of dateparts separating two date/time instances is too large. Try to use "
                            "datediff with a less precise datepart.", 16, 0)
    return n


def date_part(word: str, ticks: int | None) -> int | None:
    if ticks is None:
        return None
    d = _day(ticks)
    if word in MONTHS:
        return {12: d.year, 1: d.month, 3: (d.month + 2) // 3}[MONTHS[word]]
    if word in ("DAYOFYEAR", "WEEKDAY"):
        return d.timetuple().tm_yday if word == "DAYOFYEAR" else d.isoweekday() % 7 + 1
    if word == "WEEK":
        return (d.timetuple().tm_yday + datetime.date(d.year, 1, 1).isoweekday() % 7 - 1) // 7 + 1
    if PARTS[word] == clock.DAY:
        return d.day
    of = {60 * times.MINUTE: 24, times.MINUTE: 60, 10_000_000: 60, 10_000: 1000, 10: 1_000_000, 0: 0}[PARTS[word]]
    return ticks // PARTS[word] % of if of else ticks % 10_000_000 * 100


def date_name(word: str, ticks: int | None) -> str | None:
    if ticks is None:
        return None
    if word in ("MONTH", "MM", "M"):
        return calendar.month_name[_day(ticks).month]
    return calendar.day_name[_day(ticks).weekday()] if word == "WEEKDAY" else str(date_part(word, ticks))


def end_of_month(ticks: int | None, n: int | None) -> int | None:
    if ticks is None:
        return None
    at = date_add("MONTH", n or 0, ticks, "date")
    d = _day(at)
    return (d.replace(day=calendar.monthrange(d.year, d.month)[1]).toordinal() - 1) * clock.DAY


def date_of(year: int | None, month: int | None, day: int | None) -> int | None:
    if year is None or month is None or day is None:
        return None
    try:
        return (datetime.date(year, month, day).toordinal() - 1) * clock.DAY
    except ValueError:
        raise SqlError(289, "Cannot construct data type date, some of the arguments have values which are not valid.") from None


# ---- datetimeoffset, as SQLite keeps it: UTC in 19 digits, the offset + 5000 in 4 -----------------------------------------------
def utc(v: str | None) -> int | None:
    return None if v is None else int(v[:19])


def _kept(instant: int, offset: int) -> str:
    if not 0 <= instant + offset * times.MINUTE < END:
        raise _overflow("datetimeoffset")
    return f"{instant:019d}{offset + 5000:04d}"


def with_offset(local: int | None, old: str | None) -> str | None:
    if local is None or old is None:
        return None
    offset = int(old[19:]) - 5000
    return _kept(local - offset * times.MINUTE, offset)


def _zone(zone: Any) -> int:
    m = re.fullmatch(r"([+-])(\d\d):(\d\d)", zone) if isinstance(zone, str) else None
    minutes = zone if isinstance(zone, int) else (int(m[2]) * 60 + int(m[3])) * (-1 if m[1] == "-" else 1) if m else 10 ** 6
    if abs(minutes) > 840:
        raise SqlError(9812, "The timezone provided to builtin function switchoffset is invalid.", 16, 0)
    return minutes


def switch_offset(v: str | None, zone: Any) -> str | None:
    return None if v is None or zone is None else _kept(int(v[:19]), _zone(zone))


def to_offset(local: int | None, zone: Any) -> str | None:
    return None if local is None or zone is None else _kept(local - _zone(zone) * times.MINUTE, _zone(zone))


SCALARS = [("ms_dateadd", 4, date_add), ("ms_datediff", 4, date_diff), ("ms_datepart", 2, date_part), ("ms_datename", 2, date_name),
           ("ms_eomonth", 2, end_of_month), ("ms_dateof", 3, date_of), ("ms_utc", 1, utc), ("ms_with_offset", 2, with_offset),
           ("ms_switchoffset", 2, switch_offset), ("ms_toffset", 2, to_offset)]
