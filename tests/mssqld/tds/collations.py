"""Collations as five bytes, and the code page of each."""
from __future__ import annotations

import struct

from contract import DEFAULT_COLLATION

# beginning of the name: language id, code page
LANGUAGES = {
    "latin1_general": (0x0409, "cp1252"), "sql_latin1_general_cp1_": (0x0409, "cp1252"), "sql_latin1_general_cp437": (0x0409, "cp437"),
    "sql_latin1_general_cp850": (0x0409, "cp850"), "sql_latin1_general_cp1250": (0x0409, "cp1250"),
    "sql_latin1_general_cp1251": (0x0409, "cp1251"), "sql_latin1_general_cp1253": (0x0409, "cp1253"),
    "sql_latin1_general_cp1254": (0x0409, "cp1254"), "sql_latin1_general_cp1255": (0x0409, "cp1255"),
    "sql_latin1_general_cp1256": (0x0409, "cp1256"), "sql_latin1_general_cp1257": (0x0409, "cp1257"),
    "german_phonebook": (0x10407, "cp1252"), "french": (0x040C, "cp1252"), "finnish_swedish": (0x040B, "cp1252"),
    "modern_spanish": (0x0C0A, "cp1252"), "danish_norwegian": (0x0406, "cp1252"), "polish": (0x0415, "cp1250"),
    "czech": (0x0405, "cp1250"), "hungarian": (0x040E, "cp1250"), "cyrillic_general": (0x0419, "cp1251"), "ukrainian": (0x0422, "cp1251"),
    "greek": (0x0408, "cp1253"), "turkish": (0x041F, "cp1254"), "hebrew": (0x040D, "cp1255"), "arabic": (0x0401, "cp1256"),
    "japanese": (0x0411, "cp932"), "chinese_prc": (0x0804, "cp936"), "korean_wansung": (0x0412, "cp949"),
    "chinese_taiwan_stroke": (0x0404, "cp950"), "thai": (0x041E, "cp874"), "vietnamese": (0x042A, "cp1258"),
}
IGNORE_CASE, IGNORE_ACCENT, IGNORE_KANA, IGNORE_WIDTH, BINARY, BINARY2, UTF8 = (1 << n for n in range(20, 27))
SORT_IDS = {"sql_latin1_general_cp1_ci_as": 52, "sql_latin1_general_cp1_cs_as": 51, "sql_latin1_general_cp1_ci_ai": 54}
VERSIONS = (("_140_", 3), ("_100_", 2), ("_90_", 1))


def language(name: str) -> tuple[int, str]:
    low = name.lower()
    best = max((p for p in LANGUAGES if low.startswith(p)), key=len, default="latin1_general")
    return LANGUAGES[best]


def encoding(name: str | None) -> str:
    """Python's name of what char and varchar of this collation are written in."""
    name = name or DEFAULT_COLLATION
    return "utf-8" if name.upper().endswith("_UTF8") else language(name)[1]


def five_bytes(name: str | None) -> bytes:
    name = name or DEFAULT_COLLATION
    low = name.lower()
    bits = language(name)[0]
    words = low.split("_")
    if "bin2" in words:
        bits |= BINARY2
    elif "bin" in words:
        bits |= BINARY
    else:
        bits |= IGNORE_CASE if "ci" in words else 0
        bits |= IGNORE_ACCENT if "ai" in words else 0
        bits |= 0 if "ks" in words else IGNORE_KANA
        bits |= 0 if "ws" in words else IGNORE_WIDTH
    bits |= UTF8 if low.endswith("_utf8") else 0
    for mark, version in VERSIONS:
        if mark in low:
            bits |= version << 28
    return struct.pack("<IB", bits, SORT_IDS.get(low, 0))


def code_page_of(five: bytes) -> str:
    """The encoding of text that a client labels with these bytes."""
    bits, _ = struct.unpack("<IB", five)
    if bits & UTF8:
        return "utf-8"
    for lcid, page in LANGUAGES.values():
        if lcid == bits & 0xFFFFF:
            return page
    return "cp1252"


def name_of(five: bytes) -> str:
    """A collation with these bytes; the default where there is none."""
    for name in (DEFAULT_COLLATION, "Latin1_General_BIN2", "Latin1_General_100_CI_AS_SC_UTF8"):
        if five_bytes(name)[:4] == five[:4]:
            return name
    return DEFAULT_COLLATION
