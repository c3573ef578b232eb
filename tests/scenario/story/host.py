"""The long-running host: `etl serve`, its log, and what it remembers."""
from __future__ import annotations

import re
import signal
import sqlite3

from .errors import StoryError
from .etl import Command
from .process import Deadline


class Host(Command):
    """An actor that is started and stopped; its log goes on over several lives."""

    kind = "host"

    def __init__(self, name: str, stage, words: list[str]):
        self.stage = stage
        self.arguments = (name, stage.shared.build / "host" / "etl", ["serve", *words], stage.folder)
        self.begin()

    def begin(self) -> None:
        super().__init__(*self.arguments, self.stage.env)
        self.seen = 0  # lines of the log that a `wait` has gone past
        self.wait_start(re.compile(r"\bhost \S+ serves "))

    def wait_start(self, line: re.Pattern) -> None:
        """Where its log goes."""
        setting = re.search(r'\blog_file\s*=\s*"([^"]+)"', (self.stage.folder / "etl.conf").read_text())
        if not setting:
            self.process.wait_line(line.pattern, self.stage.deadline, "stderr")
            return
        file = self.stage.folder / setting[1]

        def look():
            if not self.process.running:
                raise StoryError(f"{self.name} ended before it served\n{self.explain()}")
            return file.exists() and line.search(file.read_text(errors="replace"))
        self.stage.deadline.poll(look, f"{line.pattern} in {file}")

    def explain(self) -> str:
        return "\n".join(self.process.tail())

    def start(self, deadline: Deadline) -> None:
        if self.process.running:
            raise StoryError(f"{self.name} runs already")
        self.begin()

    def stop(self, how: str = "fast") -> None:
        """Told to stop, it ends with status 0; `crash` kills it."""
        self.process.send(signal.SIGKILL if how == "crash" else signal.SIGTERM)
        status = self.process.wait(self.stage.deadline)
        if status != (-signal.SIGKILL if how == "crash" else 0):
            raise StoryError(f"{self.name} ended with status {status}\n{self.explain()}")

    @property
    def control(self):
        """Its control socket, when its state store is the scenario's file and nothing else was set."""
        return self.stage.folder / "etl.db.sock"

    def wait_log(self, pattern: str, deadline: Deadline) -> str:
        """The next line of the log that matches, behind the one that was waited for last."""
        line = self.process.wait_line(pattern, deadline, "stderr", skip=self.seen)
        self.seen = 1 + next(i for i, found in enumerate(self.process.lines) if i >= self.seen and found == ("stderr", line))
        return line

    def query(self, sql: str) -> list[list[str | None]]:
        """Of its state store, when that is a file; else ask the server."""
        connection = sqlite3.connect(f"file:{self.stage.folder}/etl.db?mode=rw", uri=True, timeout=10, isolation_level=None)
        try:
            return [[None if v is None else str(v) for v in row] for row in connection.execute(sql).fetchall()]
        except sqlite3.Error as e:
            raise StoryError(f"{self.name}: {sql}: {e}") from None
        finally:
            connection.close()
