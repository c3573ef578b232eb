"""A real SQL Server in place of the stand-in, when ETL_TEST_MSSQL=host:port:user:password:database names one.

Each actor gets a database of its own there, which is dropped at the end.  What only the stand-in can do (faults, a clock that stands
still, being stopped) skips the scenario.
"""
from __future__ import annotations

import os
import re
import uuid

from .errors import Skip, StoryError
from .process import Deadline


class RealMssql:
    kind = "mssqld"

    def __init__(self, name: str, init: str, options: list[str]):
        if options:
            raise Skip(f"a real SQL Server has no {options[0]}")
        import pytds  # python3-tds, needed for this alone
        self.pytds = pytds
        self.name, self.init = name, init
        self.host, self.port, self.user, self.password, self.home = os.environ["ETL_TEST_MSSQL"].split(":", 4)
        self.database = f"etl_test_{uuid.uuid4().hex[:12]}"
        self.connection = None

    def _connect(self, database: str):
        return self.pytds.connect(dsn=self.host, port=int(self.port), user=self.user, password=self.password, database=database, autocommit=True)

    def start(self, deadline: Deadline) -> None:
        deadline.rest()
        with self._connect(self.home) as c, c.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {self.database}")
        self.connection = self._connect(self.database)
        self.query(self.init)

    @property
    def attributes(self) -> dict[str, str]:
        return {"host": self.host, "port": self.port, "user": self.user, "password": self.password, "database": self.database}

    def query(self, sql: str) -> list[list[str | None]]:
        rows: list = []
        try:
            with self.connection.cursor() as cursor:
                for batch in re.split(r"^\s*GO\s*$", sql, flags=re.M | re.I):
                    if batch.strip():
                        cursor.execute(batch)
                        rows = cursor.fetchall() if cursor.description else []
        except self.pytds.Error as e:
            raise StoryError(f"{self.name}: {e}") from None
        return [[None if v is None else str(v) for v in row] for row in rows]

    def command(self, line: str) -> str:
        raise Skip(f"a real SQL Server does not do: {line}")

    def stop(self, how: str = "fast") -> None:
        raise Skip("a real SQL Server is not stopped for a test")

    def connection_text(self) -> str:
        a = self.attributes
        return (f'{self.name} = {{ plugin = "sqlserver"; host = "{a["host"]}"; port = {a["port"]}; user = "{a["user"]}"; '
                f'password = "{a["password"]}"; database = "{a["database"]}"; }};')

    def end(self) -> None:
        if self.connection:
            self.connection.close()
            with self._connect(self.home) as c, c.cursor() as cursor:
                cursor.execute(f"ALTER DATABASE {self.database} SET SINGLE_USER WITH ROLLBACK IMMEDIATE; DROP DATABASE {self.database}")

    def tail(self) -> list[str]:
        return []
