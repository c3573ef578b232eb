#!/usr/bin/python3
"""Compares the interface of a frozen release with the present one: whatever was there is still where it was.

    layout.py CC FROZEN.h CURRENT.h

Every struct, field, enumerator and macro number of the frozen header is looked for in the present one: same offset, same size, same
value.  Structs may have grown at their end, enums may have new members; nothing else may change.  That the check can fail is checked,
too: against headers with a field moved, a field retyped, and an enumerator renumbered.
"""
import pathlib
import re
import subprocess
import sys
import tempfile


def plain(text):
    return re.sub(r"/\*.*?\*/", " ", text, flags=re.S)


def fields_of(header):
    """[(struct, field)] in order."""
    found = []
    for struct, body in re.findall(r"^struct (etl_\w+) \{(.*?)^\};", plain(header), flags=re.S | re.M):
        for declaration in body.split(";"):
            declaration = declaration.strip()
            function = re.search(r"\(\*(\w+)\)\s*\(", declaration)
            names = [function.group(1)] if function else re.findall(r"(\w+)(?:\[\w+\])?\s*(?:,|$)", declaration)
            found += [(struct, name) for name in names]
    return found


def numbers_of(header):
    text = plain(header)
    enums = [word for body in re.findall(r"^enum etl_\w+ \{(.*?)\}", text, flags=re.S | re.M) for word in re.findall(r"\b(ETL_\w+)\b\s*(?:=|,|$)", body)]
    return enums + re.findall(r"^#define (ETL_(?:ABI_MAJOR|MAGIC))\b", text, flags=re.M)


def measure(cc, header, fields, numbers, folder):
    """What the compiler makes of them: {name: text}."""
    lines = [f'  printf("{s}.{f} at %zu, %zu bytes\\n", offsetof(struct {s}, {f}), sizeof(((struct {s} *)0)->{f}));' for s, f in fields]
    lines += [f'  printf("{n} is %llu\\n", (unsigned long long){n});' for n in numbers]
    source = folder / "measure.c"
    source.write_text(f'#include <stdio.h>\n#include <stddef.h>\n#include "{header}"\nint main(void) {{\n' + "\n".join(lines) + "\n}\n")
    done = subprocess.run([cc, "-std=gnu11", "-o", folder / "measure", source], capture_output=True, text=True, check=False)
    if done.returncode:
        return None, done.stderr
    return subprocess.run([folder / "measure"], capture_output=True, text=True, check=True).stdout.splitlines(), ""


def differences(cc, frozen, current, folder):
    text = frozen.read_text()
    fields, numbers = fields_of(text), numbers_of(text)
    before, problem = measure(cc, frozen, fields, numbers, folder)
    if before is None or len(fields) < 100 or len(numbers) < 40:
        return [f"the frozen header cannot be measured ({len(fields)} fields, {len(numbers)} numbers): {problem}"]
    after, problem = measure(cc, current, fields, numbers, folder)
    if after is None:
        return ["something of the frozen header is gone: " + line for line in problem.splitlines() if "error" in line]
    return [f"was: {a}; is: {b}" for a, b in zip(before, after) if a != b]


def main():
    cc, frozen, current = sys.argv[1], pathlib.Path(sys.argv[2]).resolve(), pathlib.Path(sys.argv[3]).resolve()
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        found = differences(cc, frozen, current, folder)
        print(("FAIL " if found else "ok   ") + "the present header against the frozen one")
        print("".join(f"     {line}\n" for line in found), end="")
        failed += bool(found)
        for what, old, new in (("a field that moved", "  int64_t vendor_code;", "  int64_t new_field;\n  int64_t vendor_code;"),
                               ("a field with another type", "  uint32_t retry_after_ms;", "  uint64_t retry_after_ms;"),
                               ("an enumerator with another value", "ETL_E_CONFIG = 1,", "ETL_E_CONFIG = 2,"),
                               ("a field that is gone", "  const char *option; ", "  const char *optian; ")):
            bad = folder / "bad.h"
            text = frozen.read_text()
            assert old in text, old
            bad.write_text(text.replace(old, new, 1))
            seen = differences(cc, frozen, bad, folder)
            print(("ok   " if seen else "FAIL ") + what + " is noticed")
            failed += not seen
    print(f"{5 - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
