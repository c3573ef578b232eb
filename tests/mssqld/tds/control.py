"""The control port: a line a command, a line an answer, "ok ..." or "error ..."."""
from __future__ import annotations

import json
import re
import socketserver
import threading
from typing import TYPE_CHECKING, Callable

from contract import Columns, Done, Rows, Session, SqlError

from . import clock, load, textform
from .faults import LOGIN_ERRORS, Fault

if TYPE_CHECKING:
    from .listener import Listener


class Wrong(Exception):
    """A command that cannot be done."""


def run_sql(session: Session, sql: str) -> dict:
    """The last result set, and how many rows the last statement touched."""
    result: dict = {"columns": [], "rows": [], "count": None}
    columns: list = []
    for event in session.run(sql, []):
        if isinstance(event, Columns):
            columns = event.columns
            result["columns"], result["rows"] = [c.name for c in columns], []
        elif isinstance(event, Rows):
            result["rows"] += [[textform.text(c.type, v) for c, v in zip(columns, row)] for row in event.rows]
        elif isinstance(event, Done) and event.count is not None:
            result["count"] = event.count
    return result


class Commands:
    """One client of the control port."""

    def __init__(self, listener: "Listener"):
        self.listener, self.faults = listener, listener.faults
        self.session: Session | None = None

    def close(self) -> None:
        if self.session:
            self.session.close()

    def run(self, line: str) -> str:
        try:
            found = re.match(r"match\s+(?=\S)(.*)", line)
            if found:
                return self._with_match(found.group(1))
            word, _, rest = line.strip().partition(" ")
            if word not in COMMANDS:
                raise Wrong(f"no command {word!r}; there are: {' '.join(sorted(COMMANDS))} match")
            return ("ok " + COMMANDS[word](self, rest.strip())).rstrip()
        except (Wrong, ValueError, OSError) as e:
            return f"error {e}"
        except SqlError as e:
            return f"error {e.number}: {e.message}".replace("\n", " ")

    def _with_match(self, rest: str) -> str:
        """The expression ends where the name of a fault begins."""
        found = re.match(rf"(.+?)\s+({'|'.join(FAULTS)})(?:\s+(.*))?$", rest)
        if not found:
            raise Wrong(f"match REGEX and one of: {' '.join(sorted(FAULTS))}")
        pattern, word, arguments = found.groups()
        try:
            match = re.compile(pattern, re.I | re.S)
        except re.error as e:
            raise Wrong(f"{pattern!r} is no regular expression: {e}") from e
        self._arm(word, arguments or "", match)
        return "ok"

    def _arm(self, word: str, arguments: str, match: re.Pattern | None = None) -> None:
        fault = FAULTS[word](arguments)
        fault.match = match
        self.faults.arm(fault)

    def reset(self, rest: str) -> str:
        if not rest:
            return str(self.listener.reset())
        found = re.fullmatch(r"spid (\d+)", rest)
        if not found:
            raise Wrong("reset, or reset spid N")
        n = self.listener.reset(int(found.group(1)))
        if not n:
            raise Wrong(f"no connection has spid {found.group(1)}")
        return str(n)

    def login_fail(self, rest: str) -> str:
        words = rest.split()
        if not 1 <= len(words) <= 2 or int(words[0]) not in LOGIN_ERRORS:
            raise Wrong(f"login-fail NUMBER [TIMES]; NUMBER is one of {' '.join(map(str, LOGIN_ERRORS))}")
        self.faults.fail_logins(int(words[0]), int(words[1]) if len(words) == 2 else 1)
        return ""

    def refuse(self, rest: str) -> str:
        if rest not in ("on", "off"):
            raise Wrong("refuse on, or refuse off")
        self.faults.refusing = rest == "on"
        return ""

    def stall_login(self, rest: str) -> str:
        self.faults.stall_login()
        return ""

    def resume(self, rest: str) -> str:
        self.faults.resume()
        return ""

    def drop_permission(self, rest: str) -> str:
        if not rest:
            raise Wrong("drop-permission TABLE")
        self.listener.server.deny(rest)
        return ""

    def clear(self, rest: str) -> str:
        self.faults.clear()
        self.listener.server.clear_denied()
        return ""

    def stats(self, rest: str) -> str:
        return json.dumps(self.listener.stats())

    def sql(self, rest: str) -> str:
        if self.session is None:
            self.session = self.listener.server.admin()
        return json.dumps(run_sql(self.session, rest), ensure_ascii=False)

    def load(self, rest: str) -> str:
        words = rest.split(None, 3)
        if len(words) != 4:
            raise Wrong("load TABLE FORMAT COLUMN,...|* SOURCE")
        table, form, names, source = words
        return str(load.load(self.listener.server, table, form, source, None if names == "*" else names.split(",")))

    def now(self, rest: str) -> str:
        if not rest:
            raise Wrong("now YYYY-MM-DDTHH:MM:SS[.fffffff], or now real")
        self.listener.server.now = None if rest == "real" else clock.ticks(rest)
        return ""


def _rows_or_bytes(kind: str, unit: str) -> Callable[[str], Fault]:
    def make(arguments: str) -> Fault:
        if not re.fullmatch(r"\d+", arguments):
            raise Wrong(f"a number of {unit}, not {arguments!r}")
        return Fault(kind, rows=int(arguments)) if unit == "rows" else Fault(kind, bytes=int(arguments))
    return make


def _error(arguments: str) -> Fault:
    found = re.fullmatch(r"(\d+) (\d+) (\d+) (\d+) (.+)", arguments)
    if not found:
        raise Wrong("error-after-rows ROWS NUMBER STATE SEVERITY MESSAGE")
    rows, number, state, severity = map(int, found.groups()[:4])
    if state > 255 or severity > 25:
        raise Wrong("a state is below 256, a severity below 26")
    return Fault("error", rows=rows, error=SqlError(number, found.group(5), severity, state))


def _deadlock(arguments: str) -> Fault:
    if arguments != "next":
        raise Wrong("deadlock next")
    return Fault("deadlock")


FAULTS = {"cut-after-bytes": _rows_or_bytes("cut", "bytes"), "close-after-bytes": _rows_or_bytes("close", "bytes"),
          "stall-after-rows": _rows_or_bytes("stall", "rows"), "error-after-rows": _error, "deadlock": _deadlock}


def _armed(word: str) -> Callable[[Commands, str], str]:
    def run(commands: Commands, rest: str) -> str:
        commands._arm(word, rest)
        return ""
    return run


COMMANDS: dict[str, Callable[[Commands, str], str]] = {
    "reset": Commands.reset, "login-fail": Commands.login_fail, "refuse": Commands.refuse, "stall-login": Commands.stall_login,
    "resume": Commands.resume, "drop-permission": Commands.drop_permission, "clear": Commands.clear, "stats": Commands.stats,
    "sql": Commands.sql, "load": Commands.load, "now": Commands.now, **{word: _armed(word) for word in FAULTS},
}


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        commands = Commands(self.server.listener)
        try:
            for line in self.rfile:
                answer = commands.run(line.decode("utf-8", "replace").rstrip("\r\n"))
                self.wfile.write(answer.encode("utf-8", "replace") + b"\n")
        except OSError:
            pass
        finally:
            commands.close()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = allow_reuse_address = True
    listener: "Listener"


def listen(listener: "Listener", port: int = 0) -> int:
    server = _Server(("127.0.0.1", port), _Handler)
    server.listener = listener
    threading.Thread(target=server.serve_forever, name="control", daemon=True).start()
    return server.server_address[1]
