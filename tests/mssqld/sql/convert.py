"""How a value becomes one of another type: CAST, CONVERT and the implicit conversions, exactly or with SQL Server's error."""
from __future__ import annotations

import math
import re
import struct
from decimal import Decimal
from typing import Any

from contract import MAX, SqlError, Type
from tds import fromtext
from tds.collations import encoding

from . import times, values
from .values import BYTES, CLR, FLOATS, INTS, NUMBERS, TEXTS, TIMES

WHOLE = re.compile(r"[+-]?[0-9]+")
POINT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)")
FLOATING = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
MONEY = re.compile(r"([+-]?)\$?([0-9,]*\.?[0-9]*)")
MONEY_LIMITS = {"money": 2 ** 63, "smallmoney": 2 ** 31}
INT_BYTES = {"bigint": 8, "int": 4, "smallint": 2, "tinyint": 1}


def overflow(t: Type) -> SqlError:
    if t.name in ("tinyint", "smallint"):
        return SqlError(220, f"Arithmetic overflow error for data type {t.name}, value out of range.", 16, 2)
    return SqlError(8115, f"Arithmetic overflow error converting expression to data type {t.name}.", 16, 2)


def not_allowed(a: Type, b: Type) -> SqlError:
    return SqlError(529, f"Explicit conversion from data type {a.name} to {b.name} is not allowed.", 16, 2)


def bad_style(style: int, a: Type, b: Type) -> SqlError:
    return SqlError(281, f"{style} is not a valid style number when converting from {a.name} to {b.name}.", 16)


# ---- to numbers --------------------------------------------------------------------------------------------------------------
def _digits(v: str, a: Type, b: Type) -> Any:
    """A number as it is written, as strictly as SQL Server reads it."""
    s = v.strip(" \t\r\n")
    if b.name == "bit" and s.lower() in ("true", "false"):
        return int(s.lower() == "true")
    if not s and b.name not in ("decimal", "numeric"):
        return 0
    if b.name in INTS and not WHOLE.fullmatch(s):
        raise SqlError(245, f"Conversion failed when converting the {a.name} value '{v}' to data type {b.name}.")
    if b.name in MONEY_LIMITS:
        m = MONEY.fullmatch(s)
        if not m or not any(c.isdigit() for c in s):
            raise SqlError(235, "Cannot convert a char value to money. The char value has incorrect syntax.")
        return Decimal(m.group(1) + m.group(2).replace(",", ""))
    if not (FLOATING if b.name in FLOATS else POINT).fullmatch(s) and b.name not in INTS:
        raise SqlError(8114, f"Error converting data type {a.name} to {b.name}.", 16, 5)
    return float(s) if b.name in FLOATS else Decimal(s)


def _fit_float(v: float, t: Type) -> float:
    try:
        v = struct.unpack("<f", struct.pack("<f", v))[0] if t.name == "real" else v
    except OverflowError:
        raise overflow(t) from None
    if not math.isfinite(v):
        raise overflow(t)
    return v


def _from_bytes(v: bytes, a: Type, b: Type) -> Any:
    if b.name == "bit":
        return int(any(v))
    if b.name in MONEY_LIMITS:
        return Decimal(int.from_bytes(v[-8:].rjust(8, b"\0"), "big", signed=True)).scaleb(-4, fromtext.EXACT)
    if b.name not in INTS:
        raise not_allowed(a, b)
    size = INT_BYTES[b.name]
    return int.from_bytes(v[-size:].rjust(size, b"\0"), "big", signed=size > 1)


def _overflow_of_text(v: str, a: Type, b: Type) -> SqlError:
    if b.name == "int":
        return SqlError(248, f"The conversion of the {a.name} value '{v}' overflowed an int column.")
    if b.name in ("tinyint", "smallint"):
        return SqlError(244, f"The conversion of the {a.name} value '{v}' overflowed an INT{INT_BYTES[b.name]} column. Use a larger integer column.", 16, 2)
    return overflow(b)


def _to_number(v: Any, a: Type, b: Type) -> Any:
    if a.name in TEXTS:
        number = _digits(v, a, b)
    elif a.name in BYTES:
        number = _from_bytes(v, a, b)
    elif a.name in FLOATS:
        number = v if b.name in FLOATS else Decimal(v)
    else:
        number = Decimal(v).scaleb(-values.scale_of(a), fromtext.EXACT)
    if b.name == "bit":
        return int(number != 0)
    if b.name in FLOATS:
        return _fit_float(float(number), b)
    if b.name in INTS:
        n = int(number)
        if not INTS[b.name][0] <= n <= INTS[b.name][1]:
            raise _overflow_of_text(v, a, b) if a.name in TEXTS else overflow(b)
        return n
    n = fromtext._scaled(number, values.scale_of(b))
    if b.name in MONEY_LIMITS:
        if not -MONEY_LIMITS[b.name] <= n < MONEY_LIMITS[b.name]:
            raise overflow(b)
    elif abs(n) >= 10 ** b.precision:
        raise SqlError(8115, f"Arithmetic overflow error converting {a.name} to data type {b.name}.", 16, 8)
    return n


# ---- to texts ----------------------------------------------------------------------------------------------------------------
def in_code_page(s: str, t: Type) -> str:
    """What is left of a text in a char or varchar: the characters that its code page has."""
    if s.isascii() or t.name not in ("char", "varchar", "text"):
        return s
    page = encoding(t.collation)
    return s.encode(page, "replace").decode(page)


def _size(s: str, t: Type) -> int:
    """In the units that the type's length counts."""
    if s.isascii():
        return len(s)
    return len(s.encode("utf-16-le", "surrogatepass")) // 2 if t.name[0] == "n" else len(s.encode(encoding(t.collation), "replace"))


def _cut(s: str, t: Type, size: int) -> str:
    if t.name[0] == "n":
        return s.encode("utf-16-le", "surrogatepass")[:size * 2].decode("utf-16-le", "surrogatepass")
    page = encoding(t.collation)
    return s.encode(page, "replace")[:size].decode(page, "ignore")


def fit_text(s: str, t: Type, column: str | None = None) -> str:
    """Cut to the type's length, blanks behind a char; with a column, too long a text is refused as INSERT does."""
    s = in_code_page(s, t)
    if t.length == MAX or t.name not in ("char", "varchar", "nchar", "nvarchar"):
        return s
    size = t.length // 2 if t.name[0] == "n" else t.length
    units = _size(s, t)
    if units > size:
        kept = _cut(s, t, size)
        if column is not None and s[len(kept):].strip(" "):
            raise SqlError(2628, f"String or binary data would be truncated in column '{column}'. Truncated value: '{kept}'.")
        s, units = kept, _size(kept, t)
    return s + " " * (size - units) if t.name in ("char", "nchar") else s


def float_text(v: float, style: int | None, a: Type, b: Type) -> str:
    digits = {None: 6, 0: 6, 1: 8, 2: 16, 3: 9 if a.name == "real" else 17}.get(style)
    if digits is None:
        raise bad_style(style, a, b)
    s = f"{v:.{digits - 1}e}" if style in (1, 2) else f"{v:.{digits}g}"
    mantissa, e, exponent = s.partition("e")
    return f"{mantissa}e{exponent[0]}{exponent[1:].rjust(3, '0')}" if e else mantissa


def _money_text(v: int, style: int | None, a: Type, b: Type) -> str:
    if style in (None, 0, 1):
        n = values.rescale(v, -2)
        whole, cents = divmod(abs(n), 100)
        return ("-" if n < 0 else "") + (f"{whole:,}" if style == 1 else str(whole)) + f".{cents:02}"
    if style not in (2, 126):
        raise bad_style(style, a, b)
    return ("-" if v < 0 else "") + f"{abs(v) // 10_000}.{abs(v) % 10_000:04}"


def _bytes_text(v: bytes, style: int | None, a: Type, b: Type) -> str:
    if style in (1, 2):
        return ("0x" if style == 1 else "") + v.hex().upper()
    if style not in (None, 0):
        raise bad_style(style, a, b)
    return v.decode("utf-16-le", "surrogatepass") if b.name[0] == "n" and len(v) % 2 == 0 else \
        (v + b"\0").decode("utf-16-le", "surrogatepass") if b.name[0] == "n" else v.decode(encoding(b.collation), "replace")


def _to_text(v: Any, a: Type, b: Type, style: int | None) -> str:
    if a.name in TEXTS or a.name == "xml":
        return fit_text(v, b)
    if a.name in BYTES:
        return fit_text(_bytes_text(v, style, a, b), b)
    if a.name in TIMES:
        return fit_text(times.text(v, a, b, style), b)
    if a.name in CLR:
        raise not_allowed(a, b)
    if a.name in FLOATS:
        s = float_text(v, style, a, b)
    elif a.name in MONEY_LIMITS:
        s = _money_text(v, style, a, b)
    else:
        s = str(values.shown(a, v))
    size = None if b.length == MAX or b.name in ("text", "ntext", "xml") else b.length // (2 if b.name[0] == "n" else 1)
    if size is not None and len(s) > size:
        if a.name == "uniqueidentifier":
            raise SqlError(8170, "Insufficient result space to convert uniqueidentifier value to char.", 16, 2)
        if a.name not in INTS or b.name[0] == "n":
            raise SqlError(8115, f"Arithmetic overflow error converting {a.name} to data type {b.name}.", 16, 2)
        s = "*"
    return fit_text(s, b)


# ---- to bytes ----------------------------------------------------------------------------------------------------------------
def _hex(v: str, a: Type, b: Type, style: int) -> bytes:
    digits = v.strip(" ")
    if style == 1:
        if digits[:2].lower() != "0x":
            raise SqlError(8114, f"Error converting data type {a.name} to {b.name}.", 16, 5)
        digits = digits[2:]
    try:
        return bytes.fromhex(digits) if " " not in digits else bytes.fromhex("?")
    except ValueError:
        raise SqlError(8114, f"Error converting data type {a.name} to {b.name}.", 16, 5) from None


def _raw(v: Any, a: Type, b: Type, style: int | None) -> bytes:
    if a.name in INT_BYTES or a.name == "bit":
        size = INT_BYTES.get(a.name, 1)
        raw = (v % 256 ** size).to_bytes(size, "big")
        return raw.rjust(b.length, b"\0") if b.name in ("binary", "rowversion") else raw[-b.length:] if b.length != MAX else raw
    if a.name in MONEY_LIMITS:
        return (v % 2 ** 64).to_bytes(8, "big")[0 if a.name == "money" else 4:]
    if a.name in TEXTS:
        if style in (1, 2):
            return _hex(v, a, b, style)
        return v if isinstance(v, bytes) else v.encode("utf-16-le", "surrogatepass") if a.name[0] == "n" else v.encode(encoding(a.collation), "replace")
    if a.name in BYTES or a.name == "uniqueidentifier" or a.name in CLR:
        return v
    raise not_allowed(a, b)


def _to_bytes(v: Any, a: Type, b: Type, style: int | None) -> bytes:
    if style not in (None, 0, 1, 2):
        raise bad_style(style, a, b)
    raw = _raw(v, a, b, style)
    size = 8 if b.name in ("rowversion", "timestamp") else b.length
    if size == MAX or b.name == "image":
        return raw
    if a.name in INT_BYTES and len(raw) > size:
        raw = raw[-size:]
    return raw[:size].ljust(size, b"\0") if b.name in ("binary", "rowversion", "timestamp") else raw[:size]


# ---- all ---------------------------------------------------------------------------------------------------------------------
def convert(v: Any, a: Type, b: Type, style: int | None = None) -> Any:
    """A contract value of type a as one of type b."""
    if v is None or a == b:
        return v
    if a.name == "sql_variant":
        return convert(v[1], v[0], b, style)
    if b.name == "sql_variant":
        if a.name in ("text", "ntext", "image", "xml", "rowversion") or a.name in CLR or a.length == MAX and a.name in (*TEXTS, *BYTES):
            raise SqlError(206, f"Operand type clash: {a.name} is incompatible with sql_variant", 16, 2)
        return (a, v)
    if b.name in NUMBERS and (a.name in NUMBERS or a.name in TEXTS or a.name in BYTES):
        return _to_number(v, a, b)
    if b.name in TEXTS or b.name == "xml" and a.name in (*TEXTS, *BYTES):
        return _to_text(v, a, b, style)
    if b.name in TIMES and (a.name in TIMES or a.name in TEXTS):
        return times.convert(v, a, b) if a.name in TIMES else times.parse(v, a, b, style)
    if b.name in TIMES or a.name in TIMES and b.name in NUMBERS:
        return _days(v, a, b)
    if b.name == "uniqueidentifier" and a.name in TEXTS:
        return _uuid(v)
    if b.name in BYTES:
        return _to_bytes(v, a, b, style)
    if b.name == "uniqueidentifier" and a.name in BYTES:
        return v[:16].ljust(16, b"\0")
    if b.name in CLR and a.name in (*BYTES, b.name):
        return v
    raise SqlError(206, f"Operand type clash: {a.name} is incompatible with {b.name}", 16, 2)


UUID = re.compile(r"\{?([0-9A-Fa-f]{8})-([0-9A-Fa-f]{4})-([0-9A-Fa-f]{4})-([0-9A-Fa-f]{4})-([0-9A-Fa-f]{12})\}?")


def _uuid(v: str) -> bytes:
    m = UUID.match(v.strip(" "))
    if not m:
        raise SqlError(8169, "Conversion failed when converting from a character string to uniqueidentifier.", 16, 2)
    a, b, c, d, e = (bytes.fromhex(part) for part in m.groups())
    return a[::-1] + b[::-1] + c[::-1] + d + e


def _days(v: Any, a: Type, b: Type) -> Any:
    """datetime and smalldatetime as numbers: days since 1900, and back."""
    ticks_a_day = {"datetime": 25_920_000, "smalldatetime": 1440}
    if b.name in ticks_a_day and a.name in NUMBERS:
        days = Decimal(v) if a.name in FLOATS else Decimal(v).scaleb(-values.scale_of(a), fromtext.EXACT)
        return times.in_range(fromtext._scaled(days * ticks_a_day[b.name], 0), b, a)
    if a.name in ticks_a_day and b.name in NUMBERS:
        days = Decimal(v) / ticks_a_day[a.name]
        if b.name in INTS:  # these round, where other numbers are cut
            return _to_number(fromtext._scaled(days, 0), values.BIGINT, b)
        return _to_number(float(days), values.FLOAT, b)
    raise SqlError(206, f"Operand type clash: {a.name} is incompatible with {b.name}", 16, 2)
