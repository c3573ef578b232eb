"""Transactions: who waits, who sees what, and what is undone."""
from __future__ import annotations

import threading

from contract import SqlError

from .base import SqlTest


class TwoSessions(SqlTest):
    def setUp(self) -> None:
        super().setUp()
        self.run_sql("CREATE TABLE dbo.t (id int NOT NULL PRIMARY KEY, v int NULL); INSERT INTO dbo.t (id) VALUES (1), (2)")
        self.other = self.server.login("shop", "etl", "host", "test")
        self.addCleanup(self.other.close)

    def count(self, session=None) -> int:
        return self.rows("SELECT COUNT(*) FROM dbo.t", session=session)[0][0]

    def test_a_transaction_that_reads_keeps_nobody_waiting(self) -> None:
        self.run_sql("BEGIN TRAN; SELECT id FROM dbo.t")
        self.run_sql("SET LOCK_TIMEOUT 0; INSERT INTO dbo.t (id) VALUES (3)", session=self.other)
        self.assertEqual(self.count(), 3, "READ COMMITTED sees what is committed since")

    def test_snapshot(self) -> None:
        self.run_sql("SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRAN; SELECT id FROM dbo.t")
        self.run_sql("INSERT INTO dbo.t (id) VALUES (3)", session=self.other)
        self.assertEqual(self.count(), 2)
        self.refused(3960, "UPDATE dbo.t SET v = 1 WHERE id = 1")
        self.assertEqual(self.rows("SELECT @@TRANCOUNT"), [(0,)])
        self.assertEqual(self.count(), 3)

    def test_a_writer_waits_for_another(self) -> None:
        self.run_sql("BEGIN TRAN; UPDATE dbo.t SET v = 5 WHERE id = 1")
        self.refused(1222, "SET LOCK_TIMEOUT 1; UPDATE dbo.t SET v = 6 WHERE id = 1", self.other)
        done = threading.Thread(target=self.run_sql, args=("SET LOCK_TIMEOUT -1; UPDATE dbo.t SET v = v + 1 WHERE id = 1", (), self.other))
        done.start()
        self.run_sql("COMMIT")
        done.join()
        self.assertEqual(self.value("SELECT v FROM dbo.t WHERE id = 1"), 6)

    def test_cancelling_one_that_waits(self) -> None:
        self.run_sql("BEGIN TRAN; UPDATE dbo.t SET v = 5")
        caught: list[SqlError] = []

        def wait() -> None:
            try:
                self.run_sql("UPDATE dbo.t SET v = 6", session=self.other)
            except SqlError as e:
                caught.append(e)
        waiting = threading.Thread(target=wait)
        waiting.start()
        with self.other.db.turn:
            self.other.db.turn.wait_for(lambda: self.other.db.waiting > 0)
        self.other.cancel()
        waiting.join()
        self.assertEqual([e.number for e in caught], [0])

    def test_nested_savepoints_and_definitions(self) -> None:
        self.run_sql("BEGIN TRAN outermost; BEGIN TRAN; COMMIT; DELETE FROM dbo.t WHERE id = 1; SAVE TRAN here; DELETE FROM dbo.t; CREATE TABLE dbo.u (a int)")
        self.assertIsNotNone(self.value("SELECT OBJECT_ID('dbo.u')"))
        self.run_sql("ROLLBACK TRAN here")
        self.assertEqual((self.count(), self.value("SELECT OBJECT_ID('dbo.u')"), self.value("SELECT @@TRANCOUNT")), (1, None, 1))
        self.run_sql("CREATE TABLE dbo.u (a int); ROLLBACK TRAN outermost")
        self.assertEqual((self.count(), self.value("SELECT OBJECT_ID('dbo.u')"), self.value("SELECT @@TRANCOUNT")), (2, None, 0))

    def test_a_failed_statement_leaves_nothing_but_the_rest_stays(self) -> None:
        self.run_sql("BEGIN TRAN; INSERT INTO dbo.t (id) VALUES (3)")
        self.refused(2627, "INSERT INTO dbo.t (id) VALUES (4), (1)")
        self.refused(2714, "CREATE TABLE dbo.w (a int); CREATE TABLE dbo.w (a int)")
        self.run_sql("COMMIT")
        self.assertEqual(self.count(), 3)
        self.assertIsNotNone(self.value("SELECT OBJECT_ID('dbo.w')"))

    def test_xact_abort(self) -> None:
        self.refused(8134, "SET XACT_ABORT ON; BEGIN TRAN; DELETE FROM dbo.t; SELECT 1 / 0")
        self.assertEqual((self.value("SELECT @@TRANCOUNT"), self.count()), (0, 2))

    def test_a_session_that_ends_is_rolled_back(self) -> None:
        self.run_sql("BEGIN TRAN; DELETE FROM dbo.t", session=self.other)
        self.other.close()
        self.run_sql("SET LOCK_TIMEOUT 0; INSERT INTO dbo.t (id) VALUES (3)")
        self.assertEqual(self.count(), 3)

    def test_bulk_loads_are_whole_or_not_at_all(self) -> None:
        columns, bulk = self.session.bulk_insert("insert bulk dbo.t ([id] int, [v] int)")
        self.assertEqual([c.name for c in columns], ["id", "v"])
        bulk.add([(10, 1), (11, None)])
        self.assertEqual(self.count(self.other), 2)
        self.assertEqual((bulk.finish(), self.count(self.other)), (2, 4))
        _, bulk = self.session.bulk_insert("insert bulk dbo.t ([id] int, [v] int)")
        bulk.add([(12, 1)])
        with self.assertRaises(SqlError) as caught:
            bulk.add([(10, 1)])
        self.assertEqual((caught.exception.number, self.count()), (2627, 4))
