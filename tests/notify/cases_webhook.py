"""JSON to an HTTP receiver."""
import re
import time

from cases_mail import FAILURE
from driver import has, has_not, same
from servers import Hanging, Hooks, signed_by

SECRET = "0123456789abcdef0123456789abcdef"


def hook(server, more="", scheme="http"):
    return f'kind = "webhook"; url = "{scheme}://127.0.0.1:{server.port}/in/token-123?x=1"; {more}'


def a_message_is_signed_json(stage):
    server = stage.stop_later(Hooks())
    (stage.folder / "secret").write_text(SECRET)
    stage.conf(hook(server, 'secret = "${file:secret}"; headers = [ "Authorization: Bearer abc", "X-Team: data" ]; log_lines = 2;'))
    host = stage.host()
    host.event("failure", **FAILURE)
    path, headers, raw, body = server.next()
    same(path, "/in/token-123?x=1", "path")
    same((headers["Content-Type"], headers["X-Etl-Event"], headers["Authorization"], headers["X-Team"]),
         ("application/json", "failure", "Bearer abc", "data"), "headers")
    same(signed_by(SECRET, headers, raw), True, "signature")
    same(signed_by(SECRET, headers, raw + b" "), False, "signature of another body")
    same(signed_by(SECRET + "x", headers, raw), False, "signature of somebody else")
    same(abs(int(re.search(r"t=(\d+)", headers["X-Etl-Signature"]).group(1)) - time.time()) < 60, True, "time of the signature")
    same(headers["X-Etl-Delivery"], body["id"], "id")
    same({k: body[k] for k in ("event", "pipeline", "run", "state", "stage", "connector", "shard", "message", "remedy", "attempt")},
         {**{k: FAILURE[k] for k in ("pipeline", "run", "state", "stage", "connector", "shard", "message", "remedy", "attempt")}, "event": "failure"}, "body")
    same(body["error"], {"class": "auth", "code": "18456"}, "error")
    same(body["rows"], {"read": 120, "written": 100, "filtered": 0, "rejected": 0}, "rows")
    same(body["log"], FAILURE["lines"][-2:], "the last lines")
    has(body["text"], "etl info 20260101T000000-7f")
    same(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", body["at"]) is not None, True, "when")
    same(host.report()["said"], "thanks", "answer")


def a_server_with_trouble_is_tried_again(stage):
    server = stage.stop_later(Hooks([(500, {}), (503, {"Retry-After": "1"}), (429, {})]))
    stage.conf(hook(server, f'secret = "{SECRET}"; retry_delay = "20ms";'))
    host = stage.host()
    host.event("failure", **FAILURE)
    ids, times = set(), []
    for _ in range(4):
        ids.add(server.next()[3]["id"])
        times.append(time.monotonic())
    same(len(ids), 1, "one id over all attempts")
    same(times[2] - times[1] >= 0.95, True, "the pause that the server asked for was made")
    reports = [host.report() for _ in range(4)]
    same([(r["attempt"], r["delivered"], r["again_s"]) for r in reports], [(1, False, 0.02), (2, False, 1), (3, False, 0.08), (4, True, -1)], "attempts")
    has(reports[0]["message"], "status 500: thanks")


def a_server_that_says_no_is_not_tried_again(stage):
    server = stage.stop_later(Hooks([(404, {}), (401, {})]))
    stage.conf(hook(server, "retries = 5;"))
    host = stage.host()
    host.event("failure", **FAILURE)
    host.event("recovery", pipeline="logins")
    first, second = host.report(), host.report()
    same([(r["class"], r["again_s"]) for r in (first, second)], [("permanent", -1), ("auth", -1)], "reports")
    has(first["message"], f"webhook http://127.0.0.1:{server.port} answers with status 404: thanks")
    has_not(str((first, second)), "token-123")


def retries_end(stage):
    server = stage.stop_later(Hooks([(500, {})] * 10))
    stage.conf(hook(server, 'retries = 2; retry_delay = "10ms";'))
    host = stage.host()
    host.event("failure", **FAILURE)
    same([host.report()["again_s"] for _ in range(3)], [0.01, 0.02, -1], "attempts")


def a_redirect_on_the_same_server_is_followed(stage):
    server = stage.stop_later(Hooks([(308, {"Location": "/moved"})]))
    stage.conf(hook(server, f'secret = "{SECRET}";'))
    same(stage.run("notify", "test").returncode, 0, "status")
    server.next()
    path, headers, raw, _ = server.next()
    same((path, signed_by(SECRET, headers, raw)), ("/moved", True), "where it went")


def a_redirect_elsewhere_is_refused(stage):
    other = stage.stop_later(Hooks())
    server = stage.stop_later(Hooks([(307, {"Location": f"http://127.0.0.1:{other.port}/x"}), (302, {"Location": "/y"})]))
    stage.conf(hook(server))
    for _ in range(2):
        done = stage.run("notify", "test")
        same(done.returncode, 1, "status")
        has(done.stderr, "wants the message elsewhere", "write the new address")
    same((other.requests.empty(), server.requests.qsize()), (True, 2), "who got it")


def redirects_in_a_circle_end(stage):
    server = stage.stop_later(Hooks([(307, {"Location": "/in"})] * 20))
    stage.conf(hook(server))
    has(stage.run("notify", "test").stderr, "without an end")
    same(server.requests.qsize(), 4, "requests")


def an_answer_without_an_end_is_cut(stage):
    server = stage.stop_later(Hooks([(200, {"-body": b"x" * 3_000_000})]))
    stage.conf(hook(server))
    has(stage.run("notify", "test").stderr, "more than a megabyte")


def https_needs_a_certificate_of_somebody(stage):
    server = stage.stop_later(Hooks(tls=stage.certificates.context()))
    stage.conf(hook(server, scheme="https"))
    done = stage.run("notify", "test")
    same(done.returncode, 1, "status")
    has(done.stderr, "certificate")
    stage.conf(hook(server, f'ca_file = "{stage.certificates.ca}";', scheme="https"))
    same(stage.run("notify", "test").returncode, 0, "with its authority")


def a_server_that_hangs_is_given_up(stage):
    hanging, server = stage.stop_later(Hanging()), stage.stop_later(Hooks())
    stage.conf(hook(hanging, 'name = "hanging"; timeout = "1s"; retries = 0;'), hook(server, 'name = "good";'))
    host = stage.host()
    host.event("failure", **FAILURE)
    server.next()
    same(host.report()["target"], "good", "who is first")
    report = host.report()
    same((report["target"], report["class"], report["again_s"]), ("hanging", "retryable", -1), "the other one")
    has(report["message"] + report["remedy"], "timed out", "'timeout'")


CASES = [v for v in list(globals().values()) if callable(v) and getattr(v, "__module__", "") == __name__ and v.__code__.co_varnames[:1] == ("stage",)
         and v.__code__.co_argcount == 1]
