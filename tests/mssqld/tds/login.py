"""PRELOGIN, LOGIN7, and the answer to a login."""
from __future__ import annotations

import dataclasses
import struct

from contract import SqlError

from . import collations, packets, tokens
from .packets import ProtocolError

VERSION, ENCRYPTION, INSTANCE, THREAD, MARS = 0, 1, 2, 3, 4
OFF, ON, NOT_SUPPORTED, REQUIRED = 0, 1, 2, 3
SERVER_VERSION = (15, 0, 2000)
OLDEST_TDS = 0x730B0003
CLIENT_VERSIONS = {0x730A0003: "7.3 A", 0x72090002: "7.2", 0x71000001: "7.1", 0x70000000: "7.0"}
UTF8_FEATURE = 0x0A

# what the client wants, by what we offer: our answer.  Absent: the login cannot go on.
ANSWERS = {
    "off": {OFF: NOT_SUPPORTED, ON: NOT_SUPPORTED, NOT_SUPPORTED: NOT_SUPPORTED, REQUIRED: NOT_SUPPORTED},
    "on": {OFF: OFF, ON: ON, NOT_SUPPORTED: NOT_SUPPORTED, REQUIRED: ON},
    "require": {OFF: REQUIRED, ON: ON, NOT_SUPPORTED: REQUIRED, REQUIRED: ON},
}


def read_prelogin(data: bytes) -> dict[int, bytes]:
    options, at = {}, 0
    while data[at:at + 1] not in (b"", b"\xff"):
        if at + 5 > len(data):
            raise ProtocolError("a PRELOGIN that ends too soon")
        kind, offset, length = struct.unpack_from(">BHH", data, at)
        options[kind] = data[offset:offset + length]
        at += 5
    return options


def write_prelogin(encryption: int) -> bytes:
    values = {VERSION: struct.pack(">BBHH", *SERVER_VERSION, 0), ENCRYPTION: bytes([encryption]), INSTANCE: b"\0", THREAD: b"", MARS: b"\0"}
    table, body, offset = b"", b"", 5 * len(values) + 1
    for kind, value in values.items():
        table += struct.pack(">BHH", kind, offset + len(body), len(value))
        body += value
    return table + b"\xff" + body


def encryption(tls: str, prelogin: dict[int, bytes]) -> tuple[int, str]:
    """Our answer, and what follows from it: "none", "login" or "all"."""
    wanted = (prelogin.get(ENCRYPTION) or b"\x02")[0] & 0x0F
    answer = ANSWERS[tls].get(wanted, NOT_SUPPORTED)
    if answer == NOT_SUPPORTED or (answer == REQUIRED and wanted == NOT_SUPPORTED):
        return answer, "none"
    return answer, "login" if answer == OFF else "all"


@dataclasses.dataclass
class Login:
    tds_version: int
    packet_bytes: int
    host: str
    user: str
    password: str
    application: str
    language: str
    database: str
    features: list[int]
    read_only: bool
    integrated: bool
    odbc: bool  # the client wants what drivers of ODBC want: ANSI options, and no limit for long values


def _password(data: bytes) -> str:
    plain = bytes(((b ^ 0xA5) << 4 | (b ^ 0xA5) >> 4) & 0xFF for b in data)
    return plain.decode("utf-16-le", "replace")


def _features(data: bytes, at: int) -> list[int]:
    found = []
    while at < len(data) and data[at] != 0xFF:
        found.append(data[at])
        at += 5 + struct.unpack_from("<I", data, at + 1)[0]
    return found


def read_login7(data: bytes) -> Login:
    if len(data) < 94:
        raise ProtocolError("a LOGIN7 that ends too soon")
    _, tds, packet_bytes, _, _, _, flags1, flags2, type_flags, flags3, _, _ = struct.unpack_from("<IIIIIIBBBBiI", data, 0)
    fields = [struct.unpack_from("<HH", data, 36 + 4 * i) for i in range(9)]

    def raw(i: int) -> bytes:
        offset, characters = fields[i]
        return data[offset:offset + 2 * characters]

    def text(i: int) -> str:
        return raw(i).decode("utf-16-le", "replace")

    features = []
    if flags3 & 0x10 and fields[5][1]:
        features = _features(data, struct.unpack_from("<I", data, fields[5][0])[0])
    return Login(tds, packet_bytes, host=text(0), user=text(1), password=_password(raw(2)), application=text(3), language=text(7),
                 database=text(8), features=features, read_only=bool(type_flags & 0x20), integrated=bool(flags2 & 0x80),
                 odbc=bool(flags2 & 0x02))


def packet_size(wanted: int) -> int:
    """As the real server: nothing said is 4096, and the rest is brought into bounds."""
    return packets.DEFAULT if wanted == 0 else max(packets.SMALLEST, min(wanted, packets.LARGEST))


def check(login: Login, user: str, password: str) -> None:
    if login.tds_version < OLDEST_TDS:
        version = CLIENT_VERSIONS.get(login.tds_version, f"0x{login.tds_version:08x}")
        raise SqlError(17828, f"TDS {version} is too old for this server: it speaks 7.3 B and 7.4.", 20)
    if login.integrated:
        raise SqlError(18452, "Login failed. The login is from an untrusted domain and cannot be used with Integrated authentication.", 14)
    if login.user.lower() != user.lower() or login.password != password:
        raise failed(login.user)


def failed(user: str) -> SqlError:
    return SqlError(18456, f"Login failed for user '{user}'.", 14)


def accepted(login: Login, database: str, packet_bytes: int) -> bytes:
    language = login.language or "us_english"
    collation = collations.five_bytes(None)
    tds = min(login.tds_version, tokens.TDS_7_4)
    out = [tokens.environment("database", database, "master"),
           tokens.info(tokens.Info(5701, f"Changed database context to '{database}'.", 0, 2)),
           tokens.environment("collation", collation, None),
           tokens.environment("language", language, ""),
           tokens.info(tokens.Info(5703, f"Changed language setting to {language}.", 0, 1)),
           tokens.login_acknowledged("Microsoft SQL Server", SERVER_VERSION, tds)]
    if packet_bytes != packets.DEFAULT or login.packet_bytes != packet_bytes:
        out.append(tokens.environment("packet size", packet_bytes, packets.DEFAULT))
    if login.features:
        out.append(tokens.features_acknowledged({UTF8_FEATURE: b"\1"} if UTF8_FEATURE in login.features else {}))
    return b"".join(out) + tokens.done(tokens.DONE, 0)


def refused(errors: list[SqlError]) -> bytes:
    return b"".join(tokens.error(e) for e in errors) + tokens.done(tokens.DONE, tokens.ERROR)
