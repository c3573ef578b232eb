"""Where a guess would be easy: collations, groups, NULLs, subqueries, unions, types that have no order.  Also control of flow."""
from __future__ import annotations

from contract import Info, SqlError
from sql.collate import COLLATIONS

from .base import NOW, SqlTest


class Exactness(SqlTest):
    def setUp(self) -> None:
        super().setUp()
        self.run_sql("CREATE TABLE dbo.t (id int NOT NULL PRIMARY KEY, ci nvarchar(20) NULL, bin varchar(20) COLLATE Latin1_General_BIN2 NULL, "
                     "o datetimeoffset(0) NULL, u uniqueidentifier NULL, d decimal(10,2) NULL)")
        self.run_sql("INSERT INTO dbo.t VALUES (1, N'x', 'x', '2024-01-01T10:00:00+02:00', '01000000-0000-0000-0000-000000000002', 1), "
                     "(2, N'X', 'X', '2024-01-01T08:00:00+00:00', '02000000-0000-0000-0000-000000000001', 2.5), (3, NULL, NULL, NULL, NULL, NULL)")

    def ids(self, where: str) -> list[int]:
        return [r[0] for r in self.rows(f"SELECT id FROM dbo.t WHERE {where} ORDER BY id")]

    def test_whose_collation_counts(self) -> None:
        self.assertEqual(self.ids("N'x' = bin"), [1])
        self.assertEqual(self.ids("ci = N'x'"), [1, 2])
        self.assertEqual(self.ids("ci = bin COLLATE Latin1_General_CI_AS"), [1, 2])
        self.refused(468, "SELECT id FROM dbo.t WHERE ci = bin")
        self.refused(448, "SELECT id FROM dbo.t WHERE ci = N'x' COLLATE No_Such_CI_AS")

    def test_order_of_texts(self) -> None:
        words = ["b", "a", "É", "e", "f", "Z", "1", "_x", "ab", "a b"]
        values = ", ".join(f"(N'{w}')" for w in words)
        self.assertEqual([r[0] for r in self.rows(f"SELECT w FROM (VALUES {values}) AS t (w) ORDER BY w")], ["_x", "1", "a", "a b", "ab", "b", "e", "É", "f", "Z"])
        self.assertEqual(COLLATIONS["ms_ci"]("straße ", "STRASSE"), 0)
        self.assertEqual(COLLATIONS["ms_ai"]("é", "E"), 0)
        self.assertNotEqual(COLLATIONS["ms_ci"]("é", "e"), 0)

    def test_equal_though_different_bytes(self) -> None:
        self.assertEqual([n for _, n in self.rows("SELECT o, COUNT(*) FROM dbo.t GROUP BY o ORDER BY o")], [1, 2])
        self.assertEqual(self.value("SELECT COUNT(DISTINCT o) FROM dbo.t"), 1)
        self.assertEqual(self.value("SELECT CASE WHEN 0x01 = 0x0100 THEN 1 ELSE 0 END"), 1)
        self.assertEqual([r[0] for r in self.rows("SELECT id FROM dbo.t WHERE u IS NOT NULL ORDER BY u")], [2, 1])
        self.assertEqual(self.rows("SELECT MIN(u) FROM dbo.t"), self.rows("SELECT u FROM dbo.t WHERE id = 2"))

    def test_groups(self) -> None:
        self.assertEqual(self.rows("SELECT id % 2 + 1, COUNT(*) FROM dbo.t GROUP BY id % 2 ORDER BY id % 2"), [(1, 1), (2, 2)])
        for number, sql in ((8120, "SELECT id + 2 FROM dbo.t GROUP BY id + 1"), (8120, "SELECT *, COUNT(*) FROM dbo.t"),
                            (8121, "SELECT 1 FROM dbo.t GROUP BY ci HAVING d > 1"),
                            (8127, "SELECT ci FROM dbo.t GROUP BY ci ORDER BY d"), (147, "SELECT id FROM dbo.t WHERE COUNT(*) > 1"),
                            (145, "SELECT DISTINCT ci FROM dbo.t ORDER BY id")):
            with self.subTest(sql):
                self.refused(number, sql)

    def test_subqueries_and_nulls(self) -> None:
        self.refused(512, "SELECT (SELECT id FROM dbo.t)")
        self.assertIsNone(self.value("SELECT (SELECT id FROM dbo.t WHERE id = 9)"))
        self.assertEqual(self.ids("id NOT IN (SELECT d FROM dbo.t)"), [])
        self.assertEqual(self.ids("id NOT IN (SELECT d FROM dbo.t WHERE d IS NOT NULL)"), [2, 3])
        self.assertEqual(self.ids("d IN (SELECT id FROM dbo.t)"), [1])
        self.assertEqual(self.ids("EXISTS (SELECT 1 FROM dbo.t x WHERE x.id = t.id + 1)"), [1, 2])
        self.assertTrue(self.run_sql("SELECT a.id, b.id FROM dbo.t a LEFT JOIN dbo.t b ON b.id = a.id + 9")[0][1].nullable)

    def test_unions(self) -> None:
        self.assertEqual(self.rows("SELECT 1 UNION SELECT 2 INTERSECT SELECT 3"), [(1,)])
        self.assertEqual(self.rows("SELECT NULL AS a UNION ALL SELECT N'x' ORDER BY a"), [(None,), ("x",)])
        self.refused(205, "SELECT 1 UNION SELECT 2, 3")

    def test_what_has_no_order_or_no_name(self) -> None:
        self.run_sql("CREATE TABLE dbo.v (v sql_variant, x xml, n text)")
        self.refused(306, "SELECT v FROM dbo.v ORDER BY v")
        self.refused(402, "SELECT 1 FROM dbo.v WHERE x = N'<a/>'")
        self.refused(306, "SELECT DISTINCT n FROM dbo.v")
        self.refused(8155, "SELECT * FROM (SELECT COUNT(*) FROM dbo.t) x")
        self.refused(8156, "SELECT * FROM (SELECT id, id FROM dbo.t) x")
        self.refused(209, "SELECT id AS a, d AS a FROM dbo.t ORDER BY a")

    def test_one_null_in_a_unique_index(self) -> None:
        self.run_sql("CREATE UNIQUE INDEX by_d ON dbo.t (d)")
        self.refused(2601, "INSERT INTO dbo.t (id) VALUES (4)")
        self.refused(1505, "CREATE UNIQUE INDEX by_ci ON dbo.t (ci)")
        self.run_sql("DROP INDEX by_d ON dbo.t; INSERT INTO dbo.t (id) VALUES (4)")

    def test_what_is_accepted_must_be_done(self) -> None:
        for number, sql in ((102, "SET IMPLICIT_TRANSACTIONS ON"), (2702, "CREATE TABLE #t (a int)"), (102, "SELECT 1 OPTION (RECOMPILE"),
                            (156, "SELECT id FROM dbo.t FOR XML AUTO"),
                            (2717, "CREATE TABLE dbo.w (a varchar(8001))"), (2715, "CREATE TABLE dbo.w (a int(4))"),
                            (257, "INSERT INTO dbo.t (id, ci) VALUES (9, 0x41)"),
                            (1911, "CREATE INDEX i ON dbo.t (d) INCLUDE (nothing)"), (447, "CREATE TABLE dbo.w (a int COLLATE Latin1_General_BIN2)"),
                            (174, "SELECT OBJECT_NAME(1, 2)"), (102, "DROP DATABASE shop"),
                            (1033, "INSERT INTO dbo.t (id) SELECT TOP (1) WITH TIES id FROM dbo.t ORDER BY d")):
            with self.subTest(sql):
                self.refused(number, sql)

    def test_format_only_changes_nothing(self) -> None:
        columns, rows, _ = self.run_sql("SET FMTONLY ON; DELETE FROM dbo.t; SELECT id FROM dbo.t")
        self.assertEqual(([c.name for c in columns], rows), (["id"], []))
        self.assertEqual(self.run_sql("SET FMTONLY OFF; SELECT COUNT(*) FROM dbo.t")[1], [(3,)])

    def test_flow(self) -> None:
        self.assertEqual(self.rows("DECLARE @i int = 0; WHILE 1 = 1 BEGIN SET @i = @i + 1; IF @i < 3 CONTINUE; BREAK END; SELECT @i"), [(3,)])
        self.assertEqual(self.rows("IF OBJECT_ID('dbo.nothing') IS NOT NULL SELECT 1 ELSE BEGIN SELECT 2 END; RETURN; SELECT 3"), [(2,)])
        self.assertEqual(self.refused(50000, "RAISERROR('row %d of %s', 16, 3, 7, N'x')"), "row 7 of x")
        self.refused(50001, "THROW 50001, 'mine', 1")
        self.assertEqual([e.message for e in self.session.run("RAISERROR('only told', 0, 1)", []) if isinstance(e, Info)], ["only told"])
        self.refused(135, "BREAK")

    def test_identity(self) -> None:
        self.run_sql("CREATE TABLE dbo.i (id int IDENTITY, v int); SET IDENTITY_INSERT dbo.i ON; INSERT INTO dbo.i (id) VALUES (10); SET IDENTITY_INSERT dbo.i OFF")
        self.run_sql("INSERT INTO dbo.i (v) VALUES (1)")
        self.assertEqual(self.rows("SELECT id, SCOPE_IDENTITY() FROM dbo.i ORDER BY id"), [(10, 11), (11, 11)])

    def test_views_need_no_permission_below(self) -> None:
        self.run_sql("CREATE VIEW dbo.v AS SELECT id FROM dbo.t WHERE id > 1")
        self.server.deny("dbo.t")
        self.assertEqual(self.rows("SELECT id FROM dbo.v ORDER BY id"), [(2,), (3,)])
        self.refused(229, "SELECT id FROM dbo.t")

    def test_changes_through_joins(self) -> None:
        self.assertEqual(self.run_sql("UPDATE x SET d = y.id FROM dbo.t AS x JOIN dbo.t AS y ON y.id = x.id + 1")[2], [2])
        self.assertEqual(self.run_sql("DELETE x FROM dbo.t AS x JOIN dbo.t AS y ON y.id = x.id + 2")[2], [1])
        self.assertEqual(self.rows("SELECT id, d FROM dbo.t ORDER BY id"), [(2, 300), (3, None)])

    def test_keys_are_looked_at_when_all_rows_are_changed(self) -> None:
        self.assertEqual(self.run_sql("UPDATE dbo.t SET id = id + 1")[2], [3])
        self.assertEqual(self.rows("SELECT id, ci FROM dbo.t ORDER BY id"), [(2, "x"), (3, "X"), (4, None)])
        self.refused(2627, "UPDATE dbo.t SET id = 7")
        self.assertEqual(len(self.rows("SELECT id FROM dbo.t")), 3)

    def test_the_key_of_a_kept_answer(self) -> None:
        sql = "SELECT id, SYSUTCDATETIME() FROM dbo.t"
        key = self.session.cacheable(sql, [])
        self.server.now = NOW + 1
        self.assertNotEqual(self.session.cacheable(sql, []), key)
        self.server.now = None
        self.assertIsNone(self.session.cacheable(sql, []))

    def test_an_unknown_error_is_an_error(self) -> None:
        with self.assertRaises(SqlError):
            self.run_sql("SELECT SUM(d) OVER (ORDER BY id) FROM dbo.t")
