#!/usr/bin/python3
"""Makes skeleton.c, the texts of `etl plugin new`, from the files of this folder and from examples/.

    embed.py OUT SKELETON_DIR EXAMPLES_DIR
"""
import pathlib
import re
import sys

# example, kind, what it does, what to change
KINDS = (("lines", "extractor", "reads a text file, a row for each line", "`@NAME@_discover()`, `@NAME@_reader_open()` and `@NAME@_next()`"),
         ("upper", "transformer", "writes the text of one column in capital letters", "`@NAME@_bind()` and `@NAME@_process()`"),
         ("jsonl", "loader", "writes rows to a file, exactly once", "`@NAME@_write()`, `@NAME@_commit()` and `@NAME@_committed()`"))
FILES = (("Makefile", "Makefile.in"), ("meson.build", "meson.build.in"), ("README.md", "README.md.in"), (".gitignore", "gitignore.in"))


def source(text, name):
    """An example under another name."""
    text = re.sub(rf"\bstruct {name}\b", "struct @NAME@_instance", text)
    text = re.sub(rf"\b{name}_", "@NAME@_", text)
    text = re.sub(rf'"{name}([":])', r'"@NAME@\1', text)
    return re.sub(rf"^/\* {name}:", "/* @NAME@:", text)


def main():
    out, skeleton, examples = (pathlib.Path(p) for p in sys.argv[1:])
    texts = []
    for name, kind, what, where in KINDS:
        files = [("@NAME@.c", source((examples / f"{name}.c").read_text(encoding="utf-8"), name)),
                 ("check.conf", (skeleton / f"{kind}.conf.in").read_text(encoding="utf-8"))]
        files += [(path, (skeleton / file).read_text(encoding="utf-8")) for path, file in FILES]
        files += [("sample.txt", (skeleton / "sample.txt.in").read_text(encoding="utf-8"))] if kind == "extractor" else []
        files += [("out/.gitignore", "*\n")] if kind == "loader" else []
        texts += [(kind, path, text.replace("@WHAT@", what).replace("@WHERE@", where).replace("@KIND@", kind)) for path, text in files]
    lines = ["/* Made by embed.py. */", '#include "kit/skeleton.h"', ""]
    for i, (_, _, text) in enumerate(texts):
        data = ", ".join(map(str, text.encode() + b"\0"))
        lines.append(f"static const unsigned char text{i}[] = {{{data}}};")
    lines.append("const struct skeleton_file skeleton_files[] = {")
    lines += [f'  {{ETL_KIND_{kind.upper()}, "{path}", (const char *)text{i}}},' for i, (kind, path, _) in enumerate(texts)]
    lines += ["  {0}};", ""]
    out.write_text("\n".join(lines))


if __name__ == "__main__":
    main()
