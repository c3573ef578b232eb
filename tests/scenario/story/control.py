"""Clients of a host's control socket that behave as nobody should."""
from __future__ import annotations

import json
import os
import pathlib
import socket
import struct

from .errors import StoryError
from .process import Deadline


def frame(request: dict) -> bytes:
    text = json.dumps(request).encode()
    return struct.pack("<I", len(text)) + text


def connect(path: pathlib.Path, deadline: Deadline) -> socket.socket:
    """Through the folder's descriptor: a scenario's path may be longer than an address."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        client = socket.socket(socket.AF_UNIX)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", int(deadline.rest()), 0))  # a connect without it waits for no room
        client.connect(f"/proc/self/fd/{folder}/{path.name}")
        client.settimeout(deadline.rest())
        return client
    finally:
        os.close(folder)


def say(path: pathlib.Path, text: bytes, deadline: Deadline) -> str:
    """Sends bytes, and gives what comes back until the host closes the connection."""
    with connect(path, deadline) as client:
        client.sendall(text)
        told = b""
        try:
            while part := client.recv(65536):
                told += part
        except TimeoutError:
            raise StoryError(f"the host did not close the connection\n{told!r}") from None
        return told.decode("utf-8", "replace")


class Clients:
    """Connections that stay open; an actor."""

    kind = "clients"

    def __init__(self, path: pathlib.Path, count: int, request: dict | None, times: int, deadline: Deadline):
        """Each sends a request many times and fetches nothing; without a request they are silent."""
        self.open = [connect(path, deadline) for _ in range(count)]
        for client in self.open if request else []:
            client.settimeout(0.2)
            try:
                client.sendall(frame(request) * times)
            except TimeoutError:
                pass  # the host does not take more from who does not fetch

    def connection_text(self) -> str:
        return ""

    def tail(self) -> list[str]:
        return [f"{len(self.open)} connections"]

    def stop(self, how: str = "fast") -> None:
        self.end()

    def end(self) -> None:
        for client in self.open:
            client.close()
