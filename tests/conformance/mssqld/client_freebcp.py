"""freebcp: bulk copy out and in."""
from __future__ import annotations

import pathlib
import subprocess

from . import cases
from .client_tsql import Tsql
from .report import Report, equal, holds
from .target import Target

FIELD, ROW = "\x1f", "\x1e\n"


class Freebcp:
    def __init__(self, target: Target):
        self.target, self.tsql = target, Tsql(target)
        self.shown = [c for c in cases.CASES if c.bcp is not None]
        self.file = target.folder / "bcp.txt"

    def __call__(self, *arguments: str) -> str:
        t = self.target
        done = subprocess.run(["freebcp", *arguments, "-S", "conf", "-U", t.user, "-P", t.password, "-D", t.database, "-c", "-t", FIELD, "-r", ROW],
                              text=True, env=t.freetds_conf(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
        if done.returncode:
            raise AssertionError(f"freebcp ended with {done.returncode}: {done.stdout}")
        return done.stdout

    def read(self) -> list[list[str]]:
        return [line.split(FIELD) for line in self.file.read_text(encoding="utf-8").split(ROW)[:-1]]

    def out(self) -> None:
        out = self.tsql(*cases.statements(self.shown))
        if "Msg" in out:
            raise AssertionError(out)
        self("dbo.conf_types", "out", str(self.file))
        rows = {row[0]: row[1:] for row in self.read()}
        wanted, n = [c.bcp for c in self.shown], len(self.shown)
        for i, (c, got) in enumerate(zip(self.shown, rows["1"])):
            equal(got, c.bcp, f"c{i} {c.declaration}")
        equal(rows["1"][n:], wanted)
        equal(rows["2"], [""] * n + wanted)

    def query_out(self) -> None:
        self("SELECT id FROM dbo.conf_types WHERE id = 2", "queryout", str(self.file))
        equal(self.read(), [["2"]])

    def into(self) -> None:
        self.tsql("DROP TABLE IF EXISTS dbo.conf_in", "CREATE TABLE dbo.conf_in (id int NOT NULL PRIMARY KEY, n bigint NULL, s nvarchar(50) NULL, "
                  "v varchar(50) NULL, f float NULL, d decimal(18,4) NULL, t datetime NULL, b varbinary(10) NULL)")
        rows = [["1", "9000000000", "東京", "café", "1.5", "-12.3456", "2024-05-01 10:00:00.000", "cafe"], ["2", "", "", "", "", "", "", ""]]
        rows += [[str(i), str(i), f"row {i}", "x", "0.5", "1.0000", "2024-05-01 10:00:00.000", "00"] for i in range(3, 2003)]
        self.file.write_text("".join(FIELD.join(r) + ROW for r in rows), encoding="utf-8")
        holds("2002 rows copied", self("dbo.conf_in", "in", str(self.file)))
        self("SELECT * FROM dbo.conf_in ORDER BY id", "queryout", str(self.file))
        equal(self.read(), rows)


def run(report: Report, target: Target, build: pathlib.Path) -> None:
    if not report.need("freebcp", "tsql"):
        return
    f = Freebcp(target)
    report.check("out: every type, and NULL", f.out)
    report.check("queryout", f.query_out)
    report.check("in: bulk load", f.into)
    f.tsql("DROP TABLE IF EXISTS dbo.conf_types", "DROP TABLE IF EXISTS dbo.conf_in")
