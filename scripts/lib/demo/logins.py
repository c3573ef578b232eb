"""Logins as a web shop would have them: names of many alphabets, IPv4 and IPv6, real user agents, and now and then one that was written
twice.  The same seed gives the same logins."""
from __future__ import annotations

import datetime
import ipaddress
import random

NAMES = ["Anna Schröder", "Jürgen Weiß", "Zoë Ångström", "Łukasz Wiśniewski", "Nguyễn Thị Hoa", "José García", "François Lefèvre", "Χρήστος Παππάς",
         "Ольга Иванова", "山田 太郎", "王小明", "김민준", "محمد الفاسي", "דניאל כהן", "प्रिया शर्मा", "Tom O'Brien", "Mia Smith", "Siobhán Ní Bhriain",
         "Þórdís Jónsdóttir", "İrem Yılmaz", "😀 Emoji Fan"]
AGENTS = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:125.0) Gecko/20100101 Firefox/125.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36 Edg/124.0.2478.51",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4.1 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:124.0) Gecko/20100101 Firefox/124.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4.1 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (iPad; CPU OS 16_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Linux; Android 13; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/24.0 Chrome/117.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/123.0.0.0 Mobile Safari/537.36 OPR/81.0.0.0",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "curl/8.6.0",
]
NETWORKS = [ipaddress.ip_network(n) for n in (
    "192.0.2.0/25", "192.0.2.128/25", "198.51.100.0/25", "198.51.100.128/25", "203.0.113.0/26", "203.0.113.64/26", "203.0.113.128/26",
    "203.0.113.192/26", "81.2.69.0/24", "89.160.20.0/24", "177.32.0.0/16", "41.190.0.0/16", "2001:db8:1::/48", "2001:db8:2::/48",
    "2001:db8:3::/48", "2001:db8:4::/48", "10.0.0.0/8")]  # the last one is nowhere in particular

TABLE = """
CREATE TABLE dbo.user_logins (
  login_id bigint NOT NULL,
  login_time datetime2(7) NOT NULL,
  user_name nvarchar(60) NOT NULL,
  ip_address varchar(45) NULL,
  user_agent nvarchar(400) NULL,
  successful bit NOT NULL
);
CREATE INDEX user_logins_cursor ON dbo.user_logins (login_time, login_id);
"""


class Logins:
    """A shard's logins, each some milliseconds after the one before."""

    def __init__(self, seed: str, begin: datetime.datetime):
        self.random = random.Random(seed)
        self.time = begin
        self.id = 0

    def more(self, n: int) -> list[str]:
        """The next n logins and their duplicates, as rows of a VALUES list."""
        rows = []
        for _ in range(n):
            r = self.random
            self.id += 1
            self.time += datetime.timedelta(microseconds=r.randrange(1000, 90000))
            network = r.choice(NETWORKS)
            address = "NULL" if r.random() < 0.01 else f"'{network[r.randrange(min(network.num_addresses, 65536))]}'"
            agent = "NULL" if r.random() < 0.01 else f"N'{r.choice(AGENTS)}'"
            name = r.choice(NAMES).replace("'", "''")
            row = (f"({self.id}, '{self.time:%Y-%m-%dT%H:%M:%S.%f}{r.randrange(10)}', N'{name}', {address}, {agent}, {int(r.random() < 0.97)})")
            rows += [row] * (2 if self.id % 100 == 0 else 1)
        return rows


def inserts(rows: list[str]) -> list[str]:
    """Statements of at most 500 rows."""
    return ["INSERT INTO dbo.user_logins (login_id, login_time, user_name, ip_address, user_agent, successful) VALUES " + ", ".join(rows[i:i + 500])
            for i in range(0, len(rows), 500)]
