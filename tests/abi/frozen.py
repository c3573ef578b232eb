#!/usr/bin/python3
"""Connectors that were built with the frozen header move rows in the present host, and keep to its rules.

    frozen.py ETL PLUGIN_DIR
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROWS = 5000


# The cursors of ledger are text: no case that stores others.
LEDGER = ["--column", "id=l", *(w for case in "note entry descriptor options open_close growth commit abort fence epochs values".split() for w in ("--only", case))]


def keeps_to_rules(etl, plugins, folder, name, option, *words):
    done = subprocess.run([etl, "plugin", "check", f"{plugins}/{name}.so", "--option", option, *words], capture_output=True, text=True, check=False, cwd=folder)
    if done.returncode:
        print(done.stdout, done.stderr, sep="\n")
    return done.returncode == 0


def main():
    etl, plugins = (os.path.abspath(word) for word in sys.argv[1:])
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "pipelines.d").mkdir()
        (folder / "etl.conf").write_text(f'plugin_dirs = [ "{plugins}" ];\ncache_dir = "{folder}/cache";\n')
        (folder / "pipelines.d/numbers.conf").write_text(
            f'extract = {{ plugin = "gen"; rows = {ROWS}; shards = [ "a", "b" ]; }};\nload = {{ plugin = "ledger"; file = "../ledger.json"; }};\n'
            "epoch = { rows = 500; };\nbatch = { rows = 100; };\n")
        env = {k: v for k, v in os.environ.items() if not k.startswith("ETL_")}
        done = subprocess.run([etl, "-c", folder / "etl.conf", "run", "numbers", "--progress", "json"], env={**env, "HOME": name},
                              capture_output=True, text=True, check=False)
        if done.returncode:
            print(done.stdout, done.stderr, sep="\n")
            return 1
        lanes = json.loads((folder / "ledger.json").read_text())["lanes"]
        sums = {lane: (entry["rows"], entry["sum"]) for lane, entry in lanes.items()}
        if not (keeps_to_rules(etl, plugins, folder, "gen", "rows=300") and keeps_to_rules(etl, plugins, folder, "ledger", f"file={folder}/check.json", *LEDGER)):
            return 1
    wanted = (ROWS, ROWS * (ROWS + 1) // 2)
    print(sums)
    return 0 if sums == {"numbers/a": wanted, "numbers/b": wanted} else 1


if __name__ == "__main__":
    sys.exit(main())
