"""A server in a temporary folder, and a session that is asked for rows, counts and errors."""
from __future__ import annotations

import tempfile
import unittest

from contract import Columns, Done, Param, Rows, SqlError
from sql.server import open_server
from tds import clock

NOW = clock.ticks("2024-05-01T12:00:00")


class SqlTest(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.server = open_server(self.folder.name, "shop", NOW)
        self.session = self.server.login("shop", "etl", "host", "test")
        self.addCleanup(self.folder.cleanup)
        self.addCleanup(self.session.close)

    def run_sql(self, sql: str, params: list[Param] = (), session=None) -> tuple[list, list, list]:
        """Columns and rows of the last result; the counts of all statements."""
        columns, rows, counts = [], [], []
        for event in (session or self.session).run(sql, list(params)):
            if isinstance(event, Columns):
                columns, rows = event.columns, []
            elif isinstance(event, Rows):
                rows += event.rows
            elif isinstance(event, Done):
                counts.append(event.count)
        return columns, rows, counts

    def rows(self, sql: str, params: list[Param] = (), session=None) -> list:
        return self.run_sql(sql, params, session)[1]

    def value(self, sql: str):
        return self.rows(sql)[0][0]

    def types(self, sql: str) -> list[str]:
        from sql.values import declared
        return [declared(c.type) for c in self.run_sql(sql)[0]]

    def refused(self, number: int, sql: str, session=None) -> str:
        with self.assertRaises(SqlError) as caught:
            self.run_sql(sql, session=session)
        self.assertEqual(caught.exception.number, number, caught.exception.message)
        return caught.exception.message
