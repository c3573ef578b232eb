"""The program under test: one `etl` command, and what a run told in its events."""
from __future__ import annotations

import json
import os
import pathlib
import re

from .errors import StoryError
from .process import Deadline, Process, child_environment

EXITS = {"success": 0, "failed": 1, "usage": 2, "partial": 3, "cancelled": 4, "crashed": 5}


def workers_of(pid: int) -> list[int]:
    """Children of a process."""
    found: list[int] = []
    for file in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(word) for word in file.read_text().split()]
        except OSError:
            pass
    return found


def state_of_process(pid: int, what: str) -> str:
    """`shares`: what of its descriptors are those of its parent, too; else a file of /proc."""
    if what != "shares":
        return pathlib.Path(f"/proc/{pid}/{what}").read_text()
    parent = int(re.search(r"^PPid:\s*(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M)[1])
    here, there = (dict((fd.name, os.readlink(fd)) for fd in pathlib.Path(f"/proc/{p}/fd").iterdir()) for p in (pid, parent))
    return "\n".join(sorted(f"{fd} {to}" for fd, to in here.items() if to in there.values()))


class Command:
    """`etl ...`, running or ended."""

    kind = "etl"

    def __init__(self, name: str, program: pathlib.Path, words: list[str], folder: pathlib.Path, env: dict[str, str],
                 user: str | None = None):
        self.name, self.words = name, words
        self.status: int | None = None
        log = folder / "logs" / f"{name}.log"
        log.parent.mkdir(exist_ok=True)
        home = {"HOME": str(folder), "ETL_CONF": str(folder / "etl.conf")}
        self.process = Process(name, [str(program), *words], child_environment({**home, **env}), folder, log, user)

    def wait(self, deadline: Deadline) -> int:
        if self.status is None:
            self.status = self.process.wait(deadline)
        return self.status

    def worker(self, deadline: Deadline) -> int:
        """Process id of its worker, once it is there."""
        def look():
            if not self.process.running:
                raise StoryError(f"{self.name} ended before it had a worker")
            return workers_of(self.process.pid)
        return deadline.poll(look, "a worker process")[0]

    def events(self, name: str | None = None) -> list[dict]:
        found = []
        for stream, line in list(self.process.lines):
            if stream == "stdout" and line.startswith("{"):
                try:
                    event = json.loads(line)
                except ValueError:
                    raise StoryError(f"{self.name} printed a line that is no JSON: {line!r}") from None
                if name in (None, event.get("event")):
                    found.append(event)
        return found

    @property
    def summary(self) -> dict:
        found = self.events("summary")
        if not found:
            raise StoryError(f"{self.name} ended with exit status {self.status} and no summary\n" + "\n".join(self.process.tail()))
        return found[-1]

    def field(self, path: str):
        """A value of the summary: "rows_written", "error.class", "lanes.eu1.error.message" (a lane by its shard, or stream/shard)."""
        value = self.summary
        for step in path.split("."):
            if isinstance(value, list):
                lanes = [lane for lane in value if step in (lane.get("shard"), lane.get("lane"))]
                if len(lanes) != 1:
                    raise StoryError(f"no lane {step!r} among {[lane.get('lane') for lane in value]}")
                value = lanes[0]
            elif isinstance(value, dict):
                value = value.get(step)
            else:
                return None
        return json.dumps(value) if isinstance(value, bool) else value

    def expect_status(self, wanted: str) -> None:
        """By exit status, and by the summary if the run came so far as to have one."""
        if wanted not in EXITS:
            raise StoryError(f"{wanted!r} is no outcome; there are: {', '.join(EXITS)}")
        what = f"etl {' '.join(self.words)}"
        if self.status != EXITS[wanted]:
            names = {v: k for k, v in EXITS.items()}
            told = "\n".join(self.process.tail(8))
            raise StoryError(f"{what}\n  expected: {wanted} (exit status {EXITS[wanted]})\n"
                             f"  actual:   {names.get(self.status, 'none of these')} (exit status {self.status})\n{told}")
        for event in self.events("summary"):
            if event["status"] != ("failed" if wanted == "usage" else wanted):
                raise StoryError(f"{what}\n  expected: {wanted}\n  actual:   exit status {self.status}, but its summary says {event['status']}")

    def tail(self) -> list[str]:
        return self.process.tail()

    def end(self) -> None:
        self.process.end(9)
