"""Shards in pieces, and ranges in windows, without servers: faults by chance at any call, some limits, another window each time; then every
row must be in the ledger once.  The seed repeats a case."""
from __future__ import annotations

import json
import os
import pathlib
import random
import subprocess

from story.errors import StoryError

POINTS = ("loader.commit", "loader.commit", "loader.begin", "loader.write", "loader.committed", "loader.claim", "extractor.split",
          "extractor.reader_open", "extractor.read", "extractor.ack")
ACTIONS = ("kill", "kill", "abort", "retryable", "permanent", "indoubt")
FAULTED_RUNS, RUNS, RUN_S = 12, 40, 60
CONF = """extract = {{ plugin = "gen"; rows = {rows}; shards = [ "a", "b" ]; parallelism = {pieces}; limits = {{ sessions = {sessions}; }}; }};
load = {{ plugin = "ledger"; file = "../ledger.json"; }};
epoch = {{ rows = {epoch}; }};
batch = {{ rows = 10; }};
error_handling = {{ max_retries = 2; retry_delay = "0s"; }};
"""


class Case:
    def __init__(self, build: pathlib.Path, folder: pathlib.Path, seed: int):
        self.build, self.folder, self.chance = build, folder, random.Random(seed)
        self.rows = self.chance.choice((0, 1, 7, 300, 1000))
        self.range = sorted(self.chance.sample(range(1, 1200), 2)) if self.chance.random() < 0.5 else None
        self.told: list[str] = []
        (folder / "pipelines.d").mkdir(parents=True)
        (folder / "etl.conf").write_text("")
        (folder / "pipelines.d/numbers.conf").write_text(CONF.format(
            rows=self.rows, pieces=self.chance.choice((1, 2, 5, 8)), sessions=self.chance.choice((0, 1, 3)), epoch=self.chance.choice((1, 30, 100))))

    def fault(self) -> str:
        return (f"{self.chance.choice(('before', 'after'))}:{self.chance.choice(POINTS)}:{self.chance.randint(1, 8)}:"
                f"{self.chance.choice(ACTIONS)}")

    def arguments(self) -> list[str]:
        words = ["--range", f"{self.range[0]},{self.range[1]}"] if self.range else []
        if self.range and self.chance.random() < 0.7:
            words += ["--window", str(self.chance.choice((13, 50, 400)))]
        if self.chance.random() < 0.2:
            words += ["--limit", str(self.chance.choice((5, 50)))]
        return words

    def run(self, fault: str, words: list[str]) -> int:
        env = {**os.environ, "ETL_PLUGIN_PATH": str(self.build / "tests/fault/plugins"), "ETL_FAULT": fault,
               "ETL_FAULT_DIR": str(self.build / "tests/fault/connectors"), "XDG_CACHE_HOME": str(self.folder.parent / "cache")}
        done = subprocess.run([str(self.build / "host/etl"), "-c", str(self.folder / "etl.conf"), "run", "numbers", "--progress", "none", *words],
                              env=env, capture_output=True, text=True, timeout=RUN_S, check=False)
        self.told.append(f"{' '.join(words)} [{fault}] -> {done.returncode}\n{done.stderr}")
        return done.returncode

    def ledger(self) -> dict:
        file = self.folder / "ledger.json"
        return json.loads(file.read_text()) if file.exists() else {"lanes": {}}

    def play(self) -> None:
        """Until a run without a limit succeeds; a range is over as soon as it is forgotten."""
        for number in range(RUNS):
            words = self.arguments()
            status = self.run(",".join(self.fault() for _ in range(3)) if number < FAULTED_RUNS else "", words)
            if (self.range and "forgotten" in self.ledger()) or (status == 0 and "--limit" not in words):
                return
        raise StoryError("no run succeeded:\n" + "\n".join(self.told))

    def look(self) -> None:
        ledger = self.ledger()
        lanes = ledger.get("forgotten", {}) if self.range else ledger["lanes"]
        ids = [i for i in range(1, self.rows + 1) if not self.range or self.range[0] <= i < self.range[1]]
        for shard in "ab":
            mine = [lane for name, lane in lanes.items() if name.split("/")[1].split("#")[0].split("@")[0] == shard]
            found = sum(lane["rows"] for lane in mine), sum(lane["sum"] for lane in mine)
            if found != (len(ids), sum(ids)):
                raise StoryError(f"shard {shard}: {len(ids)} rows with the sum {sum(ids)} are right, and there are {found}:\n" + "\n".join(self.told))
        if self.range and any("@" in name for name in ledger["lanes"]):
            raise StoryError("a lane of the range was not forgotten:\n" + "\n".join(self.told))


def play(build: pathlib.Path, folder: pathlib.Path, seed: int) -> str:
    case = Case(build, folder, seed)
    case.play()
    case.look()
    return f"{len(case.told)} runs"
