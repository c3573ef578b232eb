#!/usr/bin/python3
"""Connectors of ABI 1.0, built from frozen/ alone, in the present host: each row once, whatever comes in between.

    frozen.py ETL BUILD_DIR
"""
import collections
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading

ROWS = 6000
SHARDS = ("a", "b")
EPOCH = 500


class Wrong(Exception):
    pass


class World:
    """One pipeline in a folder of its own; its journal is what the frozen loader was told to keep."""
    def __init__(self, etl, build, folder, load=None, transforms='{ plugin = "frozen_mark"; hold = 600; }', more=""):
        self.etl, self.folder, self.more = etl, folder, more
        self.transforms, self.load = transforms, load or f'{{ plugin = "frozen_keep"; folder = "{folder}"; }}'
        (folder / "pipelines.d").mkdir(parents=True)
        (folder / "etl.conf").write_text(f'plugin_dirs = [ "{build}/tests/abi", "{build}/plugins" ];\ncache_dir = "{folder}/cache";\n')
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("ETL_")} | {"HOME": str(folder)}

    def start(self, extract):
        (self.folder / "pipelines.d/words.conf").write_text(
            f"extract = {{ {extract} }};\ntransforms = ( {self.transforms} );\nload = {self.load};\n"
            f'epoch = {{ rows = {EPOCH}; }};\nbatch = {{ rows = 100; }};\nerror_handling = {{ max_retries = 2; retry_delay = "0s"; }};\n{self.more}')
        return subprocess.Popen([self.etl, "-c", self.folder / "etl.conf", "run", "words", "--progress", "json"], env=self.env, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self, extract, status="success"):
        out, err = (process := self.start(extract)).communicate(timeout=60)
        return self.ended(process, out, err, status)

    def ended(self, _, out, err, status):
        summary = json.loads((out.splitlines() or ["{}"])[-1])
        if summary.get("event") != "summary" or summary["status"] != status:
            raise Wrong(f"not {status}:\n{out[-3000:]}{err}")
        return summary

    def stopped(self, extract, how, status):
        """As soon as both shards wait, `how` is done to the run."""
        process, waiting, said = self.start(extract), set(), []
        late = threading.Timer(60, process.kill)
        late.start()
        for line in process.stdout:
            said.append(line)
            event = json.loads(line)
            if event.get("message", "").startswith("waits at row"):
                waiting.add(event["lane"])
                if len(waiting) == len(SHARDS) and how:
                    how(process)
                    how = None
        late.cancel()
        err = process.stderr.read()
        process.wait(timeout=60)
        return self.ended(process, "".join(said), err, status)

    def journal(self):
        """(rows, set aside, lanes, ends of runs) of what is committed."""
        text = (self.folder / "journal").read_text()
        lines = text[:text.rindex("commit\n")].splitlines()
        of = lambda word: [line[len(word) + 1:] for line in lines if line.startswith(word + " ")]
        return [json.loads(row) for row in of("row")], of("aside"), of("lane"), of("end")


def extract(shards=SHARDS, **options):
    listed = ", ".join(f'"{s}"' for s in shards)
    return f'plugin = "frozen_count"; rows = {ROWS}; shards = [ {listed} ]; ' + " ".join(f"{k} = {v};" for k, v in options.items())


def must_be_once(world, refused=lambda i: False, shards=len(SHARDS)):
    """Each row of each shard once, but for those without a word and those that were refused."""
    rows, _, _, ends = world.journal()
    found = collections.Counter(row["id"] for row in rows)
    wanted = {i: shards for i in range(1, ROWS + 1) if i % 10 and not refused(i)}
    if found != wanted:
        raise Wrong(f"{sum(found.values())} rows and not {sum(wanted.values())}: {list((collections.Counter(wanted) - found).items())[:5]} are missing, "
                    f"{list((found - collections.Counter(wanted)).items())[:5]} too many")
    if any(row["word"] != f"word {row['id']}" or row["length"] != len(row["word"]) for row in rows):
        raise Wrong("rows are not as they were read")
    if not ends or ends[-1] == "failed":
        raise Wrong(f"the last run did not end well: {ends}")


def set_aside(etl, build, folder):
    """Rows that each of the three refuses are set aside, by the one who did, and the run counts each row it read."""
    world = World(etl, build, folder, f'{{ plugin = "frozen_keep"; folder = "{folder}"; refuse_every = 17; }}',
                  '{ plugin = "frozen_mark"; refuse_every = 13; }', "quarantine = { max_rows = 10000; max_percent = 50; };\n")
    summary = world.run(extract(bad_every=11))
    refused = lambda i: any(i % n == 0 for n in (11, 13, 17))
    must_be_once(world, refused)
    ids = range(1, ROWS + 1)
    wanted = {"extract": sum(i % 11 == 0 for i in ids), "transform 1": sum(i % 13 == 0 and i % 11 != 0 for i in ids),
              "load": sum(i % 17 == 0 and i % 10 != 0 and i % 11 != 0 and i % 13 != 0 for i in ids)}
    found = collections.Counter(line.split(" ", 2)[2].split(":")[0] for line in world.journal()[1])
    if found != {stage: 2 * n for stage, n in wanted.items()}:
        raise Wrong(f"set aside: {found}, for two shards; wanted for each: {wanted}")
    if summary["rows_read"] != 2 * ROWS or summary["rows_read"] != sum(summary[f"rows_{what}"] for what in ("written", "filtered", "rejected")):
        raise Wrong(f"the counts do not add up: {summary}")


def goes_on(world, stopped):
    """What was committed stays, and the next run reads from there on."""
    rows, _, lanes, _ = world.journal()
    if not 0 < len(rows) < 2 * ROWS or len(lanes) < 2:
        raise Wrong(f"{len(rows)} rows are committed by a run that was stopped in the middle: {stopped}")
    again = world.run(extract())
    must_be_once(world)
    if not 0 < again["rows_read"] < 2 * ROWS:
        raise Wrong(f"the second run read {again['rows_read']} rows: it did not go on from the first one's cursors")
    if world.run(extract())["rows_read"] != 0:
        raise Wrong("a third run finds rows")


def stopped_softly(etl, build, folder):
    """A run is asked to stop while the extractor has nothing; what is in hand is committed, the next one goes on."""
    world = World(etl, build, folder)
    goes_on(world, world.stopped(extract(idle_at=2750), lambda p: p.send_signal(signal.SIGINT), "cancelled"))


def cancelled(etl, build, folder):
    """A run is stopped at once while calls of the extractor do not come back before cancel(); the next one goes on."""
    world = World(etl, build, folder)

    def twice(process):
        process.send_signal(signal.SIGINT)
        for line in process.stderr:
            if "Ctrl-C again" in line:
                break
        process.send_signal(signal.SIGINT)
    goes_on(world, world.stopped(extract(hang_at=2750), twice, "cancelled"))


def killed(etl, build, folder):
    """A worker is killed in the middle; the next run goes on."""
    world = World(etl, build, folder)

    def kill(process):
        children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGKILL)
    goes_on(world, world.stopped(extract(hang_at=2750), kill, "crashed"))


def lost_source(etl, build, folder):
    """A source that is lost in the middle is read again within the run, from what is committed."""
    world = World(etl, build, folder)
    summary = world.run(extract(fail_at=1234))
    must_be_once(world)
    if [lane["retries"] for lane in summary["lanes"]] != [1, 1]:
        raise Wrong(f"not one retry of each lane: {summary['lanes']}")


def pieces(etl, build, folder):
    """A shard read in pieces; one of them is lost for a while."""
    world = World(etl, build, folder)
    summary = world.run(extract(shards=["a"], parallelism=3, fail_at=1234))
    must_be_once(world, shards=1)
    if len(summary["lanes"]) < 3 or world.run(extract(shards=["a"], parallelism=3))["rows_read"] != 0:
        raise Wrong(f"not read in pieces, once: {summary['lanes']}")


def beside_others(etl, build, folder):
    """The frozen extractor and transformer into a connector of today, and what that has into the frozen loader."""
    out = World(etl, build, folder / "out", f'{{ plugin = "sqlite"; path = "{folder}/w.db"; table = "words"; mode = "append"; }}',
                '{ plugin = "frozen_mark"; }, { plugin = "filter"; where = "id <= 5500"; }')
    out.run(extract(shards=["a"]))
    back = World(etl, build, folder / "back", transforms='{ plugin = "filter"; where = "id > 10"; }, { plugin = "frozen_mark"; }')
    summary = back.run(f'plugin = "sqlite"; path = "{folder}/w.db"; table = "words"; cursor = [ "id" ];')
    must_be_once(back, lambda i: i <= 10 or i > 5500, shards=1)
    if summary["rows_read"] != 4950 or back.run(f'plugin = "sqlite"; path = "{folder}/w.db"; table = "words"; cursor = [ "id" ];')["rows_read"] != 0:
        raise Wrong(f"4950 rows were to be read, once: {summary}")


def keeps_to_rules(etl, build, folder):
    """Each by itself: `etl plugin check`, where hosts are older and newer, slower and without memory."""
    folder.mkdir()
    for words in (["count", "--option", "rows=700"], ["mark", "--option", "hold=3", "--option", "refuse_every=7"],
                  ["keep", "--option", f"folder={folder}", "--option", "refuse_every=7"]):
        columns = [] if words[0] == "count" else ["--column", "id=l", "--column", "word=u"]
        done = subprocess.run([etl, "plugin", "check", f"{build}/tests/abi/frozen_{words[0]}.so", *words[1:], *columns], capture_output=True, text=True,
                              check=False, cwd=folder)
        if done.returncode or " 0 failed" not in done.stdout:
            raise Wrong(done.stdout + done.stderr)


CASES = (keeps_to_rules, set_aside, stopped_softly, cancelled, killed, lost_source, pieces, beside_others)


def main():
    etl, build = (os.path.abspath(word) for word in sys.argv[1:3])
    failed = 0
    for case in CASES:
        with tempfile.TemporaryDirectory() as name:
            try:
                case(etl, build, pathlib.Path(name) / "world")
                print(f"ok   {case.__name__}", flush=True)
            except (Wrong, subprocess.TimeoutExpired) as wrong:
                print(f"FAIL {case.__name__}: {wrong}", flush=True)
                failed += 1
    print(f"{len(CASES) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
