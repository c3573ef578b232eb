"""sys.dm_db_stats_histogram: the statistics of an index as if they had just been made from all rows.

An index's statistics have its number.  At most 200 steps, of about as many rows each; the first is the least value."""
from __future__ import annotations

from typing import Any

from contract import SqlError, Type

from . import values

FUNCTION = "sys.dm_db_stats_histogram"
STEPS = 200
VARIANT, REAL = Type("sql_variant", 8016), values.make("real", [])
COLUMNS = [("object_id", values.INT), ("stats_id", values.INT), ("step_number", values.INT), ("range_high_key", VARIANT), ("range_rows", REAL),
           ("equal_rows", REAL), ("distinct_range_rows", values.BIGINT), ("average_range_rows", REAL)]


def rows(session: Any, object_id: int | None, stats_id: int | None) -> list[tuple]:
    o = session.db.catalog.by_id(object_id)
    index = next((i for i in o.indexes if i.id == stats_id), None) if o and o.kind == "U" else None
    if not index:
        return []
    if index.filtered:
        raise SqlError(40515, "This server makes no statistics of a filtered index.")
    column = next(c for c in o.columns if c.id == index.columns[0][0])
    counted = session.connection.execute(f"SELECT {column.sql}, count(*) FROM {o.sql} GROUP BY 1 ORDER BY 1").fetchall()
    return [(o.id, stats_id, n, None if high is None else values.encode(VARIANT, (column.type, values.decode(column.type, high))), *step)
            for n, (high, *step) in enumerate(_steps(counted), 1)]


def _steps(counted: list[tuple[Any, int]]) -> list[tuple]:
    """Highest value, rows between it and the step before, rows that are equal to it, different values in between, rows of each of these."""
    total, steps, between, different = sum(n for _, n in counted), [], 0, 0
    for value, n in counted:
        between, different = between + n, different + 1
        if len(steps) < 2 or between >= total / (STEPS - 2) or value == counted[-1][0]:
            others, values_between = between - n, different - 1
            steps.append((value, float(others), float(n), values_between, others / values_between if values_between else 1.0))
            between = different = 0
    return steps
