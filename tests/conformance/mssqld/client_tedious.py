"""tedious, the client of node; its checks are in tedious/checks.js.  npm installs it into the build directory."""
from __future__ import annotations

import json
import pathlib
import shutil
import subprocess

from . import cases
from .report import Report
from .target import Target

HERE = pathlib.Path(__file__).resolve().parent / "tedious"
INSTALL_S, CHECKS_S = 300, 180


def install(report: Report, build: pathlib.Path) -> pathlib.Path | None:
    folder = build / "conformance" / "tedious"
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder / "package-lock.json"
    fresh = lock.exists() and (folder / "node_modules" / "tedious").exists() and lock.read_bytes() == (HERE / "package-lock.json").read_bytes()
    for name in ("package.json", "package-lock.json", "checks.js"):
        shutil.copy(HERE / name, folder / name)
    if not fresh:
        try:
            done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--no-update-notifier", f"--cache={folder / 'npm-cache'}"],
                                  cwd=folder, capture_output=True, text=True, timeout=INSTALL_S)
        except subprocess.TimeoutExpired:
            done = None
        if not done or done.returncode:
            lock.unlink()
            why = " ".join(done.stderr.split())[-300:] if done else f"no answer in {INSTALL_S} s"
            report.skipped("all", f"npm cannot install it: {why}", missing=True)
            return None
    return folder


def run(report: Report, target: Target, build: pathlib.Path) -> None:
    if not report.need("node", "npm"):
        return
    folder = install(report, build.resolve())
    if not folder:
        return
    shown = [c for c in cases.CASES if c.js is not None]
    work = {"host": target.host, "port": target.port, "user": target.user, "password": target.password, "database": target.database,
            "setup": cases.statements(shown), "select": cases.rows_sql(shown), "selectNever": cases.rows_sql(shown, "nc"),
            "declarations": [c.declaration for c in shown], "wanted": [c.js for c in shown]}
    done = subprocess.run(["node", "--no-deprecation", "checks.js"], cwd=folder, input=json.dumps(work), capture_output=True, text=True,
                          timeout=CHECKS_S)
    for line in done.stdout.splitlines():
        told = json.loads(line)
        if told["why"] is None:
            report.passed(told["check"])
        else:
            report.failed(told["check"], told["why"][:600])
    if done.returncode:
        report.failed("checks.js", f"ended with {done.returncode}: {done.stderr[-500:]}")
