"""scripts/bench: cases, their servers, their figures."""
from __future__ import annotations

import argparse
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

from . import peers_local, peers_sqlserver, report, rounds, serve_10k, table
from .peers import Failed
from .servers import SOURCE, Shard, Sink, Skip, StoryError

CASES = {  # name: (shards, rows, rows with --quick)
    "one_shard_1m": (1, 1_000_000, 100_000),
    "four_shards_1m": (4, 1_000_000, 100_000),
    "one_shard_10m": (1, 10_000_000, 400_000),
    "four_shards_10m": (4, 10_000_000, 400_000),
    "nothing_new": (4, 1_000_000, 20_000),
    "postgres_1m": (0, 1_000_000, 100_000),
    "csv_1m": (0, 1_000_000, 100_000),
    "capture_1m": (0, 1_000_000, 100_000),
    "serve_10k": (0, 10_000, 200),  # pipelines, not rows
}
PEERS = [peers_sqlserver.Floor, peers_sqlserver.FreebcpCopy]
SLOW_PEERS = {False: [], True: [peers_sqlserver.Pgloader, peers_sqlserver.TdsFdw]}  # where they are worth their time
ROUNDS, QUICK_ROUNDS = 5, 3
CONDITIONS = "PostgreSQL does not fsync; the SQL Servers are stand-ins that answer from a cache; all of it shares {cores} cores. Median of {rounds} rounds."


def arguments() -> argparse.Namespace:
    p = argparse.ArgumentParser(prog="scripts/bench", description="Measures etl beside others that can do the same, and beside a bare loop.  See bench/README.md.")
    p.add_argument("cases", metavar="CASE", nargs="*", help=f"one of {', '.join(CASES)}; all without one")
    p.add_argument("--quick", action="store_true", help="fewer rows and rounds: to see that it works, not to measure")
    p.add_argument("-o", choices=("table", "json"), default="table", dest="form", help="what to print; table is the default")
    found = p.parse_intermixed_args()
    for case in found.cases:
        if case not in CASES:
            p.error(f"there is no case {case}; there are: {', '.join(CASES)}")
    return found


def build() -> pathlib.Path:
    """A release of what is measured.  Returns its folder."""
    tree = SOURCE / (os.environ.get("ETL_BUILD", "build") + "-release")
    if not (tree / "build.ninja").exists():
        subprocess.run(["meson", "setup", tree, "--buildtype=release", "-Db_lto=true"], cwd=SOURCE, stdout=sys.stderr, check=True)
    subprocess.run(["ninja", "-C", tree, "--quiet", "host/etl", "plugins/sqlserver.so", "plugins/postgres.so", "plugins/csv.so", "bench/floor", "bench/replay"],
                   stdout=sys.stderr, check=True)
    return tree


def size(case: str, quick: bool) -> tuple[int, int, int]:
    """Servers, rows in all, rounds."""
    n, full, few = CASES[case]
    return (n, few, QUICK_ROUNDS) if quick else (n, full, ROUNDS)


def run_shards(case: str, tree: pathlib.Path, sink: Sink, folder: pathlib.Path, quick: bool) -> list[rounds.Figure]:
    n, rows, times = size(case, quick)
    shards: list[Shard] = []
    try:
        for i in range(n):
            shards.append(Shard(folder / f"s{i + 1}", i + 1))
        rounds.fill_shards(shards, rows)
        etl = peers_sqlserver.etl(tree, folder, shards, sink)
        if case == "nothing_new":
            return rounds.nothing_new(case, etl, tree / "bench/replay", shards, sink, rows, times)
        others = [peer(tree, folder, shards, sink) for peer in SLOW_PEERS[case == "one_shard_1m"] + PEERS]
        return rounds.moving(case, [etl, *others], shards, sink, rows, times)
    finally:
        for shard in shards:
            shard.end()


def run_postgres(case: str, tree: pathlib.Path, sink: Sink, folder: pathlib.Path, quick: bool) -> list[rounds.Figure]:
    _, rows, times = size(case, quick)
    with sink.database() as source:
        rounds.load_reference(sink, source, rows)
        peers = [peers_local.etl_postgres(tree, folder, sink, source), peers_local.PsqlPipe(sink, source)]
        return rounds.moving(case, peers, [], sink, rows, times)


def run_csv(case: str, tree: pathlib.Path, sink: Sink, folder: pathlib.Path, quick: bool) -> list[rounds.Figure]:
    _, rows, times = size(case, quick)
    file = folder / "mixed.csv"
    with open(file, "w", encoding="utf-8") as f:
        f.writelines(table.csv(rows))
    if case == "capture_1m":
        peers = [peers_local.EtlCapture(tree, folder, sink, file), peers_local.EtlPlain(tree, folder, sink, file)]
    else:
        peers = [peers_local.etl_csv(tree, folder, sink, file), peers_local.PsqlCopy(sink, file), peers_local.PgloaderCsv(folder, sink, file)]
    return rounds.moving(case, peers, [], sink, rows, times)


def run_serve(case: str, tree: pathlib.Path, _: Sink, folder: pathlib.Path, quick: bool) -> list[rounds.Figure]:
    _, pipelines, times = size(case, quick)
    return serve_10k.run(case, tree, folder, pipelines, times)


def run_case(case: str, tree: pathlib.Path, sink: Sink, folder: pathlib.Path, quick: bool) -> list[rounds.Figure]:
    folder.mkdir()
    rounds.say(f"{case}:")
    try:
        return {"postgres_1m": run_postgres, "csv_1m": run_csv, "capture_1m": run_csv, "serve_10k": run_serve}.get(case, run_shards)(case, tree, sink, folder, quick)
    finally:
        shutil.rmtree(folder)


def run_cases(cases: list[str], tree: pathlib.Path, quick: bool) -> tuple[list[rounds.Figure], list[str]]:
    """The figures, and the cases that gave none: a run that went wrong makes its case void and leaves the others alone."""
    figures: list[rounds.Figure] = []
    void: list[str] = []
    with tempfile.TemporaryDirectory(prefix="etl-bench-") as folder:
        place = pathlib.Path(folder)
        sink = Sink(place / "postgres")
        try:
            for case in cases:
                try:
                    figures += run_case(case, tree, sink, place / case, quick)
                except (Failed, StoryError) as e:
                    rounds.say(f"scripts/bench: {case} is void: {e}")
                    void.append(case)
        finally:
            sink.end()
    return figures + rounds.growth(figures), void


def notes(cases: list[str], void: list[str], quick: bool) -> str:
    """Under the table: what these figures are figures of."""
    rows = ", ".join(f"{case} {size(case, quick)[1]:,}" for case in cases)
    lines = [CONDITIONS.format(cores=os.cpu_count(), rounds=size(cases[0], quick)[2]), f"Rows (of serve_10k, pipelines): {rows}."]
    if quick:
        lines.append("With --quick they are too few to measure by.")
    if void:
        lines.append(f"VOID, see the messages: {', '.join(void)}")
    return "\n".join(lines)


def main() -> int:
    options = arguments()
    cases = list(dict.fromkeys(options.cases or CASES))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGINT, lambda *_: sys.exit(130))
    try:
        figures, void = run_cases(cases, build(), options.quick)
    except subprocess.CalledProcessError as e:
        print(f"scripts/bench: {e.cmd[0]} failed; its output is above", file=sys.stderr)
        return 1
    except (Skip, StoryError) as e:
        print(f"scripts/bench: {e}", file=sys.stderr)
        return 1
    if options.form == "json":
        print(report.as_json(figures))
    else:
        print(report.as_table(figures), notes(cases, void, options.quick), sep="\n\n")
    return 1 if void else 0


sys.exit(main())
