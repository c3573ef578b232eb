#!/usr/bin/python3
"""The connectors of examples/, built outside of the tree with an installed etl alone, move rows together exactly once.

    examples.py BUILD_DIR SOURCE_DIR
"""
import json
import pathlib
import sys
import tempfile

from outside import Failure, Outside

LINES = 5000
LONGEST = 119  # lines of an example


def rows_of(folder):
    return [json.loads(line) for line in (folder / "rows.jsonl").read_text().splitlines()]


def expect(folder, count):
    wanted = [{"number": i, "text": f"LINE {i} WITH ÄÖ AND \"QUOTES\"".replace("ÄÖ", "äö")} for i in range(1, count + 1)]
    if rows_of(folder) != wanted:
        raise Failure(f"rows.jsonl has {len(rows_of(folder))} rows that are not the {count} expected; the last: {rows_of(folder)[-1:]}")


def main():
    build, source = (pathlib.Path(p).resolve() for p in sys.argv[1:])
    for file in source.glob("examples/*.c"):
        if file.read_text().count("\n") > LONGEST:
            raise Failure(f"{file} has more than {LONGEST} lines")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        outside = Outside(build, folder)
        plugins = folder / "plugins"
        plugins.mkdir()
        outside.run("make", "-f", source / "examples/Makefile", "-C", plugins)
        out = folder / "out"
        out.mkdir()
        outside.pipeline("words", plugins, f'extract = {{ plugin = "lines"; file = "{folder}/words"; }};\n'
                         'transforms = ( { plugin = "upper"; column = "text"; } );\n'
                         f'load = {{ plugin = "jsonl"; folder = "{out}"; }};\nepoch = {{ rows = 500; }};\nbatch = {{ rows = 100; }};\n')
        line = 'line {} with äö and "quotes"\n'
        words = folder / "words"
        words.write_text("".join(line.format(i) for i in range(1, LINES + 1)) + "half a li")
        outside.etl("run", "words")
        expect(out, LINES)
        outside.etl("run", "words")
        expect(out, LINES)
        words.write_text("".join(line.format(i) for i in range(1, LINES + 11)))
        with (out / "rows.jsonl").open("a", encoding="utf-8") as rows:
            rows.write('{"left by": "a commit that died"}\n')
        outside.etl("run", "words")
        expect(out, LINES + 10)
    print("3 passed, 0 failed")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        print(failure)
        sys.exit(1)
