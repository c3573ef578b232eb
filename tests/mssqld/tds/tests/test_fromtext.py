"""Values from texts, and back to texts."""
from __future__ import annotations

import unittest

from contract import Type
from tds import clock, fromtext, textform

BACK = [
    (Type("int"), "5", 5), (Type("bit"), "1", 1), (Type("decimal", precision=9, scale=2), "-12.50", "-12.50"),
    (Type("decimal", precision=38, scale=10), "-1234567890123456789012345678.0123456789", "-1234567890123456789012345678.0123456789"),
    (Type("money"), "1.23455", "1.2346"), (Type("float"), "1.5", 1.5), (Type("date"), "2024-02-29", "2024-02-29"),
    (Type("time", scale=7), "10:11:12.1234567", "10:11:12.1234567"), (Type("time", scale=0), "10:11:12.5", "10:11:13"),
    (Type("datetime2", scale=7), "2024-05-01T10:11:12.1234567", "2024-05-01T10:11:12.1234567"),
    (Type("datetime2", scale=3), "2024-05-01 10:11:12.9996", "2024-05-01T10:11:13.000"),
    (Type("datetime"), "2024-05-01T10:00:00.767", "2024-05-01T10:00:00.767"), (Type("datetime"), "1753-01-01", "1753-01-01T00:00:00.000"),
    (Type("smalldatetime"), "2024-05-01T10:00:30", "2024-05-01T10:01:00"),
    (Type("datetimeoffset", scale=0), "2024-05-01T10:00:00+05:30", "2024-05-01T10:00:00+05:30"),
    (Type("datetimeoffset", scale=1), "2024-05-01T10:00:00.5-02:00", "2024-05-01T10:00:00.5-02:00"),
    (Type("char", 4), "ab", "ab  "), (Type("nchar", 8), "Ł", "Ł   "), (Type("binary", 3), "0x01", "0x010000"), (Type("varbinary", 9), "CAFE", "0xCAFE"),
    (Type("uniqueidentifier"), "00112233-4455-6677-8899-aabbccddeeff", "00112233-4455-6677-8899-AABBCCDDEEFF"), (Type("sql_variant"), 7, 7),
    (Type("nvarchar", 40), "日本", "日本"), (Type("nvarchar", 40), None, None),
]


class Texts(unittest.TestCase):
    def test_there_and_back(self) -> None:
        for t, value, wanted in BACK:
            self.assertEqual(textform.text(t, fromtext.parser(t)(value)), wanted, t)

    def test_what_is_no_value(self) -> None:
        for name, value in (("int", "x"), ("bit", "2"), ("float", "nan"), ("date", "2024-02-30"), ("datetime2", "noon"), ("uniqueidentifier", "x")):
            with self.assertRaises((ValueError, ArithmeticError), msg=name):
                fromtext.parser(Type(name))(value)
        with self.assertRaises(ValueError):
            fromtext.parser(Type("hierarchyid"))

    def test_clock(self) -> None:
        self.assertEqual(clock.ticks("0001-01-01T00:00:00.0000001"), 1)
        self.assertEqual(clock.moment(clock.ticks("9999-12-31 23:59:59.9999999"), 7), "9999-12-31T23:59:59.9999999")
        for wrong in ("", "2024-5-1", "2024-05-01T24:00", "2024-05-01T10:00:00.12345678", "now"):
            with self.assertRaises(ValueError):
                clock.ticks(wrong)


if __name__ == "__main__":
    unittest.main()
