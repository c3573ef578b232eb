"""T-SQL into tokens.  What is no token is error 102 or 105, as SQL Server says it."""
from __future__ import annotations

import dataclasses
import re

from contract import SqlError


@dataclasses.dataclass(frozen=True)
class Token:
    kind: str  # word, name (quoted), string, nstring, number, binary, variable, op, end
    text: str  # words in upper case
    raw: str   # as written; of quoted ones the content
    line: int
    start: int
    end: int


PATTERN = re.compile(
    r"(?P<space>\s+|--[^\n]*)"
    r"|(?P<nstring>[Nn]'(?:[^']|'')*')|(?P<string>'(?:[^']|'')*')"
    r"|(?P<bracket>\[(?:[^\]]|\]\])*\])|(?P<quoted>\"(?:[^\"]|\"\")*\")"
    r"|(?P<binary>0[xX][0-9A-Fa-f]*)"
    r"|(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<variable>@@?[\w$#@]+)"
    r"|(?P<word>[^\W\d][\w$#@]*|\#{1,2}[\w$#@]+)"
    r"|(?P<op><>|!=|<=|>=|!<|!>|\+=|-=|[-+*/%=<>(),.;&|^~:{}])")


def _comment_end(sql: str, start: int, line: int) -> int:
    depth, at = 0, start
    while at < len(sql):
        if sql.startswith("/*", at):
            depth, at = depth + 1, at + 2
        elif sql.startswith("*/", at):
            depth, at = depth - 1, at + 2
            if not depth:
                return at
        else:
            at += 1
    raise SqlError(113, "Missing end comment mark '*/'.", 15, line=line)


def tokens(sql: str) -> list[Token]:
    found, at, line = [], 0, 1
    while at < len(sql):
        if sql.startswith("/*", at):
            end = _comment_end(sql, at, line)
            line, at = line + sql.count("\n", at, end), end
            continue
        m = PATTERN.match(sql, at)
        if not m:
            if sql[at] in "'\"[":
                raise SqlError(105, f"Unclosed quotation mark after the character string '{sql[at + 1:at + 40]}'.", 15, line=line)
            raise SqlError(102, f"Incorrect syntax near '{sql[at]}'.", 15, line=line)
        kind, raw = m.lastgroup, m.group()
        if kind != "space":
            found.append(_token(kind, raw, line, at, m.end()))
        line, at = line + raw.count("\n"), m.end()
    found.append(Token("end", "", "", line, len(sql), len(sql)))
    return found


def _token(kind: str, raw: str, line: int, start: int, end: int) -> Token:
    if kind == "nstring":
        return Token(kind, "", raw[2:-1].replace("''", "'"), line, start, end)
    if kind == "string":
        return Token(kind, "", raw[1:-1].replace("''", "'"), line, start, end)
    if kind in ("bracket", "quoted"):
        mark = "]" if kind == "bracket" else '"'
        return Token("name", "", raw[1:-1].replace(mark * 2, mark), line, start, end)
    return Token(kind, raw.upper() if kind == "word" else raw, raw, line, start, end)
