"""Rounds of a case: every peer once, in turn, each run verified.  A run that is wrong is void, and fails the benchmark."""
from __future__ import annotations

import dataclasses
import re
import statistics
import subprocess
import sys
import time

from . import table
from .peers import Cost, Etl, Failed, environment, psql
from .servers import Shard, Sink


@dataclasses.dataclass
class Figure:
    case: str
    metric: str
    peer: str
    value: float   # the median of the runs
    unit: str
    runs: list[float]


def figure(case: str, metric: str, peer: str, unit: str, runs: list[float]) -> Figure:
    return Figure(case, metric, peer, round(statistics.median(runs), 4), unit, [round(r, 4) for r in runs])


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def fill_shards(shards: list[Shard], rows: int) -> None:
    """Row i lies in shard i modulo their number."""
    n, began = len(shards), time.monotonic()
    for shard, first, loading in [(s, i, s.load(i, rows // n, n)) for i, s in enumerate(shards)]:
        shard.load_end(loading, rows // n)
    say(f"  {rows} rows in {n} shards, {time.monotonic() - began:.1f} s")


def expected(sink: Sink, rows: int) -> list[str | None]:
    """Count and checksum of what every peer must come to, from the table's definition and by none of them."""
    with sink.database() as name:
        load_reference(sink, name, rows)
        return sink.checksum(name)


def load_reference(sink: Sink, database: str, rows: int) -> None:
    copy = subprocess.Popen(psql(sink, database, "COPY public.mixed FROM STDIN"), env=environment(), stdin=subprocess.PIPE, text=True,
                            encoding="utf-8")
    copy.stdin.writelines(table.reference(rows))
    copy.stdin.close()
    if copy.wait():
        raise Failed("the reference could not be loaded")


def measured(peer, shards: list[Shard], sink: Sink, want: list[str | None], warm: bool) -> Cost:
    """One run.  Wrong rows make it void; so does, once the caches are warm, a server that had to encode them."""
    sizes = [s.log_size() for s in shards]
    with sink.database() as name:
        cost = peer.run(name)
        got = sink.checksum(name)
    if got != want and (not peer.loses or got[0] != want[0]):
        raise Failed(f"{peer.name} moved {got[0]} rows with checksum {got[1]}; it should be {want[0]} and {want[1]}")
    slow = [s.name for s, size in zip(shards, sizes) if encoded(s.log_since(size)) * len(shards) >= int(want[0])]
    if warm and slow:
        raise Failed(f"{peer.name} was not answered from the cache of {', '.join(slow)}")
    return cost


def encoded(log: str) -> int:
    """Rows of the largest answer that did not come out of the cache: only these are counted in a server's log."""
    return max(map(int, re.findall(r"(?m)^[\d:]+ \d+ (\d+) rows, ", log)), default=0)


def moving(case: str, peers: list, shards: list[Shard], sink: Sink, rows: int, rounds: int) -> list[Figure]:
    """All rows into an empty table.  One round before the first fills the servers' caches and is not counted."""
    want = expected(sink, rows)
    costs: dict[str, list[Cost]] = {p.name: [] for p in peers}
    for number in range(rounds + 1):
        for k in range(len(peers)):
            peer = peers[(k + number) % len(peers)]  # nobody always comes first
            cost = measured(peer, shards, sink, want, warm=number > 0)
            if number:
                costs[peer.name].append(cost)
            cpu = f"{cost.cpu_s:6.2f} s" if cost.cpu_s is not None else "unknown"
            say(f"  {case} {number or 'warm-up'}: {peer.name:13} {cost.wall_s:7.2f} s, CPU {cpu}")
    return figures(case, costs, rows)


def figures(case: str, costs: dict[str, list[Cost]], rows: int) -> list[Figure]:
    found = []
    etl = costs[Etl.name]
    for peer, runs in costs.items():
        found.append(figure(case, "rows_per_second", peer, "rows/s", [rows / c.wall_s for c in runs]))
        if runs[0].cpu_s is not None:
            found.append(figure(case, "cpu_seconds_per_million", peer, "s", [c.cpu_s * 1e6 / rows for c in runs]))
    found.append(figure(case, "peak_rss_mib", Etl.name, "MiB", [c.peak_rss_bytes / 2**20 for c in etl]))
    for peer, runs in costs.items():
        if peer == Etl.name:
            continue
        found.append(figure(case, "wall_ratio", peer, "etl/peer", [a.wall_s / b.wall_s for a, b in zip(etl, runs)]))
        if runs[0].cpu_s is not None:
            found.append(figure(case, "cpu_ratio", peer, "etl/peer", [a.cpu_s / b.cpu_s for a, b in zip(etl, runs)]))
    return found


def growth(figures: list[Figure]) -> list[Figure]:
    """Memory at ten times the rows, where both cases were measured."""
    rss = {f.case: f.runs for f in figures if f.metric == "peak_rss_mib"}
    pairs = [(few, few.replace("_1m", "_10m")) for few in rss if few.endswith("_1m")]
    return [figure(many, "peak_rss_ratio", few, "10m/1m", [b / a for a, b in zip(rss[few], rss[many])]) for few, many in pairs if many in rss]


# ---- nothing new ------------------------------------------------------------------------------------------------------------------


def scripts_of(shards: list[Shard], sizes: list[int]) -> list[bytes]:
    """What was said to each server since its log had this size, for bench/replay: connections one after the other, as they were made."""
    return [script_of(shard.log_since(size)) for shard, size in zip(shards, sizes)]


def script_of(log: str) -> bytes:
    sessions: dict[str, list[str]] = {}
    for line in log.splitlines():
        found = re.match(r"\d\d:\d\d:\d\d (\d+) (.*)", line)
        if not found:
            raise Failed(f"a line of a server's log is not understood: {line!r}")
        spid, text = found.groups()
        if text.startswith("login of "):
            sessions[spid] = ["C"]
        elif not re.match(r"\d+ rows, \d+ bytes, |gone: |read: ", text):
            sessions[spid].append(text)
    if not sessions:
        raise Failed("etl said nothing to a server")
    return b"".join(record.encode() + b"\0" for records in sessions.values() for record in records)


def servers_ms(program, shards: list[Shard], scripts: list[bytes]) -> float:
    """The same again by a bare client, all servers side by side; the slowest counts."""
    processes = [subprocess.Popen([program, f"127.0.0.1:{s.port}", "sa", "shop"], env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
                 for s in shards]
    for p, script in zip(processes, scripts):
        p.stdin.write(script)
        p.stdin.close()
    answers = [p.stdout.read() for p in processes]
    if any([p.wait() for p in processes]):
        raise Failed("the bare client could not say again what etl said")
    return max(float(a) for a in answers)


def nothing_new(case: str, etl: Etl, replay, shards: list[Shard], sink: Sink, rows: int, rounds: int) -> list[Figure]:
    """Runs over a target that has everything, less what the SQL servers take for the same statements."""
    want, own, whole, beside = expected(sink, rows), [], [], []
    with sink.database() as name:
        etl.run(name)
        for number in range(rounds + 1):
            sizes = [s.log_size() for s in shards]
            cost = etl.run(name)
            servers = servers_ms(replay, shards, scripts_of(shards, sizes))
            say(f"  {case} {number or 'warm-up'}: etl {cost.wall_s * 1e3:.0f} ms, servers {servers:.0f} ms")
            if number:
                whole.append(cost.wall_s * 1e3)
                own.append(servers)
                beside.append(cost.wall_s * 1e3 - servers)
        if sink.checksum(name) != want:
            raise Failed("runs with nothing new changed the target")
    return [figure(case, "run_ms", "etl", "ms", whole), figure(case, "run_ms", "servers", "ms", own),
            figure(case, "no_new_run_ms", "etl", "ms", beside)]
