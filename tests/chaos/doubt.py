"""The checks are doubted: at the end of a round things are put wrong one by one, and each must be seen."""
from __future__ import annotations

import os
import pathlib
import socket
import subprocess
from collections.abc import Callable

import history
import left
import rows
from store import SCHEMA
from story.errors import StoryError
from story.libpq import Connection
from world import MARK, World

GOOD = "SELECT id FROM pipeline_runs WHERE pipeline = '{}' AND state = 'succeeded' ORDER BY fence DESC LIMIT 1"
COPY = ("CREATE TEMP TABLE c AS SELECT * FROM pipeline_runs WHERE id = ({good}); UPDATE c SET id = 'x', {set}; "
        "INSERT INTO pipeline_runs SELECT * FROM c; DROP TABLE c")


def _copied(pipeline: str, changes: str) -> str:
    """One more run, like a good one but for the changes."""
    return COPY.format(good=GOOD.format(pipeline), set=changes)


# What is done to the rows or to the history, and what of the findings must name it.
ROWS = {
    "DELETE FROM grow WHERE id = 5": "grow: 1 rows lost",
    "INSERT INTO behind SELECT * FROM behind WHERE id = 7": "behind: 1 rows doubled",
    "UPDATE fold SET name = 'x' WHERE id = 3": "fold: 1 rows lost",
    "UPDATE shards SET shard = 'eu2' WHERE id = 1": "shards: 1 rows doubled",
    "UPDATE grow SET run = 'nobody' WHERE id = 9": "grow: rows of a run that is not in the history",
    f"UPDATE pipeline_runs SET rows_written = rows_written + 1 WHERE id = ({GOOD.format('last')})": "last: a run's rows are not as many",
    f"UPDATE pipeline_runs SET rows_read = rows_read + 1 WHERE id = ({GOOD.format('grow')})": "grow: what was read was not written",
    "UPDATE grow SET run = (SELECT run FROM grow ORDER BY id DESC LIMIT 1) WHERE id = 1": "grow: rows of a run behind those of a later claim",
    "UPDATE whole SET run = 'nobody' WHERE id = 1": "whole is not what one good run made of it",
    "UPDATE span SET at = '2020-01-01' WHERE id = (SELECT max(id) FROM span)": "a row of span outside of its run's window",
    "DELETE FROM etl.raw_data WHERE data->>'id' = '1'": "a row of shards without its two records",
    "UPDATE etl.transformed_data SET raw_id = (SELECT id FROM etl.raw_data WHERE data->>'id' = '2' LIMIT 1) WHERE data->>'id' = '4'": "a row of shards without its two records",
    "DELETE FROM etl.captures": "records of no lot",
    "DELETE FROM shards WHERE id = 3": "records of rows that are not there",
}
HISTORY = {
    "DROP INDEX IF EXISTS pipeline_runs_slot; " + _copied("grow", "fence = 0"): "two runs for one due time",
    _copied("grow", "state = 'running', ended_at = NULL, lease_until_at = 1, due_at = 0, fence = 0"): "a run is at work",
    _copied("grow", "state = 'queued', ended_at = NULL, trigger = 'manual', fence = 0"): "a run waits",
    _copied("grow", "trigger = 'manual'"): "two runs under one claim",
    _copied("grow", "trigger = 'manual', fence = fence + 1"): "two runs of one pipeline at the same time",
    _copied("grow", "trigger = 'retry', attempt = 3, fence = 0"): "attempts that do not follow each other",
    _copied("fold", "trigger = 'retry', attempt = 2, fence = 0"): "an attempt behind a good one",
    _copied("fold", "trigger = 'retry', attempt = 4, fence = 0"): "more attempts than are allowed",
    "UPDATE pipeline_runs SET ended_at = 0": "a run that ended before it began",
    "UPDATE pipeline_runs SET state = 'failed', error_message = NULL": "a run that failed without saying why",
    "UPDATE pipeline_runs SET state = 'skipped', reason = NULL": "a run that was skipped or cancelled without a reason",
    "UPDATE pipeline_tasks SET state = 'running'": "a stage at work in a run that has ended",
    "UPDATE pipeline_tasks SET rows_out = rows_out + 1": "stages that do not add up to their run",
    "UPDATE pipeline_tasks SET state = 'failed'": "a good run with a bad stage",
    "DELETE FROM pipeline_runs WHERE id = (SELECT id FROM pipeline_runs JOIN (VALUES {loud}) loud (a, b) "
    f"ON due_at - {history.US} >= a AND due_at + {history.US} <= b WHERE pipeline = 'grow' AND trigger = 'schedule' AND NOT EXISTS "
    f"(SELECT FROM (VALUES {{paused}}) paused (a, b) WHERE due_at - {history.US} < b AND due_at + {history.US} > a) ORDER BY due_at DESC LIMIT 1)":
        "a due time of grow that is not there",
    "DELETE FROM pipeline_runs WHERE pipeline = 'behind'": "a due time of grow that behind did not hear of",
    "DELETE FROM pipeline_runs WHERE pipeline = 'last'": "a due time of behind that last did not hear of",
    "UPDATE pipeline_runs SET state = 'failed', error_message = 'x' WHERE pipeline = 'grow'": "a run of last though one before it did not do well",
    "UPDATE pipeline_runs SET window_from_at = window_from_at + 1 WHERE pipeline = 'span'": "a window that does not begin where the last",
    "UPDATE pipeline_runs SET window_to_at = window_to_at + 1 WHERE pipeline = 'span'": "a window that does not end where it should",
    "INSERT INTO breakers (pipeline, shard, state, failures) VALUES ('grow', '', 'open', 1)": "a breaker without a threshold",
}


def _expect(found: list[str], wanted: str, done: str) -> None:
    if not any(line.startswith(wanted) for line in found):
        raise StoryError(f"nobody saw '{wanted}' after: {done}\n" + "\n".join(found[:5]))


def _put_wrong(w: World, cases: dict[str, str], look: Callable[[World], list[str]]) -> int:
    for sql, wanted in cases.items():
        w.pg.query(f"SET search_path = {SCHEMA}, public; BEGIN; {sql.format(**history.times(w))}")
        _expect(look(w), wanted, sql)
        w.pg.query("ROLLBACK")
    return len(cases)


def of_store(w: World) -> int:
    """Changes that are undone: all questions go through one session."""
    return _put_wrong(w, ROWS, lambda w: rows.differences(w) + rows.brought(w)) + _put_wrong(w, HISTORY, history.look)


def of_traces(w: World, before: left.Before) -> int:
    """While the hosts run, and have nothing to do."""
    shm = pathlib.Path(f"/dev/shm/etl-chaos-{os.getpid()}")
    cases = {
        "the table public._etl_staging_9": (lambda: w.ask("CREATE TABLE _etl_staging_9 (id int)"), lambda: w.ask("DROP TABLE _etl_staging_9")),
        "the file cache/.postgres.so.x": (lambda: (w.folder / "cache/.postgres.so.x").touch(), (w.folder / "cache/.postgres.so.x").unlink),
        "the file tmp/x": (lambda: (w.folder / "tmp/x").touch(), (w.folder / "tmp/x").unlink),
        f"the file {shm}": (shm.touch, shm.unlink),
        "one has": (lambda: before.descriptors.update(one=left.descriptors(w)["one"][1:]), lambda: None),
    }
    for wanted, (spoil, mend) in cases.items():
        spoil()
        _expect(before.compare(w), wanted, "it was made")
        mend()
    return len(cases)


def _at_least(n: int, found: list[str]) -> list[str] | None:
    return found if len(found) >= n else None


def of_ended(w: World) -> int:
    """When the hosts have ended."""
    process = subprocess.Popen(["sleep", "60"], env={MARK: w.stage.env[MARK]})  # pylint: disable=consider-using-with
    session = Connection(w.pg.conninfo())
    session.query("SELECT pg_advisory_lock(1)")
    link = socket.create_connection(("127.0.0.1", int(w.shards["eu1"].attributes["port"])))
    wanted = (f"process {process.pid} is left", "a session of PostgreSQL is left", "a lock is left", "1 connections to eu1 are left")
    try:
        found = w.deadline.poll(lambda: _at_least(len(wanted), left.processes(w) + left.sessions(w)), "all that was left to be seen", 0.1)
        for one in wanted:
            _expect(found, one, "it was made")
    finally:
        process.kill()
        process.wait()
        session.close()
        link.close()
    return len(wanted)
