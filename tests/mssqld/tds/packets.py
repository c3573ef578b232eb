"""Packets and messages: eight bytes of header, payload, the last one marked."""
from __future__ import annotations

import struct
from typing import Callable

SQL_BATCH, RPC, REPLY, ATTENTION, BULK, TRANSACTION, LOGIN7, PRELOGIN = 1, 3, 4, 6, 7, 14, 16, 18
LAST, IGNORE, RESET, RESET_KEEP_TRANSACTION = 0x01, 0x02, 0x08, 0x10
HEADER = struct.Struct(">BBHHBB")
HEADER_BYTES = 8
SMALLEST, DEFAULT, LARGEST = 512, 4096, 32767
MOST_MESSAGE_BYTES = 512 << 20  # of a request that is kept whole


class Gone(Exception):
    """The client is not there any more, or must not be."""


class ProtocolError(Exception):
    """What came is not TDS."""


def read_packet(read_exactly: Callable[[int], bytes]) -> tuple[int, int, bytes]:
    kind, status, length, _, _, _ = HEADER.unpack(read_exactly(HEADER_BYTES))
    if length < HEADER_BYTES:
        raise ProtocolError(f"a packet of {length} bytes")
    return kind, status, read_exactly(length - HEADER_BYTES)


def read_message(read_exactly: Callable[[int], bytes]) -> tuple[int, bytes]:
    """A whole message, for the time of the login."""
    parts = []
    while True:
        kind, status, payload = read_packet(read_exactly)
        parts.append(payload)
        if status & LAST:
            return kind, b"".join(parts)
        if len(parts) > 64:
            raise ProtocolError("a login without end")


class MessageWriter:
    """Cuts what is written into packets; `sink` takes bytes for the wire."""

    def __init__(self, sink: Callable[[bytes], None], packet_bytes: int, spid: int):
        self.sink, self.room, self.spid = sink, packet_bytes - HEADER_BYTES, spid
        self.buffer = bytearray()
        self.number = 0
        self.payload_bytes = 0  # handed to the sink so far

    def packet(self, status: int, payload: bytes | memoryview) -> bytes:
        self.number = self.number % 255 + 1
        return HEADER.pack(REPLY, status, len(payload) + HEADER_BYTES, self.spid, self.number, 0) + payload

    def write(self, data: bytes) -> None:
        self.buffer += data
        room = self.room
        if len(self.buffer) <= room:
            return
        whole = (len(self.buffer) - 1) // room * room  # something is left for the last packet
        with memoryview(self.buffer) as view:
            packets = [self.packet(0, view[i:i + room]) for i in range(0, whole, room)]
        del self.buffer[:whole]
        self.payload_bytes += whole
        self.sink(b"".join(packets))

    def flush(self) -> None:
        """What is there goes out now, in a packet that is not full."""
        if self.buffer:
            payload = bytes(self.buffer)
            self.buffer.clear()
            self.payload_bytes += len(payload)
            self.sink(self.packet(0, payload))

    def finish(self) -> None:
        payload = bytes(self.buffer)
        self.buffer.clear()
        self.payload_bytes += len(payload)
        self.sink(self.packet(LAST, payload))
        self.number = 0
