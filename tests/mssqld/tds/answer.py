"""One answer: events of the SQL side become tokens.

A statement's DONE is held back until it is known whether more follows.  Faults that were asked for happen here, at the row or byte
they were asked for."""
from __future__ import annotations

from typing import TYPE_CHECKING, Callable

from contract import Columns, Done, Environment, Event, Info, Param, ReturnStatus, Rows, SqlError

from . import encode, tokens, typeinfo
from .packets import MessageWriter

if TYPE_CHECKING:
    from .connection import Connection
    from .faults import Fault

SLICE_ROWS = 2000  # between two looks at whether the client wants no more
ENDS_CONNECTION = 20


class Attention(Exception):
    """The client wants no more of this answer."""


class Answer:
    def __init__(self, connection: "Connection", procedure: bool, fault: "Fault | None" = None,
                 sink: Callable[[bytes], None] | None = None):
        self.connection, self.procedure, self.fault = connection, procedure, fault
        self.writer = MessageWriter(sink or connection.wire(fault), connection.packet_bytes, 0 if sink else connection.spid)
        self.held: tuple[int, int, int, int | None] | None = None
        self.status: int | None = None
        self.returned: list[Param] = []
        self.encoder: Callable[[list[tuple]], bytes] | None = None
        self.rows = 0
        self.failed = False  # an error, or an attention: not an answer to give again
        self.boundaries: list[int] = []  # payload offsets between rows

    # ---- events

    def event(self, event: Event) -> None:
        if self.connection.attention:
            raise Attention
        handler = HANDLERS.get(type(event))
        if not handler:
            raise TypeError(f"no such event: {event!r}")
        handler(self, event)

    def _columns(self, event: Columns) -> None:
        self._release()
        columns = event.columns if self.connection.takes_utf8 else [typeinfo.without_utf8(c) for c in event.columns]
        self.encoder = encode.row_encoder(columns, self.connection.session.text_size)
        self.writer.write(typeinfo.column_metadata(columns))
        if event.order:
            self.writer.write(tokens.order(event.order))
        if self.fault and self.fault.at_row(0):
            self._happen()

    def _rows(self, event: Rows) -> None:
        assert self.encoder, "rows without columns"
        rows = event.rows
        if self.connection.session.format_only:
            return
        while rows:
            n = min(len(rows), SLICE_ROWS)
            if self.fault and self.fault.rows is not None and self.rows < self.fault.rows:
                n = min(n, self.fault.rows - self.rows)
            self.writer.write(self.encoder(rows[:n] if n < len(rows) else rows))
            self.rows += n
            self.connection.listener.count(n)
            self.boundaries.append(self.writer.payload_bytes + len(self.writer.buffer))
            if self.fault and self.fault.at_row(self.rows):
                self._happen()
            if self.connection.attention:
                raise Attention
            rows = rows[n:]

    def _happen(self) -> None:
        fault, self.fault = self.fault, None
        if fault.kind == "stall":
            self.writer.flush()
            self.connection.stall(fault)
        else:
            raise fault.error

    def _done(self, event: Done) -> None:
        self._release()
        self.encoder = None
        token = tokens.DONE_IN_PROCEDURE if self.procedure else tokens.DONE
        self.held = (token, 0, event.command, event.count)

    def _info(self, event: Info) -> None:
        self._release()
        self.writer.write(tokens.info(event))

    def _environment(self, event: Environment) -> None:
        self._release()
        self.writer.write(tokens.environment(event.kind, event.new, event.old))

    def _return_status(self, event: ReturnStatus) -> None:
        if self.procedure:
            self.status = event.status
            return
        if self.held:  # a batch called a procedure
            self.held = (tokens.DONE_IN_PROCEDURE, *self.held[1:])
        self._release()
        self.writer.write(tokens.return_status(event.status))
        self.held = (tokens.DONE_PROCEDURE, 0, 0, None)

    def _param(self, event: Param) -> None:
        self.returned.append(event)

    # ---- the end of it

    def _release(self, last: bool = False) -> None:
        if self.held:
            token, status, command, count = self.held
            status |= 0 if last else tokens.MORE
            self.writer.write(tokens.done(token, status, command, count))
            self.held = None

    def error(self, e: SqlError) -> None:
        """The token, and what ends a statement that failed."""
        self.failed = True
        self._release()
        self.writer.write(tokens.error(e))
        token = tokens.DONE_IN_PROCEDURE if self.procedure else tokens.DONE
        self.held = (token, tokens.ERROR | (tokens.SERVER_ERROR if e.severity >= ENDS_CONNECTION else 0), 0, None)
        self.status = None

    def finish(self, last: bool = True) -> None:
        """last: no further call follows in this message."""
        if self.procedure:
            failed = bool(self.held and self.held[1] & tokens.ERROR)
            self._release()
            if self.status is not None:
                self.writer.write(tokens.return_status(self.status))
            for i, p in enumerate(self.returned):
                encoded = encode.value_encoder(p.type)(p.value)
                self.writer.write(tokens.return_value(i, p.name, p.type, encoded))
            self.held = (tokens.DONE_PROCEDURE, tokens.ERROR if failed else 0, 0, None)
            self.status, self.returned = None, []
        elif not self.held:
            self.held = (tokens.DONE, 0, 0, None)
        self._release(last)
        if last:
            self.writer.finish()

    def cancelled(self) -> None:
        """After an attention this message ends, and one of its own acknowledges it."""
        self.failed = True
        self.writer.write(tokens.done(tokens.DONE, tokens.ERROR))
        self.writer.finish()
        self.writer.write(tokens.done(tokens.DONE, tokens.ATTENTION))
        self.writer.finish()


HANDLERS = {Columns: Answer._columns, Rows: Answer._rows, Done: Answer._done, Info: Answer._info, Environment: Answer._environment,
            ReturnStatus: Answer._return_status, Param: Answer._param}
