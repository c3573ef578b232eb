"""The kill matrix: a fault at each step of an epoch, then runs until one succeeds, then a look at every row.

The same rows are moved once undisturbed into a table `reference_MODE`.  A case has its own pipeline and target.
"""
from __future__ import annotations

import dataclasses
import itertools

from modes import MODES, ROWS
from story.errors import StoryError
from story.etl import EXITS

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
        return MODES[self.mode].fault(self.when, self.step, FAULTS[self.fault][0])


def cases() -> list[Case]:
    found = [Case(mode.name, *parts) for mode in MODES.values() for parts in itertools.product(mode.steps, ("before", "after"), FAULTS)]
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


def checksum_sql(table: str) -> str:
    return f'SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) FROM "{table}" t'


def all_tables(pg) -> set[str]:
    rows = pg.query("SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                    "WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname !~ '^(pg_|information_schema)'")
    return {row[0] for row in rows}


class Bench:
    """One stage with a source and a sink, on which cases are played one after the other."""

    def __init__(self, stage, pg, shard):
        self.stage, self.pg, self.shard = stage, pg, shard
        self.known: set[str] = set()
        for mode in MODES.values():
            table = mode.reference
            mode.make_target(self.pg, table)
            self.run(table, mode.name, 0, None, {"success"})
            count = self.pg.query(f'SELECT count(*), count(DISTINCT ({mode.ids})) FROM "{table}"')[0]
            if count != [str(mode.rows * len(mode.shards))] * 2:
                raise StoryError(f"the undisturbed run with mode {mode.name} moved {count[0]} rows with {count[1]} keys of {ROWS}")
        self.known = all_tables(self.pg)

    def run(self, table: str, mode: str, retries: int, inject: str | None, right: set[str], options: str = "") -> str:
        self.stage.write_conf()
        (self.stage.folder / "pipelines.d" / f"{table}.conf").write_text(MODES[mode].pipeline(self.shard, table, retries, options))
        names = ("ETL_FAULT", "ETL_FAULT_DIR", "ETL_FAULT_TDS", "ETL_FAULT_PG", "ETL_PLUGIN_PATH", "ETL_FAULT_PG_CRASH")
        build = self.stage.shared.build
        values = (inject, f"{build}/plugins", self.shard.attributes["control"], self.pg.conninfo(), f"{build}/tests/fault/plugins", str(self.stage.folder / "crash"))
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

    def play(self, case: Case) -> None:
        _, retries, right = FAULTS[case.fault]
        MODES[case.mode].make_target(self.pg, case.table)
        outcome = self.run(case.table, case.mode, retries, case.inject, right)
        self.in_between(case, outcome)
        if outcome != "success":
            self.run(case.table, case.mode, retries, None, {"success"})
        self.look(case)

    def look(self, case: Case) -> None:
        """Every row is there once, and nothing else is left."""
        tables = zip(MODES[case.mode].tables(MODES[case.mode].reference), MODES[case.mode].tables(case.table))
        for reference, table in tables:
            wanted, actual = (self.pg.query(checksum_sql(t))[0] for t in (reference, table))
            if wanted != actual:
                raise StoryError(f"after all, {actual[0]} rows (checksum {actual[1]}) in {table} instead of {wanted[0]} ({wanted[1]})")
        self.look_aside(case)
        left = all_tables(self.pg) - self.known - {f"public.{t}" for t in MODES[case.mode].tables(case.table)}
        if left:
            raise StoryError(f"tables left behind: {', '.join(sorted(left))}")
        for table in MODES[case.mode].tables(case.table):
            self.pg.query(f'DROP TABLE "{table}"')

    def kept(self, case: Case) -> list[int]:
        """The ids in quarantine, a row each."""
        rows = self.pg.query(f"SELECT (raw->>'id')::int FROM etl.quarantine WHERE pipeline = '{case.table}' ORDER BY 1")
        return [int(row[0]) for row in rows]

    def look_aside(self, case: Case) -> None:
        wanted = MODES[case.mode].bad_ids()
        if self.kept(case) != wanted:
            raise StoryError(f"in quarantine there are the rows {self.kept(case)}, not {wanted}")

    def in_between(self, case: Case, outcome: str) -> None:
        """What there is after the faulted run."""
        if not self.pg.query(f"SELECT to_regclass('public.\"{case.table}\"')")[0][0]:
            return
        aside = self.kept(case)
        if len(aside) != len(set(aside)):
            raise StoryError(f"after the fault a row is in quarantine twice: {aside}")
        MODES[case.mode].look(self.pg, case.table, outcome, aside)
