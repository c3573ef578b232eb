"""How much a target is told, and of what; configurations with mistakes."""
from cases_mail import FAILURE
from driver import has, has_not, same
from servers import Hanging, Hooks, Mails


def hook(server, more=""):
    return f'kind = "webhook"; url = "http://127.0.0.1:{server.port}/"; {more}'


def what_is_too_much_comes_as_one_message(stage):
    server = stage.stop_later(Hooks())
    stage.conf(hook(server, 'max_messages = 2; period = "2s";'))
    host = stage.host()
    host.event("failure", **FAILURE)
    host.event("failure", **FAILURE, times=70)
    host.event("recovery", pipeline="other")
    host.event("host", message="the state store cannot be reached")
    same([server.next()[3]["event"] for _ in range(3)], ["failure", "failure", "digest"], "events")
    same([host.report()["notices"] for _ in range(3)], [1, 1, 71], "notices of each message")
    host.event("failure", **FAILURE)  # of the next period: the digest was its first message
    same(server.next()[3]["event"], "failure", "after the digest")
    same(len(host.end()), 1, "reports")


def a_digest_counts_and_lists(stage):
    server = stage.stop_later(Mails())
    stage.conf(f'kind = "mail"; server = "smtp://127.0.0.1:{server.port}"; tls = "none"; from = "e@example.com"; to = "ops@example.com"; '
               'max_messages = 0; period = "1s";')
    host = stage.host()
    for n in range(60):
        host.event("failure", **{**FAILURE, "run": f"r{n}", "message": f"error {n}"})
    host.event("recovery", pipeline="other")
    host.event("host", message="the state store cannot be reached")
    message = server.next()[1]
    same(message["Subject"], "[etl] 62 notices held back: 60 failures, 1 recovery, 1 notice of the host", "subject")
    text = message.get_content()
    has(text, "logins: 60 failures", "other: 1 recovery", "the host: 1 notice of the host", "The newest of them:",
        "logins (shard eu1) failed: error 59  etl info r59", "other works again", "the state store cannot be reached")
    has_not(text, "error 5\n", "error 11 ", "first line")
    same(text.count("failed: error"), 48, "failures in the list")


def each_target_gets_what_it_asks_for(stage):
    server = stage.stop_later(Hooks())
    stage.conf(hook(server, 'name = "all";'), hook(server, 'name = "one"; on = [ "failure", "recovery" ]; pipelines = [ "sales-*", "x" ];'),
               hook(server, 'name = "host"; on = "host"; pipelines = "x";'))
    host = stage.host()
    host.event("failure", pipeline="sales-eu")
    host.event("failure", pipeline="other")
    host.event("partial", pipeline="sales-eu")
    host.event("host", message="m")
    got = [(r["target"], r.get("pipeline")) for r in host.end()]
    same(sorted(map(str, got)), sorted(map(str, [("all", "sales-eu"), ("one", "sales-eu"), ("all", "other"), ("all", "sales-eu"), ("all", None), ("host", None)])),
         "who got what")


def a_target_that_is_down_has_a_short_line(stage):
    hanging = stage.stop_later(Hanging())
    stage.conf(hook(hanging, 'timeout = "1s"; retries = 0; max_messages = 1000;'))
    host = stage.host()
    host.event("failure", **FAILURE, times=100)
    reports = [host.report(), *host.end()]
    same([r["notices"] for r in reports], [1] * 8 + [92], "notices of each message")


def a_reload_keeps_what_waits(stage):
    server, other = stage.stop_later(Hooks()), stage.stop_later(Hooks())
    stage.conf(hook(server, 'name = "a"; max_messages = 0; period = "1h";'), hook(server, 'name = "b"; max_messages = 0; period = "1h";'))
    host = stage.host()
    host.event("failure", **FAILURE, times=3)
    stage.conf(hook(other, 'name = "a"; max_messages = 0; period = "1h";'))
    host.say(reload=True)
    _, _, _, body = server.next()
    same((body["event"], body["held_back"]), ("digest", 3), "of the one that is gone")
    same(host.report()["target"], "b", "target")
    host.event("failure", **FAILURE)
    same([(r["target"], r["notices"]) for r in host.end()], [("a", 4)], "of the one that stays")
    same(other.next()[3]["held_back"], 4, "at its new address")


def a_host_that_ends_at_once_says_what_it_did_not_tell(stage):
    hanging = stage.stop_later(Hanging())
    stage.conf(hook(hanging, 'max_messages = 1;'))
    host = stage.host()
    host.event("failure", **FAILURE, times=3)
    host.say(quit=True)
    reports = [host.report(), host.report()]
    same([(r["notices"], r["again_s"]) for r in reports], [(1, -1), (2, -1)], "reports")
    has(reports[0]["message"], "the host ends before")


def what_waits_goes_to_the_next_host(stage):
    server = stage.stop_later(Hooks())
    down = "url = \"http://127.0.0.1:1/\";"
    more = 'kind = "webhook"; name = "a"; max_messages = 1; period = "1h"; retry_delay = "1h"; retries = 1;'
    stage.conf(down + more)
    host = stage.host()
    host.event("failure", **FAILURE)
    same(host.report()["again_s"], 3600, "pause")
    host.event("failure", **FAILURE, times=2)
    host.event("recovery", pipeline="other")
    host.say(keep=True)
    tried, kept = host.end()
    same((tried["attempt"], tried["again_s"]), (2, 3600), "the last try of this host, which does not count")
    same([(m["notices"], m["attempt"], m["message"]["event"]) for m in kept["waiting"]["a"]["line"]], [(1, 2, "failure"), (3, 1, "digest")], "what waits")
    stage.conf(f'url = "http://127.0.0.1:{server.port}/";' + more)
    host = stage.host()
    for message in kept["waiting"]["a"]["line"]:
        message["not_before_us"] = 0
    host.say(restore={**kept["waiting"], "nobody": kept["waiting"]["a"]})
    bodies = [server.next()[3] for _ in range(2)]
    same([b["id"] for b in bodies], [m["message"]["id"] for m in kept["waiting"]["a"]["line"]], "messages")
    same([(r["attempt"], r["delivered"]) for r in host.end()], [(2, True), (1, True)], "reports")


def what_is_held_back_is_held_on_by_the_next_host(stage):
    server = stage.stop_later(Hooks())
    stage.conf(hook(server, 'name = "a"; max_messages = 0; period = "1h";'))
    host = stage.host()
    host.event("failure", **FAILURE, times=70)
    host.say(keep=True)
    host.say(quit=True)
    held = host.report()["waiting"]["a"]["held"]
    same((held["held"], len(held["kept"]), held["counts"]), (70, 50, {"logins": {"failure": 70}}), "held back")
    host = stage.host()
    host.event("failure", **FAILURE)
    host.say(restore={"a": {"line": [], "held": held}})
    host.say(restore={"a": {"line": "nonsense", "held": {"held": 3, "kept": 4}}})
    same([r["notices"] for r in host.end()], [71], "notices")
    body = server.next()[3]
    same((body["event"], body["held_back"], len(body["notices"])), ("digest", 71, 50), "one message")


def lines_are_cut_to_what_is_bearable(stage):
    server = stage.stop_later(Hooks())
    stage.conf(hook(server, "log_lines = 30;"))
    host = stage.host()
    host.event("failure", pipeline="p", message="m" * 5000, lines=["ü" * 400 + "\x1b[31m\u0001"] * 60)
    body = server.next()[3]
    same((len(body["message"]), len(body["log"]), set(body["log"])), (2003, 30, {"ü" * 250}), "lengths")
    same(len(body["subject"]) <= 170, True, "subject")


def mistakes_are_shown_with_their_place(stage):
    stage.conf('kind = "post";', 'kind = "mail"; server = "mail.example.com"; from = "me"; to = [];',
               'kind = "webhook"; url = "ftp://secret-place/x"; headers = [ "no header secret" ]; secret = 5;',
               'kind = "command"; command = [ "x" ]; on = [ "failures" ]; timeout = "0s"; url = "http://x";', 'kind = "command"; command = "a"; name = "n";',
               'kind = "command"; command = "a"; name = "n";', 'kind = "mail"; server = "smtp://x"; from = "a@b"; to = "c@d"; user = "u"; tls = "maybe";',
               'kind = "webhook"; url = "https://user:hush@h/x";', 'kind = "mail"; server = "smtp://x"; from = "a@b"; to = "c@d\\r\\nRCPT TO:<e@f>";')
    done = stage.run("check")
    same(done.returncode, 2, "status")
    has(done.stderr, 'etl.conf:2: error: "post" is no kind of notification', "etl.conf:3: error: 'server' is no address of a mail server", '"me" is no mail address',
        "etl.conf:4: error: 'url' is no address of a web server", "etl.conf:5: error: unknown setting 'url' in a target of kind \"command\"",
        "'timeout' must be 1s to 1h, and 0 is not", 'two targets of notify with the name "n", the other one at etl.conf:6',
        'etl.conf:8: error: "maybe" is no way to use TLS', "etl.conf:9: error: 'url'", "(with a line break)")
    has_not(done.stderr, "secret-place", "no header secret", "hush", "number 5")
    stage.conf('kind = "command"; command = [ "x" ]; on = [ "failures" ];', 'kind = "mail"; server = "smtp://x"; from = "a@b"; to = []; user = "u";',
               'kind = "webhook"; url = "https://h/x"; headers = [ "no header secret" ];')
    done = stage.run("notify", "test")
    has(done.stderr, '"failures" that \'on\' could name; did you mean "failure"?', "'to' is empty", "'user' is given without 'password'",
        "an element of 'headers' is no header (not shown")


def a_secret_that_is_missing_is_the_notifiers_business_alone(stage):
    stage.conf('kind = "webhook"; url = "https://h/x"; secret = "${file:none}";')
    has(stage.run("check").stderr, "etl.conf:2", "none")
    done = stage.run("conns", "test")
    same((done.returncode, done.stderr), (0, ""), "others need it not")


def a_list_shows_no_secret(stage):
    stage.conf('kind = "webhook"; url = "https://h.example/hook/T0KEN"; secret = "0123456789abcdef"; on = "failure";',
               'kind = "webhook"; url = "http://[::1]:8080"; pipelines = [ "a*", "b" ];', 'kind = "command"; command = [ "page", "T0KEN" ];')
    for words in (("notify", "list"), ("notify", "list", "-o", "json")):
        done = stage.run(*words)
        same(done.returncode, 0, "status")
        has(done.stdout, "webhook2", "https://h.example", "http://[::1]:8080", "failure", "a*")
        has_not(done.stdout, "T0KEN", "0123456789abcdef")
    has(stage.run("notify", "test", "webhok").stderr, "there is no target 'webhok' of notifications; did you mean 'webhook'?")


CASES = [v for v in list(globals().values()) if callable(v) and getattr(v, "__module__", "") == __name__ and v.__code__.co_varnames[:1] == ("stage",)
         and v.__code__.co_argcount == 1]
