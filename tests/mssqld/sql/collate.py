"""Orders of texts, bytes and uniqueidentifiers as SQL Server has them, for SQLite."""
from __future__ import annotations

import functools
import unicodedata
from typing import Any

from contract import SqlError
from tds.collations import LANGUAGES

SPECIAL = {"ß": "ss", "æ": "ae", "œ": "oe", "þ": "th", "ø": "o", "đ": "d", "ł": "l"}


@functools.lru_cache(65536)
def _weights(ch: str) -> tuple[str, str]:
    """Of a character in small letters: what counts first (marks before digits before letters), and its accents."""
    plain, *accents = unicodedata.normalize("NFD", ch)
    base = SPECIAL.get(ch, plain)
    category = unicodedata.category(plain)[0]
    group = "\3" if category == "L" else "\2" if category == "N" else "\1"
    return "".join(group + c for c in base), "".join(accents) + (ch if ch in SPECIAL and base != "ss" else "") + "\1" * (len(base) - 1)


@functools.lru_cache(4096)
def _key(text: str) -> tuple[str, str]:
    pairs = [_weights(ch) for ch in text]
    accents = "" if text.isascii() else "\1".join(p[1] for p in pairs)
    return "".join(p[0] for p in pairs), accents if accents.strip("\1") else ""


def _insensitive(s: str) -> tuple:
    return _key(s.rstrip(" ").lower())


def _sensitive(s: str) -> tuple:
    s = s.rstrip(" ")
    return *_key(s.lower()), s.swapcase()  # small before capital where all else is equal


def _binary(s: str) -> bytes:
    return s.rstrip(" ").encode("utf-16-be", "surrogatepass")


def _no_accents(s: str) -> str:
    return _key(s.rstrip(" ").lower())[0]


def _compare(key: Any):
    def compare(a: str, b: str) -> int:
        if a == b:
            return 0
        x, y = key(a), key(b)
        return (x > y) - (x < y)
    return compare


COLLATIONS = {"ms_ci": _compare(_insensitive), "ms_cs": _compare(_sensitive), "ms_ai": _compare(_no_accents), "ms_bin": _compare(_binary)}


def collation(name: str | None) -> str:
    """SQLite's name of a collation of SQL Server."""
    parts = (name or "SQL_Latin1_General_CP1_CI_AS").upper().split("_")
    if "BIN" in parts or "BIN2" in parts:
        return "ms_bin"
    return "ms_cs" if "CS" in parts else "ms_ai" if "AI" in parts else "ms_ci"


def known(name: str, line: int = 1) -> str:
    """A collation's name, if it is one that can be done here."""
    low = name.lower()
    words = low.split("_")
    if name.lower() in ("database_default", "catalog_default"):
        return "SQL_Latin1_General_CP1_CI_AS"
    sensitive = [w for w in words if w in ("ci", "cs", "bin", "bin2")]
    if not any(low.startswith(p) for p in LANGUAGES) or len(sensitive) != 1 or "cs" in words and "ai" in words:
        raise SqlError(448, f"Invalid collation '{name}'.", 16, line=line)
    return name


def uuid_key(v: bytes | None) -> bytes | None:
    """uniqueidentifiers are ordered from their last group to their first."""
    return None if v is None else v[10:16] + v[8:10] + v[7:5:-1] + v[5:3:-1] + v[3::-1]


def uuid_of_key(k: bytes | None) -> bytes | None:
    return None if k is None else k[15:11:-1] + k[11:9:-1] + k[9:7:-1] + k[6:8] + k[0:6]


def unpadded(v: bytes | None) -> bytes | None:
    """Binary values are equal when they differ in zeros at the end alone."""
    return v.rstrip(b"\0") if isinstance(v, bytes) else v
