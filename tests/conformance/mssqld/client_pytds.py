"""python3-tds, a client in Python that shares nothing with FreeTDS."""
from __future__ import annotations

import datetime as dt
import pathlib
import threading
import uuid
from decimal import Decimal

from . import cases
from .report import Report, equal, holds
from .target import Target

try:
    import pytds
except ImportError:
    pytds = None

CELL_BYTES = 64 << 20


class Pytds:
    def __init__(self, target: Target):
        self.target = target

    def connect(self, **options):
        t = self.target
        return pytds.connect(t.host, options.pop("database", t.database), t.user, options.pop("password", t.password), port=t.port,
                             login_timeout=20, autocommit=options.pop("autocommit", True), **options)

    def run(self, *statements: str, params: tuple | None = None) -> list[tuple]:
        with self.connect() as c, c.cursor() as cursor:
            for s in statements:
                cursor.execute(s, params)
            return cursor.fetchall() if cursor.description else []

    def types(self) -> None:
        self.run(*cases.statements(cases.CASES))
        wanted = tuple(c.python for c in cases.CASES)
        for prefix in ("c", "nc"):
            first, second = self.run(cases.rows_sql(cases.CASES, prefix))
            for i, c in enumerate(cases.CASES):
                equal(self._plain(first[i]), self._plain(c.python), f"{prefix}{i} {c.declaration}")
            equal([v is None for v in second], [prefix == "c"] * len(wanted))

    @staticmethod
    def _plain(value):
        if isinstance(value, dt.datetime) and value.tzinfo:
            return value.replace(tzinfo=None), value.utcoffset()
        return value

    def params(self) -> None:
        values = (5, -2 ** 40, "é 東京", "", pytds.Binary(b"\0\xff"), Decimal("-12.345"), 1.5, True, dt.datetime(2024, 5, 1, 10, 11, 12, 123456), dt.date(1, 1, 1),
                  dt.time(23, 59, 59, 999999), uuid.UUID(int=7))
        marks = ", ".join(f"%s AS p{i}" for i in range(len(values)))
        equal(self.run(f"SELECT {marks}", params=values), [values])
        equal(self.run("SELECT id FROM dbo.conf_types WHERE id > %s ORDER BY id", params=(1,)), [(2,)])
        equal(self.run("SELECT %s AS n", params=(None,)), [(None,)])

    def large_cell(self) -> None:
        data = bytes(range(256)) * (CELL_BYTES // 256)
        with self.connect() as c, c.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS dbo.conf_large")
            cursor.execute("CREATE TABLE dbo.conf_large (id int NOT NULL, b varbinary(max) NULL)")
            cursor.execute("INSERT INTO dbo.conf_large (id, b) VALUES (%s, %s)", (1, pytds.Binary(data)))
            cursor.execute("SET TEXTSIZE 2147483647")
            cursor.execute("SELECT b, DATALENGTH(b) FROM dbo.conf_large")
            (got, n), = cursor.fetchall()
            cursor.execute("DROP TABLE dbo.conf_large")
        equal(n, CELL_BYTES)
        if bytes(got) != data:
            raise AssertionError(f"{len(got)} bytes that are not the ones sent")

    def errors(self) -> None:
        with self.connect() as c, c.cursor() as cursor:
            for sql, number in (("SELECT * FROM dbo.conf_no_such_table", 208), ("SELECT no_such_column FROM dbo.conf_types", 207),
                                ("SELEC 1", 102), ("SELECT CAST('x' AS int)", 245), ("SELECT 1 / 0", 8134), ("EXEC conf_no_such_procedure", 2812)):
                try:
                    cursor.execute(sql)
                    cursor.fetchall()
                except pytds.Error as e:
                    if number != 102:  # the real server has several for syntax
                        equal(e.msg_no, number, sql)
                else:
                    raise AssertionError(f"{sql} gave no error")
            cursor.execute("SELECT 1")
            equal(cursor.fetchall(), [(1,)])

    def logins(self) -> None:
        for options, number in (({"password": "not it"}, "Login failed"), ({"database": "conf_nowhere"}, "conf_nowhere")):
            try:
                self.connect(**options)
            except pytds.Error as e:
                holds(number, str(e))
            else:
                raise AssertionError(f"{options} was let in")

    def transactions(self) -> None:
        self.run("DROP TABLE IF EXISTS dbo.conf_tx", "CREATE TABLE dbo.conf_tx (id int NOT NULL PRIMARY KEY)")
        with self.connect(autocommit=False) as c, c.cursor() as cursor:
            cursor.execute("INSERT INTO dbo.conf_tx (id) VALUES (1)")
            c.rollback()
            cursor.execute("INSERT INTO dbo.conf_tx (id) VALUES (2)")
            c.commit()
            cursor.execute("INSERT INTO dbo.conf_tx (id) VALUES (3)")
            c.rollback()
        equal(self.run("SELECT id FROM dbo.conf_tx"), [(2,)])
        self.run("DROP TABLE dbo.conf_tx")

    def counts(self) -> None:
        with self.connect() as c, c.cursor() as cursor:
            for sql, n in (("CREATE TABLE dbo.conf_count (id int NOT NULL)", -1), ("INSERT INTO dbo.conf_count (id) VALUES (1), (2), (3)", 3),
                           ("UPDATE dbo.conf_count SET id = 9 WHERE id > 1", 2), ("DELETE FROM dbo.conf_count", 3)):
                cursor.execute(sql)
                equal(cursor.rowcount, n, sql)
            cursor.execute("DROP TABLE dbo.conf_count")

    def several_results(self) -> None:
        with self.connect() as c, c.cursor() as cursor:
            cursor.execute("SELECT 1 AS a; SELECT 2 AS b UNION ALL SELECT 3")
            equal(cursor.fetchall(), [(1,)])
            equal(cursor.nextset(), True)
            equal(sorted(cursor.fetchall()), [(2,), (3,)])

    def cancel(self) -> None:
        """An attention in the middle of rows; the connection goes on."""
        numbers = ", ".join(f"({i})" for i in range(900))
        self.run("DROP TABLE IF EXISTS dbo.conf_many", "CREATE TABLE dbo.conf_many (n int NOT NULL)", f"INSERT INTO dbo.conf_many (n) VALUES {numbers}")
        with self.connect() as c, c.cursor() as cursor:
            cursor.execute("SELECT a.n, b.n FROM dbo.conf_many a CROSS JOIN dbo.conf_many b")
            cursor.fetchone()
            cursor.cancel()
            cursor.execute("SELECT 4")
            equal(cursor.fetchall(), [(4,)])
        self.run("DROP TABLE dbo.conf_many")

    def side_by_side(self) -> None:
        """Eight connections at once, each with rows of its own."""
        wrong: list[str] = []

        def one(n: int) -> None:
            try:
                got = self.run("SELECT id FROM dbo.conf_types WHERE id <= %s ORDER BY id", params=(n % 3,))
                equal(got, [(i,) for i in range(1, n % 3 + 1)])
            except Exception as e:
                wrong.append(str(e))

        threads = [threading.Thread(target=one, args=(n,)) for n in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        equal(wrong, [])

    def bulk(self) -> None:
        self.run("DROP TABLE IF EXISTS dbo.conf_bulk", "CREATE TABLE dbo.conf_bulk (id int NULL, name nvarchar(20) NULL)")
        rows = [(i, f"row {i}") for i in range(5000)]
        with self.connect() as c, c.cursor() as cursor:
            cursor.copy_to(data=rows, table_or_view="conf_bulk", schema="dbo",
                           columns=[pytds.Column("id", type=pytds.tds_types.IntType()), pytds.Column("name", type=pytds.tds_types.NVarCharType(20))])
        equal(self.run("SELECT COUNT(*), MIN(name), MAX(id) FROM dbo.conf_bulk"), [(5000, "row 0", 4999)])
        self.run("DROP TABLE dbo.conf_bulk")


def run(report: Report, target: Target, build: pathlib.Path) -> None:
    if pytds is None:
        report.skipped("all", "there is no python3-tds", missing=True)
        return
    p = Pytds(target)
    for name, test in (("every type, NULL, and columns that are never NULL", p.types), ("parameters", p.params),
                       ("a cell of 64 MiB", p.large_cell), ("errors, and the connection after them", p.errors), ("refused logins", p.logins),
                       ("transactions", p.transactions), ("counts of rows", p.counts), ("several results", p.several_results), ("cancel", p.cancel),
                       ("eight connections", p.side_by_side), ("bulk load", p.bulk)):
        report.check(name, test)
    p.run("DROP TABLE IF EXISTS dbo.conf_types")
