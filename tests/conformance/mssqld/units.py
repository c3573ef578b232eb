"""The stand-in's own tests."""
from __future__ import annotations

import pathlib
import sys
import unittest

from .report import Report
from .target import MSSQLD, Target


class Result(unittest.TestResult):
    def __init__(self, report: Report):
        super().__init__()
        self.report = report

    @staticmethod
    def _name(test: unittest.TestCase) -> str:
        return test.id()

    def addSuccess(self, test) -> None:
        self.report.passed(self._name(test))

    def addSkip(self, test, reason) -> None:
        self.report.skipped(self._name(test), reason)

    def addFailure(self, test, err) -> None:
        self.report.failed(self._name(test), str(err[1]))

    def addError(self, test, err) -> None:
        self.report.failed(self._name(test), self._exc_info_to_string(err, test)[-600:])

    def addSubTest(self, test, subtest, err) -> None:
        if err:
            self.report.failed(subtest.id(), str(err[1])[:600])


def run(report: Report, target: Target, build: pathlib.Path) -> None:
    if target.real:
        report.skipped("all", "they are about the stand-in")
        return
    top = MSSQLD.parent
    sys.path.insert(0, str(top))
    for folder in ("tds/tests", "sql/tests"):
        if (top / folder).is_dir():
            unittest.TestLoader().discover(str(top / folder), top_level_dir=str(top)).run(Result(report))
