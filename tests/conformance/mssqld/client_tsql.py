"""tsql: the plain command of FreeTDS."""
from __future__ import annotations

import pathlib
import subprocess

from .report import Report, holds
from .target import Target

SETUP = ["DROP TABLE IF EXISTS dbo.conf_tsql", "CREATE TABLE dbo.conf_tsql (id int NOT NULL PRIMARY KEY, name nvarchar(20) NULL)",
         "INSERT INTO dbo.conf_tsql (id, name) VALUES (1, N'Zoë 東京'), (2, NULL), (3, N'')"]


class Tsql:
    def __init__(self, target: Target):
        self.target = target

    def __call__(self, *batches: str, encryption: str = "off", password: str | None = None, database: str | None = None) -> str:
        t = self.target
        text = "".join(f"{b}\ngo\n" for b in batches)
        done = subprocess.run(["tsql", "-S", "conf", "-U", t.user, "-P", password or t.password, "-D", database or t.database],
                              input=text, text=True, env=t.freetds_conf(encryption), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        return done.stdout

    def rows_and_nulls(self) -> None:
        holds("1\tZoë 東京\n2\tNULL\n3\t\n(3 rows affected)", self(*SETUP, "SELECT id, name FROM dbo.conf_tsql ORDER BY id"))

    def error(self) -> None:
        out = self("SELECT * FROM dbo.conf_no_such_table", "SELECT 7 AS seven")
        holds("Msg 208", out)
        holds("seven\n7\n(1 row affected)", out)

    def syntax_error(self) -> None:
        holds("Msg 102", self("SELECT = = 1"))

    def wrong_password(self) -> None:
        holds("Msg 18456", self(password="not it"))

    def wrong_database(self) -> None:
        holds("Msg 4060", self(database="conf_nowhere"))

    def results_in_turn(self) -> None:
        holds("a\n1\n(1 row affected)\nb\n2\n", self("SELECT 1 AS a; SELECT 2 AS b"))


def run(report: Report, target: Target, build: pathlib.Path) -> None:
    if not report.need("tsql"):
        return
    t = Tsql(target)
    report.check("rows, NULL, empty and non-ASCII", t.rows_and_nulls)
    report.check("an unknown table", t.error)
    report.check("a syntax error", t.syntax_error)
    report.check("a wrong password", t.wrong_password)
    report.check("a database that is not there", t.wrong_database)
    report.check("two results of one batch", t.results_in_turn)
    for way in ("request", "require"):
        report.check(f"encryption = {way}", lambda w=way: holds("x\n5\n(1 row affected)", t("SELECT 5 AS x", encryption=w)))
    t("DROP TABLE IF EXISTS dbo.conf_tsql")
