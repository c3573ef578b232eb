"""The demo's story, from the first login over the kill -9 to the host that does all this by itself.  Run it by scripts/demo.

Everything a reader sees is what etl prints, or the answer to a query; every claim is checked, and the demo fails if one does not hold.
"""
from __future__ import annotations

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import textwrap

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from world import SHARDS, SOURCE, World  # noqa: E402
from story.errors import StoryError  # noqa: E402
from story.etl import workers_of  # noqa: E402
from story.libpq import PgError  # noqa: E402
from story.process import Deadline, Process, child_environment  # noqa: E402

RUN_S = 120
MORE = {"eu1": 1000, "eu2": 2000, "us1": 6000, "ap1": 25000}  # logins that are on their way when the run is killed


def heading(text: str) -> None:
    bold, plain = ("\033[1m", "\033[0m") if sys.stdout.isatty() else ("", "")
    print(f"\n{bold}== {text}{plain}\n", flush=True)


def say(text: str) -> None:
    print(textwrap.fill(text, 100), flush=True)


def table(head: list[str], rows: list[list[str | None]]) -> None:
    cells = [head] + [["" if v is None else v for v in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    for number, row in enumerate(cells):
        print("  " + "  ".join(v.rjust(w) if v.isdigit() else v.ljust(w) for v, w in zip(row, widths)).rstrip())
        if number == 0:
            print("  " + "  ".join("-" * w for w in widths))
    sys.stdout.flush()


def kill(process: Process, deadline: Deadline) -> None:
    victims = workers_of(process.pid) + [process.pid]
    print(f"$ kill -9 {' '.join(map(str, victims))}", flush=True)
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    process.wait(deadline)
    process.end()


class Demo:
    def __init__(self, world: World):
        self.world = world
        self.program = str(world.build / "host/etl")
        self.environment = world.environment

    def etl(self, *words: str, wanted: int = 0) -> None:
        """Runs etl as a user would, on this terminal."""
        print(f"$ etl {' '.join(words)}", flush=True)
        keep = {k: os.environ[k] for k in ("TERM", "COLUMNS") if k in os.environ}
        status = subprocess.run([self.program, *words], env=child_environment({**self.environment, **keep}), check=False).returncode
        if status != wanted:
            raise StoryError(f"etl {' '.join(words)} ended with exit status {status}")

    def start(self, *words: str) -> Process:
        """The same in the background."""
        name = f"etl-{words[0]}"
        return Process(name, [self.program, *words], child_environment(self.environment), SOURCE, self.world.folder / f"{name}.log")

    # ---- comparing ------------------------------------------------------------------------------------------------
    def counts(self, shown: bool = True) -> bool:
        """Shows for each shard what it has and what the warehouse has; true if they are the same."""
        rows, same = [], True
        for shard, server in self.world.shards.items():
            source = server.query("SELECT COUNT(*), COUNT(DISTINCT login_id), SUM(DISTINCT login_id) FROM dbo.user_logins")[0]
            sink = self.world.warehouse.query(f"SELECT count(*), coalesce(sum(login_id), 0) FROM login_analytics WHERE shard_id = '{shard}'")[0]
            fits = source[1:] == sink
            same = same and fits
            rows.append([shard, source[0], source[1], sink[0], "yes" if fits else "not yet"])
        if shown:
            table(["shard", "rows there", "logins there", "in the warehouse", "all, and once"], rows)
        return same

    def demand_equal(self) -> None:
        if not self.counts():
            raise StoryError("the warehouse does not have every login of every shard exactly once")

    # ---- acts -----------------------------------------------------------------------------------------------------
    def plan(self) -> None:
        heading("What a run would do")
        self.etl("plan", "login-analytics", "--shard", "eu1")

    def first_run(self) -> None:
        heading("The first run: all shards at once")
        self.etl("run", "login-analytics")
        print()
        self.demand_equal()
        say("\nSome logins were written twice at their shard; the merge by (shard_id, login_id) made one of them.")

    def look(self) -> None:
        heading("What arrived: each login with where it came from and on what")
        rows = self.world.warehouse.query(
            "SELECT shard_id, login_id, user_name, ip_address, concat_ws(', ', location->>'city', location->>'country'), "
            "left(device::text, 70) FROM (SELECT DISTINCT ON (location->>'city') * FROM login_analytics WHERE location IS NOT NULL "
            "ORDER BY location->>'city', shard_id, login_id) t ORDER BY shard_id, login_id LIMIT 12")
        if not rows or not any(row[4] for row in rows) or not any(row[5] for row in rows):
            raise StoryError("no login got a location and a device")
        table(["shard", "login", "user", "address", "location", "device"], rows)

    def second_run(self) -> None:
        heading("Three more logins in each shard, and a second run: it moves only those")
        for shard in SHARDS:
            self.world.log_in(shard, 3)
        self.etl("run", "login-analytics")
        print()
        self.demand_equal()

    def killed_run(self) -> None:
        heading(f"{sum(MORE.values())} more logins, and a kill -9 in the middle of the run")
        for shard, n in MORE.items():
            self.world.log_in(shard, n)
        run = self.start("run", "login-analytics", "--progress", "json")
        deadline = Deadline(RUN_S)
        run.wait_line(r'"event": *"progress".*"rows_read": *[1-9]', deadline, "stdout")
        kill(run, deadline)
        say("Right afterwards: whole epochs are there, none twice, none half.")
        if self.counts():
            say("(The run was done before the signal came.)")
        twice = self.world.warehouse.query("SELECT count(*) - count(DISTINCT (shard_id, login_id)) FROM login_analytics")
        if twice != [["0"]]:
            raise StoryError(f"{twice[0][0]} logins are there twice")
        heading("Run again: it goes on from what the warehouse has")
        self.etl("run", "login-analytics")
        print()
        self.demand_equal()

    def bad_row(self) -> None:
        heading("A row that the warehouse refuses: it is set aside, the others land")
        self.world.warehouse.query("ALTER TABLE login_analytics ADD CONSTRAINT no_tests CHECK (user_name <> 'Test User')")
        self.world.log_in("us1", 3)
        shard = self.world.shards["us1"]
        newest = shard.query("SELECT MAX(login_id) FROM dbo.user_logins")[0][0]
        shard.query(f"UPDATE dbo.user_logins SET user_name = N'Test User' WHERE login_id = {newest}")
        self.etl("run", "login-analytics", "--shard", "us1")
        print()
        self.etl("quarantine", "list", "login-analytics")
        print()
        say("The constraint goes, and the row is loaded once more.")
        self.world.warehouse.query("ALTER TABLE login_analytics DROP CONSTRAINT no_tests")
        self.etl("quarantine", "replay", "login-analytics", "--all")
        print()
        self.demand_equal()

    def verify(self) -> None:
        heading("Both sides compared, through the transformers")
        self.etl("verify", "login-analytics")

    def serve(self) -> None:
        heading("The host: from now on it runs by itself, every five seconds")
        self.environment = {**self.environment, "ETL_CONF": str(self.world.host_configuration("every 5s"))}
        deadline = Deadline(RUN_S)
        print("$ etl serve &", flush=True)
        host = self.start("serve")
        host.wait_line("serves", deadline)
        for shard in SHARDS:
            self.world.log_in(shard, 500)
        say("500 more logins in each shard. Nobody runs anything.")
        self.wait_equal(host, deadline)
        self.etl("list")
        heading("kill -9 for the host, too; more logins while it is away")
        kill(host, deadline)
        for shard in SHARDS:
            self.world.log_in(shard, 200)
        print("$ etl serve &", flush=True)
        host = self.start("serve")
        self.wait_equal(host, deadline)
        self.demand_equal()
        print()
        self.etl("history", "login-analytics", "--limit", "5")
        print()
        self.etl("status")
        print("\n$ kill -TERM %etl", flush=True)
        host.process.send_signal(signal.SIGTERM)
        if host.wait(deadline) != 0:
            raise StoryError("the host did not end as it should")
        print("\n".join(line for _, line in host.lines[-2:]))
        host.end()

    def wait_equal(self, host: Process, deadline: Deadline) -> None:
        """Until the host's runs have brought everything."""
        seen = 0
        while not self.counts(shown=False):
            host.wait_line("run .* succeeded", deadline, skip=seen)
            seen = len(host.lines)


def main() -> int:
    world = World(pathlib.Path(sys.argv[1]).resolve())
    try:
        heading("Four SQL Server shards and a PostgreSQL warehouse")
        subprocess.run(["perl", str(SOURCE / "scripts/lib/make-mmdb.pl"), str(world.folder / "places.mmdb")], check=True)
        world.start()
        table(["shard", "address", "rows in dbo.user_logins"],
              [[shard, f"{s.attributes['host']}:{s.attributes['port']}", s.query("SELECT COUNT(*) FROM dbo.user_logins")[0][0]]
               for shard, s in world.shards.items()])
        demo = Demo(world)
        for act in (demo.plan, demo.first_run, demo.look, demo.second_run, demo.killed_run, demo.bad_row, demo.verify, demo.serve):
            act()
        heading("Done: every login is in the warehouse, once")
        return 0
    except (StoryError, PgError, OSError, subprocess.SubprocessError) as e:
        print(f"\ndemo: {e}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        world.end()
        shutil.rmtree(world.folder, ignore_errors=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
