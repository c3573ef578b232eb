"""What operators do meanwhile: a table of commands to the hosts, given by chance.  A command that cannot be done says so; none may hang or die."""
from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Callable

from pipelines import PIPELINES
from story.errors import StoryError
from story.process import child_environment
from world import World

Later = tuple[float, Callable[[], "Later"]] | None
COMMAND_S = 20
STATUSES = range(6)  # docs/operating.md has them
ANEW = ("fold", "span", "whole")  # whose rows may all come again; of the others each run is held to what it said it had written


def tell(w: World, host: str, *words: str) -> int:
    environment = child_environment({**w.stage.env, "HOST_NAME": host, "ETL_CONF": str(w.folder / "etl.conf"), "HOME": str(w.folder)})
    try:
        done = subprocess.run([w.shared.build / "host/etl", *words], env=environment, cwd=w.folder, capture_output=True, text=True, check=False,
                              timeout=COMMAND_S, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        raise StoryError(f"etl {' '.join(words)} of host {host} has not ended within {COMMAND_S} s") from None
    if done.returncode not in STATUSES or (done.returncode and not done.stderr.strip()):
        raise StoryError(f"etl {' '.join(words)} of host {host} ended with status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.returncode


def command(w: World, chance: random.Random, *words: str) -> int | None:
    """To a host that nothing is done to; None: there is none."""
    names = [n for n in w.running_hosts() if n not in w.busy]
    return tell(w, chance.choice(names), *words) if names else None


def start(w: World, chance: random.Random) -> Later:
    command(w, chance, "start", chance.choice(list(PIPELINES)))
    return None


def start_anew(w: World, chance: random.Random) -> Later:
    command(w, chance, "start", chance.choice(ANEW), "--full-refresh")
    return None


def end_run(w: World, chance: random.Random) -> Later:
    command(w, chance, chance.choice(("stop", "cancel")), chance.choice(list(PIPELINES)))
    return None


def pause(w: World, chance: random.Random) -> Later:
    """What is due meanwhile is left out for good."""
    name, since = chance.choice(list(PIPELINES)), time.time_ns() // 1000
    command(w, chance, "pause", name)

    def resume() -> Later:
        if command(w, chance, "resume", name) != 0:
            return 0.2, resume
        w.paused.append((name, since, time.time_ns() // 1000))
        return None
    return chance.uniform(0.5, 3), resume


def ask(w: World, chance: random.Random) -> Later:
    command(w, chance, *chance.choice((("list",), ("status",), ("info", "grow"), ("history", "--limit", "5"), ("logs", "-n", "5"))))
    return None


def serve_twice(w: World, chance: random.Random) -> Later:
    """A second host on a store in SQLite is refused."""
    if w.alone and (status := command(w, chance, "serve")) not in (None, 2):
        raise StoryError(f"a second host on the same store ended with status {status}")
    return None


ORDERS = {start: 2, start_anew: 1, end_run: 2, pause: 1, ask: 1, serve_twice: 1}
