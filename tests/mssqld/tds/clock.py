"""Times as text, and back."""
from __future__ import annotations

import datetime
import re

DAY = 864_000_000_000  # 100 ns
TIME = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,7}))?)?)?Z?$")


def ticks(text: str) -> int:
    """100 ns since 0001-01-01."""
    found = TIME.match(text.strip())
    if not found:
        raise ValueError(f"{text!r} is no time like 2024-05-01T12:00:00.1234567")
    day, hours, minutes, seconds, fraction = found.groups("0")
    days = datetime.date.fromisoformat(day).toordinal() - 1
    s = int(hours) * 3600 + int(minutes) * 60 + int(seconds)
    if int(hours) > 23 or int(minutes) > 59 or int(seconds) > 59:
        raise ValueError(f"{text!r} is no time of a day")
    return days * DAY + s * 10_000_000 + int(fraction.ljust(7, "0"))


def date(days: int) -> str:
    return datetime.date.fromordinal(days + 1).isoformat()


def time(n: int, scale: int) -> str:
    s, fraction = divmod(n, 10_000_000)
    whole = f"{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}"
    return f"{whole}.{fraction:07}"[:9 + scale] if scale else whole


def moment(n: int, scale: int) -> str:
    return f"{date(n // DAY)}T{time(n % DAY, scale)}"
