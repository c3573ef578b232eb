"""What is disturbed: a PostgreSQL server that is source and sink, two shards of SQL Server, somebody who goes on writing, and either two hosts that
share a state store in PostgreSQL, or one host with a store of its own in SQLite."""
from __future__ import annotations

import hashlib
import os
import pathlib
import shutil
import signal

from pipelines import PIPELINES, RATE, SHARD_SOURCES, SHARDS, SOURCES, text_of
from store import Store
from story.errors import Skip, StoryError
from story.disk import Disk
from story.etl import workers_of
from story.host import Host
from story.mssqld import Mssqld
from story.postgres import Cluster, Postgres
from story.process import Deadline
from story.stage import Shared, Stage

PLUGINS = ("postgres.so", "columns.so", "sqlserver.so")
LEASE_S = 2
MARK = "ETL_CHAOS"  # in the environment of all that the hosts start
CONF = """plugin_dirs = [ "plugins" ];
pipeline_dir = "pipelines.d";
cache_dir = "cache";
state = "{state}";
serve = {{ host = "${{HOST_NAME}}"; lease = "{lease}s"; max_running = 3; stop_timeout = "10s"; control_socket = "${{HOST_NAME}}.sock"; }};
notify = ( {{ kind = "command"; name = "hangs"; command = [ "/bin/sh", "-c", "sleep 600 & sleep 600" ]; on = [ "failure", "partial", "host" ];
  timeout = "1s"; retries = 0; max_messages = 1000; }} );
connections = {{
  {connection}
}};
"""


class World:
    def __init__(self, build: pathlib.Path, source: pathlib.Path, work: pathlib.Path, seconds: float, alone: bool):
        self.alone, self.names = alone, ("one",) if alone else ("one", "two")
        self.shared = Shared(build, source, work)
        self.stage = Stage(self.shared, work / "world", Deadline(seconds))
        self.folder, self.deadline = self.stage.folder, self.stage.deadline
        self.hosts: dict[str, Host] = {}
        self.busy: set[str] = set()    # hosts that something is being done to
        self.frozen: set[int] = set()  # processes that were sent SIGSTOP
        self.written = dict.fromkeys(SHARDS, 0)  # rows of each shard, numbered from 1
        self.loud: list[tuple[int, int]] = []    # when schedules were at work
        self.paused: list[tuple[str, int, int]] = []  # pipelines, from when to when
        self.copies: set[str] = set()  # names of connectors that belong into the cache
        self.spoilt = 0                # what is wrong in the configuration now
        self.stage.env = {MARK: str(work), "TMPDIR": str(self.folder / "tmp"), "XDG_CACHE_HOME": str(self.folder / "cache")}
        for name in ("tmp", "cache", "plugins", "spare"):
            (self.folder / name).mkdir()
        for name in PLUGINS:
            self.put_plugin(name)
        cluster = Cluster(self.folder / "pg")
        cluster.start(self.deadline)
        self.pg = self.stage.actors["pg"] = Postgres("pg", cluster, "world", True)
        self.pg.query(SOURCES)
        self.shards = {name: self.start_shard(name) for name in SHARDS}
        self.store = Store(self)
        self.missing = self.mount("store") if alone else ""
        (self.folder / "etl.conf").write_text(CONF.format(state=self.store.url, lease=LEASE_S, connection=self.pg.connection_text()))
        for name in PIPELINES:
            self.write_pipeline(name, quiet=True)

    def mount(self, name: str) -> str:
        """A folder on a small disk of its own; why not, where nobody may mount one."""
        try:
            self.stage.disks[name] = Disk(self.folder / name, "8m")
        except Skip as e:
            return f" ({e})"
        return ""

    # ---- files -----------------------------------------------------------------------------------------------------
    def write_pipeline(self, name: str, epoch: int = 500, priority: int = 0, quiet: bool = False, rate: int = RATE) -> None:
        attributes = {**self.shards["eu1"].attributes, **{n: s.attributes["port"] for n, s in self.shards.items()}, "rate": str(rate)}
        self.put_file(f"pipelines.d/{name}.conf", text_of(name, attributes, epoch, priority, quiet).encode())

    def put_file(self, path: str, content: bytes) -> None:
        """At once, as a careful administrator does."""
        new = self.folder / "spare" / path.replace("/", "_")
        new.write_bytes(content)
        new.rename(self.folder / path)

    def start_shard(self, name: str) -> Mssqld:
        shard = self.stage.actors[name] = Mssqld(name, self.shared.source / "tests/mssqld/mssqld", self.folder / "mssqld" / name, SHARD_SOURCES, [])
        shard.start(self.deadline)
        return shard

    def put_plugin(self, name: str, in_place: bool = False, version: int = 0) -> None:
        """in_place: as a careless one does.  The loader does not look at what stands behind the last section."""
        content = (self.shared.build / "plugins" / name).read_bytes() + f"version {version}".encode() * bool(version)
        self.copies.add(f"{name.removesuffix('.so')}-{hashlib.sha256(content).hexdigest()}.so")
        if in_place:
            (self.folder / "plugins" / name).write_bytes(content)
        else:
            self.put_file(f"plugins/{name}", content)

    # ---- hosts -----------------------------------------------------------------------------------------------------
    def start_host(self, name: str) -> None:
        self.stage.env["HOST_NAME"] = name
        self.stage.actors[name] = self.hosts[name] = Host(name, self.stage, [])
        self.busy.discard(name)

    def running_hosts(self) -> list[str]:
        return [name for name, host in self.hosts.items() if host.process.running]

    def workers(self) -> list[int]:
        return [pid for host in self.hosts.values() if host.process.running for pid in workers_of(host.process.pid)]

    def signal(self, pid: int, number: int) -> None:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        if number == signal.SIGSTOP:
            self.frozen.add(pid)
        elif number == signal.SIGCONT:
            self.frozen.discard(pid)

    def reload(self) -> None:
        for name in self.running_hosts():
            self.signal(self.hosts[name].process.pid, signal.SIGHUP)

    # ---- rows ------------------------------------------------------------------------------------------------------
    def write_rows(self, added: int, changed: int) -> None:
        """One statement each, so that whether it happened shows in the tables, whatever becomes of the server meanwhile."""
        for sql in (f"INSERT INTO src_grow SELECT m + g, 'row ' || m + g FROM (SELECT coalesce(max(id), 0) AS m FROM src_grow) x, "
                    f"generate_series(1, {added}) g",
                    f"UPDATE src_fold SET version = nextval('versions'), name = name || '.' WHERE id IN "
                    f"(SELECT 1 + floor(random() * 1000)::bigint FROM generate_series(1, {changed}))",
                    f"INSERT INTO src_span SELECT m + g, now() FROM (SELECT coalesce(max(id), 0) AS m FROM src_span) x, generate_series(1, {added}) g"):
            try:
                self.pg.query(sql)
            except StoryError:
                return  # the server was just killed

    def write_shard(self, name: str, added: int) -> None:
        first = self.written[name] + 1
        self.shards[name].query("INSERT INTO dbo.logins (id, name) VALUES " + ", ".join(f"({i}, N'{name} {i}')" for i in range(first, first + added)))
        self.written[name] += added

    def note_written(self) -> None:
        """What the shards have, as a table."""
        self.ask("TRUNCATE written; " + "; ".join(f"INSERT INTO written SELECT '{name}', g, '{name} ' || g FROM generate_series(1, {n}) g"
                                                  for name, n in self.written.items()))

    def now(self) -> int:
        """In microseconds, as the history has it."""
        return int(self.ask("SELECT (extract(epoch FROM clock_timestamp()) * 1e6)::bigint")[0][0])

    def ask(self, sql: str) -> list[list[str | None]]:
        """Again until the server answers."""
        def once():
            try:
                return [self.pg.query(sql)]
            except StoryError as e:
                if "ERROR:" in str(e):
                    raise
                return None
        return self.deadline.poll(once, "an answer of PostgreSQL")[0]

    def end(self) -> None:
        for pid in list(self.frozen):
            self.signal(pid, signal.SIGCONT)
        self.stage.end()
        self.shared.end()
        shutil.rmtree(self.folder / "tmp", ignore_errors=True)
