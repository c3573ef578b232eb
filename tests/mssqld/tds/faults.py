"""Faults on request: what is armed, and when a query meets it.

One object for the whole server; `changed` is notified whenever something that a connection may wait for has happened."""
from __future__ import annotations

import dataclasses
import re
import threading

from contract import SqlError

CATALOG = re.compile(r"\b(sys|INFORMATION_SCHEMA)\b[\])]?\s*\.", re.I)
READS = re.compile(r"\bSELECT\b.*\bFROM\b", re.I | re.S)
LOGIN_ERRORS = {
    18456: lambda user, database: [SqlError(18456, f"Login failed for user '{user}'.", 14)],
    4060: lambda user, database: [SqlError(4060, f'Cannot open database "{database}" requested by the login. The login failed.', 11),
                                  SqlError(18456, f"Login failed for user '{user}'.", 14)],
    40613: lambda user, database: [SqlError(40613, f"Database '{database}' on server 'mssqld' is not currently available. Please retry "
                                            "the connection later.", 17)],
    10928: lambda user, database: [SqlError(10928, "Resource ID : 1. The request limit for the database is 30 and has been reached.", 16)],
    18401: lambda user, database: [SqlError(18401, f"Login failed for user '{user}'. Reason: Server is in script upgrade mode.", 14)],
}
DEADLOCK = ("Transaction (Process ID {spid}) was deadlocked on lock resources with another process and has been chosen as the deadlock "
            "victim. Rerun the transaction.")


@dataclasses.dataclass
class Fault:
    """Meets one answer: the next data query, or the next that `match` finds."""
    kind: str                      # "cut", "close", "stall", "error", "deadlock"
    match: re.Pattern | None = None
    rows: int | None = None        # stall, error: after so many rows
    bytes: int | None = None       # cut, close: after so many bytes on the wire, packet headers included
    error: SqlError | None = None
    resumed: int = 0               # stall: goes on when Faults.resumes is above this

    def meets(self, sql: str) -> bool:
        if self.match and not self.match.search(sql):
            return False
        if CATALOG.search(sql) and not (self.match and re.search("sys|INFORMATION_SCHEMA", self.match.pattern, re.I)):
            return False
        return bool(self.match) or bool(READS.search(sql))

    def at_row(self, rows: int) -> bool:
        return self.rows is not None and rows == self.rows


class Faults:
    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.armed: list[Fault] = []
        self.login_failures: list[int] = []
        self.resumes = 0
        self.refusing = False
        self.stalls_logins = False
        self.login_era = 0  # stalled logins of an earlier era go on

    def arm(self, fault: Fault) -> None:
        with self.changed:
            fault.resumed = self.resumes
            self.armed.append(fault)

    def take(self, sql: str, spid: int) -> Fault | None:
        """The fault that this query meets; it is not armed any more."""
        with self.changed:
            for fault in self.armed:
                if fault.meets(sql):
                    self.armed.remove(fault)
                    break
            else:
                return None
        if fault.kind == "deadlock":
            fault.error = SqlError(1205, DEADLOCK.format(spid=spid), 13, 51)
        return fault

    def fail_logins(self, number: int, times: int) -> None:
        with self.changed:
            self.login_failures += [number] * times

    def login_failure(self, user: str, database: str) -> list[SqlError]:
        with self.changed:
            number = self.login_failures.pop(0) if self.login_failures else None
        return LOGIN_ERRORS[number](user, database) if number else []

    def resume(self) -> None:
        with self.changed:
            self.resumes += 1
            self.changed.notify_all()

    def clear(self) -> None:
        """Nothing is armed any more.  What stands still already waits for resume()."""
        with self.changed:
            self.armed, self.login_failures = [], []
            self.refusing = self.stalls_logins = False
            self.login_era += 1
            self.changed.notify_all()

    def notify(self) -> None:
        with self.changed:
            self.changed.notify_all()

    def stall_login(self) -> None:
        with self.changed:
            self.stalls_logins = True
