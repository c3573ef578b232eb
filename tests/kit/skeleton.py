#!/usr/bin/python3
"""What `etl plugin new` writes builds without a warning, by make and by meson, and passes `etl plugin check`.

    skeleton.py BUILD_DIR
"""
import pathlib
import sys
import tempfile

from outside import Failure, Outside

STRICT = "CFLAGS=-O2 -Wall -Wextra -Werror -Wno-missing-field-initializers"


def one(outside, kind):
    name = f"my_{kind}"
    folder = outside.folder / "connectors" / name
    outside.run(outside.executable, "plugin", "new", name, "--kind", kind, "--dir", folder)
    for file in folder.rglob("*"):
        if file.is_file() and "@" in file.read_text(encoding="utf-8").replace("$@", ""):
            raise Failure(f"{file} has an @ that nobody replaced")
    said = outside.run("make", "-C", folder, STRICT, f"ETL={outside.executable}", "check")
    if " 0 failed" not in said or "ok" not in said:
        raise Failure(said)
    outside.run("meson", "setup", "--werror", folder / "build", folder)
    outside.run("ninja", "-C", folder / "build")
    outside.run(outside.executable, "plugin", "check", folder / f"build/{name}.so", "--config", folder / "check.conf", "--only", "note", "--only", "entry")
    said = outside.run(outside.executable, "plugin", "new", name, "--kind", kind, "--dir", folder, status=2)
    if "is not an empty folder" not in said:
        raise Failure(f"a folder with files is written into: {said}")


def main():
    with tempfile.TemporaryDirectory() as name:
        outside = Outside(pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(name))
        (outside.folder / "connectors").mkdir()
        for kind in ("extractor", "transformer", "loader"):
            one(outside, kind)
        for bad in ("My", "3d", "a-b", ""):
            outside.run(outside.executable, "plugin", "new", bad, "--kind", "loader", "--dir", outside.folder / "bad", status=2)
        outside.run(outside.executable, "plugin", "new", "none", status=2)
    print("5 passed, 0 failed")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        print(failure)
        sys.exit(1)
