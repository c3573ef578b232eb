"""The kill matrix of a SQLite file as the sink, without servers: a fault at each step of an epoch in every mode, a look at what readers see then,
runs until one succeeds, and a look at every row."""
from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import os
import pathlib
import sqlite3
import subprocess

from story.errors import StoryError

ROWS, RUN_S = 600, 60  # in epochs of 200 and batches of 100
STEPS = {"claim": "loader.claim:1", "begin the run": "loader.run_begin:1", "prepare": "loader.prepare:1", "read": "extractor.read:4",
         "transform": "transformer.process:4", "begin": "loader.begin:2", "write": "loader.write:4", "commit": "loader.commit:2",
         "end": "loader.run_end:1"}
WHOLE = STEPS | {"begin": "loader.begin:1", "commit": "loader.commit:1"}  # one epoch
CAREFUL = STEPS | {"read": "extractor.read:6", "begin": "loader.begin:3", "write": "loader.write:6", "set aside": "loader.reject:1"}
FAULTS = {"SIGKILL": ("kill", 0, {"crashed"}), "an error, retried": ("retryable", 3, {"success", "failed"}), "in doubt": ("indoubt", 3, {"success"})}
MAKE = "CREATE TABLE {} (id INTEGER PRIMARY KEY, at TIMESTAMP, name TEXT{})"
CONF = """extract = {{ plugin = "sqlite"; path = "../source.db"; tables = [ {tables} ];{cursor} }};
transforms = ( {{ plugin = "columns"; constant = {{ origin = "kill"; }}; }} );
load = {{ plugin = "sqlite"; path = "../sink.db"; {load} }};
epoch = {{ rows = 200; }};
batch = {{ rows = 100; }};
error_handling = {{ max_retries = {retries}; retry_delay = "0s"; }};
"""


@dataclasses.dataclass(frozen=True)
class Mode:
    name: str
    load: str
    steps: dict = dataclasses.field(default_factory=lambda: STEPS)
    whole: bool = False             # no cursor; readers see the old rows or all the new ones
    tables: tuple = ("t",)
    old: tuple = ()                 # ids that the target has before the first run
    stay: tuple = ()                # those of them that are to be there in the end, though the source does not have them
    bad: tuple = ()                 # ids that the target refuses
    columns: str = ""               # more of the target's


KEY = 'key = [ "id" ];'
OLD = (1, 2, 3, 5001, 5002)
MODES = (
    Mode("append", 'mode = "append";'),
    Mode("merge", f'mode = "merge"; {KEY} newest_by = "at";', old=OLD, stay=(5001, 5002)),
    Mode("insert_missing", f'mode = "insert_missing"; {KEY}', old=OLD, stay=(5001, 5002)),
    Mode("replace", f'mode = "replace"; {KEY}', WHOLE, whole=True, old=OLD),
    Mode("delete_missing", f'mode = "delete_missing"; {KEY}', WHOLE, whole=True, old=OLD),
    Mode("delete_missing, marked", f'mode = "delete_missing"; {KEY} deleted_at = "gone";', WHOLE, whole=True, old=OLD, stay=(5001, 5002),
         columns=", gone TEXT"),
    Mode("quarantine", f'mode = "append"; {KEY}', CAREFUL, bad=(250, 261, 555), columns=", CHECK (id NOT IN (250, 261, 555))"),
    Mode("two tables", f'mode = "merge"; {KEY}', tables=("t", "u")),
)


@dataclasses.dataclass(frozen=True)
class Case:
    mode: Mode
    step: str
    when: str
    fault: str

    @property
    def name(self) -> str:
        return f"sqlite {self.mode.name}: {self.fault} {self.when} {self.step}"


def sensible(c: Case) -> bool:
    if c.fault == "in doubt":
        return c.step == "commit"
    return c.fault == "SIGKILL" or c.step in ("read", "transform", "begin", "write", "set aside", "commit")  # what a lane can try again


def cases() -> list[Case]:
    return [c for mode in MODES for c in itertools.starmap(Case, itertools.product((mode,), mode.steps, ("before", "after"), FAULTS)) if sensible(c)]


class Play:
    def __init__(self, build: pathlib.Path, folder: pathlib.Path, case: Case):
        self.build, self.folder, self.case, self.mode = build, folder, case, case.mode
        (folder / "pipelines.d").mkdir(parents=True)
        (folder / "etl.conf").write_text("")
        with contextlib.closing(sqlite3.connect(folder / "source.db")) as db, db:
            for table in self.mode.tables:
                db.execute(MAKE.format(table, ""))
                db.executemany(f"INSERT INTO {table} VALUES (?, ?, ?)", [self.row(i, table) for i in range(1, ROWS + 1)])
        with contextlib.closing(sqlite3.connect(folder / "sink.db")) as db, db:
            for table in self.mode.tables:
                db.execute(MAKE.format(table, self.mode.columns))
                db.executemany(f"INSERT INTO {table} (id, at, name) VALUES (?, '2020-01-01 00:00:00', 'old')", [(i,) for i in self.mode.old])

    @staticmethod
    def row(i: int, table: str) -> tuple:
        return i, f"2024-05-01 10:{i // 60 % 60:02d}:{i % 60:02d}", None if i % 17 == 0 else f"{table} Zoë {i}"

    def run(self, fault: str | None, right: set[str]) -> dict:
        retries = FAULTS[self.case.fault][1]
        (self.folder / "pipelines.d/p.conf").write_text(CONF.format(
            tables=", ".join(f'"{t}"' for t in self.mode.tables), cursor="" if self.mode.whole else ' cursor = [ "at", "id" ];', load=self.mode.load,
            retries=retries))
        env = {k: v for k, v in os.environ.items() if not k.startswith("ETL_")} | {
            "ETL_PLUGIN_PATH": str(self.build / "tests/fault/plugins"), "ETL_FAULT_DIR": str(self.build / "plugins"), "ETL_FAULT": fault or "",
            "XDG_CACHE_HOME": str(self.folder.parent / "cache")}
        done = subprocess.run([self.build / "host/etl", "-c", self.folder / "etl.conf", "run", "p", "--progress", "json"], env=env, capture_output=True,
                              text=True, timeout=RUN_S, check=False)
        summary = json.loads((done.stdout.splitlines() or ["{}"])[-1])
        if summary.get("status") not in right:
            raise StoryError(f"{fault or 'without a fault'}: the run ended {summary.get('status')}, not {' or '.join(sorted(right))}\n"
                             f"{done.stdout[-2000:]}{done.stderr}")
        return summary

    # for writing: a killed commit has to be rolled back first
    def ask(self, sql: str) -> list:
        with contextlib.closing(sqlite3.connect(f"file:{self.folder}/sink.db?mode=rw", uri=True)) as db:
            return db.execute(sql).fetchall()

    def aside(self) -> list:
        """The ids in quarantine; the table is made by the first claim."""
        if not self.ask("SELECT 1 FROM sqlite_schema WHERE name = 'etl_quarantine'"):
            return []
        return [i for i, in self.ask("SELECT json_extract(raw, '$.id') FROM etl_quarantine ORDER BY 1")]

    def in_between(self, table: str) -> None:
        """What readers see after the fault."""
        ids = [i for i, in self.ask(f"SELECT id FROM {table} WHERE name IS NOT 'old' ORDER BY id")]
        moved = sorted(ids + self.aside())
        if self.mode.whole and ids and len(ids) != ROWS:
            raise StoryError(f"after the fault readers see {len(ids)} new rows of a run that is to be seen as a whole")
        first = max((i for i in self.mode.old if i <= ROWS), default=0) + 1 if self.mode.name == "insert_missing" else 1  # the old ones before it stay
        if moved != list(range(first, first + len(moved))):
            raise StoryError(f"after the fault there is a hole, or a row twice: {len(moved)} rows, the last is {moved[-1]}")

    def look(self, table: str) -> None:
        """Every row is there once, as it was read, and nothing is left behind."""
        keeps = {i for i in self.mode.old if i <= ROWS} if self.mode.name == "insert_missing" else set()
        old = [(i, "2020-01-01 00:00:00", "old", None) for i in sorted(keeps | set(self.mode.stay))]
        wanted = sorted([*old, *((*self.row(i, table), "kill") for i in range(1, ROWS + 1) if i not in keeps and i not in self.mode.bad)])
        found = self.ask(f"SELECT id, at, name, origin FROM {table} ORDER BY id")
        if found != wanted:
            wrong = [pair for pair in itertools.zip_longest(found, wanted) if pair[0] != pair[1]]
            raise StoryError(f"{len(found)} rows in {table} instead of {len(wanted)}; found and wanted: {wrong[:3]}")
        if "gone" in self.mode.columns and [i for i, in self.ask(f"SELECT id FROM {table} WHERE gone IS NOT NULL")] != list(self.mode.stay):
            raise StoryError(f"marked as gone are not just the rows {self.mode.stay}")
        if self.aside() != list(self.mode.bad):
            raise StoryError(f"in quarantine there are the rows {self.aside()}, not {list(self.mode.bad)}")
        left = self.ask("SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB '*_etl_*'") + self.ask("SELECT table_name FROM etl_asides")
        if left:
            raise StoryError(f"tables left behind: {left}")

    def play(self) -> None:
        action, _, right = FAULTS[self.case.fault]
        point, _, nth = self.mode.steps[self.case.step].rpartition(":")
        summary = self.run(f"{self.case.when}:{point}:{nth}:{action}", right)
        if action == "retryable" and summary["status"] == "success" and not any(lane["retries"] for lane in summary["lanes"]):
            raise StoryError(f"nothing was tried again: {summary}")
        for table in self.mode.tables:
            self.in_between(table)
        if summary["status"] != "success":
            self.run(None, {"success"})
        for table in self.mode.tables:
            self.look(table)


def play(build: pathlib.Path, folder: pathlib.Path, case: Case) -> None:
    Play(build, folder, case).play()
