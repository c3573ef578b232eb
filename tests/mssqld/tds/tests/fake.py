"""A made-up SQL side: a handful of texts, each with a fixed answer."""
from __future__ import annotations

import itertools
import re
import threading
from typing import Iterator

from contract import Column, Columns, Done, Environment, Event, Info, Param, ReturnStatus, Rows, SqlError, Type

LATIN = "SQL_Latin1_General_CP1_CI_AS"
DAY = 864_000_000_000
NOON = 738_000 * DAY + 36_611_234_567
# name, type, value
VALUES = [
    ("int", Type("int"), 7), ("bit", Type("bit"), 1), ("tinyint", Type("tinyint"), 255), ("smallint", Type("smallint"), -3),
    ("bigint", Type("bigint"), -2 ** 63), ("d9", Type("decimal", precision=9, scale=2), -1250),
    ("d19", Type("numeric", precision=19, scale=4), 12345678901234567), ("d28", Type("decimal", precision=28, scale=0), 10 ** 27),
    ("d38", Type("decimal", precision=38, scale=10), -10 ** 37), ("money", Type("money"), -12345678901234),
    ("smallmoney", Type("smallmoney"), 12345), ("float", Type("float"), 1.5), ("real", Type("real"), -2.25), ("date", Type("date"), 738_000),
    ("t0", Type("time", scale=0), 36_610_000_000), ("t3", Type("time", scale=3), 36_611_230_000), ("t7", Type("time", scale=7), 36_611_234_567),
    ("datetime", Type("datetime"), 45_000 * 25_920_000 + 12_345), ("old", Type("datetime"), -100 * 25_920_000 + 3),
    ("smalldatetime", Type("smalldatetime"), 45_000 * 1440 + 61),
    ("d2_0", Type("datetime2", scale=0), NOON // 10_000_000 * 10_000_000), ("d2_3", Type("datetime2", scale=3), NOON // 10_000 * 10_000),
    ("d2_7", Type("datetime2", scale=7), NOON), ("dto", Type("datetimeoffset", scale=7), (NOON, 330)),
    ("dto0", Type("datetimeoffset", scale=0), (NOON // 10_000_000 * 10_000_000, -120)), ("char", Type("char", 5, collation=LATIN), "ab   "),
    ("varchar", Type("varchar", 50, collation=LATIN), "café"), ("varcharmax", Type("varchar", -1, collation=LATIN), "y" * 10_000),
    ("utf8", Type("varchar", 50, collation="Latin1_General_100_CI_AS_SC_UTF8"), "東京"), ("nchar", Type("nchar", 6, collation=LATIN), "ł  "),
    ("nvarchar", Type("nvarchar", 100, collation=LATIN), "日本 😀"), ("nvarcharmax", Type("nvarchar", -1, collation=LATIN), "Ж"),
    ("empty", Type("nvarchar", -1, collation=LATIN), ""), ("text", Type("text", 16, collation=LATIN), "old"),
    ("ntext", Type("ntext", 16, collation=LATIN), "Ω"), ("image", Type("image", 16), b"\xca\xfe"), ("xml", Type("xml", -1), "<a>ü</a>"),
    ("binary", Type("binary", 4), b"\1\2\0\0"), ("varbinary", Type("varbinary", 10), b"\0\xff"), ("varbinarymax", Type("varbinary", -1), b"\xde\xad"),
    ("guid", Type("uniqueidentifier"), bytes(range(16))), ("rowversion", Type("rowversion", 8), bytes(7) + b"\1"),
    ("v_int", Type("sql_variant", 8016), (Type("int"), 42)),
    ("v_text", Type("sql_variant", 8016), (Type("nvarchar", 100, collation=LATIN), "hé")),
    ("v_decimal", Type("sql_variant", 8016), (Type("decimal", precision=9, scale=2), -125)),
    ("v_time", Type("sql_variant", 8016), (Type("datetime2", scale=7), NOON)),
]
NOT_NULL = [(n, t, v) for n, t, v in VALUES if t.name != "sql_variant"]
NUMBERS = [Column("n", Type("int"), nullable=False), Column("s", Type("nvarchar", 40, collation=LATIN))]


def number_rows(first: int, n: int) -> Rows:
    return Rows([(i, None if i % 10 == 9 else f"row {i}") for i in range(first, first + n)])


class Session:
    def __init__(self, spid: int, database: str):
        self.spid, self.database, self.text_size, self.format_only = spid, database, 2 ** 31 - 1, False
        self.stop, self.ended = threading.Event(), threading.Event()
        self.loaded: list[tuple] = []
        self.calls: list[tuple[str, list[Param]]] = []
        self.done: list[str] = []

    def run(self, sql: str, params: list[Param]) -> Iterator[Event]:
        self.stop.clear()
        for pattern, method in ANSWERS:
            if found := re.search(pattern, sql):
                yield from method(self, found, params)
                return
        raise SqlError(208, f"Invalid object name '{sql}'.", line=3)

    def all_types(self, found: re.Match, params: list[Param]) -> Iterator[Event]:
        values = tuple(v for _, _, v in VALUES)
        yield Columns([Column(n, t) for n, t, _ in VALUES], [1])
        yield Rows([values, tuple(None for _ in values), tuple(v if i % 2 else None for i, v in enumerate(values))])
        yield Done(3)

    def not_null(self, found: re.Match, params: list[Param]) -> Iterator[Event]:
        yield Columns([Column(n, t, nullable=False) for n, t, _ in NOT_NULL])
        yield Rows([tuple(v for _, _, v in NOT_NULL)])
        yield Done(1)

    def numbers(self, found: re.Match, params: list[Param]) -> Iterator[Event]:
        n = int(found.group(1))
        yield Columns(NUMBERS)
        for first in range(0, n, 1000):
            yield number_rows(first, min(1000, n - first))
            if self.stop.is_set():
                raise SqlError(0, "cancelled")
        yield Done(n)

    def hang(self, found: re.Match, params: list[Param]) -> Iterator[Event]:
        yield Columns(NUMBERS)
        self.stop.wait()
        raise SqlError(0, "cancelled")

    def params(self, found: re.Match, params: list[Param]) -> Iterator[Event]:
        yield Columns([Column(p.name or f"p{i}", p.type) for i, p in enumerate(params)])
        yield Rows([tuple(p.value for p in params)])
        yield Done(1)

    def two(self, found: re.Match, params: list[Param]) -> Iterator[Event]:
        yield from self.numbers(re.match("FROM numbers(.*)", "FROM numbers2"), params)
        yield Info(50000, "between", 0, 1)
        yield Environment("database", "other", self.database)
        yield from self.numbers(re.match("FROM numbers(.*)", "FROM numbers3"), params)

    def half(self, found: re.Match, params: list[Param]) -> Iterator[Event]:
        yield Columns(NUMBERS)
        yield number_rows(0, 2)
        raise SqlError(8134, "Divide by zero error encountered.", 16, 1)

    def fatal(self, found: re.Match, params: list[Param]) -> Iterator[Event]:
        raise SqlError(40501, "The service is currently busy.", 20)
        yield

    def nothing(self, found: re.Match, params: list[Param]) -> Iterator[Event]:
        self.done.append(found.string)
        yield Done(None, 0)

    def call(self, procedure: str, params: list[Param]) -> Iterator[Event]:
        self.calls.append((procedure, params))
        if procedure != "sp_executesql":
            raise SqlError(2812, f"Could not find stored procedure '{procedure}'.")
        yield from self.run(params[0].value, params[2:])
        yield ReturnStatus(0)
        for p in params:
            if p.output:
                yield Param(p.name, p.type, 99, True)

    def bulk_insert(self, statement: str):
        session = self

        class Target:
            def add(self, rows: list[tuple]) -> None:
                session.loaded += rows

            def finish(self) -> int:
                return len(session.loaded)
        return NUMBERS, Target()

    def cacheable(self, sql: str, params: list[Param]) -> str | None:
        return sql if "numbers" in sql else None

    def begin(self) -> None:
        self.done.append("begin")

    def commit(self) -> None:
        self.done.append("commit")

    def rollback(self) -> None:
        self.done.append("rollback")

    def cancel(self) -> None:
        self.stop.set()

    def close(self) -> None:
        self.ended.set()


ANSWERS = [(r"all_types", Session.all_types), (r"not_null", Session.not_null), (r"two results", Session.two), (r"numbers(\d+)", Session.numbers),
           (r"hang", Session.hang), (r"params", Session.params), (r"half", Session.half), (r"fatal", Session.fatal), (r"^(SET|SAVE)", Session.nothing)]


class Server:
    now = None

    def __init__(self) -> None:
        self.spids = itertools.count(51)
        self.sessions: list[Session] = []
        self.denied: list[str] = []

    def login(self, database: str, user: str, host: str, application: str) -> Session:
        if database == "nowhere":
            raise SqlError(4060, 'Cannot open database "nowhere" requested by the login. The login failed.', 11)
        self.sessions.append(Session(next(self.spids), database))
        return self.sessions[-1]

    def admin(self) -> Session:
        return Session(0, "app")

    def deny(self, table: str) -> None:
        self.denied.append(table)

    def clear_denied(self) -> None:
        self.denied = []
