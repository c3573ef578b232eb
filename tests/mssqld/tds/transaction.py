"""Transaction manager requests: begin, commit, rollback and savepoints as messages of their own."""
from __future__ import annotations

import struct
from typing import Iterator

from contract import Done, Environment, Event, Session, SqlError

from .decode import Bytes

BEGIN, COMMIT, ROLLBACK, SAVE = 5, 7, 8, 9
LEVELS = {1: "READ UNCOMMITTED", 2: "READ COMMITTED", 3: "REPEATABLE READ", 4: "SERIALIZABLE", 5: "SNAPSHOT"}


def _name(b: Bytes) -> str:
    return b.take(b.number("B")).decode("utf-16-le", "replace")


def _identity(session: Session) -> bytes:
    """What names the transaction on the wire; the wire needs one that is not zero, and nobody looks at it twice."""
    return struct.pack("<II", session.spid, 1)


def _begin(session: Session, b: Bytes) -> Iterator[Event]:
    level = b.number("B")
    if level in LEVELS:
        for _ in session.run(f"SET TRANSACTION ISOLATION LEVEL {LEVELS[level]}", []):
            pass
    session.begin()
    yield Environment("begin", _identity(session), None)


def run(session: Session, message: bytes) -> Iterator[Event]:
    b = Bytes(message)
    kind = b.number("H")
    if kind == BEGIN:
        yield from _begin(session, b)
    elif kind in (COMMIT, ROLLBACK):
        _name(b)
        again = b.number("B") & 1
        (session.commit if kind == COMMIT else session.rollback)()
        yield Environment("commit" if kind == COMMIT else "rollback", None, _identity(session))
        if again:
            yield from _begin(session, b)
    elif kind == SAVE:
        yield from session.run(f"SAVE TRANSACTION [{_name(b).replace(']', ']]')}]", [])
    else:
        raise SqlError(3908, f"Transaction manager request {kind} is not one that this server knows.")
    yield Done(None, 0)
