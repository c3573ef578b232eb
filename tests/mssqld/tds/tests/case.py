"""A listener over made-up sessions, and its clients, for one test each."""
from __future__ import annotations

import pathlib
import tempfile
import unittest

from tds import cache, control
from tds.listener import Listener, Options

from .client import Client
from .fake import Server


class WireCase(unittest.TestCase):
    cached = False

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="mssqld-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.server = Server()
        kept = cache.Cache(self.folder / "cache", 1 << 30) if self.cached else None
        self.listener = Listener(self.server, Options("sa", "secret", "app", "off"), None, kept, None)
        self.port = self.listener.listen(0)
        self.addCleanup(self.listener.close)
        self.commands = control.Commands(self.listener)

    def client(self, **how) -> Client:
        c = Client(self.port, **how)
        self.addCleanup(c.close)
        return c

    def control(self, line: str) -> str:
        answer = self.commands.run(line)
        self.assertTrue(answer.startswith("ok"), answer)
        return answer[3:]
