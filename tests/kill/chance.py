"""Faults by chance: random calls of random modes are hit, and the source errs, stalls or is cut off, several times in a row, until a
run is left alone.  The seed is printed and repeats the same faults."""
from __future__ import annotations

import random

import matrix
from modes import MODES

POINTS = ("extractor.reader_open", "extractor.read", "extractor.ack", "transformer.bind", "transformer.process", "transformer.flush", "loader.claim",
          "loader.committed", "loader.run_begin", "loader.prepare", "loader.begin", "loader.write", "loader.settle", "loader.reject", "loader.commit",
          "loader.abort", "loader.run_end")
ACTIONS = ("kill", "kill", "segv", "exit", "retryable", "tds-reset", "pg-terminate")
ANY = {"success", "partial", "failed", "crashed"}


def fault(chance: random.Random) -> str:
    point, action = chance.choice(POINTS), chance.choice(ACTIONS)
    if chance.random() < 0.1:
        point, action = "loader.commit", "indoubt"
    return f"{chance.choice(('before', 'after'))}:{point}:{chance.randint(1, 12)}:{action}"


def server_fault(chance: random.Random) -> tuple[str, str]:
    """What the source does in the middle of its answer, and the options that such a run needs."""
    rows, size = chance.randint(0, 1100), chance.randint(100, 60000)
    command = chance.choice((f"error-after-rows {rows} 1205 51 13 deadlock victim", f"error-after-rows {rows} 824 2 24 a page is torn", "deadlock next",
                             f"cut-after-bytes {size}", f"close-after-bytes {size}", f"stall-after-rows {rows}"))
    return f"match ORDER {command}", ' query_timeout = "1s";' if command.startswith("stall") else ""


def play(bench: matrix.Bench, seed: int) -> str:
    """Up to four faulted runs, then one that must succeed."""
    chance = random.Random(seed)
    mode = chance.choice(list(MODES))
    case = matrix.Case(mode, f"{seed}", "by", "chance")
    faults = [",".join(fault(chance) for _ in range(chance.randint(1, 3))) for _ in range(chance.randint(1, 4))]
    MODES[mode].make_target(bench.pg, case.table)
    told = []
    for text in faults:
        command, options = server_fault(chance) if chance.random() < 0.4 else ("", "")
        if command:
            bench.shard.command(command)
        outcome = bench.run(case.table, mode, chance.randint(0, 3), text, ANY, options)
        told.append(f"{text}{' and ' if command else ''}{command} -> {outcome}")
        bench.shard.command("clear")
        bench.in_between(case, outcome)
    bench.run(case.table, mode, 3, None, {"success"})
    bench.look(case)
    return f"{mode}: " + "; ".join(told)
