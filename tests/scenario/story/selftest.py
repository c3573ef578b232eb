#!/usr/bin/python3
"""The language itself is tested: what must be red is red, with the right place and text.  Needs no server."""
import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from story.compare import holds, shown  # noqa: E402
from story.errors import StoryError, SyntaxProblem  # noqa: E402
from story.parse import scenarios_of  # noqa: E402
from story.process import Deadline, Process, child_environment  # noqa: E402
from story.runner import play  # noqa: E402
from story.stage import Shared, put  # noqa: E402


class Language(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.folder.name)
        etl = self.root / "host/etl"
        etl.parent.mkdir()
        etl.write_text('#!/bin/sh\necho "$*"\necho \'{"event":"summary","status":"partial","rows_written":3,'
                       '"lanes":[{"lane":"t/eu1","shard":"eu1","status":"failed"}]}\'\nexit 3\n')
        etl.chmod(0o755)

    def tearDown(self):
        self.folder.cleanup()

    def outcomes(self, text):
        file = self.root / "x.scn"
        file.write_text(text)
        shared = Shared(self.root, self.root, self.root / "work")
        return [play(s, shared, 0.2) for s in scenarios_of(file)]

    def test_what_holds_is_green(self):
        [one] = self.outcomes('scenario "a"\nrun p expect partial\nexpect run.rows_written = 3\nexpect run.lanes.eu1.status = failed\n'
                              "expect exit = 3\nexpect stdout ~ /run p --progress json/\nexpect stdout !~ /success/\nexpect event summary ~ /eu1/\n"
                              "expect no event warning ~ /./\n")
        self.assertEqual((one.result, one.text), ("passed", ""))

    def test_what_does_not_hold_is_red(self):
        for step, text in (("run p expect success", "expected: success"), ("expect run.rows_written = 4", "expected: = 4"),
                           ("expect run.lanes.eu1.status = success", "actual:   failed"), ("expect run.lanes.eu9.status = x", "no lane 'eu9'"),
                           ("expect stdout ~ /nothing of this/", "expected: ~"), ("expect no event summary ~ /eu1/", "none that matches"),
                           ("expect event warning ~ /./", "one that matches"), ("expect run.nothing = 1", "actual:   null"),
                           ("etl check expect exit 0", "expected: = 0"), ('edit nowhere.conf "a" to "b"', "nowhere.conf")):
            [one] = self.outcomes(f'scenario "a"\nrun p expect partial\n{step}\n')
            self.assertEqual(one.result, "failed", step)
            self.assertIn("x.scn:3: " + step.split()[0], one.text)
            self.assertIn(text, one.text)

    def test_an_unknown_verb_is_red_before_anything_runs(self):
        [one] = self.outcomes('scenario "a"\nrun p expect partial\nsleep 3\n')
        self.assertEqual(one.result, "failed")
        self.assertIn("no verb 'sleep'", one.text)

    def test_mistakes_in_a_file_have_a_place(self):
        for text, wanted in (("run p expect success\n", "x.scn:1: a file begins"), ('scenario "a"\nconf {\n  x\n', "x.scn:2: this block has no end"),
                             ('scenario "a"\nexpect "open\n', "x.scn:2: cannot read")):
            with self.assertRaises(SyntaxProblem) as caught:
                self.outcomes(text)
            self.assertIn(wanted, str(caught.exception))

    def test_words_and_blocks(self):
        file = self.root / "y.scn"
        file.write_text('scenario "a # b" # comment\npipeline p {\n  a = { b = "}"; };\n  }\n  # kept\n}\nexpect pg "a \\"b\\"" \\\n  ~ /x\\/y z/\n')
        [s] = scenarios_of(file)
        self.assertEqual(s.title, "a # b")
        self.assertEqual(s.statements[0].block, 'a = { b = "}"; };\n}\n# kept\n')
        self.assertEqual([(str(w), w.kind) for w in s.statements[1].words],
                         [("expect", "bare"), ("pg", "bare"), ('a "b"', "string"), ("~", "bare"), ("x/y z", "regex")])

    def test_who_reads_a_file_that_is_written_anew_has_it_whole(self):
        file = self.root / "etl.conf"
        put(file, "one")
        file.chmod(0o600)
        with open(file, encoding="utf-8") as reader:
            put(file, "another")
            self.assertEqual((reader.read(), file.read_text(), file.stat().st_mode & 0o777), ("one", "another", 0o600))
        self.assertEqual([f.name for f in self.root.glob(".*")], [])

    def test_a_process_that_never_says_it_meets_the_deadline(self):
        p = Process("cat", ["/usr/bin/tail", "-f", "/dev/null"], child_environment({}), self.root, self.root / "log")
        try:
            with self.assertRaises(StoryError):
                p.wait_line("never", Deadline(0.1))
        finally:
            p.end()

    def test_comparisons(self):
        self.assertTrue(holds("3", "=", "3.0") and holds("10", ">", "9") and holds("a\nb", "~", "a.b") and not holds("a", "=", "b"))
        self.assertEqual(shown([["1", None], ["x", ""]]), "1|NULL\nx|")


if __name__ == "__main__":
    unittest.main()
