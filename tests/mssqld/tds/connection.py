"""One client.  One thread logs it in and answers its requests; another reads what comes, so that an attention, or the client's end,
is seen while an answer is under way."""
from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time
from typing import TYPE_CHECKING, Callable, Iterator

from contract import Column, Environment, Event, Param, SqlError

from . import bulk, cache, encode, login, packets, rpc, tokens, transaction
from .answer import ENDS_CONNECTION, Answer, Attention
from .faults import Fault
from .packets import Gone, ProtocolError
from .transport import Transport

if TYPE_CHECKING:
    from .listener import Listener

QUEUED_PACKETS = 64
CANCEL_AGAIN_S = 0.02


class Ignored(Exception):
    """The client took a request back before it was all sent."""


class Connection:
    def __init__(self, listener: "Listener", sock: socket.socket, number: int):
        self.listener, self.number = listener, number
        self.transport = Transport(sock)
        self.reader: threading.Thread | None = None
        self.session = None
        self.spid = 0
        self.packet_bytes = packets.DEFAULT
        self.attention = 0  # not answered yet
        self.attention_taken = False  # from the queue, in the middle of a request
        self.gone = False
        self.busy, self.idle = False, threading.Event()
        self.requests: queue.Queue[tuple[int, int, bytes] | None] = queue.Queue(QUEUED_PACKETS)
        self.prepared = rpc.Prepared()
        self.bulk: tuple[list[Column], object] | None = None  # what an INSERT BULK announced
        self.who: login.Login | None = None

    # ---- the threads

    def serve(self) -> None:
        """The thread of this connection."""
        log = self.listener.log
        try:
            if self._login():
                self.reader = threading.Thread(target=self._read, name=f"reader {self.spid}", daemon=True)
                self.reader.start()
                while (request := self._request()) is not None:
                    self._answer(*request)
        except Gone as e:
            log(self.spid, f"gone: {e}")
        except ProtocolError as e:
            log(self.spid, f"not TDS: {e}")
        except Exception as e:  # a mistake of this server: the client must not wait for ever
            log(self.spid, f"internal error: {type(e).__name__}: {e}", trace=True)
        finally:
            self.end()
            if self.session:
                self.session.close()
            self.listener.remove(self)
            self._join_reader()
            self.transport.sock.close()

    def _join_reader(self) -> None:
        while self.reader and self.reader.is_alive():
            while not self.requests.empty():  # it may wait for room
                self.requests.get_nowait()
            self.reader.join(CANCEL_AGAIN_S)

    def _read(self) -> None:
        try:
            while True:
                kind, status, payload = packets.read_packet(self.transport.read_exactly)
                if kind == packets.ATTENTION:
                    self.attention += 1
                    self._cancel()
                self.requests.put((kind, status, payload))
        except (Gone, ProtocolError) as e:
            self.listener.log(self.spid, f"read: {e}")
        self.gone = True
        self.transport.close()
        self._cancel()
        self.requests.put(None)

    def _cancel(self) -> None:
        """Until it helps: the first may come before the statement has begun."""
        self.listener.faults.notify()
        while self.busy:
            self.session.cancel()
            self.idle.wait(CANCEL_AGAIN_S)

    @property
    def takes_utf8(self) -> bool:
        return login.UTF8_FEATURE in self.who.features

    def end(self, reset: bool = False) -> None:
        """From any thread."""
        self.gone = True
        if reset:
            self.transport.reset()
        self.transport.close()
        self.listener.faults.notify()

    # ---- the login

    def _login(self) -> bool:
        t, options = self.transport, self.listener.options
        kind, message = packets.read_message(t.read_exactly)
        way = "none"
        if kind == packets.PRELOGIN:
            answer, way = login.encryption(options.tls, login.read_prelogin(message))
            self._send(login.write_prelogin(answer))
            if way != "none":
                t.handshake(self.listener.tls_context)
            kind, message = packets.read_message(t.read_exactly)
        if kind != packets.LOGIN7:
            raise ProtocolError(f"a packet of type {kind} instead of LOGIN7")
        if way == "login":
            t.plain_again()
        self.who = login.read_login7(message)
        self._stalled_login()
        try:
            errors = self.listener.faults.login_failure(self.who.user, self.who.database)
            if options.tls == "require" and way == "none":
                errors = [SqlError(17835, "Encryption is required to connect to this server but the client library does not support "
                                   "encryption; the connection has been closed.", 20)]
            if errors:
                return self._refuse(errors)
            login.check(self.who, options.user, options.password)
            self._open_session(self.who.database)
        except SqlError as e:
            return self._refuse([e] + ([login.failed(self.who.user)] if e.number == 4060 else []))
        size = login.packet_size(self.who.packet_bytes)
        self._send(login.accepted(self.who, self.session.database, size))
        self.packet_bytes = size
        self.listener.log(self.spid, f"login of {self.who.user} to {self.session.database} from {self.who.application!r}, packets of {size}, features {self.who.features}")
        return True

    def _open_session(self, database: str) -> None:
        w = self.who
        self.session = self.listener.server.login(database or self.listener.options.database, w.user, w.host, w.application)
        self.spid = self.session.spid
        if w.odbc:
            self.session.text_size = encode.NO_TEXT_LIMIT

    def _refuse(self, errors: list[SqlError]) -> bool:
        self.listener.log(0, f"refused: {errors[0].message}")
        self._send(login.refused(errors))
        self.transport.drained()
        return False

    def _stalled_login(self) -> None:
        faults = self.listener.faults
        with faults.changed:
            era = faults.login_era
            while faults.stalls_logins and faults.login_era == era and not self.gone:
                faults.changed.wait()

    def _send(self, data: bytes) -> None:
        writer = packets.MessageWriter(self.transport.send, self.packet_bytes, self.spid)
        writer.write(data)
        writer.finish()

    # ---- requests

    def _request(self) -> tuple[int, int, Callable[[], bytes]] | None:
        """Type, status and the payload, piece by piece; None: the client is gone."""
        packet = self.requests.get()
        if packet is None:
            return None
        kind, status, first = packet
        return kind, status, self._pieces(status, first)

    def _pieces(self, status: int, first: bytes) -> Callable[[], bytes]:
        """Gives the payload of each packet of a message, then b""."""
        def generate() -> Iterator[bytes]:
            last, payload = status & packets.LAST, first
            while True:
                if payload:
                    yield payload
                if last:
                    return
                packet = self.requests.get()
                if packet is None:
                    raise Gone("in the middle of a request")
                if packet[0] == packets.ATTENTION:
                    self.attention_taken = True
                    raise Attention
                last, payload = packet[1] & packets.LAST, packet[2]
                if packet[1] & packets.IGNORE:
                    raise Ignored

        pieces = generate()
        return lambda: next(pieces, b"")

    def _answer(self, kind: int, status: int, more: Callable[[], bytes]) -> None:
        if kind == packets.ATTENTION:
            self.attention -= 1
            self._send(tokens.done(tokens.DONE, tokens.ATTENTION))
            return
        try:
            if kind == packets.BULK:
                self._run([bulk.load(self, more)], "bulk load")
                return
            message = bytearray()
            while piece := more():
                message += piece
                if len(message) > packets.MOST_MESSAGE_BYTES:
                    raise ProtocolError("a request that is too large")
        except Attention:
            self._take_attention()
            self._send(tokens.done(tokens.DONE, tokens.ATTENTION))
            return
        except Ignored:
            self._send(tokens.done(tokens.DONE, 0))
            return
        reset = status & (packets.RESET | packets.RESET_KEEP_TRANSACTION)
        if reset:
            self._reset_session()
        handler = {packets.SQL_BATCH: self._batch, packets.RPC: self._calls, packets.TRANSACTION: self._transaction}.get(kind)
        if not handler:
            raise ProtocolError(f"a request of type {kind}")
        handler(bytes(message), [Environment("reset", None, None)] if reset else [])

    def _reset_session(self) -> None:
        database = self.session.database
        self.session.close()
        self.prepared = rpc.Prepared()
        self._open_session(database)

    def _batch(self, message: bytes, before: list[Event]) -> None:
        sql = rpc.without_headers(message).decode("utf-16-le", "surrogatepass")
        if bulk.announced(sql):
            self._run([lambda: bulk.begin(self, sql)], sql, before)
            return
        self._run([lambda: self.session.run(sql, [])], sql, before, cached=(sql, []))

    def _calls(self, message: bytes, before: list[Event]) -> None:
        try:
            calls = rpc.read_calls(message)
        except SqlError as e:
            self._run([_raising(e)], "EXEC", before, procedure=True)
            return
        runs = [lambda c=c: self.prepared.run(self.session, c) for c in calls]
        in_effect = [self.prepared.effective(c) for c in calls]
        cached = None if any(c.procedure == "sp_prepexec" for c in calls) else _statement(in_effect)
        self._run(runs, "; ".join(str(c) for c in in_effect), before, procedure=True, cached=cached)

    def _transaction(self, message: bytes, before: list[Event]) -> None:
        self._run([lambda: transaction.run(self.session, rpc.without_headers(message))], "transaction request", before)

    # ---- answers

    def _run(self, runs: list[Callable[[], Iterator[Event]]], text: str, before: list[Event] = (), procedure: bool = False,
             cached: tuple[str, list[Param]] | None = None) -> None:
        self.listener.note(self.spid, text)
        fault = self.listener.faults.take(text, self.spid)
        key = self._cache_key(cached, procedure) if cached and not fault and not before else None
        if key and self._from_cache(key):
            return
        recording = cache.Recording(self.listener.cache, key, self.packet_bytes, self.wire(None)) if key else None
        answer = Answer(self, procedure, fault, recording)
        if recording:
            recording.answer = answer
        began = time.monotonic()
        try:
            self._events(answer, runs, list(before), fault)
        finally:
            if recording:
                recording.drop()
            self.listener.log(self.spid, f"{answer.rows} rows, {answer.writer.payload_bytes} bytes, {time.monotonic() - began:.3f} s")

    def _events(self, answer: Answer, runs: list[Callable[[], Iterator[Event]]], before: list[Event], fault: Fault | None) -> None:
        ends = unwanted = False
        self.idle.clear()
        self.busy = True
        try:
            self._check_wanted()
            for event in before:
                answer.event(event)
            for i, run in enumerate(runs):
                try:
                    if fault and fault.kind == "deadlock":
                        with contextlib.suppress(SqlError):  # there may be no transaction
                            self.session.rollback()
                        raise fault.error
                    for event in run():
                        answer.event(event)
                except SqlError as e:
                    if self.attention or self.gone:
                        raise Attention from e
                    self.listener.log(self.spid, f"error {e.number}: {e.message}")
                    ends = ends or e.severity >= ENDS_CONNECTION
                    answer.error(e)
                answer.finish(last=i + 1 == len(runs))
        except Attention:
            unwanted = True
        except (Gone, ProtocolError):
            raise
        except Exception as e:  # a mistake of this server: the client gets to know
            self.listener.log(self.spid, f"internal error: {type(e).__name__}: {e}", trace=True)
            answer.error(SqlError(596, f"mssqld made a mistake of its own: {type(e).__name__}: {e}", 21))
            answer.finish()
            ends = True
        finally:
            self.busy = False
            self.idle.set()
        if unwanted:
            self._take_attention()
            answer.cancelled()
        elif ends:
            self.transport.drained()
            raise Gone("after an error that ends the connection")

    def _take_attention(self) -> None:
        """The one that is known of: it leaves the queue."""
        packet = (packets.ATTENTION, 0, b"") if self.attention_taken else self.requests.get()
        self.attention_taken = False
        if packet is None:
            raise Gone("in the middle of an answer")
        if packet[0] != packets.ATTENTION:
            raise ProtocolError("a request in the middle of an answer")
        self.attention -= 1

    def _cache_key(self, cached: tuple[str, list[Param]], procedure: bool) -> str | None:
        if not self.listener.cache:
            return None
        key = self.session.cacheable(*cached)
        return key and f"{key}\0{self.session.text_size}\0{self.packet_bytes}\0{procedure}\0{self.takes_utf8}"

    def _from_cache(self, key: str) -> bool:
        found = self.listener.cache.open(key)
        if not found:
            return False
        fd, index = found
        try:
            self.listener.count(index["rows"])
            if not cache.send(self, fd, index):
                self._take_attention()
        finally:
            cache.close(fd)
        return True

    # ---- faults

    def wire(self, fault: Fault | None) -> Callable[[bytes], None]:
        """Where an answer's bytes go; with a fault of that kind, up to a certain byte."""
        if not fault or fault.bytes is None:
            return self.transport.send
        left = fault.bytes

        def send(data: bytes) -> None:
            nonlocal left
            self.transport.send(data[:left])
            left -= len(data)
            if left <= 0:
                self.transport.drained()
                self.end(reset=fault.kind == "cut")
                raise Gone(f"{fault.kind} after {fault.bytes} bytes")
        return send

    def stall(self, fault: Fault) -> None:
        faults = self.listener.faults
        with faults.changed:
            while faults.resumes == fault.resumed and not self.gone and not self.attention:
                faults.changed.wait()
        self._check_wanted()

    def _check_wanted(self) -> None:
        if self.gone:
            raise Gone("nobody waits for the answer")
        if self.attention:
            raise Attention


def _statement(calls: list[rpc.Call]) -> tuple[str, list[Param]] | None:
    """What a single sp_executesql runs, if all its parameters have names."""
    if len(calls) != 1 or calls[0].procedure != "sp_executesql" or not calls[0].params or not isinstance(calls[0].params[0].value, str):
        return None
    params = calls[0].params[2:]
    return (calls[0].params[0].value, params) if all(p.name and not p.output for p in params) else None


def _raising(e: SqlError) -> Callable[[], Iterator[Event]]:
    def run() -> Iterator[Event]:
        raise e
        yield
    return run
