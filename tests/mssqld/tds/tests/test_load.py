"""The loader, into tables of the real SQL side."""
from __future__ import annotations

import pathlib
import tempfile
import unittest

from sql.server import open_server
from tds import control, load

TABLE = ("CREATE TABLE dbo.t (id int NOT NULL PRIMARY KEY, name nvarchar(20) NULL, at datetime2(3) NULL, d decimal(9,2) NULL, "
         "b varbinary(9) NULL, rv rowversion NOT NULL)")
ROWS = [[1, "é", "2024-05-01T10:00:00.123", "-1.50", "0xCAFE"], [2, None, None, None, None]]


class Load(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="mssqld-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.server = open_server(folder.name, "app", None)
        self.addCleanup(self.server.close)
        self.session = self.server.admin()
        self.addCleanup(self.session.close)
        control.run_sql(self.session, TABLE)

    def file(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    def check(self, form: str, source: str, names: list[str] | None = None) -> None:
        self.assertEqual(load.load(self.server, "dbo.t", form, source, names), 2)
        self.assertEqual(control.run_sql(self.session, "SELECT id, name, at, d, b FROM dbo.t ORDER BY id")["rows"], ROWS)
        versions = control.run_sql(self.session, "SELECT rv FROM dbo.t")["rows"]
        self.assertEqual(len({v for v, in versions}), 2)

    def test_csv(self) -> None:
        self.check("csv", self.file("a.csv", "name,id,at,d,b\né,1,2024-05-01T10:00:00.1229,-1.5,CAFE\n,2,,,\n"))

    def test_json_objects(self) -> None:
        self.check("jsonl", self.file("a.jsonl", '{"id": 1, "name": "é", "at": "2024-05-01 10:00:00.123", "d": -1.5, "b": "0xCAFE"}\n\n{"id": 2}\n'))

    def test_json_arrays(self) -> None:
        source = self.file("a.jsonl", '[1, "é", "2024-05-01T10:00:00.123", "-1.50", "CAFE"]\n[2, null, null, null, null]\n')
        self.check("jsonl", source, ["id", "name", "at", "d", "b"])

    def test_a_generator(self) -> None:
        source = self.file("gen.py", "def rows(n):\n    for i in range(1, n + 1):\n        yield (i, None if i > 1 else 'é', None if i > 1 else "
                           "638501544001230000, None if i > 1 else -150, None if i > 1 else b'\\xca\\xfe')\n")
        self.check("python", f"{source}:rows:2", ["id", "name", "at", "d", "b"])

    def test_what_cannot_be_loaded(self) -> None:
        for form, source, names in (("csv", self.file("a.csv", "id,nothing\n1,2\n"), None), ("csv", self.file("b.csv", "id\nx\n"), None),
                                    ("csv", self.file("c.csv", "id\n1,2\n"), None), ("python", "nothing.py:rows", None), ("xml", "a", None)):
            with self.assertRaises(ValueError, msg=source):
                load.load(self.server, "dbo.t", form, source, names)
        self.assertEqual(control.run_sql(self.session, "SELECT COUNT(*) FROM dbo.t")["rows"], [[0]])


if __name__ == "__main__":
    unittest.main()
