"""What is compared: etl, the bare loop (floor), and freebcp with psql.  Each moves all shards into one empty table and says what it cost."""
from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import subprocess
import time

from . import table
from .servers import MSSQL_PASSWORD, PG_PASSWORD, Shard, Sink

QUERY = f"SELECT {', '.join(table.COLUMNS)} FROM {table.SOURCE}"
PACKET_BYTES = 32767


class Failed(Exception):
    """A peer did not do its work: the run is void."""


@dataclasses.dataclass
class Cost:
    """wall_s of everything; CPU and memory of what moves the rows (etl: the worker; memory: of all processes together)."""
    wall_s: float
    cpu_s: float
    peak_rss_bytes: int


def environment(**more: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TZ": "UTC", "MSSQL_PASSWORD": MSSQL_PASSWORD, **more}


def _cost(began: float, processes: list[subprocess.Popen]) -> Cost:
    """Waits for all."""
    cpu, rss, failed = 0.0, 0, []
    for p in processes:
        _, status, used = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
        cpu += used.ru_utime + used.ru_stime
        rss += used.ru_maxrss * 1024
        if p.returncode:
            failed.append(f"{p.args[0]} ended with {p.returncode}")
    wall = time.monotonic() - began
    if failed:
        raise Failed("; ".join(failed))
    return Cost(wall, cpu, rss)


class Floor:
    name = "floor"

    def __init__(self, build: pathlib.Path, folder: pathlib.Path, shards: list[Shard], sink: Sink):
        self.program, self.shards, self.sink = build / "bench/floor", shards, sink

    def run(self, database: str) -> Cost:
        env, began = environment(), time.monotonic()
        return _cost(began, [subprocess.Popen([self.program, f"127.0.0.1:{s.port}", "sa", "shop", QUERY, self.sink.conninfo(database),
                                               "public.mixed"], env=env, stdout=subprocess.DEVNULL) for s in self.shards])


class FreebcpCopy:
    """A pipe through a FIFO; for several shards as many, side by side."""
    name = "freebcp_copy"

    def __init__(self, build: pathlib.Path, folder: pathlib.Path, shards: list[Shard], sink: Sink):
        self.folder, self.shards, self.sink = folder, shards, sink
        config = folder / "freetds.conf"
        config.write_text("".join(f"[{s.name}]\nhost = 127.0.0.1\nport = {s.port}\ntds version = 7.4\nclient charset = UTF-8\n" for s in shards))
        self.env = environment(FREETDSCONF=str(config), PGPASSWORD=PG_PASSWORD)
        for s in shards:
            os.mkfifo(folder / f"{s.name}.fifo")

    def run(self, database: str) -> Cost:
        began, processes = time.monotonic(), []
        copy = f"COPY public.mixed ({', '.join(table.COLUMNS)}) FROM STDIN (FORMAT text, NULL '')"
        for s in self.shards:
            fifo = self.folder / f"{s.name}.fifo"
            processes.append(subprocess.Popen(["freebcp", f"shop.{table.SOURCE}", "out", fifo, "-c", "-S", s.name, "-U", "sa", "-P", MSSQL_PASSWORD,
                                               "-A", str(PACKET_BYTES)], env=self.env, stdout=subprocess.DEVNULL))
            with open(fifo, "rb") as rows:
                processes.append(subprocess.Popen(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", self.sink.conninfo(database), "-c", copy],
                                                  env=self.env, stdin=rows, stdout=subprocess.DEVNULL))
        return _cost(began, processes)


class Etl:
    name = "etl"

    def __init__(self, build: pathlib.Path, folder: pathlib.Path, shards: list[Shard], sink: Sink):
        self.build, self.folder, self.sink = build, folder, sink
        (folder / "pipelines.d").mkdir()
        (folder / "etl.conf").write_text(f"""pipeline_dir = "pipelines.d";
connections = {{
  source = {{ plugin = "sqlserver"; user = "sa"; password = "${{MSSQL_PASSWORD}}"; database = "shop"; }};
  sink = {{ plugin = "postgres"; host = "127.0.0.1"; port = {sink.cluster.port}; user = "postgres"; password = "${{PGPASSWORD}}";
           database = "${{BENCH_DATABASE}}"; }};
}};
""")
        hosts = ", ".join(f'{{ id = "{s.name}"; host = "127.0.0.1"; port = {s.port}; }}' for s in shards)
        (folder / "pipelines.d/mixed.conf").write_text(f"""extract = {{ connection = "source"; shards = ( {hosts} ); table = "{table.SOURCE}";
  cursor = [ "changed_at", "id" ]; }};
load = {{ connection = "sink"; table = "public.mixed"; mode = "append"; }};
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


PEERS = (Etl, Floor, FreebcpCopy)
