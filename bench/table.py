"""The table of the benchmark: eight columns of mixed types, the same for the same number in every run.

Its values are such that every peer can carry them: no tabs, line ends or backslashes in text (freebcp quotes nothing), no empty text (freebcp writes
it like a NULL), floats that are exact in few digits, and times of whole milliseconds (freebcp writes no more)."""
from __future__ import annotations

import datetime

SOURCE = "dbo.mixed"
CREATE_SOURCE = """CREATE TABLE dbo.mixed (
  id bigint NOT NULL,
  quantity int NULL,
  amount decimal(18,4) NOT NULL,
  active bit NOT NULL,
  changed_at datetime2(7) NOT NULL,
  name nvarchar(60) NOT NULL,
  ratio float NULL,
  note nvarchar(100) NULL,
  CONSTRAINT mixed_key PRIMARY KEY (changed_at, id)
)"""
TARGET_COLUMNS = """
  id bigint NOT NULL,
  quantity integer,
  amount numeric(18,4) NOT NULL,
  active boolean NOT NULL,
  changed_at timestamp NOT NULL,
  name text NOT NULL,
  ratio double precision,
  note text
"""
CREATE_TARGET = f"CREATE TABLE public.mixed ({TARGET_COLUMNS})"
COLUMNS = ("id", "quantity", "amount", "active", "changed_at", "name", "ratio", "note")
NOW = "2024-06-01T00:00:00"  # of the servers' clocks: later than every row
FIRST = datetime.datetime(2024, 1, 1)
STEP_TICKS = 10_010_000      # from a row to the next: a second and a millisecond, in 100 ns

_GIVEN = ("Zoë", "Jürgen", "Łukasz", "François", "Siobhán", "Đorđe", "Мария", "Ελένη", "李娜", "さくら", "지훈", "Anna", "John", "Omar", "عمر", "Renée")
_FAMILY = ("Müller", "Smith", "Østergård", "García", "Ковалёв", "Παπαδόπουλος", "王", "佐藤", "Nguyễn", "O'Neill", "Ferreira", "Lindqvist", "Çelik")
_NOTES = ("paid by card", "zurückgeschickt, Adresse unvollständig", "gift wrap", "livré à la réception", "отложено до понедельника", "再配達をお願いします",
          "call before delivery 📞", "second attempt", "partial shipment, rest follows next week", "naïve café order")

_NAMES = [f"{g} {f}" for g in _GIVEN for f in _FAMILY]
_TEXTS = [f"{n} #{k}" for k in range(7) for n in _NOTES]


def _row(i: int) -> tuple:
    """id, quantity, amount in 1/10000, active, ticks since FIRST, name, ratio, note"""
    k = i * 2654435761 & 0xFFFFFFFF  # scattered, but the same every time
    amount = (k * 1009 - 2_000_000_000_000) if k % 16 else (k % 9) * 10000
    return (i, None if k % 23 == 0 else (k >> 3) - 268_435_456, amount, k >> 5 & 1, i * STEP_TICKS, _NAMES[k % len(_NAMES)],
            None if k % 29 == 0 else (k - 2_147_483_648) / 64, _TEXTS[k % len(_TEXTS)] if k % 3 else None)


def shard(first: int, count: int, step: int):
    """For tests/mssqld/load: rows `first`, `first` + `step` ... as its contract wants them."""
    base = (FIRST - datetime.datetime(1, 1, 1)).days * 864_000_000_000
    for i in range(first, first + count * step, step):
        r = _row(i)
        yield (*r[:4], base + r[4], *r[5:])


def reference(rows: int):
    """The lines of COPY's text format that any peer must come to."""
    for values in _texts(rows):
        yield "\t".join(r"\N" if v is None else v for v in values) + "\n"


def csv(rows: int):
    """The lines of a CSV file with a header.  No value needs quotes but those that hold a comma."""
    yield ",".join(COLUMNS) + "\n"
    for values in _texts(rows):
        yield ",".join("" if v is None else f'"{v}"' if "," in v else v for v in values) + "\n"


def _texts(rows: int):
    for i in range(rows):
        _, quantity, amount, active, ticks, name, ratio, note = _row(i)
        at = FIRST + datetime.timedelta(milliseconds=ticks // 10_000)
        yield (str(i), _text(quantity), f"{'-' if amount < 0 else ''}{abs(amount) // 10000}.{abs(amount) % 10000:04d}", "true" if active else "false",
               str(at), name, _text(ratio), note)


def _text(value) -> str | None:
    return None if value is None else str(value)
