"""Peers that read another PostgreSQL database, or a CSV file."""
from __future__ import annotations

import pathlib
import subprocess

from . import table
from .peers import Cost, Etl, Failed, Running, environment, psql
from .servers import PG_PASSWORD, Sink

COLUMNS = ", ".join(table.COLUMNS)


class PsqlPipe:
    name = "psql_pipe"
    loses = ""

    def __init__(self, sink: Sink, source: str):
        self.sink, self.source = sink, source

    def run(self, database: str) -> Cost:
        running = Running()
        env = environment(PGPASSWORD=PG_PASSWORD)
        out = running.add(psql(self.sink, self.source, f"COPY (SELECT {COLUMNS} FROM public.mixed) TO STDOUT (FORMAT binary)"), env,
                          stdout=subprocess.PIPE)
        running.add(psql(self.sink, database, f"COPY public.mixed ({COLUMNS}) FROM STDIN (FORMAT binary)"), env, stdin=out.stdout)
        out.stdout.close()
        return running.cost()


class PsqlCopy:
    name = "psql_copy"
    loses = ""

    def __init__(self, sink: Sink, file: pathlib.Path):
        self.sink, self.file = sink, file

    def run(self, database: str) -> Cost:
        running = Running()
        running.add(psql(self.sink, database, f"\\copy public.mixed ({COLUMNS}) FROM '{self.file}' WITH (FORMAT csv, HEADER)"),
                    environment(PGPASSWORD=PG_PASSWORD))
        return running.cost()


class PgloaderCsv:
    name = "pgloader"
    loses = ""

    def __init__(self, folder: pathlib.Path, sink: Sink, file: pathlib.Path):
        self.folder, self.sink, self.file = folder, sink, file

    def run(self, database: str) -> Cost:
        load = self.folder / "csv.load"
        load.write_text(f"""LOAD CSV FROM '{self.file}' WITH ENCODING UTF-8
  INTO postgresql://postgres:{PG_PASSWORD}@127.0.0.1:{self.sink.cluster.port}/{database}
  TARGET TABLE public.mixed
  WITH skip header = 1, fields terminated by ',', fields optionally enclosed by '"';
""")
        running = Running()
        running.add(["pgloader", "--quiet", "--root-dir", self.folder, load], environment(HOME=str(self.folder)))
        return running.cost()


def etl_postgres(build: pathlib.Path, folder: pathlib.Path, sink: Sink, source: str) -> Etl:
    return Etl(build, folder, sink, 'connection = "source"; table = "public.mixed";',
               f'source = {{ plugin = "postgres"; host = "127.0.0.1"; port = {sink.cluster.port}; user = "postgres"; password = "${{PGPASSWORD}}"; '
               f'database = "{source}"; }};', mode="replace")


def csv_options(file: pathlib.Path) -> str:
    return f'plugin = "csv"; path = "{file}"; name = "mixed"; columns = ( {{ name = "ratio"; type = "float64"; }} );'


def etl_csv(build: pathlib.Path, folder: pathlib.Path, sink: Sink, file: pathlib.Path) -> Etl:
    return Etl(build, folder, sink, csv_options(file))


class EtlCapture(Etl):
    """With records of all rows beside them."""

    def __init__(self, build: pathlib.Path, folder: pathlib.Path, sink: Sink, file: pathlib.Path):
        super().__init__(build, folder, sink, csv_options(file), more="capture = { raw = true; transformed = true; };")

    def run(self, database: str) -> Cost:
        cost = super().run(database)
        linked, rows = self.sink.query(database, "SELECT (SELECT count(*) FROM etl.raw_data r JOIN etl.transformed_data t ON t.raw_id = r.id WHERE "
                                                 "t.status = 'valid'), (SELECT count(*) FROM public.mixed)")[0]
        if linked != rows:
            raise Failed(f"etl has {linked} records of {rows} rows")
        return cost


class EtlPlain(Etl):
    """The same without them."""
    name = "no_capture"

    def __init__(self, build: pathlib.Path, folder: pathlib.Path, sink: Sink, file: pathlib.Path):
        folder = folder / self.name
        folder.mkdir()
        super().__init__(build, folder, sink, csv_options(file))
