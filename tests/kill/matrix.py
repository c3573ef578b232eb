"""The kill matrix: a fault at each step of an epoch, then runs until one succeeds, then a look at every row.

The same rows are moved once undisturbed into a table `reference_MODE`.  A case has its own pipeline and target.
"""
from __future__ import annotations

import dataclasses
import itertools

from story.errors import StoryError
from story.etl import EXITS

ROWS, OLD_ROWS = 1200, 7  # in epochs of 300 and batches of 100; what a target of mode replace holds before
STEPS = {  # the call of it that is hit lies in the second epoch
    "read": "extractor.read:5",
    "transform": "transformer.process:5",
    "begin": "loader.begin:2",
    "write": "loader.write:5",
    "commit": "loader.commit:2",
    "acknowledge": "extractor.ack:2",
    "prepare": "loader.prepare:1",
    "end": "loader.run_end:1",
}
# Three rows of the second and the last epoch are refused by the target, which is found when the second one is settled; it is then written
# again with care.  The calls that are hit lie in that second attempt.
CAREFUL_STEPS = {
    "read": "extractor.read:8",
    "begin": "loader.begin:3",
    "write": "loader.write:8",
    "settle": "loader.settle:3",
    "set aside": "loader.reject:1",
    "commit": "loader.commit:2",
    "acknowledge": "extractor.ack:2",
}
BAD_IDS = (350, 361, 1111)
MODES = ("append", "merge", "replace", "quarantine")
FAULTS = {  # name: action, retries inside the run, outcomes that are right
    "SIGKILL": ("kill", 0, {"crashed"}),
    "TDS reset": ("tds-reset", 0, {"failed", "partial", "success"}),
    "TDS reset, retried": ("tds-reset", 3, {"success"}),
    "PostgreSQL session ended, retried": ("pg-terminate", 3, {"success", "failed"}),
    "in doubt": ("indoubt", 3, {"success"}),
}
SOURCE_SQL = """
CREATE TABLE dbo.kill_rows (
  id bigint NOT NULL PRIMARY KEY,
  at datetime2(7) NOT NULL,
  name nvarchar(40) NULL,
  amount decimal(12,3) NULL
);
CREATE INDEX kill_rows_at ON dbo.kill_rows (at, id);
"""


@dataclasses.dataclass(frozen=True)
class Case:
    mode: str
    step: str
    when: str
    fault: str

    @property
    def name(self) -> str:
        return f"{self.mode}: {self.fault} {self.when} {self.step}"

    @property
    def table(self) -> str:
        return "k_" + "".join(c if c.isalnum() else "_" for c in self.name.lower())[:58]

    @property
    def inject(self) -> str:
        point, _, nth = steps_of(self.mode)[self.step].rpartition(":")
        return f"{self.when}:{point}:{nth}:{FAULTS[self.fault][0]}"


def steps_of(mode: str) -> dict[str, str]:
    return CAREFUL_STEPS if mode == "quarantine" else STEPS


def cases() -> list[Case]:
    found = [Case(mode, *parts) for mode in MODES for parts in itertools.product(steps_of(mode), ("before", "after"), FAULTS)]
    return [c for c in found if sensible(c)]


def sensible(c: Case) -> bool:
    if c.fault == "in doubt":  # only a commit can be
        return c.step == "commit"
    if c.fault.startswith("PostgreSQL"):  # a session in use, which a later call of the lane or of the run needs
        return c.step in ("begin", "write", "settle", "set aside", "commit", "end")
    if c.step == "end":
        return c.fault == "SIGKILL"
    return True


def rows_sql() -> str:
    """The source's rows, three ties of the cursor's time among them, NULLs, and text beyond ASCII."""
    values = []
    for i in range(1, ROWS + 1):
        name = "NULL" if i % 17 == 0 else f"N'Zoë {i} 東京'"
        amount = "NULL" if i % 23 == 0 else f"{i}.{i % 1000:03d}"
        values.append(f"({i}, '2024-05-01T10:{i // 3 // 60 % 60:02d}:{i // 3 % 60:02d}.1234567', {name}, {amount})")
    return ";\n".join("INSERT INTO dbo.kill_rows (id, at, name, amount) VALUES " + ", ".join(values[i:i + 100]) for i in range(0, ROWS, 100)) + ";\n"


def pipeline(shard, table: str, mode: str, retries: int) -> str:
    a = shard.attributes
    return f"""
extract = {{ plugin = "sqlserver"; user = "{a['user']}"; password = "{a['password']}"; database = "{a['database']}";
  shards = ( {{ id = "eu1"; host = "127.0.0.1"; port = {a['port']}; }} );
  table = "dbo.kill_rows"; cursor = [ "at", "id" ]; consistency_delay = "0s"; }};
transforms = ( {{ plugin = "columns"; constant = {{ origin = "kill"; }}; }} );
load = {{ connection = "pg"; table = "{table}"; mode = "{'append' if mode == 'quarantine' else mode}"; key = [ "id" ]; }};
epoch = {{ rows = 300; }};
batch = {{ rows = 100; }};
error_handling = {{ max_retries = {retries}; retry_delay = "0s"; }};
"""


def checksum_sql(table: str) -> str:
    return f'SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) FROM "{table}" t'


def make_picky(pg, table: str) -> None:
    bad = ", ".join(str(i) for i in BAD_IDS)
    pg.query(f'CREATE TABLE "{table}" (id bigint PRIMARY KEY CHECK (id NOT IN ({bad})), at timestamp, name text, amount numeric(12,3), origin text)')


def all_tables(pg) -> set[str]:
    rows = pg.query("SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                    "WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname !~ '^(pg_|information_schema)'")
    return {row[0] for row in rows}


class Bench:
    """One stage with a source and a sink, on which cases are played one after the other."""

    def __init__(self, stage, pg, shard):
        self.stage, self.pg, self.shard = stage, pg, shard
        self.known: set[str] = set()
        for mode in MODES:
            if mode == "quarantine":
                make_picky(self.pg, f"reference_{mode}")
            self.run(f"reference_{mode}", mode, 0, None, {"success"})
            count = self.pg.query(f"SELECT count(*), count(DISTINCT id) FROM reference_{mode}")[0]
            wanted = ROWS - len(BAD_IDS) if mode == "quarantine" else ROWS
            if count != [str(wanted), str(wanted)]:
                raise StoryError(f"the undisturbed run with mode {mode} moved {count[0]} rows with {count[1]} ids of {ROWS}")
        self.known = all_tables(self.pg)

    def run(self, table: str, mode: str, retries: int, inject: str | None, right: set[str]) -> str:
        self.stage.write_conf()
        (self.stage.folder / "pipelines.d" / f"{table}.conf").write_text(pipeline(self.shard, table, mode, retries))
        names = ("ETL_FAULT", "ETL_FAULT_DIR", "ETL_FAULT_TDS", "ETL_FAULT_PG", "ETL_PLUGIN_PATH")
        build = self.stage.shared.build
        values = (inject, f"{build}/plugins", self.shard.attributes["control"], self.pg.conninfo(), f"{build}/tests/fault/plugins")
        for name, value in zip(names, values):
            self.stage.env.pop(name, None)
            if inject:
                self.stage.env[name] = value
        command = self.stage.command(["run", table, "--progress", "json"], name=f"run{self.stage.commands + 1}")
        command.wait(self.stage.deadline)
        outcome = {v: k for k, v in EXITS.items()}.get(command.status, f"exit status {command.status}")
        told = "\n".join(command.process.tail(4))
        command.end()
        del self.stage.actors[command.name]
        if outcome not in right:
            raise StoryError(f"{inject or 'without a fault'}: the run ended {outcome}, not {' or '.join(sorted(right))}\n{told}")
        return outcome

    def make_target(self, case: Case) -> None:
        if case.mode == "quarantine":
            make_picky(self.pg, case.table)
        if case.mode == "replace":
            self.pg.query(f'CREATE TABLE "{case.table}" (LIKE reference_replace INCLUDING ALL);'
                          f'INSERT INTO "{case.table}" SELECT * FROM reference_replace ORDER BY id LIMIT {OLD_ROWS}')

    def play(self, case: Case) -> None:
        _, retries, right = FAULTS[case.fault]
        self.make_target(case)
        outcome = self.run(case.table, case.mode, retries, case.inject, right)
        self.in_between(case, outcome)
        if outcome != "success":
            self.run(case.table, case.mode, retries, None, {"success"})
        self.look(case)

    def look(self, case: Case) -> None:
        """Every row is there once, and nothing else is left."""
        wanted, actual = (self.pg.query(checksum_sql(t))[0] for t in (f"reference_{case.mode}", case.table))
        if wanted != actual:
            raise StoryError(f"after all, {actual[0]} rows (checksum {actual[1]}) instead of {wanted[0]} ({wanted[1]})")
        self.look_aside(case)
        left = all_tables(self.pg) - self.known - {f"public.{case.table}"}
        if left:
            raise StoryError(f"tables left behind: {', '.join(sorted(left))}")
        self.pg.query(f'DROP TABLE "{case.table}"')

    def kept(self, case: Case) -> list[int]:
        """The ids in quarantine, a row each."""
        rows = self.pg.query(f"SELECT (raw->>'id')::int FROM etl.quarantine WHERE pipeline = '{case.table}' ORDER BY 1")
        return [int(row[0]) for row in rows]

    def look_aside(self, case: Case) -> None:
        wanted = list(BAD_IDS) if case.mode == "quarantine" else []
        if self.kept(case) != wanted:
            raise StoryError(f"in quarantine there are the rows {self.kept(case)}, not {wanted}")

    def in_between(self, case: Case, outcome: str) -> None:
        """What a reader of the target may see after the faulted run: never half a replacement, never a row twice."""
        if not self.pg.query(f"SELECT to_regclass('public.\"{case.table}\"')")[0][0]:
            return
        count, ids = (int(v) for v in self.pg.query(f'SELECT count(*), count(DISTINCT id) FROM "{case.table}"')[0])
        if count != ids:
            raise StoryError(f"after the fault there are {count} rows with {ids} ids")
        aside = self.kept(case)
        if len(aside) != len(set(aside)):
            raise StoryError(f"after the fault a row is in quarantine twice: {aside}")
        if outcome == "success" and count + len(aside) != ROWS:
            raise StoryError(f"the run called itself a success with {count} of {ROWS} rows")
        if case.mode == "replace" and count not in (OLD_ROWS, ROWS):
            raise StoryError(f"after the fault readers see {count} rows, neither the {OLD_ROWS} old ones nor the {ROWS} new ones")
        last = max([int(self.pg.query(f'SELECT coalesce(max(id), 0) FROM "{case.table}"')[0][0]), *aside])
        if case.mode != "replace" and count + len(aside) != last:
            raise StoryError(f"after the fault there are {count} rows, but the last one is number {last}: there is a hole")
