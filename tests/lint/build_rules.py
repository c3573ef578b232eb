"""Rules that need a build tree: they ask the program itself.  Each gives its findings."""
from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess

from tree import Tree


def etl(build: pathlib.Path, *words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess:
    plugins = {"ETL_PLUGIN_PATH": str(build / "plugins"), "PATH": os.environ["PATH"], "HOME": str(build)}
    return subprocess.run([str(build / "host/etl"), *words], capture_output=True, text=True, check=False, env={**plugins, **(env or {})})


def undocumented(where: str, options: list[dict]) -> list[str]:
    found = []
    for option in options:
        name = f"{where}: {option.get('name')}"
        if not re.search(r"\S.*[.:;]$", option.get("doc") or "", re.S):
            found.append(f"{name}: has no sentence that says what it is for")
        found += undocumented(name, option.get("members") or [])
    return found


def options_are_documented(_: Tree, build: pathlib.Path) -> list[str]:
    found = []
    connectors = sorted((build / "plugins").glob("*.so"))
    if not connectors:
        return [f"{build}/plugins: no connector was built"]
    for so in connectors:
        done = etl(build, "plugin", "info", so.stem, "-o", "json")
        if done.returncode:
            found.append(f"{so.name}: {done.stderr.strip()}")
            continue
        for connector in json.loads(done.stdout):
            found += undocumented(f"{connector['kind']} {connector['name']}", connector["options"])
    return found


def examples_load(tree: Tree, build: pathlib.Path) -> list[str]:
    """Every etl.conf of conf/, with its pipelines."""
    examples = [f for f in tree.files if f.startswith("conf/") and f.endswith("etl.conf")]
    if not examples:
        return ["conf/: there is no etl.conf"]
    found = []
    for file in examples:
        done = etl(build, "check", str(tree.root / file))
        if done.returncode:
            found += [f"{file}: {line}" for line in (done.stderr + done.stdout).strip().splitlines()]
    return found


def sources_are_built(tree: Tree, build: pathlib.Path) -> list[str]:
    """A source file that no meson.build knows is dead."""
    commands = json.loads((build / "compile_commands.json").read_text())
    built = {os.path.realpath(os.path.join(c["directory"], c["file"])) for c in commands}
    return [f"{file}:1: no meson.build builds it" for file in tree.under("api/", "host/", "plugins/", ends=(".c",))
            if os.path.realpath(tree.root / file) not in built]


RULES = [options_are_documented, examples_load, sources_are_built]
