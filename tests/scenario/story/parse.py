"""Reads .scn files.

A file is a list of scenarios, a scenario a list of statements, one a line.  A statement is made of words: bare ones, "strings"
(with \\" and \\\\), /regular expressions/, and at its end perhaps a block: "{" at the end of the line, then lines, then "}" alone
with the indentation of the statement.  "#" begins a comment outside of blocks.  A line that ends with "\\" goes on in the next one.
"""
from __future__ import annotations

import dataclasses
import pathlib
import re
import textwrap

from .errors import SyntaxProblem


class Word(str):
    """One word of a statement; kind is "bare", "string" or "regex"."""

    kind: str

    def __new__(cls, text: str, kind: str):
        word = super().__new__(cls, text)
        word.kind = kind
        return word


@dataclasses.dataclass
class Statement:
    path: pathlib.Path
    line: int
    words: list[Word]
    block: str | None

    @property
    def place(self) -> str:
        return f"{self.path}:{self.line}"

    def __str__(self) -> str:
        quote = {"bare": "{}", "string": '"{}"', "regex": "/{}/"}
        return " ".join(quote[w.kind].format(w) for w in self.words) + (" { ... }" if self.block is not None else "")


@dataclasses.dataclass
class Scenario:
    title: str
    path: pathlib.Path
    line: int
    tags: set[str]
    statements: list[Statement]

    @property
    def name(self) -> str:
        return f"{self.path.stem}: {self.title}"


TOKEN = re.compile(r'\s*(?:(?P<comment>#.*)|"(?P<string>(?:[^"\\]|\\.)*)"|/(?P<regex>(?:[^/\\]|\\.)+)/(?=\s|$)|(?P<bare>[^\s"#][^\s]*))')


def words_of(text: str, place: str) -> list[Word]:
    words, at = [], 0
    text = text.rstrip()
    while at < len(text):
        found = TOKEN.match(text, at)
        if not found:
            raise SyntaxProblem(f"{place}: cannot read {text[at:]!r}: is a quote missing?")
        at = found.end()
        if found.group("string") is not None:
            words.append(Word(re.sub(r"\\(.)", r"\1", found.group("string")), "string"))
        elif found.group("regex") is not None:
            words.append(Word(found.group("regex").replace("\\/", "/"), "regex"))
        elif found.group("bare") is not None:
            words.append(Word(found.group("bare"), "bare"))
    return words


def statements_of(path: pathlib.Path, text: str):
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        first = at
        line = lines[at]
        at += 1
        while line.endswith("\\"):
            line = line[:-1] + lines[at].strip()
            at += 1
        place = f"{path}:{first + 1}"
        words = words_of(line, place)
        if not words:
            continue
        block = None
        if words[-1] == "{" and words[-1].kind == "bare":
            words.pop()
            end = line[: len(line) - len(line.lstrip())] + "}"
            begin = at
            while at < len(lines) and lines[at].rstrip() != end:
                at += 1
            if at == len(lines):
                raise SyntaxProblem(f'{place}: this block has no end: a line "{end}" is missing')
            block = textwrap.dedent("\n".join(lines[begin:at])) + "\n"
            at += 1
        yield Statement(path, first + 1, words, block)


def scenarios_of(path: pathlib.Path) -> list[Scenario]:
    """All scenarios of a file."""
    found: list[Scenario] = []
    for s in statements_of(path, path.read_text(encoding="utf-8")):
        if s.words[0] == "scenario":
            if len(s.words) != 2 or s.words[1].kind != "string":
                raise SyntaxProblem(f'{s.place}: write: scenario "its title"')
            found.append(Scenario(str(s.words[1]), path, s.line, set(), []))
        elif not found:
            raise SyntaxProblem(f"{s.place}: a file begins with a scenario")
        elif s.words[0] == "tag":
            found[-1].tags.update(map(str, s.words[1:]))
        else:
            found[-1].statements.append(s)
    return found
