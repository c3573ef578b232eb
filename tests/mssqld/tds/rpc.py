"""Remote procedure calls: reading them, and the sp_prepare family.

The family is kept here: what is prepared is a text with its declarations, and running it is a call of sp_executesql."""
from __future__ import annotations

import dataclasses
import struct
from typing import Iterator

from contract import MAX, Event, Param, ReturnStatus, Session, SqlError, Type

from . import decode
from .packets import ProtocolError

NUMBERS = {1: "sp_cursor", 2: "sp_cursoropen", 3: "sp_cursorprepare", 4: "sp_cursorexecute", 5: "sp_cursorprepexec", 6: "sp_cursorunprepare",
           7: "sp_cursorfetch", 8: "sp_cursoroption", 9: "sp_cursorclose", 10: "sp_executesql", 11: "sp_prepare", 12: "sp_execute",
           13: "sp_prepexec", 14: "sp_prepexecrpc", 15: "sp_unprepare"}
BATCH_ENDS = (0xFF, 0x80, 0xFE)
BY_REFERENCE = 0x01
TEXT = Type("nvarchar", length=MAX)


@dataclasses.dataclass
class Call:
    procedure: str
    params: list[Param]

    def __str__(self) -> str:
        """As the log and the faults see it: the statement, if there is one."""
        texts = [p.value for p in self.params if isinstance(p.value, str)]
        return f"EXEC {self.procedure} " + " | ".join(texts) if texts else f"EXEC {self.procedure}"


def without_headers(data: bytes) -> bytes:
    """ALL_HEADERS in front of a request."""
    if len(data) < 4:
        raise ProtocolError("a request without headers")
    n = struct.unpack_from("<I", data)[0]
    if not 4 <= n <= len(data):
        raise ProtocolError(f"request headers of {n} bytes")
    return data[n:]


def read_calls(data: bytes) -> list[Call]:
    b, calls = decode.Bytes(without_headers(data)), []
    while not b.at_end():
        length = b.number("H")
        if length == 0xFFFF:
            number = b.number("H")
            name = NUMBERS.get(number)
            if not name:
                raise SqlError(2812, f"Could not find stored procedure number {number}.", state=62)
        else:
            name = b.take(2 * length).decode("utf-16-le", "replace")
        b.take(2)  # options: recompile, no metadata
        params: list[Param] = []
        while not b.at_end() and b.peek() not in BATCH_ENDS:
            name_ = b.b_varchar()
            status = b.number("B")
            reader = decode.read_type(b)
            params.append(Param(name_, reader.type, reader.read(b), bool(status & BY_REFERENCE)))
        if not b.at_end():
            b.take(1)
        calls.append(Call(name.strip().lower().removeprefix("sys.").removeprefix("dbo."), params))
    return calls


class Prepared:
    """The handles of one connection."""

    def __init__(self) -> None:
        self.texts: dict[int, tuple[str, str]] = {}
        self.last = 0

    def run(self, session: Session, call: Call) -> Iterator[Event]:
        own = {"sp_prepare": self._prepare, "sp_execute": self._execute, "sp_prepexec": self._prepare_and_execute,
               "sp_unprepare": self._unprepare}.get(call.procedure)
        return own(session, call.params) if own else session.call(call.procedure, call.params)

    def effective(self, call: Call) -> Call:
        """What is run in the end; for the log and the faults."""
        if call.procedure == "sp_execute" and call.params and call.params[0].value in self.texts:
            declarations, text = self.texts[call.params[0].value]
            return self._executesql(text, declarations, call.params[1:])
        if call.procedure == "sp_prepexec" and len(call.params) >= 3:
            return self._executesql(call.params[2].value, call.params[1].value or "", call.params[3:])
        return call

    @staticmethod
    def _executesql(text: str, declarations: str, values: list[Param]) -> Call:
        head = [Param("", TEXT, text)]
        if declarations:
            head.append(Param("", TEXT, declarations))
        return Call("sp_executesql", head + values)

    def _keep(self, params: list[Param]) -> Param:
        if len(params) < 3 or not isinstance(params[2].value, str):
            raise SqlError(214, "Procedure expects parameter '@stmt' of type 'ntext/nchar/nvarchar'.", state=2)
        self.last += 1
        self.texts[self.last] = (params[1].value or "", params[2].value)
        return Param(params[0].name, Type("int"), self.last, True)

    def _text(self, handle: object) -> tuple[str, str]:
        if handle not in self.texts:
            raise SqlError(8179, f"Could not find prepared statement with handle {handle if handle is not None else 0}.", state=2)
        return self.texts[handle]

    def _prepare(self, session: Session, params: list[Param]) -> Iterator[Event]:
        yield self._keep(params)
        yield ReturnStatus(0)

    def _execute(self, session: Session, params: list[Param]) -> Iterator[Event]:
        declarations, text = self._text(params[0].value if params else None)
        yield from self._call(session, text, declarations, params[1:])

    def _prepare_and_execute(self, session: Session, params: list[Param]) -> Iterator[Event]:
        handle = self._keep(params)
        declarations, text = self.texts[handle.value]
        yield from self._call(session, text, declarations, params[3:])
        yield handle

    def _call(self, session: Session, text: str, declarations: str, values: list[Param]) -> Iterator[Event]:
        return session.call("sp_executesql", self._executesql(text, declarations, values).params)

    def _unprepare(self, session: Session, params: list[Param]) -> Iterator[Event]:
        handle = params[0].value if params else None
        self._text(handle)
        del self.texts[handle]
        yield ReturnStatus(0)
