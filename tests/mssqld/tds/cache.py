"""Answers kept as they went over the wire, in files, so that a benchmark measures its client.

A file holds whole packets of one answer; its index says where rows end, so that an attention can end a cached answer between two
rows.  The least recently used go when all together become too large."""
from __future__ import annotations

import hashlib
import json
import os
import pathlib
import threading
from typing import TYPE_CHECKING, Callable

from . import tokens
from .packets import HEADER_BYTES, LAST, MessageWriter

if TYPE_CHECKING:
    from .answer import Answer
    from .connection import Connection

PIECE_PACKETS = 64  # between two looks at whether the client wants no more


class Recording:
    """The sink of an answer that goes to a client and to a file.  The file is there before the client has the end."""

    def __init__(self, cache: "Cache", key: str, packet_bytes: int, sink: Callable[[bytes], None]):
        self.cache, self.name, self.packet_bytes, self.sink = cache, Cache.name(key), packet_bytes, sink
        self.path = cache.folder / f"{self.name}.{threading.get_ident()}.part"
        self.file = open(self.path, "wb", buffering=1 << 20)
        self.bytes = 0
        self.answer: "Answer | None" = None

    def __call__(self, data: bytes) -> None:
        self.bytes += len(data)
        if self.bytes > self.cache.limit_bytes or self.answer.failed:
            self.drop()
        if self.file:
            self.file.write(data)
            if data[1] & LAST:
                self._keep()
        self.sink(data)

    def _keep(self) -> None:
        self.file.close()
        self.file = None
        self.cache.add(self.name, self.path, {"rows": self.answer.rows, "bytes": self.bytes, "boundaries": self.answer.boundaries,
                                              "packet": self.packet_bytes})

    def drop(self) -> None:
        """What is not whole is not kept; nothing happens when it was kept."""
        if self.file:
            self.file.close()
            self.path.unlink()
            self.file = None


class Cache:
    def __init__(self, folder: pathlib.Path, limit_bytes: int):
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob("*.part"):
            left.unlink()
        self.folder, self.limit_bytes = folder, limit_bytes
        self.lock = threading.Lock()
        self.hits = 0

    @staticmethod
    def name(key: str) -> str:
        return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:40]

    def add(self, name: str, part: pathlib.Path, index: dict) -> None:
        with self.lock:
            (self.folder / f"{name}.json").write_text(json.dumps(index))
            part.rename(self.folder / f"{name}.tds")
            self._make_room()

    def _make_room(self) -> None:
        found = sorted((p.stat().st_mtime_ns, p.stat().st_size, p) for p in self.folder.glob("*.tds"))
        total = sum(size for _, size, _ in found)
        for _, size, path in found[:-1]:
            if total <= self.limit_bytes:
                return
            path.unlink()
            path.with_suffix(".json").unlink(missing_ok=True)
            total -= size

    def open(self, key: str) -> tuple[int, dict] | None:
        """A descriptor and the index."""
        path = self.folder / f"{self.name(key)}.tds"
        with self.lock:
            try:
                index = json.loads(path.with_suffix(".json").read_text())
                fd = os.open(path, os.O_RDONLY)
                os.utime(path)
            except OSError:
                return None
            self.hits += 1
            return fd, index


def send(connection: "Connection", fd: int, index: dict) -> bool:
    """A kept answer.  False: an attention ended it, and was answered."""
    packet, at = index["packet"], 0
    while at < index["bytes"]:
        if connection.attention and _stop(connection, fd, index, at):
            return False
        n = min(PIECE_PACKETS * packet, index["bytes"] - at)
        connection.transport.send_file(fd, at, n)
        at += n
    return True


def _stop(connection: "Connection", fd: int, index: dict, at: int) -> bool:
    """Sends up to the end of the row that byte `at` is in, and then the last word.  False: no row ends behind it."""
    packet, room = index["packet"], index["packet"] - HEADER_BYTES
    sent = at // packet * room
    end = next((b for b in index["boundaries"] if b >= sent), None)
    if end is None:
        return False
    whole = (end - sent) // room
    connection.transport.send_file(fd, at, whole * packet)
    rest = os.pread(fd, end - sent - whole * room, at + whole * packet + HEADER_BYTES)
    writer = MessageWriter(connection.transport.send, packet, 0)
    writer.number = at // packet + whole
    writer.write(rest + tokens.done(tokens.DONE, tokens.ERROR))
    writer.finish()
    writer.write(tokens.done(tokens.DONE, tokens.ATTENTION))
    writer.finish()
    return True




def close(fd: int) -> None:
    os.close(fd)
