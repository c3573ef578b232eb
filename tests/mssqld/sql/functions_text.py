"""Functions of texts that SQLite calls.  Places and lengths count UTF-16 units."""
from __future__ import annotations

import functools
import hashlib
import json
import re
from typing import Any

from contract import SqlError

from . import values


def _units(s: str) -> str | bytes | None:
    """None: a unit is a character here."""
    return None if s.isascii() or max(s) <= "\uffff" else s.encode("utf-16-le", "surrogatepass")


def _slice(v: Any, first: int, last: int) -> Any:
    raw = _units(v) if isinstance(v, str) else None
    return v[first:last] if raw is None else raw[first * 2:last * 2].decode("utf-16-le", "surrogatepass")


def _count(s: str) -> int:
    raw = _units(s)
    return len(s) if raw is None else len(raw) // 2


@functools.lru_cache(512)
def _like_pattern(pattern: str, escape: str | None, by: str) -> re.Pattern:
    out, i = [], 0
    while i < len(pattern):
        ch = pattern[i]
        end = pattern.find("]", i + 2) if ch == "[" else -1
        if escape and ch == escape and i + 1 < len(pattern):
            i += 1
            out.append(re.escape(pattern[i]))
        elif ch == "%":
            out.append(".*")
        elif ch == "_":
            out.append(".")
        elif end > 0:
            inner = pattern[i + 1:end]
            negated = inner.startswith("^")
            inner = re.sub(r"([\\\[\]^&~|])", r"\\\1", inner[negated:])
            out.append(f"[{'^' if negated else ''}{inner}]")
            i = end
        else:
            out.append(re.escape(ch))
        i += 1
    return re.compile("".join(out), re.S | (0 if by in ("ms_cs", "ms_bin") else re.I))


def like(text: str | None, pattern: str | None, escape: str | None, by: str) -> int | None:
    """Blanks at the end of the text do not count."""
    if text is None or pattern is None:
        return None
    compiled = _like_pattern(pattern, escape, by)
    return int(bool(compiled.fullmatch(text) or text.endswith(" ") and not pattern.endswith(" ") and compiled.fullmatch(text.rstrip(" "))))


def length(text: str | None) -> int | None:
    return None if text is None else _count(text.rstrip(" "))


def data_length(v: Any, kind: str, size: int, page: str) -> int | None:
    if v is None:
        return None
    if kind == "sql_variant":
        t, inner = values.decode(values.make(kind, []), v)
        return data_length(values.encode(t, inner), t.name, t.length, "cp1252")
    if kind in values.TEXTS:
        return len(v) if isinstance(v, bytes) else len(v.encode("utf-16-le" if kind[0] == "n" else page, "replace"))
    if kind == "xml":
        return len(v.encode("utf-16-le")) + 2
    return len(v) if isinstance(v, bytes) else size


def substring(v: Any, start: int | None, n: int | None) -> Any:
    if v is None or start is None or n is None:
        return None
    if n < 0:
        raise SqlError(537, "Invalid length parameter passed to the LEFT or SUBSTRING function.", 16, 3)
    return _slice(v, max(0, start - 1), max(0, start - 1 + n))


def right(v: str | None, n: int | None) -> str | None:
    if v is None or n is None:
        return None
    if n < 0:
        raise SqlError(536, "Invalid length parameter passed to the right function.", 16, 4)
    return _slice(v, max(0, _count(v) - n), _count(v))


def _finder(old: str, by: str) -> re.Pattern:
    return re.compile(re.escape(old), 0 if by in ("ms_cs", "ms_bin") else re.I)


def replace(text: str | None, old: str | None, new: str | None, by: str) -> str | None:
    if text is None or old is None or new is None:
        return None
    return _finder(old, by).sub(lambda m: new, text) if old else text


def char_index(old: str | None, text: str | None, start: int | None, by: str) -> int | None:
    if text is None or old is None or start is None:
        return None
    m = _finder(old, by).search(text, max(0, start - 1)) if old else None
    if m and _units(text) is not None:
        return _count(text[:m.start()]) + 1
    return m.start() + 1 if m else 0


def stuff(v: str | None, start: int | None, n: int | None, new: str | None) -> str | None:
    if v is None or start is None or n is None or not 1 <= start <= _count(v) or n < 0:
        return None
    return _slice(v, 0, start - 1) + (new or "") + _slice(v, start - 1 + n, _count(v))


def replicate(v: str | None, n: int | None, limit: int) -> str | None:
    if v is None or n is None or n < 0:
        return None
    if limit < 0 and n * len(v) > 2 ** 31:
        raise SqlError(701, "There is insufficient system memory to run this query.", 17, 123)
    return v * n if limit < 0 else _slice(v * min(n, limit), 0, limit)


def reverse(v: str | None) -> str | None:
    return None if v is None else v[::-1]


def upper(text: str | None) -> str | None:
    """Character by character: none becomes two."""
    return None if text is None else text.upper() if text.isascii() else "".join(c.upper() if len(c.upper()) == 1 else c for c in text)


def lower(text: str | None) -> str | None:
    return None if text is None else text.lower() if text.isascii() else "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def character(n: int | None, limit: int) -> str | None:
    if n is None or not 0 <= n <= limit:
        return None
    return chr(n) if limit > 255 else bytes([n]).decode("cp1252", "replace")


def unicode_of(v: str | None) -> int | None:
    return None if not v else int.from_bytes(v[0].encode("utf-16-le", "surrogatepass")[:2], "little")


def hash_bytes(algorithm: str | None, v: Any, wide: int) -> bytes | None:
    names = {"MD5": "md5", "SHA": "sha1", "SHA1": "sha1", "SHA2_256": "sha256", "SHA2_512": "sha512"}
    if v is None or algorithm is None:
        return None
    if algorithm.upper() not in names:
        raise SqlError(8116, f"The hash algorithm {algorithm} is not done by this server.")
    raw = v if isinstance(v, bytes) else v.encode("utf-16-le" if wide else "cp1252", "replace")
    return hashlib.new(names[algorithm.upper()], raw).digest()


def base_type(v: str | None) -> str | None:
    return None if v is None else json.loads(v)[0]


SCALARS = [("upper", 1, upper), ("lower", 1, lower), ("ms_like", 4, like), ("ms_len", 1, length), ("ms_bytes", 4, data_length), ("ms_substring", 3, substring),
           ("ms_right", 2, right), ("ms_replace", 4, replace), ("ms_charindex", 4, char_index), ("ms_stuff", 4, stuff), ("ms_replicate", 3, replicate),
           ("ms_reverse", 1, reverse), ("ms_char", 2, character), ("ms_unicode", 1, unicode_of), ("ms_hash", 3, hash_bytes), ("ms_basetype", 1, base_type)]
