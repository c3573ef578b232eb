"""What must hold of rows when all is over: each is in its target once, as it was read, and was brought by the run that the history says."""
from __future__ import annotations

from pipelines import PIPELINES
from store import SCHEMA
from world import World

RUNS = f"{SCHEMA}.pipeline_runs"
OWN = ("SELECT r.id, r.state, r.rows_read, r.rows_written, r.rows_filtered + r.rows_rejected AS aside, r.fence, coalesce(t.n, 0) AS n, t.low, t.high "
       f"FROM {RUNS} r LEFT JOIN (SELECT run, count(*) AS n, min({{id}}) AS low, max({{id}}) AS high FROM {{table}} GROUP BY run) t ON t.run = r.id "
       "WHERE r.pipeline = '{table}'")
RAW = "SELECT r.id, c.run, c.shard, r.data FROM etl.raw_data r JOIN etl.captures c ON c.id = r.id >> 24 AND c.pipeline = 'shards' AND c.aside = ''"

# Of pipelines whose rows stay as they came; each query names what it finds.  A run that died is known by what it had told.
COUNTED = {
    "rows of a run that is not in the history": f"SELECT t.run, count(*) FROM {{table}} t LEFT JOIN {RUNS} r ON r.id = t.run WHERE r.id IS NULL "
                                                "GROUP BY 1",
    "a run's rows are not as many as it says": f"SELECT id, state, rows_written, n FROM ({OWN}) x WHERE n < rows_written "
                                               "OR n > rows_written AND state <> 'crashed'",
    "what was read was not written": f"SELECT id, rows_read, rows_written FROM ({OWN}) x WHERE state = 'succeeded' AND rows_read <> rows_written + aside",
}
# Of those that read in the order of the ids: whoever had lost its claim cannot have written behind the next one.
IN_ORDER = {
    "rows of a run behind those of a later claim": "SELECT id, fence, high, next FROM (SELECT id, fence, high, lead(low) OVER (ORDER BY fence) AS next "
                                                   f"FROM ({OWN}) x WHERE n > 0) y WHERE high >= next",
}
# Of the others, one by one.
SINGLE = {
    "whole is not what one good run made of it":
        f"SELECT t.run, r.state, count(*) FROM whole t LEFT JOIN {RUNS} r ON r.id = t.run GROUP BY 1, 2, r.rows_written "
        f"HAVING count(*) <> r.rows_written OR t.run <> (SELECT id FROM {RUNS} WHERE pipeline = 'whole' AND state = 'succeeded' "
        "ORDER BY fence DESC LIMIT 1) OR r.state IS NULL",
    "a row of span outside of its run's window":
        f"SELECT t.id, t.at, r.id FROM span t LEFT JOIN {RUNS} r ON r.id = t.run WHERE r.id IS NULL "
        "OR t.at >= to_timestamp(r.window_to_at / 1e6) OR t.at < to_timestamp(coalesce(r.window_from_at, 0) / 1e6)",
    "a row of shards without its two records, or with more":
        f"WITH raw AS ({RAW}) SELECT s.shard, s.id, s.run, count(r.id), count(t.id) FROM shards s "
        "LEFT JOIN raw r ON r.run = s.run AND r.shard = s.shard AND (r.data->>'id')::bigint = s.id "
        "LEFT JOIN etl.transformed_data t ON t.raw_id = r.id AND t.status = 'valid' AND t.data->>'name' = s.name "
        "GROUP BY 1, 2, 3 HAVING count(r.id) <> 1 OR count(t.id) <> 1",
    "records of rows that are not there":
        f"WITH raw AS ({RAW}) SELECT 'raw', r.run, r.shard, r.data->>'id' FROM raw r LEFT JOIN shards s ON s.run = r.run AND s.shard = r.shard "
        "AND s.id = (r.data->>'id')::bigint WHERE s.id IS NULL "
        "UNION ALL SELECT 'transformed', '', '', t.data->>'id' FROM etl.transformed_data t LEFT JOIN raw r ON r.id = t.raw_id WHERE r.id IS NULL",
    "records of no lot, or a lot without records":
        "SELECT c.id, x.id FROM etl.captures c FULL JOIN (SELECT id FROM etl.raw_data UNION ALL SELECT id FROM etl.transformed_data) x "
        "ON c.id = x.id >> 24 WHERE c.id IS NULL OR x.id IS NULL",
    "rows set aside, and none is bad": "SELECT pipeline, count(*) FROM etl.quarantine GROUP BY 1",
}


def differences(w: World) -> list[str]:
    """Pipelines whose target is not its source, row by row, with an example."""
    w.note_written()
    found = []
    for target, p in PIPELINES.items():
        for what, a, b in (("lost", p.source, target), ("doubled or wrong", target, p.source)):
            rows = w.ask(f"SELECT count(*), min(x::text) FROM (SELECT {p.columns} FROM {a} EXCEPT ALL SELECT {p.columns} FROM {b}) x")
            if rows[0][0] != "0":
                found.append(f"{target}: {rows[0][0]} rows {what}, such as {rows[0][1]}")
    return found


def brought(w: World) -> list[str]:
    """Rows against the history."""
    found = []

    def look(what: str, sql: str) -> None:
        found.extend(f"{what}: {' '.join(str(v) for v in row)}" for row in w.ask(f"{sql} LIMIT 3"))
    for table, p in PIPELINES.items():
        for asked, queries in ((p.counted, COUNTED), (p.in_order, IN_ORDER)):
            for what, sql in queries.items() if asked else ():
                look(f"{table}: {what}", sql.format(table=table, id="id"))
    for what, sql in SINGLE.items():
        look(what, sql)
    return found
