"""Types: which there are, which wins, and how SQLite keeps their values.

SQLite keeps contract values as they are, but: decimals of more than 18 digits and datetimeoffset as texts that sort as they do, and
sql_variant as JSON."""
from __future__ import annotations

import json
from typing import Any, Callable

from contract import DEFAULT_COLLATION, MAX, SqlError, Type
from tds import textform

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
        if not (1 <= n <= (4000 if name[0] == "n" else 8000) or n == MAX and name.startswith(("var", "nvar"))):
            most = 4000 if name[0] == "n" else 8000
            raise SqlError(2717, f"The size ({'max' if n == MAX else n}) given to the type '{name}' exceeds the maximum allowed ({most}).", 16, 2, line)
        return Type(name, n if n == MAX else n * (2 if name[0] == "n" else 1), collation=text)
    if name in ("time", "datetime2", "datetimeoffset"):
        s = args[0] if args else 7
        if not 0 <= s <= 7:
            raise SqlError(1002, f"Line {line}: Specified scale {s} is invalid.", 15, line=line)
        size = {"time": 3, "datetime2": 6, "datetimeoffset": 8}[name] + (0 if s < 3 else 1 if s < 5 else 2)
        return Type(name, size, {"time": 8, "datetime2": 19, "datetimeoffset": 26}[name] + (s + 1 if s else 0), s)
    if name == "float" and args and args[0] <= 24:
        name = "real"
    if name not in FIXED or args and name not in ("float", "nvarchar"):
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
        return make(name, [MAX if MAX in chars else min(max(chars), 4000 if name[0] == "n" else 8000)], a.collation or b.collation)
    if a.name in BYTES and b.name in BYTES:
        return make("varbinary", [MAX if MAX in (a.length, b.length) else max(a.length, b.length)])
    winner, other = (a, b) if RANK.get(a.name, -1) <= RANK.get(b.name, -1) else (b, a)
    if winner.name in ("time", "datetime2", "datetimeoffset") and other.name in ("time", "datetime2", "datetimeoffset"):
        return make(winner.name, [max(a.scale, b.scale)])
    return winner


def rescale(n: int, by: int) -> int:
    """n * 10^by, rounded half away from zero."""
    if by >= 0:
        return n * 10 ** by
    q, r = divmod(abs(n), 10 ** -by)
    q += 2 * r >= 10 ** -by
    return -q if n < 0 else q


def shown(t: Type, v: Any) -> Any:
    return textform.text(t, v)


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
