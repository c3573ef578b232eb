"""PostgreSQL itself is killed, with all its sessions, before and after the calls that matter, and comes back while the connector still waits."""
from __future__ import annotations

import itertools
import os
import threading

import matrix
from modes import MODES
from story.errors import StoryError

PLACES = (("after", "loader.begin:2"), ("after", "loader.write:5"), ("before", "loader.commit:2"), ("after", "loader.commit:2"), ("before", "loader.run_end:1"),
          ("after", "loader.run_end:1"))
MODE_NAMES = [name for name in MODES if name != "four shards"]  # a lane more changes nothing here
RETRIES = 3
ANY = {"success", "partial", "failed"}


def cases() -> list[tuple[str, str, str]]:
    return [(mode, *place) for mode, place in itertools.product(MODE_NAMES, PLACES)]


def name_of(case: tuple[str, str, str]) -> str:
    mode, when, point = case
    return f"{mode}: PostgreSQL crashes {when} {point}"


class Crasher:
    """Waits for the connector to ask, kills the server, starts it again, and answers."""

    def __init__(self, bench: matrix.Bench):
        self.bench, self.failure, self.crashed = bench, None, False
        self.ask = bench.stage.folder / "crash"
        self.done = bench.stage.folder / "crash.done"
        for fifo in (self.ask, self.done):
            fifo.unlink(missing_ok=True)
            os.mkfifo(fifo)
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self) -> None:
        try:
            with open(self.ask, "rb") as f:
                self.crashed = f.read(1) == b"x"
            if not self.crashed:
                return
            self.bench.pg.disconnect()
            self.bench.pg.cluster.crash()
            self.bench.pg.cluster.start(self.bench.stage.deadline)
        except (StoryError, OSError) as e:
            self.failure = e
        finally:
            if self.crashed:
                with open(self.done, "wb") as f:
                    f.write(b"x")

    def end(self) -> None:
        """Also when nobody ever asked: then somebody else does."""
        fd = os.open(self.ask, os.O_RDWR | os.O_NONBLOCK)
        os.write(fd, b"q")
        self.thread.join()
        os.close(fd)
        if self.failure:
            raise StoryError(f"PostgreSQL did not come back: {self.failure}")
        if not self.crashed:
            raise StoryError("the call that was to be hit was never made")


def play(bench: matrix.Bench, case: tuple[str, str, str]) -> None:
    mode, when, point = case
    played = matrix.Case(mode, point, when, "PostgreSQL crashes")
    MODES[mode].make_target(bench.pg, played.table)
    crasher = Crasher(bench)
    try:
        outcome = bench.run(played.table, mode, RETRIES, f"{when}:{point}:pg-crash", ANY)
    finally:
        crasher.end()
    bench.in_between(played, outcome)
    if outcome != "success":
        bench.run(played.table, mode, RETRIES, None, {"success"})
    bench.look(played)
