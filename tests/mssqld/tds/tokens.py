"""The small tokens of an answer."""
from __future__ import annotations

import struct
from typing import Any

from contract import Info, SqlError, Type

from .typeinfo import b_varchar, type_info, us_varchar, user_type

MORE, ERROR, IN_TRANSACTION, COUNT, ATTENTION, SERVER_ERROR = 0x01, 0x02, 0x04, 0x10, 0x20, 0x100
DONE, DONE_PROCEDURE, DONE_IN_PROCEDURE = 0xFD, 0xFE, 0xFF
TDS_7_4 = 0x74000004
SERVER_NAME = "mssqld"


def done(token: int, status: int, command: int = 0, count: int | None = None) -> bytes:
    if count is not None:
        status |= COUNT
    return struct.pack("<BHHQ", token, status, command, count or 0)


def _message(token: int, number: int, state: int, severity: int, text: str, line: int) -> bytes:
    # a token has 64 KiB; the real server's messages end at 2047 characters
    body = struct.pack("<iBB", number, state, severity) + us_varchar(text[:2047]) + b_varchar(SERVER_NAME) + b_varchar("")
    body += struct.pack("<i", line)
    return struct.pack("<BH", token, len(body)) + body


def error(e: SqlError) -> bytes:
    return _message(0xAA, e.number, e.state, e.severity, e.message, e.line)


def info(i: Info) -> bytes:
    return _message(0xAB, i.number, i.state, i.severity, i.message, 1)


def order(ordinals: list[int]) -> bytes:
    return struct.pack(f"<BH{len(ordinals)}H", 0xA9, 2 * len(ordinals), *ordinals)


def return_status(status: int) -> bytes:
    return struct.pack("<Bi", 0x79, status)


def return_value(ordinal: int, name: str, t: Type, encoded: bytes) -> bytes:
    return struct.pack("<BH", 0xAC, ordinal) + b_varchar(name) + struct.pack("<BIH", 1, user_type(t), 1) + type_info(t) + encoded


def _environment(kind: int, new: bytes, old: bytes) -> bytes:
    return struct.pack("<BHB", 0xE3, 1 + len(new) + len(old), kind) + new + old


ENVIRONMENT_TEXTS = {"database": 1, "language": 2, "packet size": 4}
ENVIRONMENT_TRANSACTIONS = {"begin": 8, "commit": 9, "rollback": 10}


def transaction_id(value: Any) -> bytes:
    if not value:
        return b"\0"
    return b"\x08" + (value if isinstance(value, bytes) else int(value).to_bytes(8, "little"))


def environment(kind: str, new: Any, old: Any) -> bytes:
    if kind in ENVIRONMENT_TEXTS:
        return _environment(ENVIRONMENT_TEXTS[kind], b_varchar(str(new or "")), b_varchar(str(old or "")))
    if kind in ENVIRONMENT_TRANSACTIONS:
        return _environment(ENVIRONMENT_TRANSACTIONS[kind], transaction_id(new), transaction_id(old))
    if kind == "collation":
        return _environment(7, bytes([len(new)]) + new, b"\0")
    if kind == "reset":
        return _environment(18, b"\0", b"\0")
    raise ValueError(f"no environment change is called {kind}")


def login_acknowledged(program: str, version: tuple[int, int, int], tds_version: int) -> bytes:
    body = b"\x01" + struct.pack(">I", tds_version) + b_varchar(program) + struct.pack(">BBH", *version)
    return struct.pack("<BH", 0xAD, len(body)) + body


def features_acknowledged(features: dict[int, bytes]) -> bytes:
    return b"\xae" + b"".join(struct.pack("<BI", k, len(v)) + v for k, v in features.items()) + b"\xff"
