"""The verbs of the language: one function each, found by name in VERBS."""
from __future__ import annotations

import json
import os
import pathlib
import shlex
import shutil
import signal

from . import control as socket_clients
from .compare import demand, demand_rows, holds, shown
from .disk import Disk
from .errors import Skip, StoryError
from .etl import EXITS, Command, state_of_process
from .host import Host
from .mssql_real import RealMssql
from .mssqld import Mssqld
from .parse import Statement
from .postgres import Cluster, Postgres
from .stage import Stage, put

VERBS = {}


def verb(usage: str):
    def keep(function):
        VERBS[usage.split()[0]] = (function, usage)
        return function
    return keep


def usage(s: Statement) -> StoryError:
    return StoryError(f"write: {VERBS[s.words[0]][1]}")


def after(s: Statement, stage: Stage, n: int) -> list[str]:
    return [stage.text(w) for w in s.words[n:]]


# ---- servers ---------------------------------------------------------------------------------------------------------------
@verb("start postgres NAME [own] [{ SQL }] | start mssqld NAME [OPTION...] [{ T-SQL }] | start run NAME as ID [ARG...] | "
      "start etl as ID ARG... | start host [as NAME] [ARG...] | start NAME")
def start(stage: Stage, s: Statement) -> None:
    words = after(s, stage, 1)
    block = s.block or ""
    if len(words) == 1 and (words[0] in stage.actors or words[0] != "host"):
        stage.write_conf()
        stage.actor(words[0]).start(stage.deadline)
    elif words[0] == "host":
        stage.write_conf()
        name, rest = (words[2], words[3:]) if words[1:2] == ["as"] else ("host", words[1:])
        stage.actors[name] = Host(name, stage, rest)
    elif words[0] == "postgres":
        own = words[2:] == ["own"]
        if own:
            cluster = Cluster(stage.folder / words[1])
            cluster.start(stage.deadline)
        else:
            cluster = stage.shared.cluster(stage.deadline)
        actor = stage.actors[words[1]] = Postgres(words[1], cluster, stage.shared.database_name(), own)
        if block.strip():
            actor.query(stage.text(block))
    elif words[0] == "mssqld":
        actor = stage.actors[words[1]] = sql_server(stage, words[1], stage.text(block), words[2:])
        actor.start(stage.deadline)
    elif words[0] == "run" and len(words) >= 4 and words[2] == "as":
        stage.command(["run", words[1], "--progress", "json", *words[4:]], words[3])
    elif words[:2] == ["etl", "as"] and len(words) >= 4:
        stage.command(words[3:], words[2])
    else:
        raise usage(s)


def sql_server(stage: Stage, name: str, block: str, options: list[str]):
    if os.environ.get("ETL_TEST_MSSQL"):
        return RealMssql(name, block, options)
    return Mssqld(name, stage.shared.source / "tests/mssqld/mssqld", stage.folder / name, block, options)


@verb("stop NAME [crash]")
def stop(stage: Stage, s: Statement) -> None:
    words = after(s, stage, 1)
    stage.actor(words[0]).stop(words[1] if len(words) > 1 else "fast")


@verb('sql NAME "SQL" | sql NAME { SQL }')
def sql(stage: Stage, s: Statement) -> None:
    words = after(s, stage, 1)
    stage.actor(words[0]).query(stage.text(s.block) if s.block is not None else words[1])


@verb('fault NAME "command for the control port of the server"')
def fault(stage: Stage, s: Statement) -> None:
    words = after(s, stage, 1)
    stage.actor(words[0]).command(" ".join(words[1:]))


# ---- files and environment -------------------------------------------------------------------------------------------------
@verb("conf { etl.conf }")
def conf(stage: Stage, s: Statement) -> None:
    stage.write_conf(stage.text(s.block or ""))


@verb("settings { of etl.conf }")
def settings(stage: Stage, s: Statement) -> None:
    stage.settings = stage.text(s.block or "")
    stage.write_conf()


@verb("pipeline NAME { libconfig }")
def pipeline(stage: Stage, s: Statement) -> None:
    if len(s.words) != 2 or s.block is None:
        raise usage(s)
    put(stage.folder / "pipelines.d" / f"{s.words[1]}.conf", stage.text(s.block))


@verb("pipelines COUNT NAME { libconfig }")
def pipelines(stage: Stage, s: Statement) -> None:
    """NAME0, NAME1 ...; # in the text is the number."""
    if len(s.words) != 3 or s.block is None:
        raise usage(s)
    text = stage.text(s.block)
    for i in range(int(s.words[1])):
        put(stage.folder / "pipelines.d" / f"{s.words[2]}{i}.conf", text.replace("#", str(i)))


@verb("file PATH { text }")
def file(stage: Stage, s: Statement) -> None:
    path = stage.folder / stage.text(s.words[1])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(stage.text(s.block or ""), encoding="utf-8")


@verb("pipe PATH [{ text }]")
def pipe(stage: Stage, s: Statement) -> None:
    stage.make_pipe(stage.text(s.words[1]), stage.text(s.block or ""))


@verb("close PATH (the writer of a pipe)")
def close(stage: Stage, s: Statement) -> None:
    stage.close_pipe(after(s, stage, 1)[0])


@verb("copy FROM to PATH [in place]")
def copy(stage: Stage, s: Statement) -> None:
    """Written beside its place and renamed, as installers do it; `in place`: into the file that is there."""
    words = after(s, stage, 1)
    if len(words) < 3 or words[1] != "to" or words[3:] not in ([], ["in", "place"]):
        raise usage(s)
    source, path = stage.folder / words[0], stage.folder / words[2]
    path.parent.mkdir(parents=True, exist_ok=True)
    if words[3:]:
        shutil.copyfile(source, path)
        return
    beside = path.with_name(f".{path.name}.new")
    shutil.copyfile(source, beside)
    beside.chmod(0o755)
    beside.rename(path)


@verb("move PATH to PATH")
def move(stage: Stage, s: Statement) -> None:
    words = after(s, stage, 1)
    if len(words) != 3 or words[1] != "to":
        raise usage(s)
    (stage.folder / words[0]).rename(stage.folder / words[2])


@verb("link PATH to TARGET")
def link(stage: Stage, s: Statement) -> None:
    words = after(s, stage, 1)
    if len(words) != 3 or words[1] != "to":
        raise usage(s)
    path = stage.folder / words[0]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(words[2])


@verb("disk PATH SIZE | disk PATH full|free|read-only|writable")
def disk(stage: Stage, s: Statement) -> None:
    words = after(s, stage, 1)
    if len(words) != 2:
        raise usage(s)
    if words[1] not in ("full", "free", "read-only", "writable"):
        stage.disks[words[0]] = Disk(stage.folder / words[0], words[1])
    elif words[0] not in stage.disks:
        raise StoryError(f"there is no disk {words[0]}")
    else:
        mounted = stage.disks[words[0]]
        {"full": mounted.fill, "free": mounted.free, "read-only": mounted.make_read_only, "writable": mounted.make_writable}[words[1]]()


@verb("mode PATH OCTAL")
def mode(stage: Stage, s: Statement) -> None:
    words = after(s, stage, 1)
    if len(words) != 2:
        raise usage(s)
    (stage.folder / words[0]).chmod(int(words[1], 8))


@verb('edit PATH "old" to "new"')
def edit(stage: Stage, s: Statement) -> None:
    words = after(s, stage, 1)
    if len(words) != 4 or words[2] != "to":
        raise usage(s)
    path = stage.folder / words[0]
    text = path.read_text(encoding="utf-8")
    if words[1] not in text:
        raise StoryError(f"{words[0]} does not contain {words[1]!r}")
    put(path, text.replace(words[1], words[3]))


@verb("remove PATH")
def remove(stage: Stage, s: Statement) -> None:
    (stage.folder / after(s, stage, 1)[0]).unlink()


@verb('env NAME = "value" | env NAME (unset)')
def env(stage: Stage, s: Statement) -> None:
    words = after(s, stage, 1)
    if len(words) == 1:
        stage.env.pop(words[0], None)
    elif len(words) == 3 and words[1] == "=":
        stage.env[words[0]] = words[2]
    else:
        raise usage(s)


@verb('inject "before|after:KIND.POINT:N:ACTION[:LANE]" | inject none')
def inject(stage: Stage, s: Statement) -> None:
    what = after(s, stage, 1)[0]
    names = ("ETL_FAULT", "ETL_FAULT_DIR", "ETL_FAULT_TDS", "ETL_FAULT_PG", "ETL_PLUGIN_PATH", "ETL_FAULT_CHILD")
    if what == "none":
        for name in names:
            stage.env.pop(name, None)
        return
    if what.split(":")[3:4] == ["tds-reset"] and stage.servers(RealMssql):
        raise Skip("a real SQL Server does not reset connections on request")
    controls = ",".join(m.attributes["control"] for m in stage.servers(Mssqld))
    pg = next((p.conninfo() for p in stage.servers(Postgres)), "")
    stage.env.update(zip(names, (what, f"{stage.shared.build}/plugins", controls, pg, f"{stage.shared.build}/tests/fault/plugins",
                               f"{stage.folder}/child")))


# ---- etl -------------------------------------------------------------------------------------------------------------------
def split_expect(words: list[str]) -> tuple[list[str], str | None]:
    if "expect" in words:
        at = words.index("expect")
        return words[:at], " ".join(words[at + 1:])
    return words, None


@verb("run PIPELINE [ARG...] expect success|failed|usage|partial|cancelled|crashed")
def run(stage: Stage, s: Statement) -> None:
    words, wanted = split_expect(after(s, stage, 1))
    if not words or wanted is None:
        raise usage(s)
    command = stage.command(["run", words[0], "--progress", "json", *words[1:]])
    command.wait(stage.deadline)
    command.expect_status(wanted)


@verb("etl [as nobody] ARG... expect exit N")
def etl(stage: Stage, s: Statement) -> None:
    words, wanted = split_expect(after(s, stage, 1))
    if wanted is None or not wanted.startswith("exit "):
        raise usage(s)
    nobody = words[:2] == ["as", "nobody"]
    if nobody and os.geteuid() != 0:
        raise Skip("only root can take another user's place")
    command = stage.command(words[2:] if nobody else words, user="nobody" if nobody else None)
    command.wait(stage.deadline)
    demand(f"etl {shlex.join(words)}: exit status\n" + "\n".join(command.tail()), str(command.status), "=", wanted.split()[1])


@verb("signal RUN[.worker] NAME")
def send_signal(stage: Stage, s: Statement) -> None:
    words = after(s, stage, 1)
    name, _, which = words[0].partition(".")
    command = stage.actor(name, Command)
    number = getattr(signal, "SIG" + words[1])
    if which == "worker":
        os.kill(command.worker(stage.deadline), number)
    else:
        command.process.send(number)


@verb("wait RUN expect OUTCOME | wait RUN stdout|stderr /line/ | wait RUN FIELD OP VALUE | wait HOST log /line/ | "
      "wait file PATH /text/ | wait process PATH ended | wait until ACTOR \"SQL\" OP VALUE")
def wait(stage: Stage, s: Statement) -> None:
    words = after(s, stage, 1)
    if words[0] == "until" and len(words) == 5:
        actor = stage.actor(words[1])
        stage.deadline.poll(lambda: holds(shown(actor.query(words[2])), words[3], words[4]), f"{words[1]}: {words[2]} {words[3]} {words[4]}")
        return
    if words[0] == "file" and len(words) == 3:
        file = stage.folder / words[1]
        stage.deadline.poll(lambda: file.exists() and holds(file.read_text(errors="replace"), "~", words[2]), f"/{words[2]}/ in {words[1]}")
        return
    if words[0] == "process" and words[2:] == ["ended"]:
        pid = (stage.folder / words[1]).read_text().strip()
        stage.deadline.poll(lambda: not running(pid), f"the end of process {pid}, whose number is in {words[1]}")
        return
    command = stage.actor(words[0], Command)
    if isinstance(command, Host) and words[1:2] == ["log"] and len(words) == 3:
        command.wait_log(words[2], stage.deadline)
        return
    stage.last = command
    if len(words) == 3 and words[1] == "expect" and words[2] in EXITS:
        command.wait(stage.deadline)
        command.expect_status(words[2])
    elif len(words) == 3 and words[1] in ("stdout", "stderr"):
        command.process.wait_line(words[2], stage.deadline, words[1])
    elif len(words) == 4:
        wait_progress(stage, command, *words[1:])
    else:
        raise usage(s)


def running(pid: str) -> bool:
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_progress(stage: Stage, command: Command, field: str, operator: str, wanted: str) -> None:
    """Until a "progress" event has a field (of the whole run) that fits."""
    def fits(line: str) -> bool:
        event = json.loads(line) if line.startswith("{") else {}
        return field in event and holds(str(event[field]), operator, wanted)
    command.process.wait_line(r'"event": *"progress"', stage.deadline, "stdout", fits)


# ---- control socket -----------------------------------------------------------------------------------------------------------
@verb('control HOST says "bytes" expect /answer/ | control HOST clients N as ID [ask CMD TIMES]')
def control(stage: Stage, s: Statement) -> None:
    """`clients`: connections that stay open; those that ask fetch nothing of their answers."""
    words = after(s, stage, 1)
    path = stage.actor(words[0], Host).control
    if words[1:2] == ["says"] and words[3:4] == ["expect"] and len(words) == 5:
        told = socket_clients.say(path, words[2].encode(), stage.deadline)
        demand("answer", told, "~", words[4])
    elif words[1:2] == ["clients"] and words[3:4] == ["as"] and len(words) in (5, 8):
        request = {"cmd": words[6]} if len(words) == 8 else None
        stage.actors[words[4]] = socket_clients.Clients(path, int(words[2]), request, int(words[7]) if request else 0, stage.deadline)
    else:
        raise usage(s)


# ---- expectations ----------------------------------------------------------------------------------------------------------
@verb('expect ACTOR "SQL" OP VALUE | expect ACTOR "SQL" { rows } | expect ACTOR "SQL" same as ACTOR "SQL" | expect run.FIELD OP VALUE | '
      "expect exit|stdout|stderr OP VALUE | expect event NAME ~ /text/ | expect no event NAME ~ /text/ | expect file PATH ~ /text/")
def expect(stage: Stage, s: Statement) -> None:
    words = after(s, stage, 1)
    what = words[0]
    if what.startswith("run."):
        value = command_of(stage).field(what[4:])
        demand(what, "null" if value is None else str(value), *two(s, words[1:]))
    elif what in ("exit", "stdout", "stderr"):
        command = command_of(stage)
        demand(what, str(command.status) if what == "exit" else command.process.text(what), *two(s, words[1:]))
    elif what == "event" or words[:2] == ["no", "event"]:
        expect_event(stage, s, words)
    elif isinstance(stage.actors.get(what), Host) and words[1:2] == ["log"]:
        demand(f"log of {what}", stage.actors[what].process.text("stderr"), *two(s, words[2:]))
    elif what.endswith(".worker"):
        pid = stage.actor(what.removesuffix(".worker"), Command).worker(stage.deadline)
        demand(f"{words[1]} of {what}", state_of_process(pid, words[1]), *two(s, words[2:]))
    elif what == "file":
        demand(f"file {words[1]}", (stage.folder / words[1]).read_text(errors="replace"), *two(s, words[2:]))
    else:
        expect_query(stage, s, words)


def command_of(stage: Stage) -> Command:
    if stage.last is None:
        raise StoryError("no etl command came before this")
    stage.last.wait(stage.deadline)
    return stage.last


def two(s: Statement, words: list[str]) -> tuple[str, str]:
    if len(words) != 2:
        raise usage(s)
    return words[0], words[1]


def expect_event(stage: Stage, s: Statement, words: list[str]) -> None:
    """Any event of that name whose text, or any of its fields, matches."""
    absent = words[0] == "no"
    name, operator, pattern = (words[2:] if absent else words[1:]) if len(words) >= 4 else ("", "", "")
    if operator != "~":
        raise usage(s)
    events = [json.dumps(e, ensure_ascii=False) for e in command_of(stage).events(name)]
    found = [e for e in events if holds(e, "~", pattern)]
    if bool(found) == absent:
        raise StoryError(f"events {name!r}\n  expected: {'none that matches' if absent else 'one that matches'} /{pattern}/\n  actual:   "
                         + ("\n            ".join(events) or "none"))


def expect_query(stage: Stage, s: Statement, words: list[str]) -> None:
    actor = stage.actor(words[0])
    rows = actor.query(words[1])
    what = f"{words[0]}: {words[1]}"
    if s.block is not None:
        demand_rows(what, shown(rows), stage.text(s.block))
    elif words[2:4] == ["same", "as"] and len(words) == 6:
        other = stage.actor(words[4]).query(words[5])
        demand_rows(f"{what}\n  same as {words[4]}: {words[5]}", "\n".join(sorted(shown(rows).splitlines())),
                    "\n".join(sorted(shown(other).splitlines())))
    else:
        demand(what, shown(rows), *two(s, words[2:]))
