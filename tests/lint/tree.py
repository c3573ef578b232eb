"""A source tree as the rules see it."""
from __future__ import annotations

import functools
import os
import pathlib
import re

IGNORED = re.compile(r"^(\.git|build.*|__pycache__|node_modules|\.venv)$")


def without_comments(text: str) -> str:
    """C text with comments and string contents blanked out; lines stay where they are."""
    def blank(found: re.Match) -> str:
        word = found.group(0)
        if word[0] in "\"'":
            return word[0] * 2 + "\n" * word.count("\n")
        return " " + "\n" * word.count("\n")
    return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'', blank, text, flags=re.S)


class Tree:
    def __init__(self, root: pathlib.Path):
        self.root = root

    @functools.cached_property
    def files(self) -> list[str]:
        """Every file of ours, relative to the root."""
        found = []
        for folder, folders, files in os.walk(self.root):
            folders[:] = sorted(f for f in folders if not IGNORED.match(f))
            found += [os.path.relpath(os.path.join(folder, f), self.root) for f in sorted(files)]
        return found

    def under(self, *places: str, ends: tuple[str, ...] = (".c", ".h")) -> list[str]:
        return [f for f in self.files if f.startswith(places) and f.endswith(ends)]

    @functools.cache
    def text(self, file: str) -> str:
        try:
            return (self.root / file).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            return ""

    @functools.cache
    def code(self, file: str) -> str:
        return without_comments(self.text(file))

    def has(self, file: str) -> bool:
        return (self.root / file).is_file()

    def is_shell(self, file: str) -> bool:
        return file.endswith(".sh") or bool(re.match(r"#!\s*/(usr/)?bin/(env )?(ba)?sh\b", self.text(file)[:40]))

    def find(self, files: list[str], pattern: str, say: str, code: bool = True) -> list[str]:
        """A finding for each line that matches; {} in `say` is what matched."""
        found = []
        for file in files:
            for number, line in enumerate((self.code(file) if code else self.text(file)).split("\n"), 1):
                for match in re.finditer(pattern, line):
                    found.append(f"{file}:{number}: " + say.format(match.group(1) if match.groups() else match.group(0)))
        return found
