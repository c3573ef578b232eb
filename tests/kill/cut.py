"""The connection is cut after each byte of a small result: that is never a success with fewer rows."""
from __future__ import annotations

from story.errors import StoryError
from story.etl import EXITS

ROWS, OLD_ROWS, LIMIT = 6, 2, 4000
SOURCE_SQL = """
CREATE TABLE dbo.cut_rows (id int NOT NULL PRIMARY KEY, name nvarchar(20) NULL, at datetime2(7) NOT NULL);
INSERT INTO dbo.cut_rows (id, name, at) VALUES (1, N'Zoë', '2024-01-01T00:00:00.0000001'), (2, N'', '2024-01-01T00:00:00.0000001'),
  (3, NULL, '2024-01-01T00:00:00.0000002'), (4, N'four', '2024-01-02T00:00:00'), (5, N'five', '2024-01-03T00:00:00'),
  (6, N'東京', '2024-01-04T00:00:00');
"""


def pipeline(shard, table: str, mode: str) -> str:
    a = shard.attributes
    return f"""
extract = {{ plugin = "sqlserver"; host = "127.0.0.1"; port = {a['port']}; user = "{a['user']}"; password = "{a['password']}";
  database = "{a['database']}"; table = "dbo.cut_rows"; cursor = [ "at", "id" ]; consistency_delay = "0s"; connect_retries = 0; }};
load = {{ connection = "pg"; table = "{table}"; mode = "{mode}"; key = [ "id" ]; }};
epoch = {{ rows = 2; }};
batch = {{ rows = 1; }};
error_handling = {{ max_retries = 0; }};
"""


class Cut:
    def __init__(self, stage, pg, shard, mode: str, how: str):
        self.stage, self.pg, self.shard, self.mode, self.how = stage, pg, shard, mode, how
        self.table = f"cut_{mode}_{how.split('-')[0]}"
        stage.write_conf()
        (stage.folder / "pipelines.d" / f"{self.table}.conf").write_text(pipeline(shard, self.table, mode))
        for name in [n for n in stage.env if n.startswith("ETL_")]:
            del stage.env[name]

    def run(self) -> str:
        command = self.stage.command(["run", self.table, "--progress", "json"], name=f"run{self.stage.commands + 1}")
        command.wait(self.stage.deadline)
        command.end()
        del self.stage.actors[command.name]
        self.told = "\n".join(command.process.tail(3))
        return {v: k for k, v in EXITS.items()}.get(command.status, f"exit status {command.status}")

    def rows(self) -> list[str]:
        return [row[0] for row in self.pg.query(f'SELECT id FROM "{self.table}" ORDER BY id')]

    def reset(self) -> None:
        """Back to the state before: some old rows for mode replace, none and no cursor for append."""
        self.pg.query(f"TRUNCATE \"{self.table}\"; DELETE FROM etl.cursors WHERE pipeline = '{self.table}'")
        if self.mode == "replace":
            self.pg.query(f"INSERT INTO \"{self.table}\" (id, name, at) VALUES (101, 'old', now()), (102, 'old', now())")

    def play(self) -> int:
        """Gives how many places it was cut at."""
        everything = [str(i) for i in range(1, ROWS + 1)]
        if self.run() != "success" or self.rows() != everything:
            raise StoryError(f"the undisturbed run failed\n{self.told}")
        for n in range(1, LIMIT):
            self.reset()
            self.shard.command(f"match ORDER {self.how} {n}")
            outcome = self.run()
            self.shard.command("clear")
            rows = self.rows()
            if outcome == "success":
                if rows != everything:
                    raise StoryError(f"cut after byte {n}: a success with rows {rows}\n{self.told}")
                return n  # longer than the result
            if outcome not in ("failed", "partial"):
                raise StoryError(f"cut after byte {n}: the run ended {outcome}\n{self.told}")
            if self.mode == "replace" and rows != ["101", "102"]:
                raise StoryError(f"cut after byte {n}: readers of the target see {rows} instead of the old rows\n{self.told}")
            if self.mode == "append" and rows != everything[:len(rows)]:
                raise StoryError(f"cut after byte {n}: rows {rows} are no beginning of the source\n{self.told}")
            if n % 16 == 0 and (self.run() != "success" or self.rows() != everything):
                raise StoryError(f"cut after byte {n}: the next run left rows {self.rows()}\n{self.told}")
        raise StoryError(f"a result of {ROWS} rows is still cut after {LIMIT} bytes")
