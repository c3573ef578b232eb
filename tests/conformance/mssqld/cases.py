"""Values of every type: how T-SQL writes them, and how each client shows them.

python: what python3-tds gives.  js: what tedious gives, as JSON (a date as toISOString(), bytes as hex).  bcp: what freebcp -c writes.
None: that client cannot show the type."""
from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from decimal import Decimal
from typing import Any


@dataclasses.dataclass
class Case:
    declaration: str
    literal: str
    python: Any
    js: Any
    bcp: str | None


def zone(minutes: int) -> dt.timezone:
    return dt.timezone(dt.timedelta(minutes=minutes))


LONG = "ab" * 5000
CASES = [
    Case("bit", "1", True, True, "1"),
    Case("tinyint", "255", 255, 255, "255"),
    Case("smallint", "-32768", -32768, -32768, "-32768"),
    Case("int", "-2147483648", -2147483648, -2147483648, "-2147483648"),
    Case("bigint", "9223372036854775807", 9223372036854775807, "9223372036854775807", "9223372036854775807"),
    Case("decimal(9,2)", "-1234567.89", Decimal("-1234567.89"), -1234567.89, "-1234567.89"),
    Case("numeric(19,4)", "123456789012345.6789", Decimal("123456789012345.6789"), 123456789012345.6789, "123456789012345.6789"),
    Case("decimal(28,0)", "1000000000000000000000000000", Decimal(10) ** 27, 1e27, "1" + "0" * 27),
    Case("decimal(38,10)", "-1234567890123456789012345678.0123456789", Decimal("-1234567890123456789012345678.0123456789"), None,
         "-1234567890123456789012345678.0123456789"),
    Case("money", "-922337203685477.5808", Decimal("-922337203685477.5808"), -922337203685477.5808, None),
    Case("smallmoney", "214748.3647", Decimal("214748.3647"), 214748.3647, None),
    Case("float", "-1.5E10", -1.5e10, -1.5e10, "-15000000000"),
    Case("real", "0.25E0", 0.25, 0.25, "0.25"),
    Case("date", "'0001-01-01'", dt.date(1, 1, 1), "0001-01-01T00:00:00.000Z", None),
    Case("date", "'9999-12-31'", dt.date(9999, 12, 31), "9999-12-31T00:00:00.000Z", "9999-12-31 00:00:00.000"),
    Case("time(0)", "'23:59:59'", dt.time(23, 59, 59), "1970-01-01T23:59:59.000Z", "1900-01-01 23:59:59.000"),
    Case("time(7)", "'10:11:12.1234567'", dt.time(10, 11, 12, 123456), "1970-01-01T10:11:12.123Z", "1900-01-01 10:11:12.123"),
    Case("datetime", "'2024-05-01T10:00:00.767'", dt.datetime(2024, 5, 1, 10, 0, 0, 767_000), "2024-05-01T10:00:00.767Z",
         "2024-05-01 10:00:00.767"),
    Case("datetime", "'1753-01-01T00:00:00'", dt.datetime(1753, 1, 1), "1753-01-01T00:00:00.000Z", "1753-01-01 00:00:00.000"),
    Case("smalldatetime", "'2079-06-06T23:59:00'", dt.datetime(2079, 6, 6, 23, 59), "2079-06-06T23:59:00.000Z", "2079-06-06 23:59:00.000"),
    Case("datetime2(0)", "'1969-12-31T23:59:59'", dt.datetime(1969, 12, 31, 23, 59, 59), "1969-12-31T23:59:59.000Z",
         "1969-12-31 23:59:59.000"),
    Case("datetime2(7)", "'2024-05-01T10:11:12.1234567'", dt.datetime(2024, 5, 1, 10, 11, 12, 123456), "2024-05-01T10:11:12.123Z",
         "2024-05-01 10:11:12.123"),
    Case("datetimeoffset(7)", "'2024-05-01T10:11:12.1234567+05:30'", dt.datetime(2024, 5, 1, 10, 11, 12, 123456, zone(330)),
         "2024-05-01T04:41:12.123Z", "2024-05-01 10:11:12.123"),
    Case("datetimeoffset(0)", "'2024-05-01T10:11:12-02:00'", dt.datetime(2024, 5, 1, 10, 11, 12, 0, zone(-120)), "2024-05-01T12:11:12.000Z",
         "2024-05-01 10:11:12.000"),
    Case("char(5)", "'ab'", "ab   ", "ab   ", "ab   "),
    Case("varchar(50)", "'café €'", "café €", "café €", "café €"),
    Case("varchar(50)", "''", "", "", None),
    Case("varchar(max)", f"'{LONG}'", LONG, LONG, None),
    Case("nchar(4)", "N'Ł'", "Ł   ", "Ł   ", "Ł   "),
    Case("nvarchar(50)", "N'日本 😀'", "日本 😀", "日本 😀", "日本 😀"),
    Case("nvarchar(max)", "N'Ж '", "Ж ", "Ж ", "Ж "),
    Case("nvarchar(max)", "N''", "", "", None),
    Case("text", "'old'", "old", "old", "old"),
    Case("ntext", "N'Ω'", "Ω", "Ω", "Ω"),
    Case("image", "0xCAFE", b"\xca\xfe", "cafe", "cafe"),
    Case("xml", "N'<a>ü</a>'", "<a>ü</a>", "<a>ü</a>", "<a>ü</a>"),
    Case("binary(4)", "0x0102", b"\1\2\0\0", "01020000", "01020000"),
    Case("varbinary(10)", "0x00FF", b"\0\xff", "00ff", "00ff"),
    Case("varbinary(10)", "0x", b"", "", None),
    Case("varbinary(max)", "0xDEADBEEF", b"\xde\xad\xbe\xef", "deadbeef", "deadbeef"),
    Case("uniqueidentifier", "'00112233-4455-6677-8899-AABBCCDDEEFF'", uuid.UUID("00112233-4455-6677-8899-AABBCCDDEEFF"),
         "00112233-4455-6677-8899-AABBCCDDEEFF", "00112233-4455-6677-8899-AABBCCDDEEFF"),
    Case("sql_variant", "CAST(42 AS int)", 42, 42, None),
    Case("sql_variant", "N'hé'", "hé", "hé", None),
    Case("sql_variant", "CAST(-1.25 AS decimal(9,2))", Decimal("-1.25"), -1.25, None),
]


def statements(cases: list[Case], table: str = "dbo.conf_types") -> list[str]:
    """Row 1 has the values, row 2 is NULL, and nc.. repeat the values in columns that are never NULL."""
    columns = ", ".join(f"c{i} {c.declaration} NULL" for i, c in enumerate(cases))
    never = ", ".join(f"nc{i} {c.declaration} NOT NULL" for i, c in enumerate(cases))
    values = ", ".join(c.literal for c in cases)
    nulls = ", ".join("NULL" for _ in cases)
    return [f"DROP TABLE IF EXISTS {table}", f"CREATE TABLE {table} (id int NOT NULL PRIMARY KEY, {columns}, {never})",
            f"INSERT INTO {table} VALUES (1, {values}, {values})", f"INSERT INTO {table} VALUES (2, {nulls}, {values})"]


def rows_sql(cases: list[Case], prefix: str = "c", table: str = "dbo.conf_types") -> str:
    return f"SELECT {', '.join(f'{prefix}{i}' for i in range(len(cases)))} FROM {table} ORDER BY id"
