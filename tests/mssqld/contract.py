"""What the wire (tds/) and the SQL front end (sql/) say to each other.

Values are plain Python, the same on both sides and in storage order of the type:

    bit, tinyint .. bigint      int
    decimal, numeric            int, unscaled (12.50 of decimal(9,2) is 1250)
    money, smallmoney           int, in ten-thousandths
    float, real                 float
    date                        int, days since 0001-01-01
    time(n)                     int, 100 ns since midnight
    datetime                    int, 1/300 s since 1900-01-01 (negative before)
    smalldatetime               int, minutes since 1900-01-01
    datetime2(n)                int, 100 ns since 0001-01-01
    datetimeoffset(n)           (int, 100 ns since 0001-01-01 in UTC; int, offset in minutes)
    char .. nvarchar(max), text, ntext, xml      str
    binary .. varbinary(max), image, rowversion  bytes
    uniqueidentifier            bytes, 16, in the order they travel
    sql_variant                 (Type, value of that type)
    any other (hierarchyid ..)  bytes
    NULL                        None
"""
from __future__ import annotations

import dataclasses
from typing import Any, Iterator, Protocol

DEFAULT_COLLATION = "SQL_Latin1_General_CP1_CI_AS"
MAX = -1  # length of the (max) types


@dataclasses.dataclass(frozen=True)
class Type:
    name: str                     # as sys.types has it: "int", "nvarchar", "datetime2"
    length: int = 0               # bytes, as sys.columns.max_length says it; MAX
    precision: int = 0            # of decimal, numeric
    scale: int = 0                # of decimal, numeric, time, datetime2, datetimeoffset
    collation: str | None = None  # of char, varchar, nchar, nvarchar, text, ntext


@dataclasses.dataclass(frozen=True)
class Column:
    name: str
    type: Type
    nullable: bool = True
    identity: bool = False
    computed: bool = False


class SqlError(Exception):
    """One ERROR token, and the end of the batch.  Severity 20 and up ends the connection."""

    def __init__(self, number: int, message: str, severity: int = 16, state: int = 1, line: int = 1):
        super().__init__(message)
        self.number, self.message, self.severity, self.state, self.line = number, message, severity, state, line


@dataclasses.dataclass
class Columns:
    """Begins a result set."""
    columns: list[Column]
    order: list[int] = dataclasses.field(default_factory=list)  # ordinals (from 1) of ORDER BY, for the ORDER token


@dataclasses.dataclass
class Rows:
    rows: list[tuple]  # some thousands at most


@dataclasses.dataclass
class Done:
    """Ends a statement."""
    count: int | None      # None: no row count
    command: int = 0xC1    # 0xC1 SELECT, 0xC3 INSERT, 0xC5 UPDATE, 0xC4 DELETE, 0 other


@dataclasses.dataclass
class Info:
    number: int
    message: str
    severity: int = 0
    state: int = 1


@dataclasses.dataclass
class Environment:
    kind: str  # "database", "language", "begin", "commit", "rollback"
    new: Any   # a text; of the transactions an id
    old: Any


@dataclasses.dataclass
class ReturnStatus:
    status: int


@dataclasses.dataclass
class Param:
    """A parameter of an RPC, and an OUTPUT that comes back."""
    name: str  # with its @; "" when by position
    type: Type
    value: Any
    output: bool = False


Event = Columns | Rows | Done | Info | Environment | ReturnStatus | Param


class Session(Protocol):
    """One connection's state; used by one thread at a time, but for cancel()."""
    spid: int
    database: str
    text_size: int                   # SET TEXTSIZE; bytes; -1: no limit.  The wire cuts values when it sends them.
    format_only: bool                # SET FMTONLY ON

    def run(self, sql: str, params: list[Param]) -> Iterator[Event]:
        """A batch, lazily; params are declared as variables.  Raises SqlError."""

    def call(self, procedure: str, params: list[Param]) -> Iterator[Event]:
        """A procedure other than the sp_prepare family, which the wire keeps itself."""

    def describe(self, sql: str, params: list[Param]) -> list[Column] | None:
        """Columns of the first result set, without running it."""

    def bulk_insert(self, statement: str) -> tuple[list[Column], Any]:
        """`insert bulk ...`: the columns that follow, and an object with add(rows: list[tuple]) and finish() -> row count."""

    def cacheable(self, sql: str, params: list[Param]) -> str | None:
        """A key that changes whenever the answer could; None when it is not one SELECT of nothing volatile, or a transaction is open."""

    def begin(self) -> None: ...
    def commit(self) -> None: ...
    def rollback(self) -> None: ...
    def cancel(self) -> None:
        """From any thread: ends the run in progress soon (raises SqlError number 0 inside it)."""

    def close(self) -> None: ...


class Server(Protocol):
    """All databases under --data, made by sql.server.open_server(folder, database, now)."""

    def login(self, database: str, user: str, host: str, application: str) -> Session:
        """Raises SqlError 4060 for a database that is not there."""

    def admin(self) -> Session:
        """For --init and the control port: allowed everything, in the default database."""

    def load(self, table: str, columns: list[str] | None, rows: Iterator[tuple]) -> int:
        """Rows of contract values straight into a table, fast; the count."""

    def deny(self, table: str) -> None:
        """SELECT on it is refused from now on (229); clear_denied() undoes all."""

    def clear_denied(self) -> None: ...

    now: int | None  # fixed clock, 100 ns since 0001-01-01 UTC; None: the real one
    version: str     # what @@VERSION says (added: the command line can set it)

    def close(self) -> None: ...
