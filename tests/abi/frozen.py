#!/usr/bin/python3
"""Connectors that were built with the frozen header move rows in the present host.

    frozen.py ETL PLUGIN_DIR
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROWS = 5000


def main():
    etl, plugins = sys.argv[1:]
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
    wanted = (ROWS, ROWS * (ROWS + 1) // 2)
    print(sums)
    return 0 if sums == {"numbers/a": wanted, "numbers/b": wanted} else 1


if __name__ == "__main__":
    sys.exit(main())
