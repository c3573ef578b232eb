"""Peers that read SQL Server: the bare loop (floor), freebcp with psql, pgloader, and tds_fdw."""
from __future__ import annotations

import os
import pathlib

from . import table
from .peers import Cost, Etl, Running, environment, psql
from .servers import MSSQL_PASSWORD, PG_PASSWORD, Shard, Sink

QUERY = f"SELECT {', '.join(table.COLUMNS)} FROM {table.SOURCE}"
PACKET_BYTES = 32767


class Floor:
    name = "floor"
    loses = ""

    def __init__(self, build: pathlib.Path, folder: pathlib.Path, shards: list[Shard], sink: Sink):
        self.program, self.shards, self.sink = build / "bench/floor", shards, sink

    def run(self, database: str) -> Cost:
        running = Running()
        for shard in self.shards:
            running.add([self.program, f"127.0.0.1:{shard.port}", "sa", "shop", QUERY, self.sink.conninfo(database), "public.mixed"], environment())
        return running.cost()


class FreebcpCopy:
    """A pipe through a FIFO; for several shards as many, side by side."""
    name = "freebcp_copy"
    loses = ""

    def __init__(self, build: pathlib.Path, folder: pathlib.Path, shards: list[Shard], sink: Sink):
        self.folder, self.shards, self.sink = folder, shards, sink
        config = folder / "freetds.conf"
        config.write_text("".join(f"[{s.name}]\nhost = 127.0.0.1\nport = {s.port}\ntds version = 7.4\nclient charset = UTF-8\n" for s in shards))
        self.env = environment(FREETDSCONF=str(config), PGPASSWORD=PG_PASSWORD)
        for s in shards:
            os.mkfifo(folder / f"{s.name}.fifo")

    def run(self, database: str) -> Cost:
        running = Running()
        for shard in self.shards:
            fifo = self.folder / f"{shard.name}.fifo"
            copy = f"\\copy public.mixed ({', '.join(table.COLUMNS)}) FROM '{fifo}' WITH (FORMAT text, NULL '')"
            running.add(["freebcp", f"shop.{table.SOURCE}", "out", fifo, "-c", "-S", shard.name, "-U", "sa", "-P", MSSQL_PASSWORD,
                         "-A", str(PACKET_BYTES)], self.env)
            running.add(psql(self.sink, database, copy), self.env)
        return running.cost()


class Pgloader:
    """One shard.  It reads the columns' types from the catalog."""
    name = "pgloader"
    loses = "decimals come out in single precision"

    def __init__(self, build: pathlib.Path, folder: pathlib.Path, shards: list[Shard], sink: Sink):
        self.folder, self.port, self.sink = folder, shards[0].port, sink
        (folder / "pgloader-freetds.conf").write_text("[global]\ntds version = 7.4\nclient charset = UTF-8\n")

    def run(self, database: str) -> Cost:
        load = self.folder / "mixed.load"
        load.write_text(f"""LOAD DATABASE FROM mssql://sa:{MSSQL_PASSWORD}@127.0.0.1:{self.port}/shop
  INTO postgresql://postgres:{PG_PASSWORD}@127.0.0.1:{self.sink.cluster.port}/{database}
  WITH data only, include no drop
  INCLUDING ONLY TABLE NAMES LIKE 'mixed' IN SCHEMA 'dbo'
  ALTER SCHEMA 'dbo' RENAME TO 'public';
""")
        running = Running()
        running.add(["pgloader", "--quiet", "--root-dir", self.folder, load],
                    environment(TDSPORT=str(self.port), FREETDSCONF=str(self.folder / "pgloader-freetds.conf"), HOME=str(self.folder)))
        return running.cost()


class TdsFdw:
    """INSERT ... SELECT from a foreign table.  PostgreSQL does the work, so its CPU is not told.  The time is asked for as text, because the
    foreign data wrapper gives datetime2 in a form that PostgreSQL does not read."""
    name = "tds_fdw"
    loses = ""

    def __init__(self, build: pathlib.Path, folder: pathlib.Path, shards: list[Shard], sink: Sink):
        self.shards, self.sink = shards, sink

    def run(self, database: str) -> Cost:
        columns = ", ".join("CONVERT(varchar(27), changed_at, 121) AS changed_at" if c == "changed_at" else c for c in table.COLUMNS)
        statements = ["CREATE EXTENSION tds_fdw"]
        for s in self.shards:
            statements += [
                f"CREATE SERVER {s.name} FOREIGN DATA WRAPPER tds_fdw OPTIONS (servername '127.0.0.1', port '{s.port}', database 'shop', tds_version '7.4')",
                f"CREATE USER MAPPING FOR postgres SERVER {s.name} OPTIONS (username 'sa', password '{MSSQL_PASSWORD}')",
                f"CREATE FOREIGN TABLE {s.name} ({table.TARGET_COLUMNS}) SERVER {s.name} "
                f"OPTIONS (query 'SELECT {columns} FROM {table.SOURCE}', local_tuple_estimate '1000000', match_column_names '1')"]
        for sql in statements:
            self.sink.query(database, sql)
        running = Running()
        for s in self.shards:
            running.add(psql(self.sink, database, f"INSERT INTO public.mixed SELECT * FROM {s.name}"), environment(PGPASSWORD=PG_PASSWORD, PGOPTIONS="-c client_min_messages=warning"))
        return Cost(running.cost().wall_s, None)


def etl(build: pathlib.Path, folder: pathlib.Path, shards: list[Shard], sink: Sink) -> Etl:
    hosts = ", ".join(f'{{ id = "{s.name}"; host = "127.0.0.1"; port = {s.port}; }}' for s in shards)
    return Etl(build, folder, sink, f'connection = "source"; shards = ( {hosts} ); table = "{table.SOURCE}"; cursor = [ "changed_at", "id" ];',
               'source = { plugin = "sqlserver"; user = "sa"; password = "${MSSQL_PASSWORD}"; database = "shop"; };')
