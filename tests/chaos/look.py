"""What must hold when all is over: every row once, every run in a state that is right, and nothing left lying about."""
from __future__ import annotations

import os
import pathlib

from story.errors import StoryError
from story.etl import workers_of
from world import MARK, PIPELINES, World

# What no history may show; each query names what it finds.
STORE = {
    "a run is at work, and no host is": "SELECT id, pipeline, state FROM pipeline_runs WHERE state IN ('claimed', 'running')",
    "a run waits, though nothing is due": "SELECT id, pipeline, trigger FROM pipeline_runs WHERE state = 'queued'",
    "two runs for one due time": "SELECT pipeline, due_at, count(*) FROM pipeline_runs WHERE trigger IN ('schedule', 'catch_up', 'dependency') "
                                 "GROUP BY pipeline, due_at HAVING count(*) > 1",
    "two runs of one pipeline at the same time":
        "SELECT a.id, b.id, a.pipeline FROM pipeline_runs a JOIN pipeline_runs b ON a.pipeline = b.pipeline AND a.id < b.id AND a.fence = b.fence "
        "AND a.fence > 0",
    "attempts that do not follow each other":  # what the end of a host cut short goes on as the same attempt
        "SELECT root, string_agg(concat_ws(' ', id, pipeline, trigger, state, attempt, reason), ', ') FROM pipeline_runs GROUP BY root HAVING count(DISTINCT attempt) <> max(attempt) "
        "OR count(*) FILTER (WHERE state <> 'cancelled') > max(attempt) OR min(attempt) <> 1",
    "an attempt behind a good one": "SELECT a.id, b.id FROM pipeline_runs a JOIN pipeline_runs b ON a.root = b.root AND b.attempt > a.attempt "
                                    "WHERE a.state = 'succeeded'",
    "a run that ended before it began": "SELECT id, pipeline, state FROM pipeline_runs WHERE ended_at < started_at",
    "a run that failed without saying why": "SELECT id, pipeline, state FROM pipeline_runs WHERE state IN ('failed', 'crashed') AND error_message IS NULL",
    "a run that was skipped or cancelled without a reason":
        "SELECT id, pipeline, state FROM pipeline_runs WHERE state IN ('skipped', 'cancelled') AND reason IS NULL",
    "a due time of grow that behind did not hear of":
        "SELECT g.id, g.state, g.due_at FROM pipeline_runs g WHERE g.pipeline = 'grow' AND g.trigger IN ('schedule', 'catch_up') AND NOT EXISTS "
        "(SELECT FROM pipeline_runs b WHERE b.pipeline = 'behind' AND b.due_at = g.due_at)",
    "a breaker without a threshold": "SELECT pipeline, state FROM breakers",
}


def store(w: World) -> list[str]:
    found = []
    for what, sql in STORE.items():
        rows = w.ask(f"SET search_path = etl_state; {sql} LIMIT 3")
        found += [f"{what}: {' '.join(str(v) for v in row)}" for row in rows]
    w.pg.disconnect()
    return found


def tables(w: World) -> set[str]:
    """All that there is in the database, staging tables among them."""
    return {".".join(row) for row in w.ask("SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                                           "WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'")}


def files(w: World) -> set[str]:
    """Of the stage's folder, without what the test itself keeps there, and what is in memory under a name."""
    ours = {"pg", "logs", "spare"}
    found = {str(p.relative_to(w.folder)) for p in w.folder.rglob("*") if p.relative_to(w.folder).parts[0] not in ours}
    return found | {f"/dev/shm/{p.name}" for p in pathlib.Path("/dev/shm").iterdir() if "etl" in p.name}


def descriptors(w: World) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, host in w.hosts.items():
        folder = pathlib.Path(f"/proc/{host.process.pid}/fd")
        found[name] = sorted(os.readlink(p).partition(":")[0] for p in folder.iterdir() if p.exists() or p.is_symlink())
    return found


def children(w: World) -> list[str]:
    """Of hosts that have nothing to do: zombies and workers alike."""
    return [f"{name} has a child {pid}: {_state(pid)}" for name, host in w.hosts.items() for pid in workers_of(host.process.pid)]


def _state(pid: int) -> str:
    try:
        text = pathlib.Path(f"/proc/{pid}/status").read_text()
        return " ".join(line for line in text.split("\n") if line.startswith(("Name", "State")))
    except OSError:
        return "ended meanwhile"


def processes(w: World) -> list[str]:
    """What the hosts started and is still there when they have ended."""
    mark = f"{MARK}={w.stage.env[MARK]}".encode()
    found = []
    for p in pathlib.Path("/proc").iterdir():
        try:
            if p.name.isdigit() and mark in (p / "environ").read_bytes().split(b"\0"):
                found.append(f"process {p.name} is left: {_state(int(p.name))}")
        except OSError:
            pass
    return found


class Before:
    """As things were before the first fault, when every pipeline had run once."""

    def __init__(self, w: World):
        self.tables, self.files, self.descriptors = tables(w), files(w), descriptors(w)

    def compare(self, w: World) -> list[str]:
        """While the hosts still run, and have nothing to do."""
        found = children(w)
        found += [f"the table {name} is left" for name in sorted(tables(w) - self.tables)]
        found += [f"the table {name} is gone" for name in sorted(self.tables - tables(w))]
        found += [f"the file {name} is left" for name in sorted(files(w) - self.files)]
        for name, now in descriptors(w).items():
            was = self.descriptors[name]
            if len(now) > len(was):
                found.append(f"{name} has {len(now)} descriptors open, and had {len(was)}: now {' '.join(now)}")
        return found


def idle(w: World) -> bool:
    return w.ask("SELECT count(*) FROM etl_state.pipeline_runs WHERE state IN ('queued', 'claimed', 'running')")[0][0] == "0"


def caught_up(w: World, since: int) -> bool:
    """Each pipeline has done well with what there is since the last fault."""
    done = w.ask(f"SELECT count(DISTINCT pipeline) FROM etl_state.pipeline_runs WHERE state = 'succeeded' AND started_at > {since}")[0][0]
    return int(done or 0) == len(PIPELINES)


def newest_runs(w: World) -> str:
    rows = w.ask("SELECT to_char(to_timestamp(queued_at / 1e6), 'HH24:MI:SS.MS'), pipeline, trigger, state, attempt, host, coalesce(error_message, "
                 "reason, '') FROM etl_state.pipeline_runs ORDER BY queued_at DESC LIMIT 30")
    return "\n".join("  ".join(str(v) for v in row) for row in reversed(rows))


def expect_nothing(found: list[str], when: str) -> None:
    if found:
        raise StoryError(f"{when}:\n" + "\n".join(found))
