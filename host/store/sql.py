#!/usr/bin/python3
"""Makes sql.c and sql.h: the statements and the versions of the tables, each as SQLite and as PostgreSQL want it.

    sql.py STATEMENTS SCHEMA OUT_C OUT_H
"""
import json
import pathlib
import re
import sys


def parts(path, mark):
    """[name, text] of what stands below each line "-- MARK: ..." or "-- MARK name: ..."."""
    found = re.split(rf"^-- {mark}:? ?(\w+).*\n", pathlib.Path(path).read_text(encoding="utf-8"), flags=re.M)
    return [(name, text.strip()) for name, text in zip(found[1::2], found[2::2])]


def literal(text, side):
    text = re.sub(r"\{\{(.*?)\|(.*?)\}\}", lambda m: m.group(side), text)
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    return "\n    ".join(json.dumps(line + "\n", ensure_ascii=False) for line in lines)


def both(text):
    assert "{{" not in re.sub(r"\{\{[^{}]*\|[^{}]*\}\}", "", text), text
    return f"{{{literal(text, 1)},\n    {literal(text, 2)}}}"


def main():
    statements, schema, out_c, out_h = sys.argv[1:]
    statements, versions = parts(statements, "name"), parts(schema, "version")
    assert [int(n) for n, _ in versions] == list(range(1, len(versions) + 1))
    names = ",\n  ".join(f"SQL_{name.upper()}" for name, _ in statements)
    pathlib.Path(out_h).write_text(
        "/* Made by sql.py out of statements.sql and schema.sql. */\n#ifndef HOST_STORE_SQL_H\n#define HOST_STORE_SQL_H\n"
        f"\nenum sql {{\n  {names},\n  SQL_N\n}};\nenum {{ SQL_VERSIONS = {len(versions)} }};\n"
        "struct sql_text {\n  const char *sqlite, *postgres;\n};\n"
        "extern const struct sql_text sql_statements[SQL_N];\nextern const struct sql_text sql_versions[SQL_VERSIONS];\n\n#endif\n", encoding="utf-8")
    lines = ["/* Made by sql.py. */", '#include "store/sql.h"', "", "const struct sql_text sql_statements[SQL_N] = {"]
    lines += [f"  [SQL_{name.upper()}] = {both(text)}," for name, text in statements]
    lines += ["};", "const struct sql_text sql_versions[SQL_VERSIONS] = {"]
    lines += [f"  {both(text)}," for _, text in versions]
    pathlib.Path(out_c).write_text("\n".join(lines + ["};", ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
