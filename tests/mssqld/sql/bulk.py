"""`insert bulk`: rows of a bulk load, all in one transaction."""
from __future__ import annotations

from typing import Any

from contract import Column, SqlError

from .ast import Statement
from .catalog import Object
from .parse import Parser


class Bulk:
    """The rows are there with finish(), or not at all."""

    def __init__(self, session: Any, o: Object, columns: list):
        self.session, self.object, self.columns, self.count = session, o, columns, 0
        self.began = False

    def add(self, rows: list[tuple]) -> None:
        s = self.session
        if not self.began:
            s.begin()
            self.began = True
        cells = ([(c.type, v) for c, v in zip(self.columns, row)] for row in rows)
        try:
            self.count += s.changing(lambda _: s.insert_rows(self.object, self.columns, cells), Statement("insert", 1, {}))
        except BaseException:
            self.began = False
            if s.depth:
                s.rollback()
            raise

    def finish(self) -> int:
        if self.began:
            self.began = False
            self.session.commit()
        return self.count


def start(session: Any, statement: str) -> tuple[list[Column], Bulk]:
    p = Parser(statement)
    p.expect("INSERT")
    p.expect("BULK")
    o = session.table(p.names(), 1)
    p.expect_op("(")
    columns = []
    while True:
        name = p.name()
        c = o.column(name)
        if not c:
            raise SqlError(207, f"Invalid column name '{name}'.")
        columns.append(c)
        p.type()
        while p.accept("COLLATE") and p.name() or p.accept("NOT", "NULL") or p.accept("NULL"):
            pass
        if not p.accept_op(","):
            break
    p.expect_op(")")
    return [c.shown() for c in columns], Bulk(session, o, columns)
