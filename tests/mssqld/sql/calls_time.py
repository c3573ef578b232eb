"""Functions of dates and times."""
from __future__ import annotations

from typing import Any

from contract import SqlError, Type

from . import values
from .convert import convert
from .functions_time import MONTHS, PARTS, part
from .scope import E

TICKS = values.make("datetime2", [7])
OFFSET = values.make("datetimeoffset", [7])


class TimeCalls:
    """Methods of a compiler."""
    session: Any
    cast: Any
    constant: Any

    def _now(self, t: Type) -> E:
        self.volatile |= self.session.server.now is None
        return self.constant(t, convert(self.session.server.ticks(), TICKS, t), False)

    def f_sysutcdatetime(self) -> E:
        return self._now(TICKS)

    f_sysdatetime = f_sysutcdatetime  # the server's zone is UTC

    def f_getdate(self) -> E:
        return self._now(values.make("datetime", []))

    f_getutcdate = f_getdate

    def f_sysdatetimeoffset(self) -> E:
        return self._now(OFFSET)

    def _time(self, e: E) -> E:
        """A text or a number is taken as a datetime."""
        return e if e.type.name in values.TIMES else self.cast(e, values.make("datetime", []) if e.type.name in values.NUMBERS else TICKS)

    def f_dateadd(self, word: str, n: E, at: E) -> E:
        at = at if at.type.name in values.TIMES else self.cast(at, values.make("datetime", []))
        t, word = at.type, part(word)
        if t.name == "time" and (word in MONTHS or PARTS[word] % 864_000_000_000 == 0 and PARTS[word]) or t.name == "date" and word not in MONTHS and \
                (not PARTS[word] or PARTS[word] < 864_000_000_000):
            raise SqlError(9810, f"The datepart {word.lower()} is not supported by date function dateadd for data type {t.name}.", 16, 0)
        if word == "WEEKDAY" or word == "DAYOFYEAR":
            word = "DAY"
        number = self.cast(n, values.INT)
        local = E(f"ms_dateadd('{word}', {number.sql}, {self.cast(at, TICKS).sql}, '{t.name}')", TICKS)
        if t.name == "datetimeoffset":
            return E(f"ms_with_offset({local.sql}, {at.sql})", t)
        return self.cast(local, t)

    def _instant(self, e: E) -> str:
        """For differences: a datetimeoffset counts by its UTC time."""
        e = self._time(e)
        return f"ms_utc({e.sql})" if e.type.name == "datetimeoffset" else self.cast(e, TICKS).sql

    def _difference(self, word: str, a: E, b: E, t: Type) -> E:
        return E(f"ms_datediff('{part(word)}', {self._instant(a)}, {self._instant(b)}, {values.INTS[t.name][1]})", t)

    def f_datediff(self, word: str, a: E, b: E) -> E:
        return self._difference(word, a, b, values.INT)

    def f_datediff_big(self, word: str, a: E, b: E) -> E:
        return self._difference(word, a, b, values.BIGINT)

    def f_datepart(self, word: str, at: E) -> E:
        return E(f"ms_datepart('{part(word)}', {self.cast(self._time(at), TICKS).sql})", values.INT)

    def f_datename(self, word: str, at: E) -> E:
        return E(f"ms_datename('{part(word)}', {self.cast(self._time(at), TICKS).sql})", values.make("nvarchar", [30]))

    def f_year(self, at: E) -> E:
        return self.f_datepart("YEAR", at)

    def f_month(self, at: E) -> E:
        return self.f_datepart("MONTH", at)

    def f_day(self, at: E) -> E:
        return self.f_datepart("DAY", at)

    def f_eomonth(self, at: E, months: E | None = None) -> E:
        n = self.cast(months, values.INT) if months else self.constant(values.INT, 0)
        return self.cast(E(f"ms_eomonth({self.cast(self._time(at), TICKS).sql}, {n.sql})", TICKS), values.make("date", []))

    def f_datefromparts(self, year: E, month: E, day: E) -> E:
        parts = ", ".join(self.cast(e, values.INT).sql for e in (year, month, day))
        return self.cast(E(f"ms_dateof({parts})", TICKS), values.make("date", []))

    def f_switchoffset(self, at: E, zone: E) -> E:
        at = self.cast(at, at.type if at.type.name == "datetimeoffset" else OFFSET)
        return E(f"ms_switchoffset({at.sql}, {zone.sql})", at.type)

    def f_todatetimeoffset(self, at: E, zone: E) -> E:
        at = self.cast(self._time(at), TICKS)
        return E(f"ms_toffset({at.sql}, {zone.sql})", OFFSET)
