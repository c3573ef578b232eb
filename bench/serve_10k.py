"""A host with ten thousand pipelines: what it costs when nothing is due, how soon a due run works, and a second in which a thousand are due."""
from __future__ import annotations

import ctypes
import datetime
import os
import pathlib
import select
import signal
import sqlite3
import statistics
import threading
import time

from .peers import Failed, environment
from .rounds import Figure, figure, say
from .servers import Deadline, Process

LOG = "stderr"
IN_OPEN = 0x20
PRIORITIES = 10
SECONDS = 900  # for all of it
AHEAD_S = 20   # between the last reload and the minute that they are due in
CONF = """plugin_dirs = [ "{plugins}" ];
pipeline_dir = "pipelines.d";
cache_dir = "cache";
state = "sqlite://{folder}/etl.db";
"""
PIPELINE = """schedule = "{schedule}";
timezone = "UTC";
priority = {priority};
extract = {{ plugin = "csv"; path = "{file}"; }};
load = {{ plugin = "csv"; path = "out/{name}.csv"; mode = "replace"; }};
"""


class Watch:
    """When a file is opened, by the kernel's word."""

    def __init__(self, file: pathlib.Path):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.fd = self.libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        if self.fd < 0 or self.libc.inotify_add_watch(self.fd, os.fsencode(file), IN_OPEN) < 0:
            raise Failed(f"{file} cannot be watched: {os.strerror(ctypes.get_errno())}")

    def next(self, seconds: float) -> float:
        """Wall clock."""
        if not select.select([self.fd], [], [], seconds)[0]:
            raise Failed(f"no run opened its file in {seconds:g} s")
        at = time.time()
        os.read(self.fd, 1 << 16)
        return at

    def close(self) -> None:
        os.close(self.fd)


class Serve:
    """The host and its folder."""

    def __init__(self, tree: pathlib.Path, folder: pathlib.Path, pipelines: int, wave: int):
        self.folder, self.pipelines, self.wave, self.deadline = folder, pipelines, wave, Deadline(SECONDS)
        for name in ("pipelines.d", "out"):
            (folder / name).mkdir()
        for name in ("in.csv", "tick.csv"):
            (folder / name).write_text("id,name\n1,one\n")
        (folder / "etl.conf").write_text(CONF.format(plugins=tree / "plugins", folder=folder))
        for i in range(pipelines):  # due once a year, none of them soon
            self.write(f"p{i:05}", f"{i % 60} {i // 60 % 24} {1 + i % 28} {self.far_month(i)} *", i % PRIORITIES)
        began = time.monotonic()
        self.process = Process("host", [str(tree / "host/etl"), "-c", str(folder / "etl.conf"), "serve"],
                               {**environment(), "HOME": str(folder)}, folder, folder / "host.log")
        self.process.wait_line(r" serves \d+ pipelines", self.deadline, LOG)
        self.started_s = time.monotonic() - began

    @staticmethod
    def far_month(i: int) -> int:
        return (datetime.datetime.now(datetime.timezone.utc).month + 2 + i % 8) % 12 + 1

    def write(self, name: str, schedule: str, priority: int = 0, file: str = "in.csv") -> None:
        (self.folder / f"pipelines.d/{name}.conf").write_text(PIPELINE.format(schedule=schedule, priority=priority, file=file, name=name))

    def reload_ms(self) -> float:
        """From the signal to the host's word that it has the new one."""
        seen, began = len(self.process.lines), time.monotonic()
        self.process.send(signal.SIGHUP)
        self.process.wait_line("the configuration was read again", self.deadline, LOG, skip=seen)
        return (time.monotonic() - began) * 1e3

    def cpu_ns(self) -> int:
        return sum(int((task / "schedstat").read_text().split()[0]) for task in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir())

    def rss_mib(self, field: str = "VmRSS") -> float:
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().split("\n"):
            if line.startswith(field + ":"):
                return int(line.split()[1]) / 1024
        raise Failed("the host's memory is not told")

    def idle_percent(self, seconds: float) -> float:
        began, cpu = time.monotonic(), self.cpu_ns()
        threading.Event().wait(seconds)
        return (self.cpu_ns() - cpu) / (time.monotonic() - began) / 1e9 * 100

    def ask(self, sql: str) -> list[tuple]:
        db = sqlite3.connect(f"file:{self.folder}/etl.db?mode=ro", uri=True, timeout=30)
        try:
            return db.execute(sql).fetchall()
        finally:
            db.close()

    def end(self) -> None:
        self.process.end(signal.SIGTERM, 30)


def due_to_call_ms(host: Serve, times: int) -> list[float]:
    """A pipeline that is due every second, on a host that has nothing else to do: from the whole second to the first open of its file."""
    host.write("tick", "every 1s", file="tick.csv")
    host.reload_ms()
    watch = Watch(host.folder / "tick.csv")
    found: list[float] = []
    last = 0.0
    try:
        while len(found) < times + 1:
            at = watch.next(10)
            if at - last > 0.5:  # a run opens it more than once
                found.append(at % 1 * 1e3)
            last = at
    finally:
        watch.close()
    (host.folder / "pipelines.d/tick.conf").unlink()
    host.reload_ms()
    return found[1:]


def due_at_once(host: Serve) -> tuple[datetime.datetime, float]:
    """Makes the wave due in one second of a near minute, and waits until all of it has run.  That second, and how long it took."""
    at = datetime.datetime.fromtimestamp(time.time() + AHEAD_S + 60, datetime.timezone.utc).replace(second=0, microsecond=0)
    for i in range(host.wave):
        host.write(f"p{i:05}", f"{at.minute} {at.hour} {at.day} {at.month} *", i * 7 % PRIORITIES)
    host.reload_ms()
    if time.time() >= at.timestamp():
        raise Failed("the reload took so long that the second was over")
    done = f"SELECT count(*) FROM pipeline_runs WHERE due_at = {int(at.timestamp())} * 1000000 AND state NOT IN ('queued', 'claimed', 'running')"
    host.deadline.poll(lambda: host.ask(done)[0][0] >= host.wave, "all that was due to run", 0.5)
    ended = host.ask(f"SELECT max(ended_at) FROM pipeline_runs WHERE due_at = {int(at.timestamp())} * 1000000")[0][0]
    return at, ended / 1e6 - at.timestamp()


def wrong_order(host: Serve, at: datetime.datetime) -> int:
    """Runs that began before one that stood ahead of them in the queue.  Those that are claimed together begin together."""
    rows = host.ask(f"SELECT priority FROM pipeline_runs WHERE due_at = {int(at.timestamp())} * 1000000 ORDER BY started_at, priority DESC")
    return sum(later > earlier for (earlier,), (later,) in zip(rows, rows[1:]))


def run(case: str, tree: pathlib.Path, folder: pathlib.Path, pipelines: int, rounds: int) -> list[Figure]:
    wave, quick = pipelines // 10, pipelines < 10_000
    host = Serve(tree, folder, pipelines, wave)
    try:
        say(f"  {case}: {pipelines} pipelines, served after {host.started_s:.2f} s")
        idle = [host.idle_percent(3 if quick else 15) for _ in range(rounds)]
        rss = host.rss_mib()
        reloads = []
        for i in range(rounds):
            host.write("p00001", f"{i} 1 1 {host.far_month(i)} *")
            reloads.append(host.reload_ms())
        calls = due_to_call_ms(host, 5 if quick else 60)
        at, seconds = due_at_once(host)
        good = host.ask(f"SELECT count(*) FROM pipeline_runs WHERE due_at = {int(at.timestamp())} * 1000000 AND state = 'succeeded'")[0][0]
        found = [figure(case, "start_ms", "etl", "ms", [host.started_s * 1e3]), figure(case, "idle_cpu_percent", "etl", "%", idle),
                 figure(case, "host_rss_mib", "etl", "MiB", [rss]), figure(case, "host_peak_rss_mib", "etl", "MiB", [host.rss_mib("VmHWM")]),
                 figure(case, "reload_ms", "etl", "ms", reloads), figure(case, "due_to_call_ms", "etl", "ms", calls),
                 figure(case, "due_to_call_p99_ms", "etl", "ms", [statistics.quantiles(calls, n=100, method="inclusive")[98]]),
                 figure(case, "due_missed", "etl", "runs", [wave - good]), figure(case, "due_out_of_order", "etl", "runs", [wrong_order(host, at)]),
                 figure(case, "due_all_done_s", "etl", "s", [seconds])]
        return found
    finally:
        host.end()
