"""The table, or JSON, and the targets beside the figures."""
from __future__ import annotations

import dataclasses
import json

from .rounds import Figure


def target(f: Figure) -> float | None:
    """At most this."""
    if (f.case, f.metric, f.peer) == ("csv_1m", "wall_ratio", "pgloader"):
        return 1.0
    return {("wall_ratio", "freebcp_copy"): 1.25, ("wall_ratio", "floor"): 1.1, ("cpu_ratio", "floor"): 1.15, ("wall_ratio", "pgloader"): 0.25,
            ("wall_ratio", "tds_fdw"): 0.5, ("wall_ratio", "psql_pipe"): 1.1, ("wall_ratio", "psql_copy"): 1.1, ("wall_ratio", "no_capture"): 4.0, ("no_new_run_ms", "etl"): 100.0,
            ("idle_cpu_percent", "etl"): 1.0, ("host_rss_mib", "etl"): 64.0, ("host_peak_rss_mib", "etl"): 64.0, ("reload_ms", "etl"): 1000.0,
            ("due_to_call_ms", "etl"): 30.0, ("due_to_call_p99_ms", "etl"): 30.0, ("due_missed", "etl"): 0.0, ("due_out_of_order", "etl"): 0.0,
            ("peak_rss_mib", "etl"): 128.0 if f.case.startswith("four") else 64.0}.get((f.metric, f.peer))


def as_json(figures: list[Figure]) -> str:
    return json.dumps([dataclasses.asdict(f) for f in figures], indent=1)


def number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def as_table(figures: list[Figure]) -> str:
    rows = [("case", "metric", "peer", "median", "unit", "least", "most", "target", "")]
    for f in figures:
        most = target(f)
        rows.append((f.case, f.metric, f.peer, number(f.value), f.unit, number(min(f.runs)), number(max(f.runs)),
                     f"<= {most:g}" if most is not None else "", "" if most is None else "met" if f.value <= most else "MISSED"))
    widths = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
    right = {3, 5, 6, 7}
    return "\n".join("  ".join(c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(r, widths))).rstrip() for r in rows)
