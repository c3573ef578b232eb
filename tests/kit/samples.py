#!/usr/bin/python3
"""The samples of docs/writing-a-connector.md: those of one kind make a source file together, which compiles without a warning; whole connectors pass
the check.

    samples.py BUILD_DIR SOURCE_DIR
"""
import pathlib
import re
import sys
import tempfile

from outside import Failure, Outside

WHOLE = {"extractor": ["--option", "up_to=700"], "transformer": ["--column", "id=l"]}


def main():
    build, source = (pathlib.Path(p).resolve() for p in sys.argv[1:])
    text = (source / "docs/writing-a-connector.md").read_text(encoding="utf-8")
    kinds = {}
    for kind, sample in re.findall(r"^```c (\w+)\n(.*?)^```$", text, re.M | re.S):
        kinds[kind] = kinds.get(kind, "") + sample
    if set(kinds) != {"extractor", "transformer", "loader"} or re.search(r"^```c *$", text, re.M):
        raise Failure(f"samples are marked with the connector they belong to; found: {sorted(kinds)}")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        outside = Outside(build, folder)
        flags = outside.run("pkg-config", "--cflags", "--libs", "etl").split()
        for kind, sample in kinds.items():
            (folder / f"{kind}.c").write_text(sample, encoding="utf-8")
            shared = "-Wno-unused-function -Wl,-z,undefs".split() if kind not in WHOLE else []
            outside.run("cc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-Wno-missing-field-initializers", "-D_GNU_SOURCE", "-fPIC", "-fvisibility=hidden",
                        "-shared", "-o", folder / f"{kind}.so", folder / f"{kind}.c", *flags, *shared)
            if kind in WHOLE:
                said = outside.run(outside.executable, "plugin", "check", folder / f"{kind}.so", *WHOLE[kind])
                if " 0 failed" not in said:
                    raise Failure(said)
    print(f"{len(kinds) + len(WHOLE)} passed, 0 failed")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        print(failure)
        sys.exit(1)
