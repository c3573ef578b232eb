"""A line a check, and the sum."""
from __future__ import annotations

import shutil
from typing import Callable


class Missing(Exception):
    """A client is not on this machine."""


class Report:
    def __init__(self, ci: bool):
        self.ci, self.client = ci, ""
        self.counts = {"passed": 0, "failed": 0, "skipped": 0}

    def begin(self, client: str) -> None:
        self.client = client

    def _line(self, word: str, count: str, check: str, why: str = "") -> None:
        self.counts[count] += 1
        print(f"{word:7} {self.client}: {check}{': ' + why if why else ''}", flush=True)

    def passed(self, check: str) -> None:
        self._line("ok", "passed", check)

    def failed(self, check: str, why: str) -> None:
        self._line("not ok", "failed", check, why)

    def skipped(self, check: str, why: str, missing: bool = False) -> None:
        if missing and self.ci:
            self.failed(check, why)
        else:
            self._line("skip", "skipped", check, why)

    def need(self, *commands: str) -> bool:
        for command in commands:
            if not shutil.which(command):
                self.skipped("all", f"there is no {command}", missing=True)
                return False
        return True

    def check(self, name: str, test: Callable[[], None]) -> None:
        """A check fails by raising; AssertionError's text is the reason."""
        try:
            test()
        except Exception as e:
            text = str(e) if isinstance(e, AssertionError) else f"{type(e).__name__}: {e}"
            self.failed(name, " ".join(text.split())[:600])
        else:
            self.passed(name)

    def end(self) -> int:
        c = self.counts
        print(f"{c['passed']} passed, {c['failed']} failed, {c['skipped']} skipped")
        return 1 if c["failed"] else 0


def equal(got: object, wanted: object, what: str = "") -> None:
    if got != wanted:
        raise AssertionError(f"{what + ' is ' if what else ''}{got!r:.250} instead of {wanted!r:.250}")


def holds(part: str, text: str) -> None:
    if part not in text:
        raise AssertionError(f"no {part!r} in {text!r:.400}")
