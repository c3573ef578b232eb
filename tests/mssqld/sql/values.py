"""Types: which there are, which wins, how a value becomes one of another type, and how SQLite keeps it.

SQLite keeps contract values as they are, but: decimals of more than 18 digits and datetimeoffset as texts that sort as they do, and
sql_variant as JSON."""
from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, Callable

from contract import DEFAULT_COLLATION, MAX, SqlError, Type
from tds import clock, fromtext, textform

INTS = {"bit": (0, 1), "tinyint": (0, 255), "smallint": (-2 ** 15, 2 ** 15 - 1), "int": (-2 ** 31, 2 ** 31 - 1), "bigint": (-2 ** 63, 2 ** 63 - 1)}
EXACTS = {"decimal", "numeric", "money", "smallmoney"}
FLOATS = {"float", "real"}
TEXTS = {"char", "varchar", "nchar", "nvarchar", "text", "ntext"}
BYTES = {"binary", "varbinary", "image", "rowversion", "timestamp"}
TIMES = {"date", "time", "datetime", "smalldatetime", "datetime2", "datetimeoffset"}
CLR = {"hierarchyid", "geography", "geometry"}
NUMBERS = {*INTS, *EXACTS, *FLOATS}
ORDER = ["sql_variant", "datetimeoffset", "datetime2", "datetime", "smalldatetime", "date", "time", "float", "real", "decimal", "numeric", "money",
         "smallmoney", "bigint", "int", "smallint", "tinyint", "bit", "ntext", "text", "image", "rowversion", "timestamp", "uniqueidentifier", "nvarchar",
         "nchar", "varchar", "char", "varbinary", "binary"]
RANK = {name: i for i, name in enumerate(ORDER)}
NUL_ORDER = 10 ** 40
EPOCH_1900 = 693_595
BIT, INT, BIGINT, FLOAT = Type("bit", 1, 1), Type("int", 4, 10), Type("bigint", 8, 19), Type("float", 8, 53)
SYSNAME = Type("nvarchar", 256, collation=DEFAULT_COLLATION)
FIXED = {"bit": (1, 1, 0), "tinyint": (1, 3, 0), "smallint": (2, 5, 0), "int": (4, 10, 0), "bigint": (8, 19, 0), "money": (8, 19, 4),
         "smallmoney": (4, 10, 4), "real": (4, 24, 0), "float": (8, 53, 0), "date": (3, 10, 0), "datetime": (8, 23, 3), "smalldatetime": (4, 16, 0),
         "uniqueidentifier": (16, 0, 0), "rowversion": (8, 0, 0), "timestamp": (8, 0, 0), "xml": (-1, 0, 0), "sql_variant": (8016, 0, 0),
         "text": (16, 0, 0), "ntext": (16, 0, 0), "image": (16, 0, 0), "hierarchyid": (892, 0, 0), "geography": (-1, 0, 0), "geometry": (-1, 0, 0)}
ALIASES = {"integer": "int", "dec": "decimal", "character": "char", "sysname": "nvarchar"}


def make(name: str, args: list[int], collation: str | None = None, line: int = 1) -> Type:
    """A declared type; args as written, MAX for max."""
    name = name.lower()
    if name == "sysname":
        args = [128]
    name = ALIASES.get(name, name)
    if name == "timestamp":
        name = "rowversion"
    text = collation or (DEFAULT_COLLATION if name in TEXTS else None)
    if name in ("decimal", "numeric"):
        p, s = (args + [18, 0][len(args):])[:2]
        if not 1 <= p <= 38 or not 0 <= s <= p:
            raise SqlError(2716, f"Column, parameter, or variable: Cannot specify a column width on data type {name}.", 16, line=line)
        return Type(name, 5 if p <= 9 else 9 if p <= 19 else 13 if p <= 28 else 17, p, s)
    if name in ("char", "varchar", "nchar", "nvarchar", "binary", "varbinary"):
        n = args[0] if args else 1
        return Type(name, n if n == MAX else n * (2 if name[0] == "n" else 1), collation=text)
    if name in ("time", "datetime2", "datetimeoffset"):
        s = args[0] if args else 7
        size = {"time": 3, "datetime2": 6, "datetimeoffset": 8}[name] + (0 if s < 3 else 1 if s < 5 else 2)
        return Type(name, size, {"time": 8, "datetime2": 19, "datetimeoffset": 26}[name] + (s + 1 if s else 0), s)
    if name == "float" and args and args[0] <= 24:
        name = "real"
    if name not in FIXED:
        raise SqlError(2715, f"Column, parameter, or variable: Cannot find data type {name}.", 16, line=line)
    return Type(name, *FIXED[name], collation=text)


def declared(t: Type) -> str:
    """As it is written: "nvarchar(40)"."""
    if t.name in ("decimal", "numeric"):
        return f"{t.name}({t.precision},{t.scale})"
    if t.name in ("time", "datetime2", "datetimeoffset"):
        return f"{t.name}({t.scale})"
    if t.name in ("char", "varchar", "nchar", "nvarchar", "binary", "varbinary"):
        return f"{t.name}({'max' if t.length == MAX else t.length // (2 if t.name[0] == 'n' else 1)})"
    return "timestamp" if t.name == "rowversion" else t.name


def scale_of(t: Type) -> int:
    return 4 if t.name in ("money", "smallmoney") else t.scale if t.name in ("decimal", "numeric") else 0


def digits_of(t: Type) -> int:
    return t.precision if t.name in EXACTS else {"bit": 1, "tinyint": 3, "smallint": 5, "int": 10, "bigint": 19}.get(t.name, 38)


def exact(whole: int, scale: int) -> Type:
    scale = min(scale, 38)
    return make("decimal", [max(1, min(38, whole + scale)), scale])


def common(a: Type, b: Type) -> Type:
    """The type both become when they meet."""
    if a.name in EXACTS and b.name in EXACTS or (a.name in EXACTS and b.name in INTS) or (a.name in INTS and b.name in EXACTS):
        if a.name in ("money", "smallmoney") and b.name in ("money", "smallmoney", *INTS):
            return make("money", [])
        s = max(scale_of(a), scale_of(b))
        return exact(max(digits_of(a) - scale_of(a), digits_of(b) - scale_of(b)), s)
    if a.name in TEXTS and b.name in TEXTS:
        name = "nvarchar" if "n" in (a.name[0], b.name[0]) else "varchar"
        chars = [MAX if x.length == MAX or x.name in ("text", "ntext") else x.length // (2 if x.name[0] == "n" else 1) for x in (a, b)]
        return make(name, [MAX if MAX in chars else max(chars)], a.collation or b.collation)
    if a.name in BYTES and b.name in BYTES:
        return make("varbinary", [MAX if MAX in (a.length, b.length) else max(a.length, b.length)])
    winner, other = (a, b) if RANK.get(a.name, -1) <= RANK.get(b.name, -1) else (b, a)
    if winner.name in ("time", "datetime2", "datetimeoffset") and other.name in ("time", "datetime2", "datetimeoffset"):
        return make(winner.name, [max(a.scale, b.scale)])
    return winner


# ---- conversion ------------------------------------------------------------------------------------------------------------
def overflow(t: Type) -> SqlError:
    if t.name in INTS:
        return SqlError(220, f"Arithmetic overflow error for data type {t.name}, value out of range.", 16, 2)
    return SqlError(8115, f"Arithmetic overflow error converting expression to data type {t.name}.", 16, 2)


def rescale(n: int, by: int) -> int:
    """n * 10^by, rounded half away from zero."""
    if by >= 0:
        return n * 10 ** by
    q, r = divmod(abs(n), 10 ** -by)
    q += 2 * r >= 10 ** -by
    return -q if n < 0 else q


def _ticks(v: Any, t: Type) -> tuple[int, int]:
    """100 ns since 0001-01-01 (local), offset in minutes."""
    if t.name == "date":
        return v * clock.DAY, 0
    if t.name == "time":
        return EPOCH_1900 * clock.DAY + v, 0
    if t.name == "datetime":
        return EPOCH_1900 * clock.DAY + (v * 100_000 + 1) // 3, 0
    if t.name == "smalldatetime":
        return EPOCH_1900 * clock.DAY + v * 600_000_000, 0
    if t.name == "datetimeoffset":
        return v[0] + v[1] * 600_000_000, v[1]
    return v, 0


def _to_time(v: Any, a: Type, b: Type) -> Any:
    local, offset = _ticks(v, a)
    if b.name == "date":
        return local // clock.DAY
    if b.name == "time":
        return fromtext._rounded(local % clock.DAY, b.scale) % clock.DAY
    if b.name == "datetime":
        return ((local - EPOCH_1900 * clock.DAY) * 3 + 50_000) // 100_000
    if b.name == "smalldatetime":
        return (local - EPOCH_1900 * clock.DAY + 300_000_000) // 600_000_000
    local = fromtext._rounded(local, b.scale)
    return (local - offset * 600_000_000, offset) if b.name == "datetimeoffset" else local


def failed(v: Any, a: Type, b: Type) -> SqlError:
    if b.name in TIMES:
        return SqlError(241, "Conversion failed when converting date and/or time from character string.")
    if b.name == "uniqueidentifier":
        return SqlError(8169, "Conversion failed when converting from a character string to uniqueidentifier.", 16, 2)
    if b.name in INTS:
        return SqlError(245, f"Conversion failed when converting the {a.name} value '{v}' to data type {b.name}.")
    return SqlError(8114, f"Error converting data type {a.name} to {b.name}.", 16, 5)


def _to_number(v: Any, a: Type, b: Type) -> Any:
    if a.name in TEXTS:
        try:
            number: Any = Decimal(v.strip() or "0") if b.name not in FLOATS else float(v.strip() or "0")
        except ArithmeticError:
            raise failed(v, a, b) from None
        if b.name in INTS and number != number.to_integral_value():
            raise failed(v, a, b)
    elif a.name in BYTES:
        number = Decimal(int.from_bytes(v[-8:], "big", signed=len(v) >= 8))
    elif a.name in FLOATS:
        number = v if b.name in FLOATS else Decimal(v)
    else:
        number = Decimal(v).scaleb(-scale_of(a), fromtext.EXACT)
    if b.name == "bit":
        return int(number != 0)
    if b.name in FLOATS:
        return float(number)
    if b.name in INTS:
        n = int(number)
        if not INTS[b.name][0] <= n <= INTS[b.name][1]:
            raise overflow(b)
        return n
    s = scale_of(b)
    n = fromtext._scaled(number, s)
    if abs(n) >= 10 ** (digits_of(b) if b.name in ("decimal", "numeric") else 19):
        raise overflow(b)
    return n


def fit_text(s: str, t: Type, store: bool = False, column: str = "") -> str:
    """Cut to the type's length (a cast), or refused (an insert)."""
    if t.length != MAX and t.name in ("char", "varchar", "nchar", "nvarchar"):
        size = t.length // 2 if t.name[0] == "n" else t.length
        units = len(s) if s.isascii() else len(s.encode("utf-16-le", "surrogatepass")) // 2
        if units > size:
            if store and s[size:].strip(" "):
                raise SqlError(2628, f"String or binary data would be truncated in column '{column}'. Truncated value: '{s[:size]}'.")
            s = s.encode("utf-16-le", "surrogatepass")[:size * 2].decode("utf-16-le", "surrogatepass")
        if t.name in ("char", "nchar"):
            s = s + " " * (size - units)
    return s


def _to_text(v: Any, a: Type, b: Type, style: int | None) -> str:
    if a.name in TEXTS or a.name == "xml":
        s = v
    elif a.name in BYTES:
        s = ("0x" if style == 1 else "") + v.hex().upper() if style in (1, 2) else \
            v.decode("utf-16-le", "surrogatepass") if b.name[0] == "n" else v.decode("cp1252", "replace")
    elif a.name in FLOATS:
        s = f"{v:.6g}" if v and not 1e-4 <= abs(v) < 1e6 else f"{v:g}"
    elif a.name in ("money", "smallmoney"):
        s = textform.decimal(rescale(v, -2), 2)
    else:
        s = str(textform.text(a, v))
        if a.name in ("datetime2", "datetimeoffset") and style not in (126, 127):
            s = s.replace("T", " ").replace("+", " +")
    return s


def _to_bytes(v: Any, a: Type, b: Type) -> bytes:
    if a.name in INTS:
        size = {"bigint": 8, "int": 4, "smallint": 2}.get(a.name, 1)
        raw = (v % 256 ** size).to_bytes(size, "big")
        return raw.rjust(b.length, b"\0") if b.name == "binary" and b.length > size else raw
    if a.name in TEXTS:
        return v.encode("utf-16-le", "surrogatepass") if a.name[0] == "n" else v.encode("cp1252", "replace")
    if a.name in BYTES or a.name == "uniqueidentifier" or a.name in CLR:
        return v
    raise SqlError(529, f"Explicit conversion from data type {a.name} to {b.name} is not allowed.", 16, 2)


def convert(v: Any, a: Type, b: Type, style: int | None = None) -> Any:
    """A contract value of type a as one of type b."""
    if v is None or a == b:
        return v
    if a.name == "sql_variant":
        return convert(v[1], v[0], b, style)
    if b.name == "sql_variant":
        return (a, v)
    if b.name in NUMBERS and (a.name in NUMBERS or a.name in TEXTS or a.name in BYTES):
        return _to_number(v, a, b)
    if b.name in TEXTS or b.name == "xml":
        return fit_text(_to_text(v, a, b, style), b)
    if b.name in TIMES and a.name in TIMES:
        return _to_time(v, a, b)
    if (b.name in TIMES or b.name == "uniqueidentifier") and a.name in TEXTS:
        try:
            return fromtext.parser(b)(v.strip().strip("{}"))
        except (ValueError, ArithmeticError, AttributeError):
            raise failed(v, a, b) from None
    if b.name in BYTES:
        raw = _to_bytes(v, a, b)
        raw = raw if b.length == MAX or b.name == "image" else raw[:b.length]
        return raw.ljust(b.length, b"\0") if b.name in ("binary", "rowversion") else raw
    if b.name == "uniqueidentifier" and a.name in BYTES:
        return v[:16].ljust(16, b"\0")
    if b.name in CLR and a.name in (*BYTES, *TEXTS):
        return v if isinstance(v, bytes) else v.encode()
    raise SqlError(206, f"Operand type clash: {a.name} is incompatible with {b.name}", 16, 2)


# ---- storage ---------------------------------------------------------------------------------------------------------------
def _wide(t: Type) -> bool:
    return t.name in ("decimal", "numeric") and t.precision > 18


def encoder(t: Type) -> Callable[[Any], Any] | None:
    """From a contract value (not NULL) to what SQLite keeps; None: as it is."""
    if _wide(t):
        return lambda v: f"{v + NUL_ORDER:041d}"
    if t.name == "datetimeoffset":
        return lambda v: f"{v[0]:019d}{v[1] + 5000:04d}"
    if t.name == "sql_variant":
        return lambda v: json.dumps([v[0].name, v[0].length, v[0].precision, v[0].scale, v[0].collation,
                                     v[1].hex() if isinstance(v[1], bytes) else v[1]])
    return None


def _variant(text: str) -> tuple[Type, Any]:
    *parts, v = json.loads(text)
    t = Type(*parts)
    return t, bytes.fromhex(v) if t.name in BYTES or t.name == "uniqueidentifier" else tuple(v) if isinstance(v, list) else v


def decoder(t: Type) -> Callable[[Any], Any] | None:
    if _wide(t):
        return lambda v: int(v) - NUL_ORDER
    if t.name == "datetimeoffset":
        return lambda v: (int(v[:19]), int(v[19:]) - 5000)
    if t.name == "sql_variant":
        return _variant
    return float if t.name in FLOATS else None


def encode(t: Type, v: Any) -> Any:
    f = encoder(t)
    return v if v is None or f is None else f(v)


def decode(t: Type, v: Any) -> Any:
    f = decoder(t)
    return v if v is None or f is None else f(v)
