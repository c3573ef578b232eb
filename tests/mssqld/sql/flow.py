"""IF, WHILE, BEGIN ... END, RETURN, RAISERROR and THROW: how they are parsed, and how they run."""
from __future__ import annotations

import re
from typing import Any, Iterator

from contract import Done, Event, Info, SqlError

from . import values
from .ast import Statement
from .convert import convert
from .scope import Scope

TEXT_MAX = values.make("nvarchar", [-1])


class Leave(Exception):
    """BREAK, CONTINUE or RETURN on its way out."""

    def __init__(self, kind: str):
        super().__init__(kind)
        self.kind = kind


class Flow:
    """Methods of the parser."""
    accept: Any
    expect: Any
    statement: Any
    condition: Any

    def block(self, line: int) -> Statement:
        """After BEGIN."""
        inner = []
        while not self.accept("END"):
            while self.accept_op(";"):
                pass
            if self.accept("END"):
                break
            if self.now.kind == "end" or self.now.text in ("TRY", "CATCH"):
                raise self.syntax()
            inner.append(self.statement())
        if not inner:
            raise self.syntax()
        return Statement("block", line, {"statements": inner})

    def _s_if(self, line: int) -> Statement:
        condition, then = self.condition(), self._inner()
        at = self.at
        while self.accept_op(";"):
            pass
        if not self.accept("ELSE"):
            self.at = at
            return Statement("if", line, {"condition": condition, "then": then, "otherwise": None})
        return Statement("if", line, {"condition": condition, "then": then, "otherwise": self._inner()})

    def _inner(self) -> Any:
        if self.now.kind == "end":
            raise self.syntax()
        return self.statement()

    def _s_while(self, line: int) -> Statement:
        return Statement("while", line, {"condition": self.condition(), "then": self._inner()})

    def _s_break(self, line: int) -> Statement:
        return Statement("leave", line, {"kind": "break"})

    def _s_continue(self, line: int) -> Statement:
        return Statement("leave", line, {"kind": "continue"})

    def _s_return(self, line: int) -> Statement:
        return Statement("leave", line, {"kind": "return"})

    def _s_raiserror(self, line: int) -> Statement:
        self.expect_op("(")
        args = [self.expression()]
        while self.accept_op(","):
            args.append(self.expression())
        self.expect_op(")")
        if len(args) < 3:
            raise self.syntax()
        if self.accept("WITH") and not self.accept("NOWAIT"):
            raise self.syntax()
        return Statement("raiserror", line, {"args": args})

    def _s_throw(self, line: int) -> Statement:
        args = [self.expression()]
        for _ in range(2):
            self.expect_op(",")
            args.append(self.expression())
        return Statement("throw", line, {"args": args})


class Running:
    """Methods of a session."""
    compiler: Any
    execute: Any
    evaluate: Any
    guarded: Any

    def holds(self, condition: Any) -> bool:
        compiler = self.compiler()
        sql = compiler.condition(condition, Scope([]))
        return bool(self.execute(f"SELECT {sql}", compiler.bound).fetchone()[0])

    def do_block(self, s: Statement) -> Iterator[Event]:
        for inner in s.args["statements"]:
            yield from self.guarded(inner)

    def do_if(self, s: Statement) -> Iterator[Event]:
        chosen = s.args["then"] if self.holds(s.args["condition"]) else s.args["otherwise"]
        if chosen:
            yield from self.guarded(chosen)

    def do_while(self, s: Statement) -> Iterator[Event]:
        while self.holds(s.args["condition"]):
            if self.cancelled:
                raise SqlError(0, "cancelled")
            try:
                yield from self.guarded(s.args["then"])
            except Leave as e:
                if e.kind == "return":
                    raise
                if e.kind == "break":
                    return

    def do_leave(self, s: Statement) -> Iterator[Event]:
        yield Done(None, 0)
        raise Leave(s.args["kind"])

    def do_raiserror(self, s: Statement) -> Iterator[Event]:
        text, severity, state, *rest = (self.evaluate(n) for n in s.args["args"])
        shown = [convert(e.value, e.type, TEXT_MAX) for e in rest]
        message = re.sub(r"%[sdiu]", lambda m: str(shown.pop(0)) if shown else "(null)", convert(text.value, text.type, TEXT_MAX) or "")
        if severity.value <= 10:
            yield Info(50000, message, severity.value, state.value)
            yield Done(None, 0)
        else:
            raise SqlError(50000, message, severity.value, state.value, s.line)

    def do_throw(self, s: Statement) -> Iterator[Event]:
        number, text, state = (self.evaluate(n) for n in s.args["args"])
        if number.value < 50000:
            raise SqlError(35100, f"Error number {number.value} in the THROW statement is outside the valid range.", 16, 10, s.line)
        yield Done(None, 0)
        raise SqlError(number.value, convert(text.value, text.type, TEXT_MAX) or "", 16, state.value, s.line)
