"""A host is frozen past its lease while a run of it is in the middle of its rows: another host takes the run over, and what the worker of the frozen one
still wants to write is refused by the sink.  Not by chance: each round has it, with a worker that works on, and with one that is frozen, too."""
from __future__ import annotations

import contextlib
import pathlib
import random
import signal

import left
import orders
from pipelines import RATE
from story.errors import StoryError
from story.etl import workers_of
from world import World

SLOW = 200  # rows in a second, so that a run does not end before it is frozen
WAYS = (("grow", False), ("grow", True), ("whole", False), ("whole", True))


def _at_work(w: World, pipeline: str, tables: set[str]) -> list[str] | None:
    """Its run that has brought some of its rows, seen in the target or in a table beside it; the host, and the claim."""
    rows = w.store.ask(f"SELECT r.id, r.host, r.fence, EXISTS (SELECT FROM {pipeline} t WHERE t.run = r.id) FROM pipeline_runs r "
                       f"WHERE r.pipeline = '{pipeline}' AND r.state = 'running'")
    return rows[0] if rows and (rows[0][3] == "t" or left.tables(w) - tables) else None


def _workers(host: int) -> list[int]:
    """Not what tells people."""
    found = []
    for pid in workers_of(host):
        with contextlib.suppress(OSError):  # it has ended
            if b"\0_worker\0" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found


def _has_ended(pid: int) -> bool:
    """Its host is frozen, and cannot collect it."""
    return " Z " in pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2]


def play(w: World, chance: random.Random, pipeline: str, with_worker: bool) -> None:
    tables = left.tables(w)
    w.write_rows(RATE, 1)
    w.write_pipeline(pipeline, epoch=100, quiet=True, rate=SLOW)
    for name in w.names:
        orders.tell(w, name, "reload", "--wait")
    orders.command(w, chance, "start", pipeline)
    run, name, fence, _ = w.deadline.poll(lambda: _at_work(w, pipeline, tables), f"a run of {pipeline} to be in the middle of its rows", 0.01)
    host = w.hosts[name]
    w.signal(host.process.pid, signal.SIGSTOP)
    workers = _workers(host.process.pid)
    for worker in workers if with_worker else []:
        w.signal(worker, signal.SIGSTOP)
    if len(workers) != 1 or _has_ended(workers[0]):
        raise StoryError(f"{name} was to be frozen when its run {run} was at work, and has {len(workers)} workers")
    w.write_pipeline(pipeline, quiet=True)
    w.reload()
    w.deadline.poll(lambda: w.store.ask(f"SELECT 1 FROM pipeline_runs WHERE pipeline = '{pipeline}' AND fence > {fence} AND state = 'succeeded'"),
                    f"another host to do the run of {name} that is frozen", 0.1)
    w.signal(workers[0], signal.SIGCONT)
    w.deadline.poll(lambda: _has_ended(workers[0]), f"the worker of {name} to be refused", 0.02)
    _expect_refused(w, run, pipeline)
    w.signal(host.process.pid, signal.SIGCONT)
    host.wait_log(rf"the outcome of run {run} is not stored: its lease was lost", w.deadline)


def _expect_refused(w: World, run: str, pipeline: str) -> None:
    """Nobody has told the worker to end before it had moved all of its rows; of a target that is replaced it has moved none."""
    own = int(w.ask(f"SELECT count(*) FROM {pipeline} WHERE run = '{run}'")[0][0])
    if own >= (RATE if pipeline == "grow" else 1):
        raise StoryError(f"run {run} of a frozen host has brought {own} rows to {pipeline} before it ended: nothing of it was refused")
    state = w.store.ask(f"SELECT state, host FROM pipeline_runs WHERE id = '{run}'")[0]
    if state[0] != "crashed":
        raise StoryError(f"run {run} was taken from a frozen host, and is {state[0]} on {state[1]}")
