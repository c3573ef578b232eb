"""What is disturbed: a PostgreSQL server that is source, sink and state store, two hosts that share it, and somebody who goes on writing."""
from __future__ import annotations

import os
import pathlib
import shutil
import signal

from story.errors import StoryError
from story.etl import workers_of
from story.host import Host
from story.postgres import Cluster, Postgres
from story.process import Deadline
from story.stage import Shared, Stage

HOSTS = ("one", "two")
PLUGINS = ("postgres.so", "columns.so")
LEASE_S = 2
MARK = "ETL_CHAOS"  # in the environment of all that the hosts start
CONF = """plugin_dirs = [ "plugins" ];
pipeline_dir = "pipelines.d";
cache_dir = "cache";
state = "postgresql://{user}:{password}@{host}:{port}/{database}";
serve = {{ host = "${{HOST_NAME}}"; lease = "{lease}s"; max_running = 3; stop_timeout = "10s"; control_socket = "${{HOST_NAME}}.sock"; }};
connections = {{
  {connection}
}};
"""
# Rows are only added to `grow`, in the order of their numbers; those of `fold` change, and then move to its end.
PIPELINES = {
    "grow": ("every 1s", """extract = {{ connection = "pg"; table = "src_grow"; cursor = [ "id" ]; limits = {{ rows_per_second = 4000; }}; }};
transforms = ( {{ plugin = "columns"; constant = {{ origin = "chaos"; }}; }} );
load = {{ connection = "pg"; table = "grow"; mode = "append"; }};"""),
    "fold": ("every 1s", """extract = {{ connection = "pg"; table = "src_fold"; cursor = [ "version" ]; }};
load = {{ connection = "pg"; table = "fold"; mode = "merge"; key = [ "id" ]; }};"""),
    "whole": ("every 2s", """extract = {{ connection = "pg"; table = "src_fold"; limits = {{ rows_per_second = 3000; }}; }};
load = {{ connection = "pg"; table = "whole"; mode = "replace"; }};"""),
    "behind": (None, """after = [ "grow" ];
on = "any";
extract = {{ connection = "pg"; table = "src_grow"; cursor = [ "id" ]; }};
load = {{ connection = "pg"; table = "behind"; mode = "append"; }};"""),
}
COMMON = """
epoch = {{ rows = {epoch}; }};
batch = {{ rows = 100; }};
priority = {priority};
error_handling = {{ max_retries = 2; retry_delay = "200ms"; }};
"""
SOURCES = """CREATE TABLE src_grow (id bigint PRIMARY KEY, name text NOT NULL);
CREATE SEQUENCE versions;
CREATE TABLE src_fold (id bigint PRIMARY KEY, version bigint NOT NULL UNIQUE, name text NOT NULL);
INSERT INTO src_fold SELECT g, nextval('versions'), 'first ' || g FROM generate_series(1, 1000) g;"""
COMPARED = {"grow": ("src_grow", "id, name"), "behind": ("src_grow", "id, name"), "fold": ("src_fold", "id, version, name"),
            "whole": ("src_fold", "id, version, name")}


class World:
    def __init__(self, build: pathlib.Path, source: pathlib.Path, work: pathlib.Path, seconds: float):
        self.shared = Shared(build, source, work)
        self.stage = Stage(self.shared, work / "world", Deadline(seconds))
        self.folder, self.deadline = self.stage.folder, self.stage.deadline
        self.hosts: dict[str, Host] = {}
        self.busy: set[str] = set()    # hosts that something is being done to
        self.frozen: set[int] = set()  # processes that were sent SIGSTOP
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
        (self.folder / "etl.conf").write_text(CONF.format(lease=LEASE_S, connection=self.pg.connection_text(), **self.pg.attributes))
        for name in PIPELINES:
            self.write_pipeline(name, quiet=True)

    # ---- files -----------------------------------------------------------------------------------------------------
    def write_pipeline(self, name: str, epoch: int = 500, priority: int = 0, quiet: bool = False) -> None:
        """quiet: it is due at no time that the test sees."""
        schedule, text = PIPELINES[name]
        line = f'schedule = "{"@yearly" if quiet else schedule}";\n' if schedule else ""
        self.put_file(f"pipelines.d/{name}.conf", (line + text.format() + COMMON.format(epoch=epoch, priority=priority)).encode())

    def put_file(self, path: str, content: bytes) -> None:
        """At once, as a careful administrator does."""
        new = self.folder / "spare" / path.replace("/", "_")
        new.write_bytes(content)
        new.rename(self.folder / path)

    def put_plugin(self, name: str, in_place: bool = False) -> None:
        """in_place: as a careless one does."""
        content = (self.shared.build / "plugins" / name).read_bytes()
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
        try:
            self.pg.query(f"INSERT INTO src_grow SELECT m + g, 'row ' || m + g FROM (SELECT coalesce(max(id), 0) AS m FROM src_grow) x, "
                          f"generate_series(1, {added}) g")
            self.pg.query(f"UPDATE src_fold SET version = nextval('versions'), name = name || '.' WHERE id IN "
                          f"(SELECT 1 + floor(random() * 1000)::bigint FROM generate_series(1, {changed}))")
        except StoryError:
            pass  # the server was just killed

    def ask(self, sql: str) -> list[list[str | None]]:
        """Again until the server answers."""
        def once():
            try:
                return [self.pg.query(sql)]
            except StoryError:
                return None
        return self.deadline.poll(once, "an answer of PostgreSQL")[0]

    def differences(self) -> list[str]:
        """Pipelines whose target is not its source, row by row, with an example."""
        found = []
        for target, (source, columns) in COMPARED.items():
            for what, a, b in (("lost", source, target), ("doubled or wrong", target, source)):
                rows = self.ask(f"SELECT count(*), min(x::text) FROM (SELECT {columns} FROM {a} EXCEPT ALL SELECT {columns} FROM {b}) x")
                if rows[0][0] != "0":
                    found.append(f"{target}: {rows[0][0]} rows {what}, such as {rows[0][1]}")
        return found

    def end(self) -> None:
        for pid in list(self.frozen):
            self.signal(pid, signal.SIGCONT)
        self.stage.end()
        self.shared.end()
        shutil.rmtree(self.folder / "tmp", ignore_errors=True)
