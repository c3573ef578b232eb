"""A client of a few lines that shows the bytes, which no library does."""
from __future__ import annotations

import socket
import struct

from tds import decode, packets
from tds.login import write_prelogin

HEADERS = struct.pack("<IIHQI", 22, 18, 2, 0, 1)


def login7(user: str, password: str, database: str, packet_bytes: int = 4096) -> bytes:
    secret = bytes((b << 4 | b >> 4) & 0xFF ^ 0xA5 for b in password.encode("utf-16-le"))
    fields = [b"host".decode().encode("utf-16-le"), user.encode("utf-16-le"), secret, "test".encode("utf-16-le"), b"", b"", b"", b"",
              database.encode("utf-16-le")]
    body, offsets = b"", b""
    for f in fields:
        offsets += struct.pack("<HH", 94 + len(body), len(f) // 2)
        body += f
    offsets += bytes(6) + struct.pack("<HHHHHHI", 94 + len(body), 0, 94 + len(body), 0, 94 + len(body), 0, 0)
    head = struct.pack("<IIIIIBBBBiI", 0x74000004, packet_bytes, 7, 1, 0, 0, 0, 0, 0, 0, 0x409)
    return struct.pack("<I", 4 + len(head) + len(offsets) + len(body)) + head + offsets + body


class Client:
    def __init__(self, port: int, user: str = "sa", password: str = "secret", database: str = "app", packet_bytes: int = 4096):
        self.sock = socket.create_connection(("127.0.0.1", port), 20)
        self.room = packets.DEFAULT - packets.HEADER_BYTES
        self.send(packets.PRELOGIN, write_prelogin(2))
        self.message()
        self.send(packets.LOGIN7, login7(user, password, database, packet_bytes))
        self.login_answer = self.message()
        self.room = packet_bytes - packets.HEADER_BYTES

    def close(self) -> None:
        self.sock.close()

    def send(self, kind: int, data: bytes, first_status: int = 0) -> None:
        parts = [data[i:i + self.room] for i in range(0, len(data), self.room)] or [b""]
        for i, part in enumerate(parts):
            status = (packets.LAST if i == len(parts) - 1 else 0) | (first_status if i == 0 else 0)
            self.sock.sendall(packets.HEADER.pack(kind, status, len(part) + 8, 0, i % 256, 0) + part)

    def batch(self, sql: str, first_status: int = 0) -> None:
        self.send(packets.SQL_BATCH, HEADERS + sql.encode("utf-16-le"), first_status)

    def call(self, procedure: str | int, *params: bytes) -> None:
        name = struct.pack("<HH", 0xFFFF, procedure) if isinstance(procedure, int) else \
            struct.pack("<H", len(procedure)) + procedure.encode("utf-16-le")
        self.send(packets.RPC, HEADERS + name + b"\0\0" + b"".join(params))

    def attention(self) -> None:
        self.send(packets.ATTENTION, b"")

    def exactly(self, n: int) -> bytes:
        data = b""
        while len(data) < n:
            part = self.sock.recv(n - len(data))
            if not part:
                raise EOFError(data)
            data += part
        return data

    def message(self) -> bytes:
        parts, status = [], 0
        while not status & packets.LAST:
            _, status, payload = packets.read_packet(self.exactly)
            parts.append(payload)
        return b"".join(parts)

    def query(self, sql: str) -> "Reply":
        self.batch(sql)
        return Reply(self.message())


def text_param(text: str, name: str = "") -> bytes:
    data = text.encode("utf-16-le")
    return bytes([len(name)]) + name.encode("utf-16-le") + b"\0" + struct.pack("<BH5sH", 0xE7, 8000, bytes(5), len(data)) + data


def int_param(n: int | None, name: str = "", output: bool = False) -> bytes:
    value = b"\0" if n is None else struct.pack("<Bi", 4, n)
    return bytes([len(name)]) + name.encode("utf-16-le") + bytes([int(output)]) + b"\x26\x04" + value


class Reply:
    """The tokens of an answer: (token, what it says)."""

    def __init__(self, data: bytes):
        b = decode.Bytes(data)
        self.tokens: list[tuple[int, object]] = []
        self.rows: list[tuple] = []
        self.columns: list[tuple[str, decode.Reader]] = []
        while not b.at_end():
            token = b.number("B")
            self.tokens.append((token, self._token(token, b)))

    def _token(self, token: int, b: decode.Bytes) -> object:
        if token in (0xFD, 0xFE, 0xFF):
            return struct.unpack("<HHQ", b.take(12))
        if token in (0xAA, 0xAB):
            body = decode.Bytes(b.take(b.number("H")))
            number, state, severity = body.number("i"), body.number("B"), body.number("B")
            return number, state, severity, body.us_varchar()
        if token == 0x81:
            self._columns(b)
            return [name for name, _ in self.columns]
        if token == 0xD1:
            return self._row([r.read(b) for _, r in self.columns])
        if token == 0xD2:
            nulls = int.from_bytes(b.take((len(self.columns) + 7) // 8), "little")
            return self._row([None if nulls >> i & 1 else r.read(b) for i, (_, r) in enumerate(self.columns)])
        if token == 0x79:
            return b.number("i")
        if token == 0xAC:
            b.take(2)
            name = b.b_varchar()
            b.take(7)
            return name, decode.read_type(b).read(b)
        return b.take(b.number("H"))  # ENVCHANGE, ORDER, LOGINACK

    def _row(self, values: list) -> tuple:
        self.rows.append(tuple(values))
        return self.rows[-1]

    def _columns(self, b: decode.Bytes) -> None:
        self.columns = []
        for _ in range(b.number("H")):
            b.take(6)
            reader = decode.read_type(b, in_row=True)
            if reader.type.name in ("text", "ntext", "image"):
                for _ in range(b.number("B")):
                    b.us_varchar()
            self.columns.append((b.b_varchar(), reader))

    def of(self, token: int) -> list:
        return [what for t, what in self.tokens if t == token]

    @property
    def last(self) -> tuple[int, int]:
        """The token and the status that end it."""
        return self.tokens[-1][0], self.tokens[-1][1][0]
