"""CAST, CONVERT, arithmetic and functions: values, types and errors as SQL Server has them."""
from __future__ import annotations

from sql.values import declared as written

from .base import SqlTest


class Conversions(SqlTest):
    def check(self, cases: list[tuple]) -> None:
        for expression, declared, wanted in cases:
            with self.subTest(expression):
                columns, rows, _ = self.run_sql(f"SELECT {expression}")
                self.assertEqual((written(columns[0].type), rows[0][0]), (declared, wanted))

    def test_to_text(self) -> None:
        at = "CAST('2024-05-01T09:05:07.123' AS datetime)"
        fine = "CAST('2024-05-01T09:05:07.1234567' AS datetime2(7))"
        self.check([(f"CAST({at} AS varchar(30))", "varchar(30)", "May  1 2024  9:05AM"),
                   (f"CONVERT(varchar(30), {at}, 121)", "varchar(30)", "2024-05-01 09:05:07.123"),
                    (f"CONVERT(varchar(30), {at}, 126)", "varchar(30)", "2024-05-01T09:05:07.123"),
                    (f"CONVERT(varchar(8), {at}, 112)", "varchar(8)", "20240501"),
                    (f"CAST({fine} AS nvarchar(40))", "nvarchar(40)", "2024-05-01 09:05:07.1234567"),
                    (f"CONVERT(varchar(30), {at}, 103)", "varchar(30)", "01/05/2024"),
                    (f"CONVERT(varchar(40), {fine}, 126)", "varchar(40)", "2024-05-01T09:05:07.1234567"),
                    ("CAST(CAST('2024-05-01T10:00:00+02:00' AS datetimeoffset(0)) AS varchar(40))", "varchar(40)", "2024-05-01 10:00:00 +02:00"),
                    ("CONVERT(varchar(40), CAST('2024-05-01T10:00:00+02:00' AS datetimeoffset(0)), 127)", "varchar(40)", "2024-05-01T08:00:00Z"),
                    ("CAST(1e10 AS varchar(20))", "varchar(20)", "1e+010"), ("CAST(CAST(1234.5678 AS money) AS varchar(20))", "varchar(20)", "1234.57"),
                    ("CONVERT(varchar(20), CAST(1234.5678 AS money), 1)", "varchar(20)", "1,234.57"), ("CAST(12345 AS varchar(3))", "varchar(3)", "*"),
                    ("CONVERT(varchar(10), 0x0AFF, 1)", "varchar(10)", "0x0AFF"), ("CAST(0x410042 AS nvarchar(3))", "nvarchar(3)", "AB"),
                    ("CAST(N'日本é' AS varchar(10))", "varchar(10)", "??é"), ("'日'", "varchar(1)", "?"), ("CAST('ab' AS char(4))", "char(4)", "ab  ")])
        self.refused(281, f"SELECT CONVERT(varchar(30), {at}, 77)")
        self.refused(8115, "SELECT CAST(12345 AS nvarchar(3))")
        self.refused(8170, "SELECT CAST(NEWID() AS varchar(10))")

    def test_from_text(self) -> None:
        self.check([("CAST('20240229' AS date)", "date", 738944), ("CAST(' 12 ' AS int)", "int", 12), ("CAST('' AS int)", "int", 0),
                    ("CAST('$1,234.5' AS money)", "money", 12345000), ("CAST('true' AS bit)", "bit", 1), ("CAST('1e3' AS float)", "float", 1000.0),
                    ("CONVERT(varbinary(4), '0x0102', 1)", "varbinary(4)", b"\1\2"), ("CONVERT(varbinary(4), '0102', 2)", "varbinary(4)", b"\1\2"),
                    ("CONVERT(date, '29/02/2024', 103)", "date", 738944), ("CAST('9:05 PM' AS time(0))", "time(0)", 759_000_000_000)])
        for number, expression in ((245, "CAST('1.5' AS int)"), (245, "CAST('1_0' AS int)"), (248, "CAST('3000000000' AS int)"),
                                   (244, "CAST('300' AS tinyint)"),
                                   (8114, "CAST('1e5' AS decimal(9,2))"), (8114, "CAST('' AS decimal(9,2))"), (8114, "CAST('NaN' AS float)"),
                                   (8115, "CAST('1000' AS decimal(3,0))"), (241, "CAST('2023-02-29' AS date)"), (241, "CAST('10:61' AS time)"),
                                   (241, "CAST('2024-05-01T10:00:00.1234567' AS datetime)"), (242, "CAST('1752-12-31' AS datetime)"),
                                   (8169, "CAST('not one' AS uniqueidentifier)"), (235, "CAST('x' AS money)"), (8114, "CONVERT(varbinary(4), '0102', 1)")):
            with self.subTest(expression):
                self.refused(number, f"SELECT {expression}")
                self.assertIsNone(self.value(f"SELECT TRY_{expression}"))

    def test_numbers_and_bytes(self) -> None:
        self.check([("CAST(-1.9 AS int)", "int", -1), ("CAST(0xFFFFFFFF AS int)", "int", -1), ("CAST(258 AS binary(4))", "binary(4)", b"\0\0\1\2"),
                    ("CAST(0.1 AS real)", "real", 0.10000000149011612), ("CAST(1 AS datetime)", "datetime", 25_920_000),
                    ("CAST(GETDATE() AS float)", "float", 45411.5),
                    ("CAST(0x000000000000000A AS bigint)", "bigint", 10), ("CAST(2.5 AS decimal(3,0))", "decimal(3,0)", 3)])
        for number, expression in ((220, "CAST(256 AS tinyint)"), (8115, "CAST(3e9 AS int)"), (8115, "CAST(2147483647 AS int) + 1"), (8134, "1e0 / 0e0"),
                                   (529, "CAST(0x01 AS float)"), (206, "CAST(CAST('10:00' AS time) AS date)"), (242, "CAST(3000000 AS datetime)"),
                                   (8115, "CAST(1e39 AS real)"), (529, "CAST(GETDATE() AS binary(8))")):
            with self.subTest(expression):
                self.refused(number, f"SELECT {expression}")

    def test_arithmetic(self) -> None:
        self.check([("-7 / 2", "int", -3), ("-7 % 3", "int", -1), ("CAST(1 AS money) / 3", "money", 3333), ("1.5 * 2", "decimal(4,1)", 30),
                    ("-CAST(1.5 AS decimal(5,2))", "decimal(5,2)", -150), ("N'a' + 'b'", "nvarchar(2)", "ab"), ("'1' + 1", "int", 2), ("6 & 3", "int", 2),
                    ("6 ^ 3", "int", 5), ("5 | 2", "int", 7), ("CAST('9999999999999999999999999999.99' AS decimal(38,2)) + 0.01", "decimal(38,2)", 10 ** 30)])

    def test_functions(self) -> None:
        self.check([("LEN(N'😀a ')", "int", 3), ("DATALENGTH(N'😀')", "int", 4), ("SUBSTRING(N'a😀b', 4, 1)", "nvarchar(1)", "b"),
                    ("CHARINDEX('B', 'abc')", "int", 2),
                    ("CONCAT('a', NULL, N'b')", "nvarchar(14)", "ab"), ("STUFF('abc', 2, 1, 'zz')", "varchar(8000)", "azzc"),
                    ("RIGHT('abc', 2)", "varchar(3)", "bc"),
                    ("UPPER(N'straße')", "nvarchar(6)", "STRAßE"), ("ROUND(2.345, 2)", "numeric(4,3)", 2350), ("FLOOR(-1.5)", "numeric(2,0)", -2),
                    ("ABS(-5)", "int", 5), ("SIGN(-2)", "int", -1), ("REPLICATE('ab', 2)", "varchar(8000)", "abab"), ("CHOOSE(2, 'a', 'b')", "varchar(1)", "b"),
                    ("DATEDIFF(week, '2024-05-04', '2024-05-05')", "int", 1), ("DATEPART(weekday, '2024-05-05')", "int", 1),
                    ("DATENAME(month, '2024-05-05')", "nvarchar(30)", "May"),
                    ("DATEDIFF(day, '2023-12-31T23:59:59', '2024-01-01')", "int", 1),
                    ("EOMONTH('2024-02-03')", "date", 738944), ("ISNULL(NULL, 'abc')", "varchar(3)", "abc"),
                    ("DATALENGTH(CAST(1 AS decimal(19,0)))", "int", 9)])
        self.assertEqual(self.value("SELECT CONVERT(varchar(40), DATEADD(month, 1, CAST('2024-01-31T00:30:00+02:00' AS datetimeoffset(0))))"),
                         "2024-02-29 00:30:00 +02:00")
        self.assertEqual(self.value("SELECT CONVERT(varchar(40), SWITCHOFFSET(CAST('2024-01-31T00:30:00+02:00' AS datetimeoffset(0)), '-05:00'))"),
                         "2024-01-30 17:30:00 -05:00")
        self.refused(517, "SELECT DATEADD(year, 9000, GETDATE())")
        self.refused(535, "SELECT DATEDIFF(ms, '1900-01-01', '2024-01-01')")
        self.refused(537, "SELECT LEFT('a', -1)")
        self.refused(174, "SELECT LEN('a', 'b')")
