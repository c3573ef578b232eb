"""Tables, rows, transactions, and who sees what."""
from __future__ import annotations

from sql import values
from sql.server import open_server

from .base import NOW, SqlTest


class Changes(SqlTest):
    def setUp(self) -> None:
        super().setUp()
        self.run_sql("CREATE TABLE dbo.t (id int NOT NULL PRIMARY KEY, v nvarchar(3) NULL, rv rowversion)")
        self.other = self.server.login("shop", "etl", "host", "test")
        self.addCleanup(self.other.close)

    def test_insert_update_delete(self) -> None:
        self.assertEqual(self.run_sql("INSERT INTO dbo.t (id, v) VALUES (1, N'a'), (2, NULL)")[2], [2])
        self.assertEqual(self.run_sql("UPDATE dbo.t SET v = N'b' WHERE v IS NULL; DELETE FROM dbo.t WHERE id = 1")[2], [1, 1])
        self.assertEqual(self.rows("SELECT id, v FROM dbo.t"), [(2, "b")])

    def test_what_a_table_refuses(self) -> None:
        self.run_sql("INSERT INTO dbo.t (id) VALUES (1)")
        self.refused(2627, "INSERT INTO dbo.t (id) VALUES (2), (1)")
        self.assertEqual(self.value("SELECT COUNT(*) FROM dbo.t"), 1, "a statement that failed left something")
        self.refused(515, "INSERT INTO dbo.t (v) VALUES (N'x')")
        self.refused(2628, "INSERT INTO dbo.t (id, v) VALUES (3, N'long')")
        self.refused(273, "INSERT INTO dbo.t (id, rv) VALUES (3, 0x01)")
        self.refused(2714, "CREATE TABLE dbo.t (id int)")

    def test_readers_see_only_what_is_committed(self) -> None:
        self.run_sql("BEGIN TRAN; INSERT INTO dbo.t (id) VALUES (1)")
        self.assertEqual(self.rows("SELECT id FROM dbo.t", session=self.other), [])
        self.run_sql("COMMIT")
        self.assertEqual(self.rows("SELECT id FROM dbo.t", session=self.other), [(1,)])
        self.run_sql("BEGIN TRAN; DELETE FROM dbo.t; ROLLBACK")
        self.assertEqual(self.value("SELECT COUNT(*) FROM dbo.t"), 1)
        self.refused(3902, "COMMIT")

    def test_rowversions_and_the_least_active_one(self) -> None:
        self.run_sql("INSERT INTO dbo.t (id) VALUES (1)")
        first = self.value("SELECT rv FROM dbo.t")
        self.run_sql("BEGIN TRAN; UPDATE dbo.t SET v = N'x'")
        active = self.rows("SELECT MIN_ACTIVE_ROWVERSION()", session=self.other)[0][0]
        self.run_sql("COMMIT")
        second = self.value("SELECT rv FROM dbo.t")
        self.assertTrue(first < second)
        self.assertEqual(active, second, "an open transaction holds it down")
        self.assertTrue(self.value("SELECT MIN_ACTIVE_ROWVERSION()") > second)

    def test_alter_table(self) -> None:
        self.run_sql("INSERT INTO dbo.t (id, v) VALUES (1, N'7')")
        self.run_sql("ALTER TABLE dbo.t ALTER COLUMN v int NULL")
        self.run_sql("ALTER TABLE dbo.t ADD w nvarchar(5) NOT NULL DEFAULT N'new'")
        self.assertEqual(self.rows("SELECT id, v, w FROM dbo.t"), [(1, 7, "new")])
        self.run_sql("ALTER TABLE dbo.t DROP COLUMN w")
        self.refused(207, "SELECT w FROM dbo.t")

    def test_the_catalog(self) -> None:
        self.run_sql("CREATE UNIQUE INDEX by_v ON dbo.t (v, id)")
        self.assertEqual(self.rows("SELECT c.name, u.name, c.max_length FROM sys.columns c JOIN sys.types u ON u.user_type_id = c.user_type_id "
                                   "WHERE c.object_id = OBJECT_ID(N'[dbo].[t]') ORDER BY c.column_id"), [("id", "int", 4), ("v", "nvarchar", 6), ("rv", "timestamp", 8)])
        self.assertEqual(self.rows("SELECT i.name, k.key_ordinal FROM sys.indexes i JOIN sys.index_columns k ON k.object_id = i.object_id AND "
                                   "k.index_id = i.index_id WHERE i.name = 'by_v' ORDER BY 2"), [("by_v", 1), ("by_v", 2)])
        self.assertIsNone(self.value("SELECT OBJECT_ID(N'dbo.nothing')"))

    def test_views_and_identity(self) -> None:
        self.run_sql("CREATE TABLE dbo.i (id int IDENTITY(10, 5) PRIMARY KEY, v int)")
        self.run_sql("INSERT INTO dbo.i (v) VALUES (1), (2)")
        self.run_sql("CREATE VIEW dbo.big AS SELECT id FROM dbo.i WHERE v > 1")
        self.assertEqual(self.rows("SELECT * FROM dbo.big"), [(15,)])
        self.refused(544, "INSERT INTO dbo.i (id, v) VALUES (1, 1)")

    def test_denied(self) -> None:
        self.server.deny("dbo.t")
        self.refused(229, "SELECT id FROM dbo.t")
        self.server.clear_denied()
        self.assertEqual(self.rows("SELECT id FROM dbo.t"), [])

    def test_a_second_start_finds_everything(self) -> None:
        self.run_sql("INSERT INTO dbo.t (id, v) VALUES (1, N'a')")
        again = open_server(self.folder.name, "shop", NOW).login("shop", "etl", "host", "test")
        self.addCleanup(again.close)
        self.assertEqual(self.rows("SELECT id, v FROM dbo.t", session=again), [(1, "a")])

    def test_load_and_cacheable(self) -> None:
        self.run_sql("CREATE TABLE dbo.m (id bigint, wide decimal(38,4), at datetimeoffset(7), name nvarchar(20))")
        rows = [(i, -i * 10 ** 20, (NOW + i, 60), f"é{i}") for i in range(100)]
        self.assertEqual(self.server.load("dbo.m", None, iter(rows)), 100)
        self.assertEqual(self.rows("SELECT * FROM dbo.m ORDER BY id"), rows)
        key = self.session.cacheable("SELECT * FROM dbo.m ORDER BY id", [])
        self.assertIsNotNone(key)
        self.run_sql("DELETE FROM dbo.m WHERE id = 1")
        self.assertNotEqual(self.session.cacheable("SELECT * FROM dbo.m ORDER BY id", []), key)
        self.assertIsNone(self.session.cacheable("SELECT NEWID()", []))


class Values(SqlTest):
    def test_every_type_comes_back(self) -> None:
        cases = [("bit", "1", 1), ("tinyint", "255", 255), ("bigint", "-9223372036854775808", -2 ** 63), ("decimal(38,10)", "-1.5", -15 * 10 ** 9),
                 ("money", "1.2345", 12345), ("float", "1.5E3", 1500.0), ("date", "'2024-02-29'", 738944), ("time(3)", "'10:00:00.123'", 360_001_230_000),
                 ("datetime", "'1900-01-01T00:00:01'", 300), ("smalldatetime", "'1900-01-02T00:01'", 1441), ("char(4)", "'ab'", "ab  "),
                 ("varbinary(4)", "0x0102", b"\1\2"), ("binary(4)", "0x0102", b"\1\2\0\0"), ("nvarchar(max)", "N'日本'", "日本"),
                 ("datetimeoffset(0)", "'2024-01-01T10:00:00+02:00'", (638_396_928_000_000_000, 120)), ("xml", "N'<a/>'", "<a/>"),
                 ("sql_variant", "CAST(5 AS int)", (values.INT, 5))]
        for i, (declared, literal, wanted) in enumerate(cases):
            with self.subTest(declared):
                self.run_sql(f"CREATE TABLE dbo.v{i} (c {declared} NULL)")
                self.run_sql(f"INSERT INTO dbo.v{i} VALUES ({literal}), (NULL)")
                self.assertEqual(self.rows(f"SELECT c FROM dbo.v{i}"), [(None,), (wanted,)])
