"""SELECT: rows, order, types, and what is refused."""
from __future__ import annotations

from contract import Param
from sql import values
from sql.convert import convert

from .base import SqlTest


class Queries(SqlTest):
    def setUp(self) -> None:
        super().setUp()
        self.run_sql("CREATE TABLE dbo.t (id int NOT NULL PRIMARY KEY, at datetime2(7) NOT NULL, name nvarchar(20) NULL, price decimal(10,2) NULL)")
        self.run_sql("INSERT INTO dbo.t VALUES (1, '2024-01-01T10:00:00.1234567', N'Zoë', 10.50), (2, '2024-01-02', N'ann ', NULL), (3, '2024-01-02', NULL, -3)")

    def test_no_order_by_means_another_order(self) -> None:
        self.assertEqual([r[0] for r in self.rows("SELECT id FROM dbo.t")], [3, 2, 1])
        self.assertEqual([r[0] for r in self.rows("SELECT id FROM dbo.t ORDER BY id")], [1, 2, 3])

    def test_top_with_ties(self) -> None:
        self.assertEqual(self.rows("SELECT TOP (2) WITH TIES id FROM dbo.t ORDER BY at"), [(1,), (2,), (3,)])
        self.assertEqual(self.rows("SELECT TOP (2) id FROM dbo.t ORDER BY at, id"), [(1,), (2,)])
        self.assertEqual(self.rows("SELECT TOP (1) WITH TIES id FROM dbo.t ORDER BY at"), [(1,)])

    def test_tuple_comparison_as_the_extractor_writes_it(self) -> None:
        sql = ("SELECT [id] FROM [dbo].[t] WHERE [at] >= CAST(N'2024-01-02T00:00:00.0000000' AS datetime2(7)) AND ([at] > CAST(N'2024-01-02' AS datetime2(7)) "
               "OR ([at] = CAST(N'2024-01-02' AS datetime2(7)) AND ([id] > CAST(2 AS int)))) AND [at] <= CAST(N'2024-05-01' AS datetime2(7)) ORDER BY [at], [id]")
        self.assertEqual(self.rows(sql), [(3,)])

    def test_texts_compare_without_case_and_trailing_blanks(self) -> None:
        self.assertEqual(self.rows("SELECT id FROM dbo.t WHERE name = N'ANN'"), [(2,)])
        self.assertEqual(self.rows("SELECT id FROM dbo.t WHERE name = N'ANN' COLLATE Latin1_General_CS_AS"), [])
        self.assertEqual(self.rows("SELECT id FROM dbo.t WHERE name LIKE N'z%'"), [(1,)])

    def test_types_of_expressions(self) -> None:
        self.assertEqual(self.types("SELECT 1, 2147483648, 1.50, N'ab', 'ab', 0xAB, price * 2, COUNT(*) FROM dbo.t GROUP BY price"),
                         ["int", "numeric(10,0)", "numeric(3,2)", "nvarchar(2)", "varchar(2)", "varbinary(1)", "decimal(12,2)", "int"])
        self.assertEqual(self.rows("SELECT 7 / 2, 7 % 2, -7 / 2, 7 / 2.0, CAST(10.50 AS decimal(10,2)) + 1"), [(3, 1, -3, 3500000, 1150)])

    def test_aggregates(self) -> None:
        self.assertEqual(self.rows("SELECT COUNT(*), COUNT(price), SUM(price), MIN(at), MAX(name) FROM dbo.t"),
                         [(3, 2, 750, convert("2024-01-01T10:00:00.1234567", values.SYSNAME, values.make("datetime2", [7])), "Zoë")])
        self.assertEqual(self.rows("SELECT at, COUNT_BIG(*) FROM dbo.t GROUP BY at HAVING COUNT(*) > 1")[0][1], 2)
        self.refused(8120, "SELECT id, COUNT(*) FROM dbo.t GROUP BY at")

    def test_joins_subqueries_and_common_tables(self) -> None:
        self.assertEqual(self.rows("SELECT a.id, b.id FROM dbo.t a LEFT JOIN dbo.t b ON b.id = a.id + 1 ORDER BY a.id"), [(1, 2), (2, 3), (3, None)])
        self.assertEqual(self.rows("WITH x AS (SELECT id FROM dbo.t WHERE id > 1) SELECT MAX(id) FROM x"), [(3,)])
        self.assertEqual(self.rows("SELECT id FROM dbo.t WHERE id IN (SELECT id FROM dbo.t WHERE price IS NULL)"), [(2,)])
        self.assertEqual(self.rows("SELECT (SELECT COUNT(*) FROM dbo.t) AS n UNION ALL SELECT 9 ORDER BY n DESC"), [(9,), (3,)])
        self.refused(209, "SELECT id FROM dbo.t a JOIN dbo.t b ON a.id = b.id")

    def test_parameters_and_variables(self) -> None:
        self.assertEqual(self.rows("SELECT id FROM dbo.t WHERE id > @p ORDER BY id", [Param("@p", values.INT, 1)]), [(2,), (3,)])
        self.assertEqual(self.rows("DECLARE @a int = 2; SELECT @a = @a + 1; SELECT @a, @@ROWCOUNT"), [(3, 1)])
        self.refused(137, "SELECT @nothing")

    def test_sp_executesql(self) -> None:
        self.assertEqual(self.rows("EXEC sp_executesql N'SELECT id FROM dbo.t WHERE (@c IS NULL OR id > @c) ORDER BY id', N'@c int, @u int', @c = NULL, @u = 3"),
                         [(1,), (2,), (3,)])
        self.refused(8178, "EXEC sp_executesql N'SELECT @a', N'@a int'")
        columns, rows, _ = self.run_sql("EXEC sp_describe_first_result_set @tsql = N'SELECT id, price FROM dbo.t WHERE id > @c', @params = N'@c nvarchar(4000)'")
        names = [c.name for c in columns]
        self.assertEqual([(r[names.index("name")], r[names.index("system_type_name")]) for r in rows], [("id", "int"), ("price", "decimal(10,2)")])

    def test_what_is_not_known_is_an_error(self) -> None:
        self.refused(208, "SELECT 1 FROM dbo.nothing")
        self.refused(207, "SELECT nothing FROM dbo.t")
        self.refused(102, "SELECT 1 +")
        self.refused(156, "SELECT FROM dbo.t")
        self.refused(195, "SELECT NO_SUCH_FUNCTION(1)")
        self.refused(2812, "EXEC sp_nothing")
        self.refused(245, "SELECT CAST(N'x' AS int)")
        self.refused(241, "SELECT CAST(N'x' AS date)")
        self.refused(8134, "SELECT 1 / 0")
        self.refused(220, "SELECT CAST(300 AS tinyint)")
        self.refused(105, "SELECT 'open")

    def test_clock(self) -> None:
        self.assertEqual(self.value("SELECT SYSUTCDATETIME()"), self.server.now)
        self.assertEqual(self.value("SELECT DATEDIFF(day, '2024-04-30', SYSUTCDATETIME())"), 1)
        self.assertEqual(self.value("SELECT CONVERT(nvarchar(30), DATEADD(month, 1, CAST('2024-01-31' AS date)))"), "2024-02-29")

    def test_histogram(self) -> None:
        self.run_sql("CREATE TABLE dbo.steps (id int NOT NULL PRIMARY KEY, price decimal(9,2) NULL); CREATE INDEX by_price ON dbo.steps (price)")
        for i in range(1, 401):
            self.run_sql(f"INSERT INTO dbo.steps VALUES ({i}, {'NULL' if i > 300 else i % 3})")
        asked = "FROM sys.dm_db_stats_histogram(OBJECT_ID(N'dbo.steps'), {}) AS h ORDER BY h.step_number"
        steps = self.rows("SELECT CONVERT(int, h.range_high_key), h.range_rows + h.equal_rows " + asked.format(1))
        self.assertEqual((steps[0], sum(n for _, n in steps), steps[-1][0]), ((1, 1.0), 400.0, 400))
        self.assertLessEqual(len(steps), 200)
        self.assertEqual(self.rows("SELECT CONVERT(decimal(9,2), h.range_high_key), h.equal_rows " + asked.format(2)), [(None, 100.0), (0, 100.0), (100, 100.0), (200, 100.0)])
        self.assertEqual(self.rows("SELECT h.stats_id " + asked.format(7)), [])
        self.refused(313, "SELECT * FROM sys.dm_db_stats_histogram(1)")
