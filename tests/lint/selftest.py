"""Every rule is shown something it must not like, and something it must."""
from __future__ import annotations

import hashlib
import json
import pathlib
import tempfile

import build_rules
import source_rules
from tree import Tree

HEAD = "/* x.c: for the self-test. */\n"

# rule: (files that break it, text of a finding)
BAD = {
    "api_uses_nothing_of_ours": ({"api/etl/x.h": '#include "base/err.h"\n'}, "api/etl/x.h:1: the interface uses nothing of ours"),
    "plugins_use_the_api_only": ({"plugins/a/x.c": '#include "base/err.h"\n', "host/base/err.h": HEAD}, "includes base/err.h"),
    "host_rooms_look_down_only": ({"host/base/x.c": '#include "engine/run.h"\n'}, "base is below engine"),
    "no_dlclose": ({"host/x.c": HEAD + "int f(void *p) { return dlclose (p); }\n"}, "host/x.c:2:"),
    "no_exit_outside_main": ({"host/cli/x.c": HEAD + "void f(void) { exit(1); }\n"}, "belongs to main.c"),
    "no_banned_functions": ({"plugins/a/x.c": HEAD + "int f(const char *s) { return atoi(s); }\n"}, "atoi() is banned"),
    "no_sleeps_in_tests": ({"tests/a.py": "import time\ntime.sleep(1)\n"}, "tests/a.py:2:"),
    "files_are_short": ({"host/base/x.c": HEAD * 801}, "801 lines"),
    "functions_are_short": ({"host/base/x.c": HEAD + "int f(int a) {\n" + "  a++;\n" * 90 + "}\n"}, "this function has 91 lines"),
    "files_have_heads": ({"host/base/x.c": "int x;\n"}, "begins with a comment"),
    "no_mutable_statics": ({"host/base/x.c": HEAD + "static int count;\n"}, "no state outside of objects"),
    "no_machine_paths": ({"docs/x.md": "see /home/somebody/etl\n"}, "path of one machine"),
    "shell_scripts_parse": ({"scripts/x": "#!/bin/bash\nif true; then\n"}, "scripts/x"),
    "frozen_stays_frozen": ({"tests/abi/frozen/x.h": HEAD, "tests/lint/frozen.sha256": "0" * 64 + "  tests/abi/frozen/x.h\n"}, "never edited"),
    "python_compiles": ({"tests/x.py": "def f(:\n"}, "tests/x.py:1:"),
}
GOOD = {
    "api/etl/x.h": HEAD + "#include <stdint.h>\n",
    "plugins/a/x.c": HEAD + '#include "etl/x.h"\n#include "y.h"\n/* exit(1) and dlclose() in a comment */\nstatic const int limit = 3;\n',
    "plugins/a/y.h": HEAD,
    "host/main.c": HEAD + "int main(void) { exit(0); }\n",
    "host/engine/x.c": HEAD + '#include "base/err.h"\nstatic int f(int a) {\n  return a;\n}\n',
    "host/base/err.h": HEAD,
    "tests/abi/frozen/x.h": HEAD,
    "tests/lint/frozen.sha256": hashlib.sha256(HEAD.encode()).hexdigest() + "  tests/abi/frozen/x.h\n",
    "tests/wait.py": "event.wait(1)\n",
    "scripts/x": "#!/bin/bash\necho ok\n",
    "docs/x.md": "see /usr/share/doc\n",
}


def grow(folder: str, files: dict[str, str]) -> Tree:
    for name, text in files.items():
        path = pathlib.Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Tree(pathlib.Path(folder))


def source_rule_fails() -> list[str]:
    wrong = []
    for rule in source_rules.RULES:
        with tempfile.TemporaryDirectory() as folder:
            files, wanted = BAD[rule.__name__]
            found = rule(grow(folder, files))
            if not any(wanted in line for line in found):
                wrong.append(f"{rule.__name__}: sees nothing wrong in {', '.join(files)}: {found}")
        with tempfile.TemporaryDirectory() as folder:
            found = rule(grow(folder, GOOD))
            wrong += [f"{rule.__name__}: complains of what is right: {line}" for line in found]
    return wrong


def build_rule_fails() -> list[str]:
    wrong = []
    if not build_rules.undocumented("x", [{"name": "rows", "doc": " "}]):
        wrong.append("options_are_documented: takes a blank for a sentence")
    if not build_rules.undocumented("x", [{"name": "a", "doc": "Fine.", "members": [{"name": "rows", "doc": None}]}]):
        wrong.append("options_are_documented: does not look into groups")
    with tempfile.TemporaryDirectory() as folder:
        tree = grow(folder, {"host/a.c": HEAD, "host/b.c": HEAD})
        pathlib.Path(folder, "compile_commands.json").write_text(json.dumps([{"directory": folder, "file": "host/a.c"}]))
        if build_rules.sources_are_built(tree, pathlib.Path(folder)) != ["host/b.c:1: no meson.build builds it"]:
            wrong.append("sources_are_built: does not see a file that nobody builds")
    return wrong


def example_rule_fails(build: pathlib.Path) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        found = build_rules.examples_load(grow(folder, {"conf/etl.conf": 'no_such_setting = "x";\n'}), build)
    return [] if any("no_such_setting" in line for line in found) else [f"examples_load: a wrong setting passes: {found}"]
