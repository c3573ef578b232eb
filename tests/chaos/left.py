"""What must not be left lying about when all is over: tables, files, shared memory, descriptors, processes."""
from __future__ import annotations

import json
import os
import pathlib
import threading
import time

from story.errors import StoryError
from story.etl import workers_of
from story.process import Deadline
from world import MARK, World

GONE_S = 15


def tables(w: World) -> set[str]:
    """All that there is in the database, staging tables among them."""
    return {".".join(row) for row in w.ask("SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                                           "WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'")}


def files(w: World) -> set[str]:
    """Of the stage's folder, without what the test itself keeps there and copies of connectors, and what is in memory under a name."""
    ours = {"pg", "mssqld", "logs", "spare"}
    found = {str(p.relative_to(w.folder)) for p in w.folder.rglob("*") if p.relative_to(w.folder).parts[0] not in ours and p.name not in w.copies}
    return found | {f"/dev/shm/{p.name}" for p in pathlib.Path("/dev/shm").iterdir() if "etl" in p.name}


def descriptors(w: World) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, host in w.hosts.items():
        folder = pathlib.Path(f"/proc/{host.process.pid}/fd")
        found[name] = sorted(os.readlink(p).partition(":")[0] for p in folder.iterdir() if p.exists() or p.is_symlink())
    return found


def children(w: World) -> list[str]:
    """Of hosts that have nothing to do: zombies and workers alike."""
    return [f"{name} has a child {pid}: {state_of(pid)}" for name, host in w.hosts.items() for pid in workers_of(host.process.pid)]


def state_of(pid: int) -> str:
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
                found.append(f"process {p.name} is left: {state_of(int(p.name))}")
        except OSError:
            pass
    return found


def sessions(w: World) -> list[str]:
    """Of the servers, when the hosts have ended."""
    found = [f"a session of PostgreSQL is left: {' '.join(str(v) for v in row)}" for row in w.ask(
        "SELECT pid, application_name, state, left(query, 60) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")]
    found += [f"a lock is left: {row[0]}" for row in w.ask("SELECT l::text FROM pg_locks l WHERE pid <> pg_backend_pid() OR locktype = 'advisory'")]
    for name, shard in w.shards.items():
        if (n := json.loads(shard.command("stats"))["connections"]):
            found.append(f"{n} connections to {name} are left")
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


def expect_gone(look, when: str) -> None:
    """Within the moment that ending may take."""
    until = Deadline(GONE_S)
    while (found := look()) and until.at > time.monotonic():
        threading.Event().wait(0.1)
    expect_nothing(found, when)


def expect_nothing(found: list[str], when: str) -> None:
    if found:
        raise StoryError(f"{when}:\n" + "\n".join(found))
