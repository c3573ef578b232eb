"""A place in the tokens of a batch, and the errors that belong to it."""
from __future__ import annotations

from contract import MAX, SqlError, Type

from . import values
from .lexer import Token, tokens


class Cursor:
    def __init__(self, sql: str):
        self.sql = sql
        self.tokens = tokens(sql)
        self.at = 0

    @property
    def now(self) -> Token:
        return self.tokens[self.at]

    def peek(self, n: int = 1) -> Token:
        return self.tokens[min(self.at + n, len(self.tokens) - 1)]

    def syntax(self) -> SqlError:
        t = self.now
        if t.kind == "word" and t.text in RESERVED:
            return SqlError(156, f"Incorrect syntax near the keyword '{t.raw}'.", 15, line=t.line)
        return SqlError(102, f"Incorrect syntax near '{t.raw or 'end of statement'}'.", 15, line=t.line)

    def take(self) -> Token:
        t = self.now
        self.at += t.kind != "end"
        return t

    def is_word(self, *words: str) -> bool:
        """Do these words come next, in this order?"""
        return all(self.peek(i).kind == "word" and self.peek(i).text == w for i, w in enumerate(words))

    def is_op(self, op: str) -> bool:
        return self.now.kind == "op" and self.now.raw == op

    def accept(self, *words: str) -> bool:
        if not self.is_word(*words):
            return False
        self.at += len(words)
        return True

    def accept_op(self, op: str) -> bool:
        if not self.is_op(op):
            return False
        self.at += 1
        return True

    def expect(self, *words: str) -> None:
        if not self.accept(*words):
            raise self.syntax()

    def expect_op(self, op: str) -> None:
        if not self.accept_op(op):
            raise self.syntax()

    def name(self) -> str:
        t = self.now
        if t.kind == "name" or (t.kind == "word" and t.text not in RESERVED):
            return self.take().raw
        raise self.syntax()

    def names(self) -> list[str]:
        """a.b.c; an empty part (db..table) is ""."""
        parts = [self.name()]
        while self.accept_op("."):
            parts.append("" if self.is_op(".") else self.name())
        return parts

    def number(self) -> int:
        negative = self.accept_op("-")
        t = self.take()
        if t.kind != "number" or not t.raw.isdigit():
            self.at -= 1
            raise self.syntax()
        return -int(t.raw) if negative else int(t.raw)

    def bracketed_names(self) -> list[str]:
        self.expect_op("(")
        found = [self.name()]
        while self.accept_op(","):
            found.append(self.name())
        self.expect_op(")")
        return found

    def type(self, text_length: int = 1) -> Type:
        """text_length: of char, varchar and the like without one."""
        line = self.now.line
        parts = self.names()
        if self.accept("VARYING"):
            parts[-1] = "var" + parts[-1]
        if parts[-1].lower() == "double":
            self.expect("PRECISION")
            parts[-1] = "float"
        args: list[int] = []
        if self.accept_op("("):
            args.append(MAX if self.accept("MAX") else self.number())
            while self.accept_op(","):
                args.append(self.number())
            self.expect_op(")")
        if not args and parts[-1].lower() in ("char", "varchar", "nchar", "nvarchar", "binary", "varbinary"):
            args = [text_length]
        return values.make(parts[-1], args, line=line)


RESERVED = set("""ADD ALL ALTER AND ANY AS ASC BEGIN BETWEEN BY CASE CHECK CLUSTERED COLLATE COLUMN COMMIT CONSTRAINT CONVERT CREATE CROSS CURRENT_TIMESTAMP
DECLARE DEFAULT DELETE DESC DISTINCT DROP ELSE END ESCAPE EXCEPT EXEC EXECUTE EXISTS FETCH FOR FOREIGN FROM FULL FUNCTION GROUP HAVING IDENTITY IF IN INDEX
INNER INSERT INTERSECT INTO IS JOIN KEY LEFT LIKE NONCLUSTERED NOT NULL NULLIF COALESCE OF ON OR ORDER OUTER OVER PERCENT PRIMARY PRINT PROCEDURE REFERENCES
BREAK CONTINUE RETURN RIGHT ROLLBACK SAVE SELECT SET TABLE THEN TO TOP TRAN TRANSACTION TRIGGER TRUNCATE UNION UNIQUE UPDATE USE VALUES VIEW WAITFOR WHEN WHERE WHILE
WITH""".split())
