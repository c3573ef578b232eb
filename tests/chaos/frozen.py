"""A host is frozen past its lease while a run of it is in the middle of its rows: another host takes the run over, and what the worker of the frozen one
still wants to write is refused by the sink.  Not by chance: each round has it, with a worker that works on, and with one that is frozen, too."""
from __future__ import annotations

import pathlib
import random
import signal

import orders
from story.errors import StoryError
from story.etl import workers_of
from world import World

RATE = 4000  # rows that a run of grow reads in a second
WAYS = {"a worker that works on": (False, 4 * RATE), "a worker that is frozen, too": (True, 2 * RATE)}


def _at_work(w: World) -> tuple[str, str, int] | None:
    """The run of grow that has committed some of its rows, its host, and its claim."""
    rows = w.ask("SELECT r.id, r.host, r.fence FROM etl_state.pipeline_runs r WHERE r.pipeline = 'grow' AND r.state = 'running' "
                 "AND EXISTS (SELECT FROM grow g WHERE g.run = r.id)")
    return (rows[0][0], rows[0][1], int(rows[0][2])) if rows else None


def _has_ended(pid: int) -> bool:
    """Its host is frozen, and cannot collect it."""
    return " Z " in (pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2])


def play(w: World, chance: random.Random, with_worker: bool, rows: int) -> None:
    w.write_rows(rows, 1)
    orders.command(w, chance, "start", "grow")
    run, name, fence = w.deadline.poll(lambda: _at_work(w), "a run of grow to be in the middle of its rows", 0.01)
    host = w.hosts[name]
    w.signal(host.process.pid, signal.SIGSTOP)
    workers = workers_of(host.process.pid)
    for worker in workers if with_worker else []:
        w.signal(worker, signal.SIGSTOP)
    if len(workers) != 1 or _has_ended(workers[0]):
        raise StoryError(f"{name} was to be frozen when its run {run} was at work, and has {len(workers)} workers")
    w.deadline.poll(lambda: w.ask(f"SELECT 1 FROM etl_state.pipeline_runs WHERE pipeline = 'grow' AND fence > {fence} AND state = 'succeeded'"),
                    f"another host to do the run of {name} that is frozen", 0.1)
    w.signal(workers[0], signal.SIGCONT)
    w.deadline.poll(lambda: _has_ended(workers[0]), f"the worker of {name} to be refused", 0.02)
    _expect_refused(w, run, rows)
    w.signal(host.process.pid, signal.SIGCONT)
    host.wait_log(rf"the outcome of run {run} is not stored: its lease was lost", w.deadline)


def _expect_refused(w: World, run: str, rows: int) -> None:
    """Nobody has told the worker to end before it had moved all of its rows."""
    own = int(w.ask(f"SELECT count(*) FROM grow WHERE run = '{run}'")[0][0])
    if own >= rows:
        raise StoryError(f"run {run} of a frozen host has moved all of its {rows} rows, so nothing of it was refused")
    state = w.ask(f"SELECT state, host FROM etl_state.pipeline_runs WHERE id = '{run}'")[0]
    if state[0] != "crashed":
        raise StoryError(f"run {run} was taken from a frozen host, and is {state[0]} on {state[1]}")
