"""What the hosts are given to do: a pipeline for each way in which rows can be moved, the tables it reads, and what its target is compared with."""
from __future__ import annotations

import dataclasses

SHARDS = ("eu1", "eu2")
RATE = 4000  # rows that some of them read in a second
DELAY_S = 1  # behind which rows of `span` are complete
RUN = 'transforms = ( { plugin = "columns"; constant = { run = "${run.id}"; }; } );'  # so that a row tells who brought it


@dataclasses.dataclass(frozen=True)
class Pipeline:
    text: str
    schedule: str | None = None
    source: str = ""           # what its target is compared with: a table, or a query in brackets
    columns: str = ""
    counted: bool = False      # rows stay as they came, so those of a run are as many as its history says
    in_order: bool = False     # and are read in the order of their ids


PIPELINES = {
    # rows are only added, in the order of their numbers; each due time is made up for
    "grow": Pipeline(f"""catch_up = "all";
extract = {{ connection = "pg"; table = "src_grow"; cursor = [ "id" ]; limits = {{ rows_per_second = @rate; }}; }};
{RUN}
load = {{ connection = "pg"; table = "grow"; mode = "append"; }};""", "every 1s", "src_grow", "id, name", True, True),
    # rows change, and move to its end
    "fold": Pipeline("""extract = { connection = "pg"; table = "src_fold"; cursor = [ "version" ]; };
load = { connection = "pg"; table = "fold"; mode = "merge"; key = [ "id" ]; };""", "every 1s", "src_fold", "id, version, name"),
    "whole": Pipeline(f"""extract = {{ connection = "pg"; table = "src_fold"; limits = {{ rows_per_second = @rate; }}; }};
{RUN}
load = {{ connection = "pg"; table = "whole"; mode = "replace"; }};""", "every 2s", "src_fold", "id, version, name"),
    # from one window to the next
    "span": Pipeline(f"""interval = true;
extract = {{ connection = "pg"; table = "src_span"; cursor = [ "at", "id" ]; consistency_delay = "{DELAY_S}s"; }};
{RUN}
load = {{ connection = "pg"; table = "span"; mode = "append"; }};""", "every 1s", "src_span", "id, at"),
    # SQL Server, in two shards, with a record of each row
    "shards": Pipeline(f"""extract = {{ plugin = "sqlserver"; user = "@user"; password = "@password"; database = "@database"; encryption = "off";
  shards = ( {{ id = "eu1"; host = "127.0.0.1"; port = @eu1; }}, {{ id = "eu2"; host = "127.0.0.1"; port = @eu2; }} );
  table = "dbo.logins"; cursor = [ "id" ]; shard_column = "shard"; connect_retries = 0; query_timeout = "2s"; }};
{RUN}
load = {{ connection = "pg"; table = "shards"; mode = "append"; }};
capture = {{ raw = true; transformed = true; }};""", "every 1s", "written", "shard, id, name", True),
    # one after the other
    "behind": Pipeline(f"""after = [ "grow" ];
on = "any";
extract = {{ connection = "pg"; table = "src_grow"; cursor = [ "id" ]; }};
{RUN}
load = {{ connection = "pg"; table = "behind"; mode = "append"; }};""", None, "src_grow", "id, name", True, True),
    "last": Pipeline(f"""after = [ "behind", "grow" ];
extract = {{ connection = "pg"; table = "behind"; cursor = [ "id" ]; columns = [ "id", "name" ]; }};
{RUN}
load = {{ connection = "pg"; table = "last"; mode = "append"; }};""", None, "src_grow", "id, name", True, True),
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
INSERT INTO src_fold SELECT g, nextval('versions'), 'first ' || g FROM generate_series(1, 1000) g;
CREATE TABLE src_span (id bigint PRIMARY KEY, at timestamptz NOT NULL);
CREATE INDEX src_span_at ON src_span (at, id);
CREATE TABLE written (shard text NOT NULL, id bigint NOT NULL, name text NOT NULL);"""
SHARD_SOURCES = "CREATE TABLE dbo.logins (id bigint NOT NULL PRIMARY KEY, name nvarchar(40) NULL);"


def text_of(name: str, attributes: dict[str, str], epoch: int, priority: int, quiet: bool) -> str:
    """Its file.  quiet: it is due at no time that the test sees."""
    p = PIPELINES[name]
    text = p.text
    for key, value in attributes.items():
        text = text.replace(f"@{key}", value)
    schedule = f'schedule = "{"@yearly" if quiet else p.schedule}";\n' if p.schedule else ""
    return schedule + text + COMMON.format(epoch=epoch, priority=priority)
