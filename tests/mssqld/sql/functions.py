"""Functions that SQLite calls for what it does otherwise than SQL Server.  Values come as SQLite keeps them; i is a pair of types
(Database.conversion)."""
from __future__ import annotations

import functools
import hashlib
import re
from decimal import ROUND_DOWN, Decimal
from typing import Any

from contract import SqlError
from tds import clock, fromtext

from . import values


def arithmetic(op: str, a: Any, b: Any, scale_a: int, scale_b: int, scale: int) -> int | None:
    """Exact numbers as scaled integers; the result has `scale`."""
    if a is None or b is None:
        return None
    a, b = (int(v) - values.NUL_ORDER if isinstance(v, str) else v for v in (a, b))
    if op in "/%" and b == 0:
        raise SqlError(8134, "Divide by zero error encountered.")
    if op == "*":
        n = values.rescale(a * b, scale - scale_a - scale_b)
    elif op == "/":
        quotient = fromtext.EXACT.divide(Decimal(a).scaleb(-scale_a, fromtext.EXACT), Decimal(b).scaleb(-scale_b, fromtext.EXACT))
        n = int(quotient.scaleb(scale, fromtext.EXACT).to_integral_value(ROUND_DOWN))
    else:
        a, b = values.rescale(a, scale - scale_a), values.rescale(b, scale - scale_b)
        n = a + b if op == "+" else a - b if op == "-" else (abs(a) % abs(b)) * (-1 if a < 0 else 1)
    return n


def exact(op: str, a: Any, b: Any, scale_a: int, scale_b: int, scale: int, precision: int) -> Any:
    n = arithmetic(op, a, b, scale_a, scale_b, scale)
    if n is not None and abs(n) >= 10 ** precision:
        raise SqlError(8115, "Arithmetic overflow error converting expression to data type numeric.", 16, 2)
    return n if n is None or precision <= 18 else f"{n + values.NUL_ORDER:041d}"


def integer(op: str, a: int | None, b: int | None, low: int, high: int) -> int | None:
    if a is None or b is None:
        return None
    if op in "/%":
        n = arithmetic(op, a, b, 0, 0, 0)
    else:
        n = a + b if op == "+" else a - b if op == "-" else a * b
    if not low <= n <= high:
        raise SqlError(8115, f"Arithmetic overflow error converting expression to data type {'int' if high < 2 ** 32 else 'bigint'}.", 16, 2)
    return n


@functools.lru_cache(512)
def _like_pattern(pattern: str, escape: str | None, ci: int) -> re.Pattern:
    out, i = [], 0
    while i < len(pattern):
        ch = pattern[i]
        if escape and ch == escape and i + 1 < len(pattern):
            i += 1
            out.append(re.escape(pattern[i]))
        elif ch == "%":
            out.append(".*")
        elif ch == "_":
            out.append(".")
        elif ch == "[" and "]" in pattern[i + 2:]:
            end = pattern.index("]", i + 2)
            inner = pattern[i + 1:end].replace("\\", "\\\\")
            out.append("[" + inner + "]")
            i = end
        else:
            out.append(re.escape(ch))
        i += 1
    return re.compile("".join(out), re.S | (re.I if ci else 0))


def like(text: str | None, pattern: str | None, escape: str | None, ci: int) -> int | None:
    if text is None or pattern is None:
        return None
    return int(bool(_like_pattern(pattern, escape, ci).fullmatch(text)))


def length(text: str | None) -> int | None:
    return None if text is None else len(text.rstrip(" ").encode("utf-16-le", "surrogatepass")) // 2


def data_length(v: Any, kind: str, size: int) -> int | None:
    if v is None:
        return None
    if isinstance(v, bytes):
        return len(v)
    if isinstance(v, str) and kind in values.TEXTS:
        return len(v.encode("utf-16-le", "surrogatepass")) if kind[0] == "n" else len(v.encode("cp1252", "replace"))
    return size


def substring(v: Any, start: int | None, n: int | None) -> Any:
    if v is None or start is None or n is None:
        return None
    if n < 0:
        raise SqlError(537, "Invalid length parameter passed to the LEFT or SUBSTRING function.", 16, 3)
    return v[max(0, start - 1):max(0, start - 1 + n)]


def replace(text: str | None, old: str | None, new: str | None) -> str | None:
    if text is None or old is None or new is None:
        return None
    return re.sub(re.escape(old), lambda m: new, text, flags=re.I) if old else text


PARTS = {"NANOSECOND": 0, "MICROSECOND": 10, "MCS": 10, "MILLISECOND": 10_000, "MS": 10_000, "SECOND": 10_000_000, "SS": 10_000_000, "S": 10_000_000,
         "MINUTE": 600_000_000, "MI": 600_000_000, "N": 600_000_000, "HOUR": 36_000_000_000, "HH": 36_000_000_000, "DAY": clock.DAY, "DD": clock.DAY,
         "D": clock.DAY, "WEEK": 7 * clock.DAY, "WK": 7 * clock.DAY}
MONTHS = {"MONTH": 1, "MM": 1, "M": 1, "QUARTER": 3, "QQ": 3, "Q": 3, "YEAR": 12, "YY": 12, "YYYY": 12}


def part(word: str) -> str:
    if word not in PARTS and word not in MONTHS:
        raise SqlError(155, f"'{word.lower()}' is not a recognized datepart option.", 15)
    return word


def _months(days: int) -> tuple[int, int]:
    import datetime
    d = datetime.date.fromordinal(days + 1)
    return d.year * 12 + d.month - 1, d.day


def date_add(word: str, n: int | None, ticks: int | None) -> int | None:
    """ticks: 100 ns since 0001-01-01."""
    if n is None or ticks is None:
        return None
    if word in MONTHS:
        import calendar
        import datetime
        months, day = _months(ticks // clock.DAY)
        year, month = divmod(months + n * MONTHS[word], 12)
        day = min(day, calendar.monthrange(year, month + 1)[1])
        return (datetime.date(year, month + 1, day).toordinal() - 1) * clock.DAY + ticks % clock.DAY
    return ticks + (n * PARTS[word] if PARTS[word] else n // 100)


def date_diff(word: str, a: int | None, b: int | None) -> int | None:
    """Boundaries crossed between two times in ticks."""
    if a is None or b is None:
        return None
    if word in MONTHS:
        return (_months(b // clock.DAY)[0] // MONTHS[word]) - (_months(a // clock.DAY)[0] // MONTHS[word])
    unit = PARTS[word]
    return (b - a) * 100 if not unit else b // unit - a // unit


def date_part(word: str, ticks: int | None) -> int | None:
    if ticks is None:
        return None
    if word in MONTHS:
        months, _ = _months(ticks // clock.DAY)
        return {12: months // 12, 1: months % 12 + 1, 3: months % 12 // 3 + 1}[MONTHS[word]]
    if PARTS[word] == clock.DAY:
        return _months(ticks // clock.DAY)[1]
    of = {36_000_000_000: 24, 600_000_000: 60, 10_000_000: 60, 10_000: 1000, 10: 1_000_000}.get(PARTS[word])
    if not of:
        raise SqlError(155, f"'{word.lower()}' is not a recognized datepart option.", 15)
    return ticks // PARTS[word] % of


def hash_bytes(algorithm: str | None, v: Any, wide: int) -> bytes | None:
    names = {"MD5": "md5", "SHA": "sha1", "SHA1": "sha1", "SHA2_256": "sha256", "SHA2_512": "sha512"}
    if v is None or algorithm is None or algorithm.upper() not in names:
        return None
    raw = v if isinstance(v, bytes) else v.encode("utf-16-le" if wide else "cp1252", "replace")
    return hashlib.new(names[algorithm.upper()], raw).digest()


def round_exact(n: Any, digits: int | None, scale: int) -> Any:
    if n is None or digits is None:
        return None
    wide = isinstance(n, str)
    n = int(n) - values.NUL_ORDER if wide else n
    by = scale - digits
    n = values.rescale(values.rescale(n, -by), by) if by > 0 else n
    return f"{n + values.NUL_ORDER:041d}" if wide else n


class Sum:
    """SUM of exact numbers; its second argument is a conversion whose types are the operand's and the result's."""
    database: Any = None

    def __init__(self) -> None:
        self.total: int | None = None
        self.pair = 0

    def step(self, v: Any, pair: int) -> None:
        self.pair = pair
        if v is not None:
            a = self.database.conversions[pair][0]
            self.total = (self.total or 0) + values.decode(a, v)

    def finalize(self) -> Any:
        return None if self.total is None else values.encode(self.database.conversions[self.pair][1], self.total)


def upper(text: str | None) -> str | None:
    return None if text is None else text.upper()


def lower(text: str | None) -> str | None:
    return None if text is None else text.lower()


SCALARS = [("upper", 1, upper), ("lower", 1, lower), ("ms_exact", 7, exact), ("ms_int", 5, integer), ("ms_like", 4, like), ("ms_len", 1, length), ("ms_bytes", 3, data_length),
           ("ms_substring", 3, substring), ("ms_replace", 3, replace), ("ms_dateadd", 3, date_add), ("ms_datediff", 3, date_diff),
           ("ms_datepart", 2, date_part), ("ms_hash", 3, hash_bytes), ("ms_round", 3, round_exact)]
