"""The program that drives the notifier (driver.c), and `etl` itself."""
from __future__ import annotations

import json
import os
import pathlib
import queue
import subprocess
import threading

WAIT_S = 30


class Wrong(Exception):
    """Something is not as it should be."""


def environment() -> dict[str, str]:
    keep = ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS")
    return {**{k: os.environ[k] for k in keep if k in os.environ}, "LANG": "C.UTF-8", "TZ": "UTC", "SECRET_OF_HOST": "not for commands"}


def children_of(pid: int) -> list[int]:
    found: list[int] = []
    for file in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(word) for word in file.read_text().split()]
    return found


class Stage:
    """A folder with etl.conf, and what is built."""

    def __init__(self, build: pathlib.Path, folder: pathlib.Path, certificates):
        self.etl, self.program = build / "host/etl", build / "tests/notify/notify_driver"
        self.folder, self.certificates = folder, certificates
        self.endings: list = []
        folder.mkdir(parents=True)
        (folder / "pipelines.d").mkdir()

    def stop_later(self, thing):
        """thing is stopped at the end, whatever happens."""
        self.endings.append(thing)
        return thing

    def stop(self):
        for thing in reversed(self.endings):
            thing.stop()

    def conf(self, *targets: str) -> None:
        (self.folder / "etl.conf").write_text("notify = (\n" + ",\n".join("{ " + t + " }" for t in targets) + "\n);\n")

    def run(self, *words: str) -> subprocess.CompletedProcess:
        return subprocess.run([self.etl, *words], cwd=self.folder, env=environment(), capture_output=True, text=True, timeout=WAIT_S, check=False)

    def host(self) -> Host:
        return self.stop_later(Host(self))


class Host:
    """A notifier on its event loop."""

    def __init__(self, stage: Stage):
        self.process = subprocess.Popen([stage.program, stage.etl, "etl.conf"], cwd=stage.folder, env=environment(), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, encoding="utf-8")
        self.reports: queue.Queue = queue.Queue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        same(self.report(), {"ready": True}, "the first line")

    def _read(self):
        for line in self.process.stdout:
            self.reports.put(json.loads(line))
        self.reports.put(None)

    def say(self, **what):
        self.process.stdin.write(json.dumps(what, ensure_ascii=False) + "\n")
        self.process.stdin.flush()

    def event(self, event: str, **what):
        self.say(event=event, **what)

    def report(self) -> dict:
        """The next one."""
        report = self.reports.get(timeout=WAIT_S)
        if report is None:
            raise Wrong("the host has ended, and a report was waited for")
        return report

    def end(self) -> list[dict]:
        """Flushes; the reports that are left, when it has ended."""
        self.process.stdin.close()
        left = list(iter(lambda: self.reports.get(timeout=WAIT_S), None))
        if self.process.wait(WAIT_S) != 0:
            raise Wrong(f"the host ended with {self.process.returncode}")
        return left

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.reader.join()
        for pipe in (self.process.stdin, self.process.stdout):
            try:
                pipe.close()
            except BrokenPipeError:
                pass


def same(found, expected, what: str):
    if found != expected:
        raise Wrong(f"{what}: {found!r}, expected {expected!r}")


def has(text: str, *parts: str):
    for part in parts:
        if part not in text:
            raise Wrong(f"{part!r} is not in:\n{text}")


def has_not(text: str, *parts: str):
    for part in parts:
        if part in text:
            raise Wrong(f"{part!r} is in:\n{text}")
