"""The byte stream under the packets: a socket, with or without TLS.

One thread reads and another writes; the lock keeps them out of the TLS object at the same time.  TDS 7.4 wraps the handshake in
PRELOGIN packets, which ssl.MemoryBIO makes possible, and TLS ends at 1.2: later versions send records after the handshake."""
from __future__ import annotations

import ctypes
import fcntl
import os
import pathlib
import select
import socket
import ssl
import struct
import subprocess
import threading
import time

from . import packets
from .packets import Gone

RECEIVE_BYTES = 64 * 1024
DRAIN_S = 10.0
SIOCOUTQNSD = 0x894B
NEVER_S = 30 * 86400.0


class Transport:
    def __init__(self, sock: socket.socket):
        self.sock = sock
        self.lock = threading.Lock()
        self.tls: ssl.SSLObject | None = None
        self.inbound = self.outbound = None
        self.pending = bytearray()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(NEVER_S)  # so that threads wait in poll(), not in the socket: reset() could not end it otherwise

    # ---- reading

    def _receive(self) -> bytes:
        try:
            data = self.sock.recv(RECEIVE_BYTES)
        except OSError as e:
            raise Gone(str(e)) from e
        if not data:
            raise Gone("the client closed the connection")
        return data

    def read_exactly(self, n: int) -> bytes:
        while len(self.pending) < n:
            data = self._receive()
            self.pending += self._decrypt(data) if self.tls else data
        out = bytes(self.pending[:n])
        del self.pending[:n]
        return out

    def _decrypt(self, data: bytes) -> bytes:
        parts = []
        with self.lock:
            self.inbound.write(data)
            try:
                while part := self.tls.read(RECEIVE_BYTES):
                    parts.append(part)
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError as e:
                raise Gone(f"TLS: {e}") from e
        return b"".join(parts)

    # ---- writing

    def send(self, data: bytes) -> None:
        if self.tls:
            with self.lock:
                self.tls.write(data)
                data = self.outbound.read()
        try:
            self.sock.sendall(data)
        except OSError as e:
            raise Gone(str(e)) from e

    def send_file(self, fd: int, offset: int, count: int) -> None:
        try:
            while count:
                if self.tls:
                    data = os.pread(fd, min(count, 1 << 20), offset)
                    self.send(data)
                    sent = len(data)
                else:
                    sent = self._sendfile(fd, offset, count)
                if sent == 0:
                    raise Gone("a cached result is shorter than it was")
                offset, count = offset + sent, count - sent
        except OSError as e:
            raise Gone(str(e)) from e

    def _sendfile(self, fd: int, offset: int, count: int) -> int:
        while True:
            try:
                return os.sendfile(self.sock.fileno(), fd, offset, count)
            except BlockingIOError:
                select.select([], [self.sock], [])

    # ---- TLS

    def handshake(self, context: ssl.SSLContext) -> None:
        self.inbound, self.outbound = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(self.inbound, self.outbound, server_side=True)
        while True:
            try:
                tls.do_handshake()
                done = True
            except ssl.SSLWantReadError:
                done = False
            except ssl.SSLError as e:
                raise Gone(f"TLS handshake: {e}") from e
            if answer := self.outbound.read():
                for i in range(0, len(answer), packets.DEFAULT - packets.HEADER_BYTES):
                    part = answer[i:i + packets.DEFAULT - packets.HEADER_BYTES]
                    last = packets.LAST if i + len(part) == len(answer) else 0
                    self.send(packets.HEADER.pack(packets.PRELOGIN, last, len(part) + packets.HEADER_BYTES, 0, 0, 0) + part)
            if done:
                break
            kind, message = packets.read_message(self.read_exactly)
            if kind != packets.PRELOGIN:
                raise Gone(f"a packet of type {kind} in the TLS handshake")
            self.inbound.write(message)
        self.tls = tls
        raw, self.pending = bytes(self.pending), bytearray()
        if raw:
            self.pending += self._decrypt(raw)

    def plain_again(self) -> None:
        """The login alone was encrypted."""
        self.tls = None

    # ---- the end

    def drained(self) -> bool:
        """Waits until all that was written has left: on one machine it is with the peer then, although its kernel may not have said so."""
        until, pause = time.monotonic() + DRAIN_S, threading.Event()
        while time.monotonic() < until:
            try:
                left = struct.unpack("i", fcntl.ioctl(self.sock.fileno(), SIOCOUTQNSD, b"\0\0\0\0"))[0]
            except OSError:
                return False
            if left == 0:
                return True
            pause.wait(0.001)  # there is no event for it
        return False

    def reset(self) -> None:
        """RST instead of FIN, at once, although other threads may be waiting: a connect() to AF_UNSPEC does that."""
        try:
            libc = ctypes.CDLL(None, use_errno=True)
            libc.connect(self.sock.fileno(), struct.pack("=H14x", socket.AF_UNSPEC), 16)
        except OSError:
            pass

    def close(self) -> None:
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def server_context(cert: str | None, key: str | None, folder: pathlib.Path) -> ssl.SSLContext:
    """Without a certificate one is made, signed by itself, in `folder`."""
    if not cert:
        cert, key = str(folder / "server.crt"), str(folder / "server.key")
        if not os.path.exists(cert):
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                            "-nodes", "-keyout", key, "-out", cert, "-days", "3650",
                            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
                           check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(cert, key)
    return context
