"""What must hold of the state store when all is over: every run is in a state that is right, every due time and window is there once."""
from __future__ import annotations

from pipelines import PIPELINES, DELAY_S
from store import SCHEMA
from world import World

US = 1000000
# Each query names what it finds; {loud} are the times in which schedules were at work, {paused} those of grow in which it was paused.
STORE = {
    "a run is at work, and no host is": "SELECT id, pipeline, state FROM pipeline_runs WHERE state IN ('claimed', 'running')",
    "a run waits, though nothing is due": "SELECT id, pipeline, trigger FROM pipeline_runs WHERE state = 'queued'",
    "two runs for one due time": "SELECT pipeline, due_at, count(*) FROM pipeline_runs WHERE trigger IN ('schedule', 'catch_up', 'dependency') "
                                 "GROUP BY pipeline, due_at HAVING count(*) > 1",
    "two runs under one claim": "SELECT pipeline, fence, count(*) FROM pipeline_runs WHERE fence > 0 GROUP BY pipeline, fence HAVING count(*) > 1",
    "two runs of one pipeline at the same time":
        "SELECT a.id, b.id, a.pipeline FROM pipeline_runs a JOIN pipeline_runs b ON a.pipeline = b.pipeline AND a.fence < b.fence "
        "WHERE a.started_at IS NOT NULL AND b.started_at < a.ended_at",
    "attempts that do not follow each other":  # what the end of a host cut short goes on as the same attempt
        "SELECT root, string_agg(concat_ws(' ', id, pipeline, trigger, state, attempt, reason), ', ') FROM pipeline_runs GROUP BY root "
        "HAVING count(DISTINCT attempt) <> max(attempt) OR count(*) FILTER (WHERE state <> 'cancelled') > max(attempt) OR min(attempt) <> 1",
    "an attempt behind a good one": "SELECT a.id, b.id FROM pipeline_runs a JOIN pipeline_runs b ON a.root = b.root AND b.attempt > a.attempt "
                                    "WHERE a.state = 'succeeded'",
    "more attempts than are allowed": "SELECT id, pipeline, attempt FROM pipeline_runs WHERE attempt > 3",
    "a run that ended before it began": "SELECT id, pipeline, state FROM pipeline_runs WHERE ended_at < started_at",
    "a run that failed without saying why": "SELECT id, pipeline, state FROM pipeline_runs WHERE state IN ('failed', 'crashed') AND error_message IS NULL",
    "a run that was skipped or cancelled without a reason":
        "SELECT id, pipeline, state FROM pipeline_runs WHERE state IN ('skipped', 'cancelled') AND reason IS NULL",
    "a stage at work in a run that has ended": "SELECT run, stage, shard, state FROM pipeline_tasks WHERE state NOT IN ('succeeded', 'failed', "
                                               "'partial', 'cancelled', 'crashed', 'skipped')",
    "stages that do not add up to their run":
        "SELECT r.id, r.pipeline, r.rows_written, sum(t.rows_out) FROM pipeline_runs r JOIN pipeline_tasks t ON t.run = r.id AND t.stage = 'load' "
        "WHERE r.state = 'succeeded' GROUP BY 1, 2, 3 HAVING sum(t.rows_out) <> r.rows_written",
    "a good run with a bad stage": "SELECT r.id, r.pipeline, t.stage, t.shard, t.state FROM pipeline_runs r JOIN pipeline_tasks t ON t.run = r.id "
                                   "WHERE r.state = 'succeeded' AND t.state NOT IN ('succeeded', 'skipped')",
    "a due time of grow that is not there":
        "SELECT due_at, next FROM (SELECT due_at, lead(due_at) OVER (PARTITION BY a ORDER BY due_at) AS next FROM pipeline_runs "
        f"JOIN (VALUES {{loud}}) loud (a, b) ON due_at BETWEEN a AND b WHERE pipeline = 'grow' AND trigger IN ('schedule', 'catch_up')) x "
        f"WHERE next - due_at <> {US} AND NOT EXISTS (SELECT FROM (VALUES {{paused}}) paused (a, b) WHERE due_at < b AND next > a)",
    "a due time of grow that behind did not hear of":
        "SELECT g.id, g.state, g.due_at FROM pipeline_runs g WHERE g.pipeline = 'grow' AND g.trigger IN ('schedule', 'catch_up') AND NOT EXISTS "
        "(SELECT FROM pipeline_runs b WHERE b.pipeline = 'behind' AND b.due_at = g.due_at)",
    "a due time of behind that last did not hear of":
        "SELECT b.id, b.state, b.due_at FROM pipeline_runs b WHERE b.pipeline = 'behind' AND b.trigger = 'dependency' AND NOT EXISTS "
        "(SELECT FROM pipeline_runs l WHERE l.pipeline = 'last' AND l.due_at = b.due_at)",
    "a run of last though one before it did not do well":
        "SELECT l.id, l.due_at, u.pipeline FROM pipeline_runs l CROSS JOIN (VALUES ('grow'), ('behind')) u (pipeline) "
        "WHERE l.pipeline = 'last' AND l.trigger = 'dependency' AND l.state <> 'skipped' AND NOT EXISTS (SELECT FROM pipeline_runs g "
        "JOIN pipeline_runs o ON o.root = g.root AND o.state = 'succeeded' WHERE g.pipeline = u.pipeline AND g.due_at = l.due_at)",
    "a window that does not begin where the last good one ended":
        "SELECT id, window_from_at, was FROM (SELECT id, window_from_at, max(window_to_at) OVER (ORDER BY fence ROWS BETWEEN UNBOUNDED PRECEDING AND "
        "1 PRECEDING) AS was, options FROM pipeline_runs WHERE pipeline = 'span' AND state = 'succeeded') x "
        "WHERE coalesce(window_from_at, 0) <> coalesce(was, 0) AND coalesce(options, '') NOT LIKE '%full_refresh%'",
    "a window that does not end where it should": f"SELECT id, due_at, window_to_at FROM pipeline_runs WHERE pipeline = 'span' AND trigger = 'schedule' "
                                                  f"AND window_to_at <> due_at - {DELAY_S * US}",
    "a breaker without a threshold": "SELECT pipeline, state FROM breakers",
}


def times(w: World) -> dict[str, str]:
    return {"loud": ", ".join(f"({a}, {b})" for a, b in w.loud),
            "paused": ", ".join(["(0, 0)", *(f"({a}, {b})" for name, a, b in w.paused if name == "grow")])}


def look(w: World) -> list[str]:
    found = []
    for what, sql in STORE.items():
        rows = w.ask(f"SET LOCAL search_path = {SCHEMA}, public; {sql.format(**times(w))} LIMIT 3")
        found += [f"{what}: {' '.join(str(v) for v in row)}" for row in rows]
    return found


def idle(w: World) -> bool:
    return w.store.ask("SELECT count(*) FROM pipeline_runs WHERE state IN ('queued', 'claimed', 'running')") == [["0"]]


def caught_up(w: World, since: int) -> bool:
    """Each pipeline has done well with what there is since then."""
    done = w.store.ask(f"SELECT count(DISTINCT pipeline) FROM pipeline_runs WHERE state = 'succeeded' AND started_at > {since} "
                       f"AND coalesce(window_to_at, started_at) > {since}")
    return done == [[str(len(PIPELINES))]]


def newest(w: World) -> str:
    rows = w.store.ask("SELECT started_at / 1000 % 10000000, id, pipeline, trigger, state, attempt, host, coalesce(error_message, reason, '') "
                       "FROM pipeline_runs ORDER BY queued_at DESC LIMIT 30")
    return "\n".join("  ".join(str(v) for v in row) for row in reversed(rows))


def in_short(w: World) -> str:
    return ", ".join(f"{n} {state}" for state, n in w.store.ask("SELECT state, count(*) FROM pipeline_runs GROUP BY state ORDER BY state"))
