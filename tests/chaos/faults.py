"""What happens to it: a table of faults.  Each does its harm at once; what has to be put right later it hands back, with the time."""
from __future__ import annotations

import os
import pathlib
import random
import signal
from collections.abc import Callable

import left
from pipelines import PIPELINES, SHARDS
from story.disk import FILLER
from story.errors import StoryError
from story.etl import workers_of
from story.postgres import _parent
from world import LEASE_S, PLUGINS, World

Later = tuple[float, Callable[[], "Later"]] | None


def _host(w: World, chance: random.Random):
    """One that nothing is done to yet; from now on something is."""
    names = [n for n in w.running_hosts() if n not in w.busy]
    if not names:
        return None
    host = w.hosts[chance.choice(names)]
    w.busy.add(host.name)
    return host


def _start(w: World, name: str) -> Later:
    """Once its configuration is right: with mistakes in it a host does not start."""
    if w.spoilt:
        return 0.2, lambda: _start(w, name)
    w.start_host(name)
    return None


def kill_host(w: World, chance: random.Random) -> Later:
    host = _host(w, chance)
    if not host:
        return None
    started = workers_of(host.process.pid)
    host.process.send(signal.SIGKILL)
    host.process.wait(w.deadline)
    left.expect_gone(lambda: [f"process {pid}: {left.state_of(pid)}" for pid in started if pathlib.Path(f"/proc/{pid}").exists()],
                     f"{host.name} was killed, and what it had started goes on")
    return chance.uniform(0, 3), lambda: _start(w, host.name)


def stop_host(w: World, chance: random.Random) -> Later:
    host = _host(w, chance)
    if not host:
        return None
    host.process.send(signal.SIGTERM)

    def again() -> Later:
        status = host.process.wait(w.deadline)
        if status != 0:
            raise StoryError(f"{host.name} was told to stop, and ended with status {status}\n{host.explain()}")
        return _start(w, host.name)
    return chance.uniform(1, 4), again


def freeze_host(w: World, chance: random.Random, workers: bool = False) -> Later:
    """Past its lease, so that the other one takes its runs, and then it goes on as if nothing had been."""
    host = _host(w, chance)
    if not host:
        return None
    frozen = [host.process.pid] + ([p for p in w.workers() if _parent(pathlib.Path(f"/proc/{p}")) == host.process.pid] if workers else [])
    for pid in frozen:
        w.signal(pid, signal.SIGSTOP)

    def thaw() -> None:
        for pid in chance.sample(frozen, len(frozen)):
            w.signal(pid, signal.SIGCONT)
        w.busy.discard(host.name)
    return LEASE_S * chance.uniform(1.2, 2.5), thaw


def freeze_all(w: World, chance: random.Random) -> Later:
    return freeze_host(w, chance, workers=True)


def kill_worker(w: World, chance: random.Random) -> Later:
    workers = [p for p in w.workers() if p not in w.frozen]
    if workers:
        w.signal(chance.choice(workers), chance.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM)))
    return None


def _backends(w: World) -> list[int]:
    """Sessions of the hosts and their workers."""
    found = []
    for process in pathlib.Path("/proc").iterdir():
        if process.name.isdigit() and _parent(process) == w.pg.cluster.server.pid:
            try:
                if b"postgres: postgres world" in (process / "cmdline").read_bytes():
                    found.append(int(process.name))
            except OSError:
                pass
    return found


def kill_backend(w: World, chance: random.Random) -> Later:
    """With it go all the others: the server starts anew."""
    found = _backends(w)
    if found:
        w.signal(chance.choice(found), signal.SIGKILL)
    return None


def end_session(w: World, chance: random.Random) -> Later:
    found = _backends(w)
    if found:
        w.signal(chance.choice(found), signal.SIGTERM)
    return None


def crash_postgres(w: World, chance: random.Random) -> Later:
    if not w.pg.cluster.server.running:
        return None
    w.pg.disconnect()
    w.pg.cluster.crash()
    return chance.choice((0.1, 1, LEASE_S * 1.5)), lambda: w.pg.start(w.deadline)


def break_shard(w: World, chance: random.Random) -> Later:
    """Its answers are cut off, refused or late."""
    shard = w.shards[chance.choice(SHARDS)]
    rows, size = chance.randint(0, 100), chance.randint(100, 8000)
    shard.command(chance.choice(("reset", "refuse on", "stall-login", "match ORDER deadlock next", f"match ORDER error-after-rows {rows} 824 2 24 a page is torn",
                                 f"match ORDER cut-after-bytes {size}", f"match ORDER close-after-bytes {size}", f"match ORDER stall-after-rows {rows}")))

    def mend() -> None:
        for line in ("refuse off", "clear", "resume"):
            shard.command(line)
    return chance.uniform(0.2, 3), mend


def fill_disk(w: World, chance: random.Random) -> Later:
    """Of the store, so that it ends at some byte of a transaction."""
    disk = w.stage.disks.get("store")
    if not disk or (disk.path / FILLER).exists():
        return None
    disk.fill(spare=chance.choice((0, 0, chance.randint(1, 100000))))
    return chance.uniform(0.2, LEASE_S * 1.5), disk.free


def reload(w: World, chance: random.Random) -> Later:
    for name in chance.sample(list(PIPELINES), 2):
        w.write_pipeline(name, epoch=chance.choice((100, 300, 500, 2000)), priority=chance.randint(-1, 1))
    w.reload()
    return None


def reload_badly(w: World, chance: random.Random) -> Later:
    name = chance.choice(list(PIPELINES))
    w.put_file(f"pipelines.d/{name}.conf", b"extract = {")
    w.spoilt += 1
    w.reload()

    def mend() -> None:
        w.spoilt -= 1
        w.write_pipeline(name)
        w.reload()
    return chance.uniform(0.2, 2), mend


def remove_pipeline(w: World, chance: random.Random) -> Later:
    """It is gone, with what it has in the queue, and comes back."""
    (w.folder / "pipelines.d/whole.conf").unlink(missing_ok=True)
    w.reload()

    def back() -> None:
        w.write_pipeline("whole", epoch=chance.choice((100, 500)))
        w.reload()
    return chance.uniform(0.2, 2), back


def replace_plugin(w: World, chance: random.Random) -> Later:
    w.put_plugin(chance.choice(PLUGINS), in_place=chance.random() < 0.3, version=chance.randint(1, 1000))
    return None


def spoil_plugin(w: World, chance: random.Random) -> Later:
    """A file that is no connector, for a while."""
    name = chance.choice(PLUGINS)
    w.put_file(f"plugins/{name}", os.urandom(5000))
    w.spoilt += 1

    def mend() -> None:
        w.spoilt -= 1
        w.put_plugin(name)
    return chance.uniform(0.1, 2), mend


FAULTS = {  # name: how often, against the others
    kill_host: 3,
    stop_host: 1,
    freeze_host: 2,
    freeze_all: 2,
    kill_worker: 4,
    kill_backend: 1,
    end_session: 3,
    crash_postgres: 1,
    break_shard: 3,
    fill_disk: 4,
    reload: 3,
    reload_badly: 1,
    remove_pipeline: 1,
    replace_plugin: 2,
    spoil_plugin: 1,
}
