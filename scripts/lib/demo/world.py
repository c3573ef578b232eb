"""The demo's servers: throw-away ones, or those that the environment names."""
from __future__ import annotations

import datetime
import os
import pathlib
import sys

SOURCE = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(SOURCE / "tests/scenario"))

from logins import TABLE, Logins, inserts  # noqa: E402
from story.errors import StoryError  # noqa: E402
from story.libpq import Connection  # noqa: E402
from story.mssqld import Mssqld  # noqa: E402
from story.postgres import Cluster, Postgres  # noqa: E402
from story.process import Deadline  # noqa: E402

START_S = 120
SHARDS = {"eu1": 3000, "eu2": 2000, "us1": 5000, "ap1": 12000}  # logins at the beginning


class RealShard:
    """One SQL Server plays all four shards: each has the same table."""

    def __init__(self, text: str):
        import pytds
        host, port, user, password, database = text.split(":", 4)
        self.attributes = {"host": host, "port": port, "user": user, "password": password, "database": database}
        self.connection = pytds.connect(dsn=host, port=int(port), user=user, password=password, database=database, autocommit=True)
        if self.query("SELECT OBJECT_ID(N'dbo.user_logins')") != [[None]]:
            raise StoryError(f"{database} on {host} already has a table dbo.user_logins; the demo would change it: name another database")
        self.query(TABLE)

    def query(self, sql: str) -> list[list[str | None]]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            rows = cursor.fetchall() if cursor.description else []
        return [[None if v is None else str(v) for v in row] for row in rows]

    def end(self) -> None:
        self.query("DROP TABLE dbo.user_logins")
        self.connection.close()


class RealWarehouse:
    """Whatever libpq's own variables name."""

    def __init__(self):
        self.connection = Connection("")
        if self.query("SELECT to_regclass('public.login_analytics')") != [[None]]:
            raise StoryError("the database already has a table login_analytics; the demo would change it: name another one by PGDATABASE")
        self.had_state = self.query("SELECT to_regclass('etl.cursors')") != [[None]]

    def query(self, sql: str) -> list[list[str | None]]:
        return self.connection.query(sql)

    @property
    def environment(self) -> dict[str, str]:
        return {k: v for k, v in os.environ.items() if k.startswith("PG")}

    def end(self) -> None:
        self.query("DROP TABLE IF EXISTS login_analytics")
        if not self.had_state:
            self.query("DROP SCHEMA IF EXISTS etl CASCADE")
        self.connection.close()


class World:
    def __init__(self, build: pathlib.Path):
        self.build, self.folder = build, build / "demo"
        self.folder.mkdir(exist_ok=True)
        self.shards: dict[str, Mssqld | RealShard] = {}
        self.warehouse = None
        self.cluster: Cluster | None = None
        now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
        self.logins = {shard: Logins(shard, now - datetime.timedelta(days=1)) for shard in SHARDS}

    def start(self) -> None:
        deadline = Deadline(START_S)
        if os.environ.get("PGHOST") or os.environ.get("PGDATABASE"):
            self.warehouse = RealWarehouse()
        else:
            self.cluster = Cluster(self.folder / "warehouse")
            self.cluster.start(deadline)
            self.warehouse = Postgres("warehouse", self.cluster, "analytics", False)
        real = os.environ.get("ETL_TEST_MSSQL")
        for number, (shard, n) in enumerate(SHARDS.items()):
            if real:
                self.shards[shard] = RealShard(real) if number == 0 else self.shards["eu1"]
            else:
                self.shards[shard] = Mssqld(shard, SOURCE / "tests/mssqld/mssqld", self.folder / shard, TABLE, [])
                self.shards[shard].start(deadline)
            self.log_in(shard, n)

    def log_in(self, shard: str, n: int) -> None:
        """n more logins there; with one real server all shards see those of the first."""
        if isinstance(self.shards[shard], RealShard) and shard != "eu1":
            return
        for statement in inserts(self.logins[shard].more(n)):
            self.shards[shard].query(statement)

    @property
    def environment(self) -> dict[str, str]:
        """What conf/etl.conf and its pipeline ask for."""
        env = {"ETL_CONF": str(SOURCE / "conf/etl.conf"), "ETL_PLUGIN_PATH": str(self.build / "plugins"), "GEOIP_MMDB": str(self.folder / "places.mmdb"),
               "XDG_CACHE_HOME": str(self.folder / "cache")}
        for shard, server in self.shards.items():
            a = server.attributes
            env.update({f"SHARD_{shard.upper()}_HOST": a["host"], f"SHARD_{shard.upper()}_PORT": a["port"], "SQLSERVER_USER": a["user"],
                        "SQLSERVER_PASSWORD": a["password"], "SQLSERVER_DATABASE": a["database"]})
        if isinstance(self.warehouse, RealWarehouse):
            return {**env, **self.warehouse.environment}
        a = self.warehouse.attributes
        return {**env, "PGHOST": a["host"], "PGPORT": a["port"], "PGUSER": a["user"], "PGPASSWORD": a["password"], "PGDATABASE": a["database"]}

    def host_configuration(self, schedule: str) -> pathlib.Path:
        """conf/ with a state store of the demo's own, and the pipeline at other times."""
        folder = self.folder / "host"
        (folder / "pipelines.d").mkdir(parents=True)
        pipeline = (SOURCE / "conf/pipelines.d/login-analytics.conf").read_text(encoding="utf-8")
        (folder / "pipelines.d/login-analytics.conf").write_text(pipeline.replace('schedule = "@hourly"', f'schedule = "{schedule}"'), encoding="utf-8")
        conf = (SOURCE / "conf/etl.conf").read_text(encoding="utf-8")
        (folder / "etl.conf").write_text(conf.replace("sqlite:///var/lib/etl/etl.db", f"sqlite://{folder}/etl.db"), encoding="utf-8")
        return folder / "etl.conf"

    def end(self) -> None:
        for server in {id(s): s for s in self.shards.values()}.values():
            server.end()
        if self.warehouse:
            self.warehouse.end()
        if self.cluster:
            self.cluster.remove()
