"""Mail, to a real SMTP server."""
from driver import has, has_not, same
from servers import Hanging, Mails

FAILURE = {"pipeline": "logins", "run": "20260101T000000-7f", "state": "failed", "stage": "extract", "connector": "sqlserver", "shard": "eu1",
           "class": "auth", "code": "18456", "message": "Anmeldung für „etl“ abgelehnt: Größe 5 µs 漢字 " + "é" * 60, "remedy": "look at the password",
           "rows_read": 120, "rows_written": 100, "attempt": 4, "lines": ["first line = one", "second line with a space at its end ", "." , "x" * 300]}


def mail(server, more="", scheme="smtp"):
    return (f'kind = "mail"; server = "{scheme}://127.0.0.1:{server.port}"; from = "ETL Größe <etl@example.com>"; '
            f'to = [ "Dept. Ops <ops@example.com>", "b@example.com" ]; {more}')


def everything_is_in_the_mail(stage):
    server = stage.stop_later(Mails())
    stage.conf(mail(server, 'tls = "if_offered";'))
    host = stage.host()
    host.event("failure", **FAILURE)
    envelope, message, tls = server.next()
    same(envelope.mail_from, "etl@example.com", "sender")
    same(envelope.rcpt_tos, ["ops@example.com", "b@example.com"], "recipients")
    has(message["Subject"], "[etl] logins (shard eu1) failed: Anmeldung für „etl“ abgelehnt: Größe 5 µs 漢字 é")
    same(message["From"].addresses[0].display_name, "ETL Größe", "sender's name")
    same([a.addr_spec for a in message["To"].addresses], ["ops@example.com", "b@example.com"], "addresses")
    same(message["To"].addresses[0].display_name, "Dept. Ops", "a name with a dot")
    has(message["Date"], "+0000")
    has(message["Message-ID"], "<etl-", "@example.com>")
    same(message["Auto-Submitted"], "auto-generated", "Auto-Submitted")
    same((message["X-Etl-Event"], message["X-Etl-Pipeline"]), ("failure", "logins"), "own headers")
    same(message.defects, [], "defects of the mail")
    text = message.get_content().replace("\r\n", "\n")
    has(text, "logins (shard eu1) failed.", "Anmeldung für „etl“ abgelehnt: Größe 5 µs 漢字", "What to do  look at the password", "Class       auth, code 18456",
        "Where       extract sqlserver, shard eu1", "120 read, 100 written", "Attempt     4", "  first line = one\n", "a space at its end \n", "\n  .\n",
        "x" * 300, "etl info 20260101T000000-7f", "etl logs logins")
    raw = envelope.content
    same(max(len(line) for line in raw.split(b"\r\n")) <= 78, True, "lines are short")
    same(raw.isascii(), True, "pure ASCII")
    same(tls, False, "TLS")
    report = host.report()
    same((report["delivered"], report["target"], report["pipeline"], report["notices"], report["attempt"]), (True, "mail", "logins", 1, 1), "report")
    same(host.end(), [], "more reports")


def starttls_and_login(stage):
    server = stage.stop_later(Mails(tls=stage.certificates.context(), require_tls=True, login=("etl", "pass word ü")))
    (stage.folder / "password").write_text("pass word ü\n")
    stage.conf(mail(server, f'ca_file = "{stage.certificates.ca}"; user = "etl"; password = "${{file:password}}";'))
    done = stage.run("notify", "test")
    same((done.returncode, done.stdout, done.stderr), (0, "mail: delivered\n", ""), "etl notify test")
    _, message, tls = server.next()
    same(tls, True, "TLS")
    same(server.logins, [("etl", "pass word ü")], "logins")
    has(message["Subject"], "[etl] this is a test")


def tls_from_the_start(stage):
    server = stage.stop_later(Mails(immediate_tls=stage.certificates.context()))
    stage.conf(mail(server, f'ca_file = "{stage.certificates.ca}";', scheme="smtps"))
    same(stage.run("notify", "test").returncode, 0, "etl notify test")
    server.next()


def a_certificate_of_nobody_is_refused(stage):
    server = stage.stop_later(Mails(tls=stage.certificates.context()))
    stage.conf(mail(server))
    done = stage.run("notify", "test")
    same(done.returncode, 1, "status")
    has(done.stdout, "mail: failed")
    has(done.stderr, "certificate", "'ca_file'")
    same(server.mails.empty(), True, "no mail")


def required_tls_that_is_not_offered_is_refused(stage):
    server = stage.stop_later(Mails())
    stage.conf(mail(server))
    done = stage.run("notify", "test")
    same(done.returncode, 1, "status")
    has(done.stderr, "STARTTLS", "if_offered")
    same(server.mails.empty(), True, "no mail")


def a_wrong_password_is_told_and_not_shown(stage):
    server = stage.stop_later(Mails(tls=stage.certificates.context(), login=("etl", "right one")))
    stage.conf(mail(server, f'ca_file = "{stage.certificates.ca}"; user = "etl"; password = "wrong-one"; retries = 3;'))
    host = stage.host()
    host.event("failure", **FAILURE)
    report = host.report()
    same((report["delivered"], report["class"], report["again_s"]), (False, "auth", -1), "report")
    has(report["remedy"], "'user' and 'password'")
    has_not(str(report), "wrong-one")
    same(host.end(), [], "it is not tried again")


def one_unknown_recipient_does_not_keep_the_others_from_it(stage):
    server = stage.stop_later(Mails())
    stage.conf(mail(server, 'tls = "none";').replace("b@example.com", "nobody@example.com"))
    done = stage.run("notify", "test")
    same(done.returncode, 0, "status")
    has(done.stdout, "delivered: but not for all recipients: <nobody@example.com>: 550 5.1.1 no such user here")
    same(server.next()[0].rcpt_tos, ["ops@example.com"], "recipients")


def no_recipient_at_all_is_a_failure(stage):
    server = stage.stop_later(Mails())
    stage.conf(f'kind = "mail"; server = "smtp://127.0.0.1:{server.port}"; from = "e@example.com"; to = "nobody@example.com"; tls = "none"; retries = 2;')
    host = stage.host()
    host.event("failure", **FAILURE)
    report = host.report()
    same((report["delivered"], report["class"], report["again_s"]), (False, "permanent", -1), "report")
    has(report["message"], "<nobody@example.com>: 550 5.1.1 no such user here")


def greylisting_is_waited_for(stage):
    server = stage.stop_later(Mails(later=2))
    stage.conf(mail(server, 'tls = "none"; retry_delay = "50ms";'))
    host = stage.host()
    host.event("failure", **FAILURE)
    first, second, third = host.report(), host.report(), host.report()
    has(first["message"], "451 4.7.1 greylisted")
    same([(r["delivered"], r["attempt"], r["again_s"]) for r in (first, second, third)], [(False, 1, 0.05), (False, 2, 0.1), (True, 3, -1)], "attempts")


def a_server_that_hangs_holds_nothing(stage):
    hanging, server = stage.stop_later(Hanging()), stage.stop_later(Mails())
    stage.conf(mail(hanging, 'name = "hanging"; timeout = "1s"; retries = 1; retry_delay = "10ms";'), mail(server, 'name = "good"; tls = "none";'))
    host = stage.host()
    host.event("failure", **FAILURE)
    host.event("recovery", pipeline="logins")
    server.next()
    has(server.next()[1]["Subject"], "logins works again")
    reports = [host.report() for _ in range(3)]
    same([r["target"] for r in reports[:2]], ["good", "good"], "who is first")
    same((reports[2]["target"], reports[2]["class"], reports[2]["again_s"]), ("hanging", "retryable", 0.01), "the other one")
    has(reports[2]["message"] + reports[2]["remedy"], "timed out", "raise 'timeout'")
    left = host.end()
    same([(r["target"], r["delivered"]) for r in left], [("hanging", False), ("hanging", False)], "at the end")


CASES = [v for v in list(globals().values()) if callable(v) and getattr(v, "__module__", "") == __name__ and v.__code__.co_varnames[:1] == ("stage",)
         and v.__code__.co_argcount == 1]
