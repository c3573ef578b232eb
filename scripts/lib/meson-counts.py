#!/usr/bin/python3
"""Counts the cases inside the test programs of one `meson test` run.

    meson-counts.py meson-logs/SUITE.json

A Criterion program tells its counts in a "Synthesis" line, a script in "N passed, N failed[, N skipped]"; any other program is one
case.  A program that failed although all its cases passed (a crash at exit, a time-out) counts as one failure more.
"""
import json
import re
import sys

SYNTHESIS = re.compile(r"Synthesis: Tested: (\d+) \| Passing: (\d+) \| Failing: (\d+) \| Crashing: (\d+)")
COUNTS = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", re.M)


def strip_colours(text):
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def count(test):
    """(passed, failed, skipped) of one program."""
    text = strip_colours(test.get("stdout", "") + "\n" + test.get("stderr", ""))
    good = test["result"] in ("OK", "EXPECTEDFAIL")
    if test["result"] == "SKIP":
        return 0, 0, 1
    synthesis = SYNTHESIS.findall(text)
    counts = COUNTS.findall(text)
    if synthesis:
        tested, passed, failing, crashing = (sum(int(s[i]) for s in synthesis) for i in range(4))
        failed, skipped = failing + crashing, tested - passed - failing - crashing
    elif counts:
        passed, failed, skipped = (int(n or 0) for n in counts[-1])
    else:
        passed, failed, skipped = int(good), int(not good), 0
    if not good and failed == 0:
        failed = 1
    return passed, failed, skipped


def main():
    totals = [0, 0, 0]
    try:
        with open(sys.argv[1], encoding="utf-8", errors="replace") as log:
            tests = [json.loads(line) for line in log if line.strip()]
    except FileNotFoundError:
        tests = []
    for test in tests:
        counts = count(test)
        totals = [a + b for a, b in zip(totals, counts)]
        print("%-8s %-50s %d passed, %d failed, %d skipped" % (test["result"], test["name"], *counts))
    print("%d passed, %d failed, %d skipped" % tuple(totals))
    return 0


if __name__ == "__main__":
    sys.exit(main())
