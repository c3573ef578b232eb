"""What is compared: etl, and others that can do the same.  Each moves all rows into one empty table and says what it cost."""
from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import threading
import time

from .servers import MSSQL_PASSWORD, PG_PASSWORD, Sink


class Failed(Exception):
    """A peer did not do its work: the run is void."""


@dataclasses.dataclass
class Cost:
    """wall_s of everything; CPU and memory of what moves the rows (etl: the worker)."""
    wall_s: float
    cpu_s: float | None      # None: it cannot be told from the server's
    peak_rss_bytes: int = 0  # etl alone


def environment(**more: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TZ": "UTC", "MSSQL_PASSWORD": MSSQL_PASSWORD, **more}


class Running:
    """Processes that live and die together: a pipe whose other end failed would wait for ever."""

    def __init__(self):
        self.began, self.processes, self.used = time.monotonic(), [], {}
        self.lock = threading.Lock()

    def add(self, argv: list, env: dict[str, str], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) -> subprocess.Popen:
        self.processes.append(subprocess.Popen(argv, env=env, stdin=stdin, stdout=stdout))
        return self.processes[-1]

    def kill(self) -> None:
        with self.lock:
            for p in self.processes:
                if p.returncode is None:
                    os.kill(p.pid, signal.SIGKILL)

    def _wait(self, p: subprocess.Popen) -> None:
        os.waitid(os.P_PID, p.pid, os.WEXITED | os.WNOWAIT)
        with self.lock:  # only here does its number become free for others
            _, status, self.used[p.pid] = os.wait4(p.pid, 0)
            p.returncode = os.waitstatus_to_exitcode(status)
        if p.returncode:
            self.kill()

    def cost(self) -> Cost:
        threads = [threading.Thread(target=self._wait, args=(p,)) for p in self.processes]
        try:
            for t in threads:
                t.start()
            for t in threads:
                t.join()
        except BaseException:
            self.kill()
            raise
        wall = time.monotonic() - self.began
        failed = [f"{p.args[0]} ended with {p.returncode}" for p in self.processes if p.returncode]
        if failed:
            raise Failed("; ".join(failed))
        return Cost(wall, sum(u.ru_utime + u.ru_stime for u in self.used.values()))


def psql(sink: Sink, database: str, sql: str) -> list:
    return ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", sink.conninfo(database), "-c", sql]


class Etl:
    """A pipeline of the connection `sink` and whatever else the case has."""
    name = "etl"
    loses = ""

    def __init__(self, build: pathlib.Path, folder: pathlib.Path, sink: Sink, extract: str, connections: str = "", mode: str = "append",
                 more: str = ""):
        self.build, self.folder, self.sink = build, folder, sink
        (folder / "pipelines.d").mkdir()
        (folder / "etl.conf").write_text(f"""pipeline_dir = "pipelines.d";
connections = {{
  {connections}
  sink = {{ plugin = "postgres"; host = "127.0.0.1"; port = {sink.cluster.port}; user = "postgres"; password = "${{PGPASSWORD}}";
           database = "${{BENCH_DATABASE}}"; }};
}};
""")
        (folder / "pipelines.d/mixed.conf").write_text(f"""extract = {{ {extract} }};
load = {{ connection = "sink"; table = "public.mixed"; mode = "{mode}"; }};
{more}
""")

    def run(self, database: str) -> Cost:
        env = environment(ETL_CONF=str(self.folder / "etl.conf"), ETL_PLUGIN_PATH=str(self.build / "plugins"), PGPASSWORD=PG_PASSWORD,
                           BENCH_DATABASE=database, HOME=str(self.folder))
        began = time.monotonic()
        done = subprocess.run([self.build / "host/etl", "run", "mixed", "--progress", "json"], env=env, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        wall = time.monotonic() - began
        events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        summary = [e for e in events if e.get("event") == "summary"]
        if done.returncode or not summary or summary[-1]["status"] != "success":
            raise Failed(f"etl ended with {done.returncode}: {done.stdout[-2000:]}")
        return Cost(wall, summary[-1]["cpu_seconds"], summary[-1]["peak_rss_bytes"])
