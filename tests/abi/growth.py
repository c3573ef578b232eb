#!/usr/bin/python3
"""The rule of growth, by libabigail: within a minor nothing changes; with a higher one there may be more at the end of a struct and of an enum.

    growth.py CC FROZEN_DIR CURRENT_DIR

layout.py measures with the compiler what abidiff does not look at, such as macros.  Here each rule is shown a header that breaks it.
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
# All that a report of abidiff may say when the minor is a higher one.  A struct grows from its old size on.
GROWTH = re.compile(r"""\s*(
  Leaf\ changes\ summary:.*|Changed\ leaf\ types\ summary:.*|Removed/Changed/Added\ functions\ summary:\ 0\ Removed,\ 0\ Changed.*|
  Removed/Changed/Added\ variables\ summary:\ 0\ Removed,\ 0\ Changed.*|
  '(struct|enum)\ \w+.*'\ changed:|type\ size\ (hasn't\ changed|changed\ from.*)|\d+\ (data\ member|enumerator)\ insertions?:|
  '.*',\ at\ offset\ \d+\ \(in\ bits\).*|'\w+::\w+'\ value\ '\d+'|\d+\ impacted\ interfaces?.*|\d+\ data\ member\ changes?.*)?\s*""", re.X)


def minor_of(header):
    return int(re.search(r"#define ETL_ABI_MINOR (\d+)", header)[1])


class Compare:
    def __init__(self, cc, folder):
        self.cc, self.folder = cc, folder

    def library(self, include, name):
        out = self.folder / f"{name}.so"
        subprocess.run([self.cc, "-std=gnu11", "-g", "-O0", "-fPIC", "-shared", "-I", include, "-o", out, HERE / "whole.c"], check=True)
        return out

    def report(self, frozen, current):
        done = subprocess.run(["abidiff", "--no-default-suppression", "--no-show-locs", "--leaf-changes-only", self.library(frozen, "frozen"),
                               self.library(current, "current")], capture_output=True, text=True, check=False)
        if done.returncode & 3:
            raise SystemExit(f"abidiff failed: {done.stderr}{done.stdout}")
        return done.stdout if done.returncode else ""

    def findings(self, frozen, current):
        report = self.report(frozen, current)
        before, now = (minor_of((d / "etl/plugin.h").read_text()) for d in (frozen, current))
        if now < before:
            return ["the minor went back"]
        if report and now == before:
            return [f"the layout changed within minor {now}: raise ETL_ABI_MINOR, and only append\n{report}"]
        size, found = 0, []
        for line in report.splitlines():
            size = int(m[1]) if (m := re.search(r"type size changed from (\d+)", line)) else 1 << 62 if "type size hasn't" in line else size
            at = re.search(r", at offset (\d+)", line)
            if not GROWTH.fullmatch(line) or (at and int(at[1]) < size):
                found.append(f"not growth: {line.strip()}\n{report}")
        return found


BUMP = ("#define ETL_ABI_MINOR 0u", "#define ETL_ABI_MINOR 1u")
APPENDED = ("  void (*schema_change)(const struct etl_host *, const struct etl_schema_change *);\n",
            "  void (*schema_change)(const struct etl_host *, const struct etl_schema_change *);\n  void (*later)(void);\n")
# what, replacements, may it pass?
SAMPLES = (
    ("the header as it is", (), True),
    ("a function appended with a new minor", (BUMP, APPENDED), True),
    ("an enumerator appended with a new minor", (BUMP, ("  ETL_CURSOR_FORGET = 2 ", "  ETL_CURSOR_LATER = 4,\n  ETL_CURSOR_FORGET = 2 ")), True),
    ("a function appended within the minor", (APPENDED,), False),
    ("a member put in between", (BUMP, ("  int64_t vendor_code;      /* errno", "  int64_t between;\n  int64_t vendor_code;      /* errno")), False),
    ("a member that is gone", (BUMP, ("  const char *lane;     /* \"eu1\"", "  /* \"eu1\"")), False),
    ("a member with another type", (BUMP, ("  uint64_t owner;  /* from claim()", "  double owner;  /* from claim()")), False),
    ("a function with another parameter", (BUMP, ("int32_t (*abort)(void *self);", "int32_t (*abort)(void *self, int why);")), False),
    ("an enumerator with another value", (BUMP, ("ETL_CAP_RESUME = 2,", "ETL_CAP_RESUME = 1024,")), False),
)


def main():
    cc, frozen, current = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    if not shutil.which("abidiff"):
        print("there is no abidiff (apt-get install abigail-tools)\n0 passed, 0 failed, 1 skipped")
        return 0
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        compare = Compare(cc, pathlib.Path(name))
        found = compare.findings(frozen, current)
        print(("FAIL " if found else "ok   ") + "the present header against the frozen one")
        print("".join(f"     {f}\n" for f in found), end="")
        failed += bool(found)
        for what, changes, good in SAMPLES:
            text = (frozen / "etl/plugin.h").read_text()
            for old, new in changes:
                assert text.count(old) == 1, old
                text = text.replace(old, new)
            sample = pathlib.Path(name) / "sample/etl"
            sample.mkdir(parents=True, exist_ok=True)
            (sample / "plugin.h").write_text(text)
            found = compare.findings(frozen, sample.parent)
            wrong = bool(found) == good
            print(("FAIL " if wrong else "ok   ") + what + (" passes" if good else " is noticed"))
            if wrong:
                print("".join(f"     {f}\n" for f in found) or compare.report(frozen, sample.parent))
            failed += wrong
    print(f"{len(SAMPLES) + 1 - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
