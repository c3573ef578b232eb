"""How rows are moved in the kill matrix: a mode has a pipeline, a target, and what a reader of the target may see at any time."""
from __future__ import annotations

from story.errors import StoryError

ROWS, OLD_ROWS = 1200, 7  # of a shard, in epochs of 300 and batches of 100; what a target that is replaced holds before
BAD_IDS = (350, 361, 1111)
STEPS = {  # the call of it that is hit lies in the second epoch
    "read": "extractor.read:5",
    "transform": "transformer.process:5",
    "begin": "loader.begin:2",
    "write": "loader.write:5",
    "commit": "loader.commit:2",
    "acknowledge": "extractor.ack:2",
    "prepare": "loader.prepare:1",
    "end": "loader.run_end:1",
}


class Mode:
    """append: the plain one."""
    name = "append"
    steps = STEPS
    shards = ("eu1",)
    transforms = '{ plugin = "columns"; constant = { origin = "kill"; }; }'
    extract = 'cursor = [ "at", "id" ]; consistency_delay = "0s";'
    replaces = False  # readers see the old rows or all the new ones
    rows = ROWS       # of a shard, in the target
    ids = "id"        # what tells the target's rows apart
    lane = ""         # only calls of this shard are hit; "": of any

    @property
    def reference(self) -> str:
        """The table that an undisturbed run fills."""
        return "reference_" + self.name.replace(" ", "_")

    def fault(self, when: str, step: str, action: str) -> str:
        point, _, nth = self.steps[step].rpartition(":")
        reader = point.startswith("extractor.")  # readers are called by their shard, everybody else by the lane
        lane = "" if not self.lane or step == "end" else f":{self.lane}" if reader else f":dbo.kill_rows/{self.lane}"
        return f"{when}:{point}:{nth}:{action}{lane}"

    def load(self, table: str) -> str:
        return f'table = "{table}"; mode = "append"; key = [ "id" ];'

    def tables(self, table: str) -> list[str]:
        return [table]

    def make_target(self, pg, table: str) -> None:
        """What is there before the first run."""

    def pipeline(self, shard, table: str, retries: int, options: str = "") -> str:
        """options: more of the extractor's."""
        a = shard.attributes
        shards = ", ".join(f'{{ id = "{name}"; host = "127.0.0.1"; port = {a["port"]}; }}' for name in self.shards)
        return f"""
extract = {{ plugin = "sqlserver"; user = "{a['user']}"; password = "{a['password']}"; database = "{a['database']}";
  shards = ( {shards} ); table = "dbo.kill_rows"; {self.extract}{options} }};
transforms = ( {self.transforms} );
load = {{ connection = "pg"; {self.load(table)} }};
epoch = {{ rows = 300; }};
batch = {{ rows = 100; }};
error_handling = {{ max_retries = {retries}; retry_delay = "0s"; }};
"""

    def bad_ids(self) -> list[int]:
        return []

    def look(self, pg, table: str, outcome: str, aside: list[int]) -> None:
        """After a faulted run: never half a replacement, never a row twice, never a hole."""
        count, ids, last = (int(v) for v in pg.query(f'SELECT count(*), count(DISTINCT ({self.ids})), coalesce(max(id), 0) FROM "{table}"')[0])
        if count != ids:
            raise StoryError(f"after the fault there are {count} rows with {ids} keys")
        if outcome == "success" and count + len(aside) != ROWS * len(self.shards):
            raise StoryError(f"the run called itself a success with {count} rows and {len(aside)} aside, of {ROWS * len(self.shards)}")
        if self.replaces:
            if count not in (OLD_ROWS, self.rows * len(self.shards)):
                raise StoryError(f"after the fault readers see {count} rows, neither the {OLD_ROWS} old ones nor all the new ones")
            return
        last = max([last, *aside])
        if len(self.shards) == 1 and count + len(aside) != last:
            raise StoryError(f"after the fault there are {count} rows, but the last one is number {last}: there is a hole")


class Merge(Mode):
    name = "merge"

    def load(self, table: str) -> str:
        return f'table = "{table}"; mode = "merge"; key = [ "id" ];'


class Replace(Mode):
    name = "replace"
    replaces = True

    def load(self, table: str) -> str:
        return f'table = "{table}"; mode = "replace"; key = [ "id" ];'

    def make_target(self, pg, table: str) -> None:
        if table != self.reference:
            pg.query(f'CREATE TABLE "{table}" (LIKE "{self.reference}" INCLUDING ALL);'
                     f'INSERT INTO "{table}" SELECT * FROM "{self.reference}" ORDER BY id LIMIT {OLD_ROWS}')


class Quarantine(Mode):
    """Three rows of the second and the last epoch are refused by the target, which is found when the second one is settled; it is then written
    again with care.  The calls that are hit lie in that second attempt."""
    name = "quarantine"
    rows = ROWS - len(BAD_IDS)
    steps = {
        "read": "extractor.read:8",
        "begin": "loader.begin:3",
        "write": "loader.write:8",
        "settle": "loader.settle:3",
        "set aside": "loader.reject:1",
        "commit": "loader.commit:2",
        "acknowledge": "extractor.ack:2",
    }

    def make_target(self, pg, table: str) -> None:
        bad = ", ".join(str(i) for i in BAD_IDS)
        pg.query(f'CREATE TABLE "{table}" (id bigint PRIMARY KEY CHECK (id NOT IN ({bad})), at timestamp, name text, amount numeric(12,3), origin text)')

    def bad_ids(self) -> list[int]:
        return list(BAD_IDS)


class Split(Mode):
    """One row of the source over two tables, in one transaction."""
    name = "split"
    transforms = """{ plugin = "split"; outputs = ( { stream = "people"; columns = [ "id", "at", "name" ]; },
    { stream = "amounts"; columns = [ "id", "amount" ]; where_not_null = [ "amount" ]; } ); }"""

    def load(self, table: str) -> str:
        return (f'tables = ( {{ stream = "people"; table = "{table}"; }}, {{ stream = "amounts"; table = "{table}_b"; mode = "merge"; }} ); '
                f'mode = "append"; key = [ "id" ];')

    def tables(self, table: str) -> list[str]:
        return [table, table + "_b"]

    def look(self, pg, table: str, outcome: str, aside: list[int]) -> None:
        super().look(pg, table, outcome, aside)
        if not pg.query(f"SELECT to_regclass('public.\"{table}_b\"')")[0][0]:
            return
        # every 23rd row has no amount
        wrong = pg.query(f'SELECT count(*) FROM "{table}" a FULL JOIN "{table}_b" b USING (id) WHERE a.id IS NULL OR (b.id IS NULL) <> (id % 23 = 0)')[0][0]
        if wrong != "0":
            raise StoryError(f"after the fault the two tables do not go together in {wrong} rows")


class WholeRun(Split):
    """The same, but the rows of the whole run come to their tables in one transaction at its end."""
    name = "whole run"
    replaces = True

    def load(self, table: str) -> str:
        return super().load(table) + ' commit = "run";'

    def make_target(self, pg, table: str) -> None:
        if table != self.reference:
            for end in ("", "_b"):
                pg.query(f'CREATE TABLE "{table}{end}" (LIKE "{self.reference}{end}" INCLUDING ALL)')

    def look(self, pg, table: str, outcome: str, aside: list[int]) -> None:
        count = int(pg.query(f'SELECT count(*) FROM "{table}"')[0][0])
        if count not in (0, ROWS):
            raise StoryError(f"after the fault readers see {count} rows of a run that is to be seen as a whole")
        if count:
            super().look(pg, table, outcome, aside)


class FourShards(Mode):
    """Four lanes into one table.  Calls of one lane are hit, the others go their way."""
    name = "four shards"
    shards = ("eu1", "eu2", "us1", "ap1")
    lane = "us1"
    extract = Mode.extract + ' shard_column = "shard";'
    ids = "shard, id"

    def load(self, table: str) -> str:
        return f'table = "{table}"; mode = "merge"; key = [ "shard", "id" ];'

    def look(self, pg, table: str, outcome: str, aside: list[int]) -> None:
        super().look(pg, table, outcome, aside)
        holes = pg.query(f'SELECT string_agg(shard, \', \') FROM (SELECT shard FROM "{table}" GROUP BY shard HAVING count(*) <> max(id)) x')[0][0]
        if holes:
            raise StoryError(f"after the fault there is a hole in {holes}")


MODES = {mode.name: mode for mode in (Mode(), Merge(), Replace(), Quarantine(), Split(), WholeRun(), FourShards())}
