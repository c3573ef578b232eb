"""Types, statements, errors, procedures, bulk load: what is in an answer."""
from __future__ import annotations

import struct
import unittest

from contract import SqlError
from tds import bulk, decode, packets
from tds.typeinfo import column_metadata

from .case import WireCase
from .client import HEADERS, Reply, int_param, text_param
from .fake import NOT_NULL, NUMBERS, VALUES, number_rows


class Types(WireCase):
    def test_every_type_with_nulls(self) -> None:
        reply = self.client().query("all_types")
        values = tuple(v for _, _, v in VALUES)
        names = [n for n, _, _ in VALUES]
        self.assertEqual(reply.of(0x81), [names])
        plain = [v if not isinstance(v, tuple) or isinstance(v[0], int) else v[1] for v in values]
        got = [v if not (isinstance(v, tuple) and not isinstance(v[0], int)) else v[1] for v in reply.rows[0]]
        self.assertEqual(dict(zip(names, got)), dict(zip(names, plain)))
        self.assertEqual(reply.rows[1], (None,) * len(values))
        self.assertEqual([v is None for v in reply.rows[2]], [i % 2 == 0 for i in range(len(values))])
        self.assertEqual([t for t, _ in reply.tokens], [0x81, 0xA9, 0xD1, 0xD2, 0xD2, 0xFD])

    def test_never_null(self) -> None:
        reply = self.client().query("not_null")
        self.assertEqual(dict(zip(reply.of(0x81)[0], reply.rows[0])), {n: v for n, _, v in NOT_NULL})

    def test_text_size_cuts_long_types_alone(self) -> None:
        c = self.client()
        self.server.sessions[-1].text_size = 5
        row = dict(zip((n for n, _, _ in VALUES), c.query("all_types").rows[0]))
        self.assertEqual(row["varcharmax"], "yyyyy")
        self.assertEqual(row["xml"], "<a")
        self.assertEqual(row["nvarchar"], "日本 😀")

    def test_text_in_utf8_is_told_as_nvarchar_to_who_does_not_know_it(self) -> None:
        reply = self.client().query("all_types")
        types = {name: reader.type.name for name, reader in reply.columns}
        self.assertEqual((types["utf8"], types["varchar"]), ("nvarchar", "varchar"))


class Statements(WireCase):
    def test_results_one_after_the_other(self) -> None:
        reply = self.client().query("two results")
        self.assertEqual([t for t, _ in reply.tokens], [0x81, 0xD1, 0xD1, 0xFD, 0xAB, 0xE3, 0x81, 0xD1, 0xD1, 0xD1, 0xFD])
        self.assertEqual([(status, count) for status, _, count in reply.of(0xFD)], [(0x11, 2), (0x10, 3)])

    def test_an_error_behind_rows(self) -> None:
        reply = self.client().query("half")
        self.assertEqual(len(reply.rows), 2)
        self.assertEqual(reply.of(0xAA)[0][:3], (8134, 1, 16))
        self.assertEqual(reply.last, (0xFD, 0x02))

    def test_a_fatal_error_ends_the_connection(self) -> None:
        c = self.client()
        self.assertEqual(c.query("fatal").of(0xAA)[0][:3], (40501, 1, 20))
        with self.assertRaises((EOFError, OSError)):
            c.query("numbers1")

    def test_an_error_leaves_the_connection_usable(self) -> None:
        c = self.client()
        self.assertEqual(c.query("nonsense").of(0xAA)[0][0], 208)
        self.assertEqual(len(c.query("numbers12").rows), 12)

    def test_format_only_sends_no_rows(self) -> None:
        c = self.client()
        self.server.sessions[-1].format_only = True
        reply = c.query("numbers5")
        self.assertEqual((len(reply.columns), reply.rows), (2, []))

    def test_a_request_and_an_answer_of_many_packets(self) -> None:
        c = self.client(packet_bytes=512)
        rows = c.query("numbers3000" + " " * 5000).rows
        self.assertEqual(rows, number_rows(0, 3000).rows)

    def test_packet_size_is_what_was_agreed(self) -> None:
        for wanted, given in ((512, 512), (8000, 8000), (32768, 32767), (100, 512)):
            c = self.client(packet_bytes=wanted)
            told = [e for e in Reply(c.login_answer).of(0xE3) if e[0] == 4]
            self.assertEqual(told[0][2:2 + 2 * told[0][1]].decode("utf-16-le"), str(given))

    def test_reset_begins_a_new_session(self) -> None:
        c = self.client()
        c.batch("numbers1", first_status=packets.RESET)
        reply = Reply(c.message())
        self.assertEqual(reply.of(0xE3)[0][0], 18)
        self.assertEqual([s.ended.is_set() for s in self.server.sessions], [True, False])


class Procedures(WireCase):
    def test_executesql_by_number_and_by_name(self) -> None:
        for name in (10, "sp_executesql"):
            c = self.client()
            c.call(name, text_param("params"), text_param("@a int, @b nvarchar(10)"), int_param(5, "@a"), text_param("é", "@b"))
            reply = Reply(c.message())
            self.assertEqual(reply.rows, [(5, "é")])
            self.assertEqual([t for t, _ in reply.tokens][-3:], [0xFF, 0x79, 0xFE])

    def test_output_comes_back(self) -> None:
        c = self.client()
        c.call(10, text_param("SET x"), text_param("@a int OUTPUT"), int_param(None, "@a", output=True))
        self.assertEqual(Reply(c.message()).of(0xAC), [("@a", 99)])

    def test_prepare_execute_unprepare(self) -> None:
        c = self.client()
        c.call(11, int_param(None, "", output=True), text_param("@a int"), text_param("params"), int_param(1))
        handle = Reply(c.message()).of(0xAC)[0][1]
        c.call(12, int_param(handle), int_param(8, "@a"))
        self.assertEqual(Reply(c.message()).rows, [(8,)])
        c.call(15, int_param(handle))
        self.assertEqual(Reply(c.message()).of(0xAA), [])
        c.call(12, int_param(handle), int_param(8, "@a"))
        self.assertEqual(Reply(c.message()).of(0xAA)[0][0], 8179)

    def test_prepexec_gives_rows_and_handle(self) -> None:
        c = self.client()
        c.call(13, int_param(None, "", output=True), text_param("@a int"), text_param("params"), int_param(6, "@a"))
        reply = Reply(c.message())
        self.assertEqual((reply.rows, reply.of(0xAC)), ([(6,)], [("", 1)]))

    def test_an_error_in_a_procedure(self) -> None:
        c = self.client()
        c.call("sp_nothing")
        reply = Reply(c.message())
        self.assertEqual(reply.of(0xAA)[0][0], 2812)
        self.assertEqual(reply.last, (0xFE, 0x02))

    def test_two_calls_in_one_message(self) -> None:
        c = self.client()
        one = struct.pack("<HH", 0xFFFF, 10) + b"\0\0" + text_param("numbers1")
        c.send(packets.RPC, HEADERS + one + b"\xff" + one)
        reply = Reply(c.message())
        self.assertEqual(len(reply.rows), 2)
        self.assertEqual([status & 1 for status, _, _ in reply.of(0xFE)], [1, 0])


class Requests(WireCase):
    def test_transactions(self) -> None:
        c = self.client()
        for message, done, change in ((b"\5\0\2\0", "begin", 8), (b"\7\0\0\0", "commit", 9), (b"\5\0\0\0", "begin", 8), (b"\x08\0\0\0", "rollback", 10)):
            c.send(packets.TRANSACTION, HEADERS + message)
            self.assertEqual(Reply(c.message()).of(0xE3)[0][0], change)
            self.assertEqual(self.server.sessions[-1].done[-1], done)
        self.assertIn("SET TRANSACTION ISOLATION LEVEL READ COMMITTED", self.server.sessions[-1].done)

    def test_bulk_load(self) -> None:
        c = self.client()
        c.query("INSERT BULK dbo.t (n int, s nvarchar(20))")
        row = b"\xd1" + struct.pack("<i", 5) + struct.pack("<H", 4) + "ab".encode("utf-16-le")
        null = b"\xd1" + struct.pack("<i", 6) + b"\xff\xff"
        c.send(packets.BULK, column_metadata(NUMBERS) + row * 2000 + null + b"\xfd" + bytes(12))
        self.assertEqual(Reply(c.message()).of(0xFD)[0][2], 2001)
        self.assertEqual(self.server.sessions[-1].loaded, [(5, "ab")] * 2000 + [(6, None)])

    def test_bulk_load_of_another_type_is_refused(self) -> None:
        readers = [decode.read_type(decode.Bytes(b"\x28")), decode.read_type(decode.Bytes(b"\xe7\x28\0" + bytes(5)))]
        with self.assertRaises(SqlError) as caught:
            bulk.check(NUMBERS, readers)
        self.assertEqual(caught.exception.number, 4816)

    def test_wrong_logins(self) -> None:
        for how, number in (({"password": "Secret"}, 18456), ({"user": "who"}, 18456), ({"database": "nowhere"}, 4060)):
            self.assertEqual(Reply(self.client(**how).login_answer).of(0xAA)[0][0], number)

    def test_what_is_not_tds_ends_the_connection(self) -> None:
        c = self.client()
        c.sock.sendall(b"GET / HTTP/1.0\r\n\r\n" + bytes(70000))
        with self.assertRaises((EOFError, OSError)):
            c.message()


if __name__ == "__main__":
    unittest.main()
