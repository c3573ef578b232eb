"""Real servers to notify: SMTP (aiosmtpd) with STARTTLS and AUTH, HTTP that keeps what it was sent, and one that never answers."""
from __future__ import annotations

import asyncio
import email
import email.policy
import hashlib
import hmac
import http.server
import json
import logging
import pathlib
import queue
import socket
import ssl
import subprocess
import threading
import warnings

from aiosmtpd.smtp import SMTP, AuthResult

WAIT_S = 30
logging.getLogger("mail.log").disabled = True  # sessions that fail are what is tested
warnings.simplefilter("ignore", DeprecationWarning)


class Certificates:
    """An authority of our own and a certificate of 127.0.0.1 and localhost."""

    def __init__(self, folder: pathlib.Path):
        self.ca, self.key, self.cert = (str(folder / name) for name in ("ca.pem", "key.pem", "cert.pem"))
        request, extra = str(folder / "request.pem"), folder / "extra.cnf"
        extra.write_text("subjectAltName = DNS:localhost, IP:127.0.0.1\n")
        ca_key = str(folder / "ca-key.pem")
        for words in (["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test authority", "-keyout", ca_key, "-out", self.ca],
                      ["req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", self.key, "-out", request],
                      ["x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", ca_key, "-CAcreateserial", "-days", "2", "-extfile", str(extra),
                       "-out", self.cert]):
            subprocess.run(["openssl", *words], check=True, capture_output=True)

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, self.key)
        return context


class Mails:
    """An SMTP server in a thread.  mails: a queue of (envelope, message, whether TLS was used)."""

    def __init__(self, tls: ssl.SSLContext | None = None, require_tls: bool = False, login: tuple[str, str] | None = None,
                 later: int = 0, immediate_tls: ssl.SSLContext | None = None):
        self.mails: queue.Queue = queue.Queue()
        self.login, self.later = login, later
        self.logins: list[tuple[str, str]] = []
        self.options = {"tls_context": tls, "require_starttls": require_tls, "auth_required": bool(login), "auth_require_tls": bool(tls or immediate_tls),
                        "authenticator": self._check if login else None, "enable_SMTPUTF8": False}
        if immediate_tls:
            self.options["auth_require_tls"] = False
        self.loop = asyncio.new_event_loop()
        made = self.loop.create_server(lambda: SMTP(self, hostname="mail.test", loop=self.loop, **self.options), "127.0.0.1", 0, ssl=immediate_tls)
        self.server = self.loop.run_until_complete(made)
        self.port = self.server.sockets[0].getsockname()[1]
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def _check(self, server, session, envelope, mechanism, data):
        said = (data.login.decode(), data.password.decode())
        self.logins.append(said)
        return AuthResult(success=said == self.login, handled=False)

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 5.1.1 no such user here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.later > 0:
            self.later -= 1
            return "451 4.7.1 greylisted, come again"
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.mails.put((envelope, message, session.ssl is not None))
        return "250 OK queued"

    def next(self):
        return self.mails.get(timeout=WAIT_S)

    async def _end(self):
        self.server.close()
        tasks = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def stop(self):
        asyncio.run_coroutine_threadsafe(self._end(), self.loop).result(WAIT_S)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


class Hooks:
    """An HTTP receiver.  answers: (status, headers) one by one, then 200; requests: a queue of (path, headers, body)."""

    def __init__(self, answers=(), tls: ssl.SSLContext | None = None):
        self.requests: queue.Queue = queue.Queue()
        self.answers = list(answers)
        hooks = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hooks.requests.put((self.path, dict(self.headers), body))
                status, headers, text = (*(hooks.answers.pop(0) if hooks.answers else (200, {})), b"thanks")[:3]
                text = headers.pop("-body", text)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                try:
                    self.wfile.write(text)
                except OSError:
                    pass  # more than the other side wanted

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def next(self):
        path, headers, body = self.requests.get(timeout=WAIT_S)
        return path, headers, body, json.loads(body)

    def stop(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def signed_by(secret: str, headers: dict, body: bytes) -> bool:
    """As a receiver would check it."""
    parts = dict(part.split("=", 1) for part in headers["X-Etl-Signature"].split(","))
    expected = hmac.new(secret.encode(), parts["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, parts["v1"])


class Hanging:
    """Takes connections and never says a word."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]

    def stop(self):
        self.socket.close()
