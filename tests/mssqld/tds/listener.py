"""The listening socket, what all connections share, and what is told about them."""
from __future__ import annotations

import collections
import dataclasses
import errno
import pathlib
import socket
import ssl
import struct
import sys
import threading
import time
import traceback

from contract import Server

from . import cache
from .connection import Connection
from .faults import Faults

KEPT_TEXTS = 50


@dataclasses.dataclass
class Options:
    user: str
    password: str
    database: str
    tls: str = "on"


class Listener:
    def __init__(self, server: Server, options: Options, tls_context: ssl.SSLContext | None, kept: cache.Cache | None,
                 log_file: pathlib.Path | None):
        self.server, self.options, self.tls_context, self.cache = server, options, tls_context, kept
        self.faults = Faults()
        self.lock = threading.Lock()
        self.connections: dict[int, Connection] = {}
        self.log_file = open(log_file, "a", encoding="utf-8", errors="backslashreplace", buffering=1) if log_file else None
        self.texts: collections.deque[str] = collections.deque(maxlen=KEPT_TEXTS)
        self.accepted = self.batches = self.rows = 0
        self.socket: socket.socket | None = None

    def listen(self, port: int) -> int:
        s = socket.create_server(("127.0.0.1", port), backlog=512)
        self.socket = s
        threading.Thread(target=self._accept, name="listener", daemon=True).start()
        return s.getsockname()[1]

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError as e:
                if e.errno not in (errno.EMFILE, errno.ENFILE, errno.ECONNABORTED):
                    return  # closed
                self.log(0, f"accept: {e}")
                with self.faults.changed:  # a connection that ends says so
                    self.faults.changed.wait(0.1)
                continue
            if self.faults.refusing:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.close()
                continue
            with self.lock:
                self.accepted += 1
                connection = Connection(self, client, self.accepted)
                self.connections[connection.number] = connection
            threading.Thread(target=connection.serve, name=f"connection {connection.number}", daemon=True).start()

    def close(self) -> None:
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def remove(self, connection: Connection) -> None:
        with self.lock:
            self.connections.pop(connection.number, None)

    def reset(self, spid: int | None = None) -> int:
        """How many connections are gone now."""
        with self.lock:
            found = [c for c in self.connections.values() if spid is None or c.spid == spid]
        for c in found:
            c.end(reset=True)
        return len(found)

    # ---- what is told

    def log(self, spid: int, text: str, trace: bool = False) -> None:
        if self.log_file:
            now = time.strftime("%H:%M:%S", time.gmtime())
            self.log_file.write(f"{now} {spid} {text}\n")
        if trace:
            traceback.print_exc(file=self.log_file or sys.stderr)

    def note(self, spid: int, sql: str) -> None:
        self.log(spid, sql if len(sql) < 4000 else sql[:4000] + "...")
        with self.lock:
            self.batches += 1
            self.texts.append(sql[:20000])

    def count(self, rows: int) -> None:
        with self.lock:
            self.rows += rows

    def stats(self) -> dict:
        with self.lock:
            spids = [c.spid for c in self.connections.values() if c.spid]
            return {"connections": len(self.connections), "spids": spids, "accepted": self.accepted, "batches": self.batches,
                    "rows": self.rows, "cache_hits": self.cache.hits if self.cache else 0, "texts": list(self.texts)}
