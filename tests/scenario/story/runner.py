"""Runs scenarios side by side and tells how they went."""
from __future__ import annotations

import concurrent.futures
import dataclasses
import os
import re
import shutil
import threading
import time
import traceback

from .errors import Skip, StoryError
from .parse import Scenario
from .process import Deadline
from .stage import Shared, Stage
from .steps import VERBS

DEADLINE_S = 60.0


@dataclasses.dataclass
class Outcome:
    scenario: Scenario
    result: str  # passed, failed, skipped
    seconds: float
    text: str = ""


def deadline_of(scenario: Scenario, factor: float) -> float:
    for s in scenario.statements:
        if s.words[0] == "deadline":
            return float(s.words[1].removesuffix("s")) * factor
    return DEADLINE_S * factor


def check(scenario: Scenario) -> None:
    """Verbs that are not there, before anything runs."""
    for s in scenario.statements:
        if s.words[0] not in VERBS and s.words[0] != "deadline":
            raise StoryError(f"{s.place}: no verb {s.words[0]!r}; there are: {', '.join(sorted(VERBS))}")


def play(scenario: Scenario, shared: Shared, factor: float) -> Outcome:
    """One scenario from begin to end, whatever happens."""
    began = time.monotonic()
    folder = shared.work / re.sub(r"[^A-Za-z0-9]+", "-", f"{scenario.path.stem}-{scenario.line}")
    outcome = Outcome(scenario, "passed", 0)
    stage = None
    statement = None
    try:
        check(scenario)
        stage = Stage(shared, folder, Deadline(deadline_of(scenario, factor)))
        for statement in scenario.statements:
            if statement.words[0] != "deadline":
                VERBS[statement.words[0]][0](stage, statement)
    except Skip as e:
        real = "ETL_TEST_MSSQL" in os.environ  # then something must be left out
        outcome.result = "failed" if os.environ.get("CI") == "true" and not real else "skipped"
        outcome.text = str(e)
    except Exception as e:  # pylint: disable=broad-except # a scenario's own failure must not end the others
        outcome.result = "failed"
        why = str(e) if isinstance(e, StoryError) else traceback.format_exc()
        outcome.text = (f"{statement.place}: {statement}\n{why}" if statement else why) + tails(stage)
    finally:
        if stage:
            stage.end()
    outcome.seconds = time.monotonic() - began
    if outcome.result == "passed":
        shutil.rmtree(folder, ignore_errors=True)
    return outcome


def tails(stage: Stage | None) -> str:
    text = ""
    for name, actor in (stage.actors.items() if stage else ()):
        lines = actor.tail()
        if lines:
            text += f"\n---- {name}\n  " + "\n  ".join(lines)
    return text


def run_all(scenarios: list[Scenario], shared: Shared, jobs: int, factor: float) -> list[Outcome]:
    printing = threading.Lock()

    def one(scenario: Scenario) -> Outcome:
        outcome = play(scenario, shared, factor)
        with printing:
            mark = {"passed": "ok  ", "failed": "FAIL", "skipped": "skip"}[outcome.result]
            print(f"{mark} {scenario.name} ({outcome.seconds:.1f} s)", flush=True)
            if outcome.text:
                print("     " + outcome.text.replace("\n", "\n     "), flush=True)
        return outcome

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(one, scenarios))
