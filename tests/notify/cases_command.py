"""Commands, which are told by standard input and environment."""
import json
import os
import select
import signal

from cases_mail import FAILURE
from driver import WAIT_S, has, has_not, same


def script(stage, text, name="tell"):
    file = stage.folder / name
    file.write_text("#!/bin/sh\n" + text)
    file.chmod(0o755)


def a_command_gets_json_and_variables(stage):
    script(stage, 'cat > got.json; env > got.env; printf "%s\\n" "$@" > got.args; ls -l /proc/self/fd > got.fds; echo "paged ops"')
    stage.conf('kind = "command"; command = [ "./tell", "a b", "$HOME; `id`", "" ];')
    host = stage.host()
    host.event("failure", **FAILURE)
    report = host.report()
    same((report["delivered"], report["said"]), (True, "paged ops"), "report")
    body = json.loads((stage.folder / "got.json").read_text())
    same((body["pipeline"], body["error"]["class"], body["log"]), ("logins", "auth", FAILURE["lines"]), "standard input")
    same((stage.folder / "got.args").read_text(), "a b\n$HOME; `id`\n\n", "arguments: no shell looks at them")
    env = (stage.folder / "got.env").read_text()
    has(env, "ETL_EVENT=failure", "ETL_PIPELINE=logins", "ETL_RUN=20260101T000000-7f", "ETL_SHARD=eu1", "ETL_STAGE=extract", "ETL_ERROR_CLASS=auth",
        "ETL_ERROR_CODE=18456", "ETL_REMEDY=look at the password", "ETL_SUBJECT=[etl] logins (shard eu1) failed: ", "ETL_MESSAGE=Anmeldung")
    has_not(env, "SECRET_OF_HOST")
    fds = [line.split()[8] for line in (stage.folder / "got.fds").read_text().splitlines()[1:]]
    same(len([fd for fd in fds if int(fd) > 3]), 0, "no descriptor of ours")


def a_command_that_fails_is_told_with_its_last_words(stage):
    script(stage, "echo first; echo 'no pager today' >&2; exit 3")
    stage.conf('kind = "command"; command = "./tell";')
    done = stage.run("notify", "test")
    same((done.returncode, done.stdout), (1, "command: failed\n"), "etl notify test")
    has(done.stderr, "tell' ended with status 3: no pager today", "run it by hand")


def status_75_asks_for_another_try(stage):
    script(stage, "[ -e tried ] || { touch tried; exit 75; }")
    stage.conf('kind = "command"; command = "./tell"; retry_delay = "10ms";')
    host = stage.host()
    host.event("failure", **FAILURE)
    same([(r["delivered"], r["again_s"]) for r in (host.report(), host.report())], [(False, 0.01), (True, -1)], "attempts")


def a_command_that_hangs_is_ended_with_what_it_started(stage):
    script(stage, "trap '' TERM; sleep 1000 & echo $! > pid; echo $$ > own; wait; wait; sleep 1000")
    stage.conf('kind = "command"; command = "./tell"; timeout = "1s"; retries = 0;')
    host = stage.host()
    host.event("failure", **FAILURE)
    report = host.report()
    same((report["delivered"], report["class"]), (False, "retryable"), "report")
    has(report["message"], "did not end within 1s")
    for name in ("pid", "own"):
        same(_ends(int((stage.folder / name).read_text())), True, f"{name} ends")


def _ends(pid):
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([fd], [], [], WAIT_S)[0])
    finally:
        os.close(fd)


def a_command_that_does_not_exist(stage):
    stage.conf('kind = "command"; name = "pager"; command = "./nothing";')
    done = stage.run("notify", "test", "pager")
    same(done.returncode, 1, "status")
    has(done.stderr, "nothing' cannot be started: No such file or directory")


def a_delivery_that_is_killed_is_told(stage):
    script(stage, "kill -KILL $PPID; sleep 1000")
    stage.conf('kind = "command"; command = "./tell"; retries = 0;')
    host = stage.host()
    host.event("failure", **FAILURE)
    has(host.report()["message"], f"ended by signal {int(signal.SIGKILL)} (Killed)")


def a_delivery_that_is_stopped_holds_nothing(stage):
    """SIGSTOP for the process that delivers: its own timeout cannot help."""
    script(stage, "kill -STOP $PPID; sleep 1000")
    stage.conf('kind = "command"; command = "./tell"; retries = 0; timeout = "1s";')
    host = stage.host()
    host.event("failure", **FAILURE)
    has(host.report()["message"], "did not end in time, and was ended")


def nothing_is_left_behind(stage):
    script(stage, "cat > /dev/null")
    stage.conf('kind = "command"; command = "./tell"; max_messages = 1000;')
    host = stage.host()
    for n in range(40):
        host.event("failure", **{**FAILURE, "run": f"r{n}"})
        host.report()
    same(_descriptors(host) <= 12, True, f"few descriptors ({_descriptors(host)})")
    same(host.end(), [], "at the end")


def _descriptors(host):
    return len(os.listdir(f"/proc/{host.process.pid}/fd"))


CASES = [v for v in list(globals().values()) if callable(v) and getattr(v, "__module__", "") == __name__ and v.__code__.co_varnames[:1] == ("stage",)
         and v.__code__.co_argcount == 1]
