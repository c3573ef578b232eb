#!/usr/bin/python3
"""Every connector of ours passes `etl plugin check`.

    check.py BUILD_DIR GROUP [NAME...]      GROUP: files, postgres or sqlserver

Connectors that need a server get a throw-away one.  With ETL_TEST_SEED the check is repeated with that seed.
"""
import os
import pathlib
import random
import sqlite3
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "scenario"))

from story.errors import Skip  # noqa: E402
from story.libpq import Connection  # noqa: E402
from story.mssqld import Mssqld  # noqa: E402
from story.mssqld import PASSWORD as MSSQL_PASSWORD  # noqa: E402
from story.postgres import PASSWORD, Cluster  # noqa: E402
from story.process import Deadline  # noqa: E402

SEED = os.environ.get("ETL_TEST_SEED") or str(random.randrange(1_000_000))
PLAIN = """note entry descriptor options option_limits open_close instances""".split()


class Checks:
    def __init__(self, build, folder, only):
        self.etl, self.plugins, self.folder, self.only = build / "host/etl", build / "plugins", folder, only
        self.passed = self.failed = self.skipped = 0
        self.connectors = build / "tests/fault/connectors"

    def check(self, name, settings, *words, so=None):
        """One connector with the settings that a pipeline would have; words are more arguments."""
        so = so or self.plugins / f"{name.split('-')[0]}.so"
        if (self.only and name not in self.only) or not so.exists():
            return
        config = self.folder / f"{name}.conf"
        config.write_text(settings, encoding="utf-8")
        done = subprocess.run([self.etl, "plugin", "check", so, "--config", config, "--seed", SEED, *words], capture_output=True, text=True, check=False,
                              cwd=self.folder)
        failed = [line for line in done.stdout.splitlines() if "FAILED" in line or "plugin.h:" in line]
        self.passed += done.stdout.count(" ok\n")
        self.skipped += done.stdout.count(" skipped: ")
        self.failed += max(done.stdout.count(" FAILED: "), 1 if done.returncode else 0)
        print(f"{'FAIL' if done.returncode else 'ok  '} {name} (seed {SEED})")
        print("".join(f"     {line}\n" for line in failed or done.stderr.splitlines()), end="")


    def twenty(self, name, settings, count):
        """The case `abort` writes 20 rows three times and lets them go, then 20 that stay; nobody but the sink knows which are there."""
        if self.only and name not in self.only:
            return
        failed = self.failed
        self.check(name, settings, "--kind", "loader", "--only", "abort")
        found = count() if self.failed == failed else 20
        self.passed += found == 20
        self.failed += found != 20
        if found != 20:
            print(f"FAIL {name}: the sink has {found} rows, not the 20 that were committed")


def rows(folder, name, count, line):
    path = folder / name
    path.write_text("".join(line(i) for i in range(count)), encoding="utf-8")
    return path


def files(c):
    folder = c.folder
    for name in ("csv-out", "jsonl-out"):
        (folder / name).mkdir()
    c.check("columns", 'drop = [ "c_json" ]; cast = { c_int32 = "int64"; }; rename = { c_bool = "flag"; };\n')
    c.check("filter", 'where = "c_int32 > 5 or c_text is null";\n')
    c.check("derive", 'columns = ( { name = "twice"; expr = "c_int16 * 2"; type = "int64"; } );\n')
    c.check("sql", 'query = "SELECT c_int64, c_text FROM batch WHERE c_double IS NOT NULL";\n')
    c.check("split", 'outputs = ( { stream = "a"; columns = [ "c_int64", "c_text" ]; }, { stream = "b"; columns = [ "c_int64", "c_bytes" ]; } );\n')
    c.check("validate", 'rules = ( { column = "c_text"; not_null = true; action = "quarantine"; } );\n')
    c.check("lua", 'script = "function process(row) row.c_text = (row.c_text or [[]]) .. [[!]] return row end";\n')
    words = rows(folder, "words.csv", 600, lambda i: f"key{i},value {i}\n" if i else "c_text,value\nplain words,found it\n")
    c.check("lookup", f'key = [ "c_text" ]; columns = ( {{ column = "value"; into = "found"; }} ); file = "{words}";\n')
    csv = rows(folder, "rows.csv", 3000, lambda i: "id,text,at\n" if i == 0 else f'{i},"a ""quoted"" text {i}",2026-01-{i % 28 + 1:02}\n')
    c.check("csv-extractor", f'path = "{csv}"; follow = "append";\n', "--kind", "extractor")
    c.check("csv-loader", f'path = "part.csv"; folder = "{folder}/csv-out";\n', "--kind", "loader")
    jsonl = rows(folder, "rows.jsonl", 2000, lambda i: f'{{"id": {i}, "text": "line {i}", "f": {i / 4}}}\n')
    c.check("jsonl-extractor", f'path = "{jsonl}"; follow = "append";\n', "--kind", "extractor")
    c.check("jsonl-loader", f'path = "part.jsonl"; folder = "{folder}/jsonl-out";\n', "--kind", "loader")
    c.check("dedup", 'key = [ "c_int64" ];\n')
    c.check("dedup-last", 'key = [ "c_text", "c_int16" ]; keep = "last"; window = 50;\n')
    with sqlite3.connect(folder / "source.db") as db:
        db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, price REAL)")
        db.executemany("INSERT INTO t VALUES (?, ?, ?)", ((i, f"name {i}" if i % 5 else None, i / 8) for i in range(1, 2001)))
    db.close()
    c.check("sqlite-cursor", f'path = "{folder}/source.db"; table = "t"; cursor = [ "id" ];\n', "--kind", "extractor")
    c.check("sqlite-whole", f'path = "{folder}/source.db"; query = "SELECT id, name FROM t WHERE id > 10";\n', "--kind", "extractor")
    c.check("sqlite-append", f'path = "{folder}/append.db"; table = "sink";\n', "--kind", "loader")
    c.check("sqlite-newest", f'path = "{folder}/newest.db"; table = "sink"; mode = "merge"; key = [ "id" ]; newest_by = "id";\n', "--kind", "loader",
            "--column", "id=l")
    c.check("sqlite-merge", f'path = "{folder}/merge.db"; table = "sink"; mode = "merge"; key = [ "id" ];\n', "--kind", "loader", "--column", "id=l")
    (folder / "jsonl-20").mkdir()
    c.twenty("jsonl-abort", f'path = "part.jsonl"; folder = "{folder}/jsonl-20";\n',
             lambda: sum(f.read_text(encoding="utf-8").count("\n") for f in (folder / "jsonl-20").rglob("*.jsonl")))
    c.check("useragent", 'column = "agent";\n', "--column", "agent=u")
    mmdb = c.plugins.parent / "tests/connectors/transforms/all.mmdb"
    if mmdb.exists():
        c.check("geoip", f'column = "address"; database = "{mmdb}";\n', "--column", "address=u")
    c.check("gen", 'rows = 500; shards = [ "a", "b" ];\n', so=c.connectors / "gen.so")
    c.check("ledger", f'file = "{folder}/ledger.json";\n', "--column", "id=l", *(w for n in LEDGER for w in ("--only", n)), so=c.connectors / "ledger.so")


def postgres(c):
    cluster = Cluster(c.folder / "cluster")
    try:
        cluster.start(Deadline(60))
        cluster.new_database("shop")
        cluster.new_database("merged")
        cluster.new_database("undone")
        with Connection(cluster.conninfo("shop")) as db:
            db.query("CREATE TABLE t (id bigint PRIMARY KEY, at timestamptz NOT NULL, name text, price numeric(10,2))")
            db.query("INSERT INTO t SELECT i, timestamptz '2026-01-01' + i * interval '1 s', repeat('x', i % 50), i / 7.0 FROM generate_series(1, 2000) i")
            db.query("ANALYZE t")
            where = f'host = "127.0.0.1"; port = {cluster.port}; user = "postgres"; password = "{PASSWORD}"; database = "shop"; '
            c.check("postgres-cursor", where + 'table = "t"; cursor = [ "id" ];', "--kind", "extractor")
            c.check("postgres-whole", where + 'table = "t";', "--kind", "extractor")
            c.check("postgres-append", where + 'table = "sink";', "--kind", "loader")
            c.check("postgres-merge", where.replace('"shop"', '"merged"') + 'table = "merged"; mode = "merge"; key = [ "id" ];', "--kind", "loader", "--column", "id=i")
        with Connection(cluster.conninfo("undone")) as db:
            c.twenty("postgres-abort", where.replace('"shop"', '"undone"') + 'table = "rows";', lambda: int(db.query("SELECT count(*) FROM rows")[0][0]))
    finally:
        cluster.remove()


def sqlserver(c):
    server = Mssqld("shop", pathlib.Path(__file__).resolve().parents[1] / "mssqld/mssqld", c.folder / "mssqld", "", [])
    try:
        server.start(Deadline(60))
        server.query("CREATE TABLE dbo.t (id bigint NOT NULL PRIMARY KEY, at datetime2(7) NOT NULL, name nvarchar(50) NULL, price decimal(10,2) NULL)")
        for first in range(0, 1000, 100):
            values = ", ".join(f"({i}, '2026-01-01T00:{i // 60 % 60:02}:{i % 60:02}.1234567', N'name {i}', {i / 4})" for i in range(first, first + 100))
            server.query("INSERT INTO dbo.t VALUES " + values)
        where = f'host = "127.0.0.1"; port = {server.port}; user = "sa"; password = "{MSSQL_PASSWORD}"; database = "shop"; encryption = "off"; '
        c.check("sqlserver-cursor", where + 'table = "dbo.t"; cursor = [ "at", "id" ];')
        c.check("sqlserver-whole", where + 'table = "dbo.t";')
    finally:
        server.end()


LEDGER = PLAIN + ["commit", "abort", "fence", "epochs", "values", "growth", "threads", "leaks"]  # its cursors are text, and it keeps no notes

GROUPS = {"files": files, "postgres": postgres, "sqlserver": sqlserver}


def main():
    build, group = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2]
    with tempfile.TemporaryDirectory(prefix="etl-kit-") as folder:
        c = Checks(build, pathlib.Path(folder), sys.argv[3:])
        try:
            GROUPS[group](c)
        except Skip as e:
            print(f"skipped: {e}")
            c.skipped += 1
            if os.environ.get("CI") == "true":
                c.failed += 1
    print(f"{c.passed} passed, {c.failed} failed, {c.skipped} skipped")
    return 1 if c.failed or not c.passed + c.skipped else 0


if __name__ == "__main__":
    sys.exit(main())
