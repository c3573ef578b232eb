"""A child process whose output is kept line by line, so that one can wait for a line of it."""
from __future__ import annotations

import os
import pathlib
import re
import signal
import subprocess
import threading
import time

from .errors import StoryError


class Deadline:
    """One for a whole scenario; everything that waits takes its rest."""

    def __init__(self, seconds: float):
        self.at = time.monotonic() + seconds
        self.seconds = seconds

    def rest(self) -> float:
        left = self.at - time.monotonic()
        if left <= 0:
            raise StoryError(f"the scenario's deadline of {self.seconds:g} s passed")
        return left

    def poll(self, ready, what: str, every: float = 0.02):
        """Looks until ready() gives something true: for what cannot wake us (a query's result).  Returns it."""
        pause = threading.Event()
        while True:
            value = ready()
            if value:
                return value
            if self.at - time.monotonic() <= 0:
                raise StoryError(f"waited {self.seconds:g} s in vain for {what}")
            pause.wait(every)


def child_environment(extra: dict[str, str]) -> dict[str, str]:
    """What a child sees of our environment: nothing that could change what it does."""
    keep = ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "LD_PRELOAD")
    return {**{k: os.environ[k] for k in keep if k in os.environ}, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TZ": "UTC", **extra}


class Process:
    def __init__(self, name: str, argv: list[str], env: dict[str, str], cwd: pathlib.Path, log: pathlib.Path,
                 user: str | None = None):
        self.name, self.argv, self.log = name, argv, log
        self.lines: list[tuple[str, str]] = []  # ("stdout" | "stderr", line)
        self.changed = threading.Condition()
        self.process = subprocess.Popen(argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, start_new_session=True, user=user, group=user and "nogroup",
                                        extra_groups=[] if user else None)
        self.pid = self.process.pid
        self.readers = [threading.Thread(target=self._read, args=(stream, pipe), daemon=True)
                        for stream, pipe in (("stdout", self.process.stdout), ("stderr", self.process.stderr))]
        for reader in self.readers:
            reader.start()

    def _read(self, stream: str, pipe) -> None:
        with open(self.log, "a", encoding="utf-8") as log:
            for raw in pipe:
                line = raw.decode("utf-8", "replace").rstrip("\n")
                log.write(line + "\n")
                log.flush()
                with self.changed:
                    self.lines.append((stream, line))
                    self.changed.notify_all()
        pipe.close()
        with self.changed:
            self.changed.notify_all()

    def text(self, stream: str | None = None) -> str:
        with self.changed:
            return "\n".join(line for s, line in self.lines if stream in (None, s))

    def wait_line(self, pattern: str, deadline: Deadline, stream: str | None = None, accept=None, skip: int = 0) -> str:
        """The first line behind `skip` ones that matches (and that accept() likes); fails when the process ends without it."""
        seen = skip
        with self.changed:
            while True:
                for s, line in self.lines[seen:]:
                    seen += 1
                    if stream in (None, s) and re.search(pattern, line) and (accept is None or accept(line)):
                        return line
                if not any(r.is_alive() for r in self.readers):
                    told = "\n".join(line for _, line in self.lines[-8:])
                    raise StoryError(f"{self.name} ended without a line that matches /{pattern}/\n{told}")
                if not self.changed.wait(min(deadline.rest(), 1)):
                    deadline.rest()

    def wait(self, deadline: Deadline) -> int:
        """Its exit status once it has ended and all its output is here."""
        try:
            status = self.process.wait(deadline.rest())
        except subprocess.TimeoutExpired:
            raise StoryError(f"{self.name} was still running when the deadline of {deadline.seconds:g} s passed") from None
        for reader in self.readers:
            reader.join(5)
        return status

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def send(self, number: int) -> None:
        if self.running:
            self.process.send_signal(number)

    def end(self, first: int = signal.SIGTERM, patience: float = 10) -> None:
        """Stops it, if need be by force, and everything of its session."""
        if self.running:
            self.process.send_signal(first)
            try:
                self.process.wait(patience)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        for reader in self.readers:
            reader.join(5)

    def tail(self, n: int = 15) -> list[str]:
        with self.changed:
            return [line for _, line in self.lines[-n:]]
