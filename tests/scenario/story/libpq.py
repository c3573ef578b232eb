"""Just enough of libpq, through ctypes, to ask a server something: text in, text out."""
from __future__ import annotations

import ctypes
import ctypes.util

CONNECTION_OK, COMMAND_OK, TUPLES_OK, EMPTY = 0, 1, 2, 0


def _load():
    name = ctypes.util.find_library("pq") or "libpq.so.5"
    lib = ctypes.CDLL(name)
    p, s, i = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    for function, result, args in (
            ("PQconnectdb", p, [s]), ("PQstatus", i, [p]), ("PQerrorMessage", s, [p]), ("PQfinish", None, [p]),
            ("PQexec", p, [p, s]), ("PQresultStatus", i, [p]), ("PQclear", None, [p]), ("PQntuples", i, [p]),
            ("PQnfields", i, [p]), ("PQgetvalue", s, [p, i, i]), ("PQgetisnull", i, [p, i, i]),
            ("PQsetNoticeProcessor", p, [p, p, p])):
        f = getattr(lib, function)
        f.restype, f.argtypes = result, args
    return lib


NOTICE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_char_p)
_quiet = NOTICE(lambda arg, text: None)


class PgError(Exception):
    """The server said no, or is not there."""


class Connection:
    """One session.  Of one thread at a time."""

    lib = None

    def __init__(self, conninfo: str):
        if Connection.lib is None:
            Connection.lib = _load()
        self.db = self.lib.PQconnectdb(conninfo.encode())
        if self.lib.PQstatus(self.db) != CONNECTION_OK:
            text = self.lib.PQerrorMessage(self.db).decode("utf-8", "replace").strip()
            self.close()
            raise PgError(text)
        self.lib.PQsetNoticeProcessor(self.db, ctypes.cast(_quiet, ctypes.c_void_p), None)

    def query(self, sql: str) -> list[list[str | None]]:
        """Runs one or more statements; the rows of the last one."""
        lib = self.lib
        result = lib.PQexec(self.db, sql.encode())
        try:
            if lib.PQresultStatus(result) not in (EMPTY, COMMAND_OK, TUPLES_OK):
                raise PgError(lib.PQerrorMessage(self.db).decode("utf-8", "replace").strip())
            return [[None if lib.PQgetisnull(result, r, c) else lib.PQgetvalue(result, r, c).decode("utf-8", "replace")
                     for c in range(lib.PQnfields(result))] for r in range(lib.PQntuples(result))]
        finally:
            lib.PQclear(result)

    def close(self) -> None:
        if self.db:
            self.lib.PQfinish(self.db)
            self.db = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
