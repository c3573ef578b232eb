"""The stage of one scenario: its folder, its actors, its environment, and what it knows to put for ${actor.attribute}."""
from __future__ import annotations

import os
import pathlib
import re
import shutil
import threading

from .disk import Disk
from .errors import StoryError
from .etl import Command
from .mssql_real import RealMssql
from .mssqld import Mssqld
from .postgres import Cluster, Postgres
from .process import Deadline

REFERENCE = re.compile(r"(?<!\$)\$\{([a-z][a-z0-9_]*)\.([a-z_]+)\}")


def put(file: pathlib.Path, text: str) -> None:
    """As a whole, at once: a host, or a command that has just been started, may be about to read it."""
    file = file.resolve()
    fresh = file.with_name(f".{file.name}.new")
    fresh.write_text(text, encoding="utf-8")
    if file.exists():
        shutil.copymode(file, fresh)
    fresh.replace(file)


class Shared:
    """What all scenarios of one run of the runner share.  Any thread."""

    def __init__(self, build: pathlib.Path, source: pathlib.Path, work: pathlib.Path):
        self.build, self.source, self.work = build, source, work
        self.lock = threading.Lock()
        self._cluster: Cluster | None = None
        self.databases = 0

    def cluster(self, deadline: Deadline) -> Cluster:
        with self.lock:
            if self._cluster is None:
                cluster = Cluster(self.work / "postgres")
                cluster.start(deadline)
                self._cluster = cluster
            return self._cluster

    def database_name(self) -> str:
        with self.lock:
            self.databases += 1
            return f"scenario{self.databases}"

    def end(self) -> None:
        if self._cluster:
            self._cluster.remove()


class Stage:
    def __init__(self, shared: Shared, folder: pathlib.Path, deadline: Deadline):
        self.shared, self.folder, self.deadline = shared, folder, deadline
        self.actors: dict[str, Postgres | Mssqld | RealMssql | Command] = {}
        self.env: dict[str, str] = {}
        self.settings = ""  # what `settings` adds to etl.conf
        self.pipes: dict[str, int] = {}
        self.disks: dict[str, Disk] = {}
        self.last: Command | None = None  # the newest etl command, for expect
        self.commands = 0
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "pipelines.d").mkdir(parents=True)

    # ---- names -----------------------------------------------------------------------------------------------------
    def text(self, text: str) -> str:
        """With ${actor.attribute} replaced; ${NAME} and ${file:...} are left for etl."""
        return REFERENCE.sub(lambda m: self.attribute(m.group(1), m.group(2)), str(text))

    def attribute(self, actor: str, name: str) -> str:
        if actor == "scenario":
            known = {"folder": self.folder, "build": self.shared.build, "source": self.shared.source}
        else:
            known = self.actor(actor).attributes
        if name not in known:
            raise StoryError(f"${{{actor}.{name}}}: {actor} has {', '.join(known)}")
        return str(known[name])

    def actor(self, name: str, kind: type | None = None):
        found = self.actors.get(name)
        if found is None or (kind and not isinstance(found, kind)):
            there = [n for n, a in self.actors.items() if kind is None or isinstance(a, kind)]
            raise StoryError(f"no {kind.kind if kind else 'actor'} {name!r} was started; there are: {', '.join(there) or 'none'}")
        return found

    def servers(self, kind: type) -> list:
        return [a for a in self.actors.values() if isinstance(a, kind)]

    # ---- etl -------------------------------------------------------------------------------------------------------
    def write_conf(self, text: str | None = None) -> None:
        """etl.conf: the given text, or one with a connection for each server, if there is none yet."""
        file = self.folder / "etl.conf"
        if text is None:
            if file.exists() and not (self.folder / ".conf-is-ours").exists():
                return
            (self.folder / ".conf-is-ours").touch()
            connections = "\n  ".join(a.connection_text() for a in self.actors.values() if not isinstance(a, Command))
            settings = self.settings if "state =" in self.settings else f'state = "sqlite://{self.folder}/etl.db";\n{self.settings}'
            text = (f'plugin_dirs = [ "{self.shared.build}/plugins" ];\npipeline_dir = "pipelines.d";\n'
                    f'cache_dir = "{self.shared.work}/cache";\nconnections = {{\n  {connections}\n}};\n{settings}\n')
        else:
            (self.folder / ".conf-is-ours").unlink(missing_ok=True)
        put(file, text)

    def command(self, words: list[str], name: str | None = None, user: str | None = None) -> Command:
        self.write_conf()
        self.commands += 1
        name = name or f"etl{self.commands}"
        command = Command(name, self.shared.build / "host" / "etl", words, self.folder, self.env, user)
        self.actors[name] = self.last = command
        return command

    def make_pipe(self, name: str, text: str) -> None:
        os.mkfifo(self.folder / name)
        self.pipes[name] = os.open(self.folder / name, os.O_RDWR | os.O_CLOEXEC)
        os.write(self.pipes[name], text.encode())

    def close_pipe(self, name: str) -> None:
        if name not in self.pipes:
            raise StoryError(f"{name} is no pipe with a writer")
        os.close(self.pipes.pop(name))

    def end(self) -> None:
        for pipe in self.pipes.values():
            os.close(pipe)
        for actor in reversed(list(self.actors.values())):
            actor.end()
        for disk in self.disks.values():
            disk.end()
