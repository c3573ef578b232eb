"""Faults, attention and the cache: how an answer ends otherwise."""
from __future__ import annotations

import json
import threading

from contract import Type
from tds import clock, packets, textform
from tds.faults import Fault

from .case import WireCase
from .client import Reply
from .fake import NOON, number_rows

TEN = "SELECT * FROM numbers10"


class Attention(WireCase):
    def check_usable(self, c) -> None:
        self.assertEqual(len(c.query("numbers3").rows), 3)

    def check_acknowledged(self, c) -> None:
        self.assertEqual(Reply(c.message()).tokens, [(0xFD, (0x20, 0, 0))])

    def test_while_nothing_runs(self) -> None:
        c = self.client()
        c.attention()
        self.assertEqual(Reply(c.message()).last, (0xFD, 0x20))
        self.check_usable(c)

    def test_while_the_server_computes(self) -> None:
        c = self.client()
        c.batch("hang")
        c.attention()
        self.assertEqual(len(Reply(c.message()).columns), 2)
        self.check_acknowledged(c)
        self.check_usable(c)

    def test_in_the_middle_of_rows(self) -> None:
        c = self.client()
        c.batch("numbers3000000")
        head = c.exactly(4096)
        c.attention()
        size = int.from_bytes(head[2:4], "big")
        data = head[8:size] + c.message()
        reply = Reply(data)
        self.check_acknowledged(c)
        self.assertEqual(reply.last, (0xFD, 0x02))
        self.assertLess(len(reply.rows), 3_000_000)
        self.assertEqual(reply.rows, number_rows(0, len(reply.rows)).rows)
        self.check_usable(c)

    def test_in_the_middle_of_a_request(self) -> None:
        c = self.client()
        c.sock.sendall(packets.HEADER.pack(packets.SQL_BATCH, 0, 12, 0, 1, 0) + b"half")
        c.attention()
        self.assertEqual(Reply(c.message()).last, (0xFD, 0x20))
        self.check_usable(c)

    def test_the_client_goes_away(self) -> None:
        c = self.client()
        c.batch("hang")
        session = self.server.sessions[-1]
        c.close()
        self.assertTrue(session.ended.wait(10))


class Faults(WireCase):
    def answer_bytes(self) -> bytes:
        c = self.client()
        c.batch(TEN)
        message = c.message()
        return packets.HEADER.pack(4, 1, len(message) + 8, 51, 1, 0) + message

    def until_the_end(self, c) -> tuple[bytes, bool]:
        """What still comes, and whether it ended with a reset."""
        data = b""
        try:
            while part := c.sock.recv(65536):
                data += part
        except ConnectionResetError:
            return data, True
        return data, False

    def test_cut_and_close_after_exactly_so_many_bytes(self) -> None:
        whole = len(self.answer_bytes())
        for word, reset in (("cut-after-bytes", True), ("close-after-bytes", False)):
            for n in (1, 7, 8, 9, 100, whole - 1, whole):
                self.control(f"{word} {n}")
                c = self.client()
                c.batch(TEN)
                data, was_reset = self.until_the_end(c)
                self.assertEqual((len(data), was_reset), (n, reset), (word, n))
            self.control(f"{word} {whole + 1}")
            self.assertEqual(len(self.client().query(TEN).rows), 10)

    def test_a_fault_meets_what_it_is_for(self) -> None:
        cases = [(None, "SELECT 1", False), (None, TEN, True), (None, "SELECT name FROM sys.columns", False),
                 (None, "SELECT x FROM [sys].[columns] c", False), ("numbers.*0", TEN, True), ("numbers.*1$", TEN, False),
                 ("columns", "SELECT name FROM sys.columns", False), (r"sys\.columns", "SELECT name FROM sys.columns", True)]
        for pattern, sql, meets in cases:
            fault = Fault("cut", bytes=1)
            if pattern:
                self.control(f"match {pattern} cut-after-bytes 1")
                fault = self.listener.faults.armed.pop()
            self.assertEqual(fault.meets(sql), meets, (pattern, sql))

    def test_an_error_after_rows(self) -> None:
        c = self.client()
        self.control("match numbers error-after-rows 3 1205 13 13 you were chosen as the victim")
        reply = c.query(TEN)
        self.assertEqual(len(reply.rows), 3)
        self.assertEqual(reply.of(0xAA), [(1205, 13, 13, "you were chosen as the victim")])
        self.assertEqual(len(c.query(TEN).rows), 10)

    def test_an_error_before_the_first_row_and_behind_the_last(self) -> None:
        c = self.client()
        for rows in (0, 10):
            self.control(f"error-after-rows {rows} 8134 1 16 no")
            reply = c.query(TEN)
            self.assertEqual((len(reply.rows), reply.of(0xAA)[0][0]), (rows, 8134))

    def test_deadlock(self) -> None:
        c = self.client()
        self.control("deadlock next")
        self.assertEqual(c.query(TEN).of(0xAA)[0][:3], (1205, 51, 13))
        self.assertEqual(self.server.sessions[-1].done, ["rollback"])

    def test_stall_and_resume(self) -> None:
        c = self.client()
        self.control("stall-after-rows 4")
        c.batch(TEN)
        kind, status, payload = packets.read_packet(c.exactly)
        self.assertEqual(status & packets.LAST, 0)
        self.control("clear")
        self.control("resume")
        reply = Reply(payload + c.message())
        self.assertEqual(reply.rows, number_rows(0, 10).rows)

    def test_attention_ends_a_stall(self) -> None:
        c = self.client()
        self.control("stall-after-rows 4")
        c.batch(TEN)
        _, _, payload = packets.read_packet(c.exactly)
        c.attention()
        reply = Reply(payload + c.message())
        self.assertEqual((len(reply.rows), reply.last), (4, (0xFD, 0x02)))
        self.assertEqual(Reply(c.message()).last, (0xFD, 0x20))

    def test_reset_in_a_stall(self) -> None:
        c, other = self.client(), self.client()
        self.control("stall-after-rows 4")
        c.batch(TEN)
        packets.read_packet(c.exactly)
        self.control(f"reset spid {self.server.sessions[0].spid}")
        self.assertEqual(self.until_the_end(c), (b"", True))
        self.assertEqual(len(other.query(TEN).rows), 10)
        self.control("reset")
        self.assertEqual(self.until_the_end(other), (b"", True))

    def test_logins(self) -> None:
        self.control("login-fail 40613 2")
        numbers = [[e[0] for e in Reply(self.client().login_answer).of(0xAA)] for _ in range(3)]
        self.assertEqual(numbers, [[40613], [40613], []])
        self.control("refuse on")
        with self.assertRaises((EOFError, OSError)):
            self.client()
        self.control("refuse off")
        self.client()

    def test_a_stalled_login_waits_for_clear(self) -> None:
        self.control("stall-login")
        done = threading.Event()

        def log_in() -> None:
            self.client()
            done.set()

        thread = threading.Thread(target=log_in)
        thread.start()
        while not self.listener.connections:
            pass
        self.assertFalse(done.is_set())
        self.control("clear")
        thread.join(10)
        self.assertTrue(done.is_set())

    def test_wrong_commands(self) -> None:
        for line in ("nonsense", "reset spid 99999", "login-fail 1", "refuse", "match [ cut-after-bytes 1", "match x y", "cut-after-bytes",
                     "cut-after-bytes -1", "error-after-rows 1 2 3", "now yesterday", "drop-permission", "stall-after-rows x"):
            self.assertTrue(self.commands.run(line).startswith("error "), line)

    def test_commands_that_ask(self) -> None:
        self.client().query(TEN)
        stats = json.loads(self.control("stats"))
        self.assertEqual((stats["accepted"], stats["rows"], stats["texts"]), (1, 10, [TEN]))
        told = json.loads(self.control("sql numbers2"))
        self.assertEqual(told, {"columns": ["n", "s"], "rows": [[0, "row 0"], [1, "row 1"]], "count": 2})
        self.assertIn("208", self.commands.run("sql nonsense"))
        self.control("now 2024-05-01T12:00:00.1234567")
        self.assertEqual(clock.moment(self.server.now, 7), "2024-05-01T12:00:00.1234567")
        self.control("now real")
        self.assertIsNone(self.server.now)
        self.control("drop-permission dbo.t")
        self.assertEqual(self.server.denied, ["dbo.t"])


class Cached(WireCase):
    cached = True

    def hits(self) -> int:
        return self.listener.cache.hits

    def test_the_second_answer_is_the_first(self) -> None:
        c, other = self.client(), self.client(packet_bytes=512)
        first = c.query("numbers5000")
        self.assertEqual(self.hits(), 0)
        self.assertEqual(c.query("numbers5000").tokens, first.tokens)
        self.assertEqual(self.hits(), 1)
        self.assertEqual(other.query("numbers5000").tokens, first.tokens)
        self.assertEqual(self.hits(), 1)

    def test_attention_in_a_kept_answer(self) -> None:
        c = self.client()
        c.query("numbers1000000")
        c.batch("numbers1000000")
        head = c.exactly(4096)
        c.attention()
        reply = Reply(head[8:] + c.message())
        self.assertEqual(self.hits(), 1)
        self.assertEqual(reply.last, (0xFD, 0x02))
        self.assertEqual(Reply(c.message()).last, (0xFD, 0x20))
        self.assertLess(len(reply.rows), 1_000_000)
        self.assertEqual(reply.rows, number_rows(0, len(reply.rows)).rows)
        self.assertEqual(len(c.query("numbers3").rows), 3)

    def test_what_is_not_whole_is_not_kept(self) -> None:
        c = self.client()
        self.control("match numbers error-after-rows 3 50000 1 16 no")
        c.query(TEN)
        self.assertEqual(len(c.query(TEN).rows), 10)
        self.assertEqual(self.hits(), 0)
        c.query(TEN)
        self.assertEqual(self.hits(), 1)

    def test_room(self) -> None:
        self.listener.cache.limit_bytes = 3000
        c = self.client()
        c.query("numbers10000")  # too large for all
        for n in range(20, 30):
            c.query(f"numbers{n}")
        self.assertLess(sum(p.stat().st_size for p in (self.folder / "cache").glob("*.tds")), 4000)
        c.query("numbers29")
        self.assertEqual(self.hits(), 1)


class Texts(WireCase):
    def test_values_as_json_has_them(self) -> None:
        cases = [(Type("decimal", precision=9, scale=2), -5, "-0.05"), (Type("money"), 12345, "1.2345"), (Type("date"), 0, "0001-01-01"),
                 (Type("datetime2", scale=7), NOON, clock.moment(NOON, 7)), (Type("datetime2", scale=0), 0, "0001-01-01T00:00:00"),
                 (Type("datetime"), 2, "1900-01-01T00:00:00.007"), (Type("smalldatetime"), 61, "1900-01-01T01:01:00"),
                 (Type("datetimeoffset", scale=0), (0, 90), "0001-01-01T01:30:00+01:30"), (Type("varbinary", 9), b"\1\xff", "0x01FF"),
                 (Type("int"), None, None), (Type("sql_variant"), (Type("int"), 4), 4)]
        for t, value, text in cases:
            self.assertEqual(textform.text(t, value), text, t)
