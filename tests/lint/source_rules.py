"""Rules that need the sources alone.  Each gives its findings: "file:line: text"."""
from __future__ import annotations

import hashlib
import py_compile
import re
import shutil
import subprocess
import tempfile

from tree import Tree

ROOMS = ["base", "conf", "plugin", "store", "engine", "verify", "kit", "sched", "serve", "cli"]  # ground floor first
FOREIGN = {"libconfig.h", "ev.h", "libpq-fe.h", "sybdb.h", "sybfront.h", "jansson.h", "maxminddb.h", "pcre2.h", "yaml.h", "sqlite3.h"}
OURS = ("api/", "host/", "plugins/")
BANNED = ("strcpy strcat sprintf vsprintf strtok gets atoi atol atoll atof alloca tmpnam tempnam mktemp asctime ctime localtime gmtime "
          "rand srand").split()
SHELLS = ["system", "popen"]  # a test may start a shell, the product not
STATICS_ALLOWED = {
    "plugins/files/print.c": "standard output is one for the process, and its lock keeps what was printed",
    "plugins/sqlserver/": "FreeTDS's handlers are global to the process",
    "plugins/transforms/lookup_share.c": "a table is shared by all lanes of a run, counted under a lock",
    "plugins/transforms/ua_rules.c": "compiled rules are shared by all lanes, counted under a lock",
}


def includes(tree: Tree, file: str):
    for number, line in enumerate(tree.text(file).split("\n"), 1):
        found = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
        if found:
            yield number, found.group(1) == '"', found.group(2)


def api_uses_nothing_of_ours(tree: Tree) -> list[str]:
    found = []
    for file in tree.under("api/"):
        folder = file.rsplit("/", 1)[0]
        for number, quoted, name in includes(tree, file):
            if name in FOREIGN:
                found.append(f"{file}:{number}: the interface must not show {name}")
            elif quoted and not name.startswith("etl/") and not tree.has(f"{folder}/{name}"):
                found.append(f"{file}:{number}: the interface uses nothing of ours, but includes {name}")
    return found


def plugins_use_the_api_only(tree: Tree) -> list[str]:
    found = []
    for file in tree.under("plugins/"):
        own = "/".join(file.split("/")[:2])
        for number, quoted, name in includes(tree, file):
            if not quoted or name.startswith("etl/") or tree.has(f"{own}/{name}"):
                continue
            if name.startswith("..") or tree.has(f"host/{name}") or name.startswith("host/"):
                found.append(f"{file}:{number}: a connector uses api/ and its own folder only, but includes {name}")
            elif any(tree.has(f) for f in tree.under("plugins/") if f.endswith("/" + name)):
                found.append(f"{file}:{number}: connectors share nothing but api/, yet {name} is another one's")
    return found


def host_rooms_look_down_only(tree: Tree) -> list[str]:
    found = []
    for file in tree.under("host/"):
        parts = file.split("/")
        if len(parts) == 2:
            continue  # main.c stands above all rooms
        room = parts[1]
        if room not in ROOMS:
            found.append(f"{file}:1: host/{room} is no room; there are: {' '.join(ROOMS)}")
            continue
        for number, quoted, name in includes(tree, file):
            other = name.split("/")[0]
            if quoted and (name.startswith("..") or "plugins/" in name):
                found.append(f"{file}:{number}: the host never includes {name}")
            elif quoted and other in ROOMS and ROOMS.index(other) > ROOMS.index(room):
                found.append(f"{file}:{number}: {room} is below {other}, but includes {name}")
    return found


def no_dlclose(tree: Tree) -> list[str]:
    return tree.find(tree.under(*OURS), r"\b(dlclose)\s*\(", "nothing is ever unloaded: no {}()")


def no_exit_outside_main(tree: Tree) -> list[str]:
    return tree.find([f for f in tree.under(*OURS) if f != "host/main.c"], r"(?<![\w.>])(exit|quick_exit)\s*\(", "{}() belongs to main.c alone")


def no_banned_functions(tree: Tree) -> list[str]:
    pattern = r"(?<![\w.>])({})\s*\("
    return (tree.find(tree.under(*OURS, "tests/", "bench/"), pattern.format("|".join(BANNED)), "{}() is banned") +
            tree.find(tree.under(*OURS), pattern.format("|".join(SHELLS)), "{}() is banned"))


def no_sleeps_in_tests(tree: Tree) -> list[str]:
    tests = tree.under("tests/")
    scripts = [f for f in tree.files if f.startswith("tests/") and (f.endswith(".py") or tree.is_shell(f) or "python3" in tree.text(f)[:40])]
    return (tree.find(tests, r"(?<![\w.>])(sleep|usleep|nanosleep)\s*\(", "tests wait for events: no {}()") +
            tree.find([f for f in scripts if f not in tests and not f.startswith("tests/lint/")], r"(time\.sleep|^\s*sleep)[\s(]+[\d.\w]",
                      "tests wait for events: no {}", code=False))


def files_are_short(tree: Tree) -> list[str]:
    found = []
    for file in tree.under(*OURS, "tests/", "bench/", "scripts/", ends=(".c", ".h", ".py", ".sh")):
        lines = tree.text(file).count("\n")
        limit = 250 if file.endswith(".h") and not file.startswith(("api/", "tests/abi/frozen/")) else 800
        if lines > limit:
            found.append(f"{file}:{lines}: {lines} lines; split it: at most {limit}")
    return found


def functions_are_short(tree: Tree) -> list[str]:
    """Functions begin with a line that ends in "{" and end with "}" alone, both at the left edge."""
    found = []
    for file in tree.under(*OURS, ends=(".c",)):
        begin = None
        for number, line in enumerate(tree.code(file).split("\n"), 1):
            if begin is None and re.match(r"^[A-Za-z_].*\)\s*\{$|^ {2,}.*\)\s*\{$|^\{$", line) and not re.match(r"^ .*\b(if|for|while|switch)\b", line):
                begin = number if not line.startswith(" ") else None
            elif line.startswith("}"):
                if begin and number - begin > 80:
                    found.append(f"{file}:{begin}: this function has {number - begin} lines; split it: at most 80")
                begin = None
    return found


def files_have_heads(tree: Tree) -> list[str]:
    return [f"{file}:1: a file begins with a comment that says what it is for" for file in tree.under(*OURS, "tests/", "bench/")
            if not tree.text(file).lstrip().startswith("/*")]


def no_mutable_statics(tree: Tree) -> list[str]:
    """Outside of functions; but for what STATICS_ALLOWED gives a reason for."""
    pattern = r"^static (?!.*\bconst\b)(?!.*\()(?!inline)(?!_Thread_local)(.*?)(\s*=.*|;)$"
    return tree.find([f for f in tree.under(*OURS, ends=(".c",)) if not f.startswith(tuple(STATICS_ALLOWED))], pattern,
                     "no state outside of objects: {}")


def no_machine_paths(tree: Tree) -> list[str]:
    files = [f for f in tree.files if not f.startswith("tests/lint/")]
    return tree.find(files, r"(?<![\w/.$}])(/work/[\w/.-]+|/home/[\w/.-]+|/root/[\w/.-]+|/Users/[\w/.-]+)", "{} is a path of one machine", code=False)


def shell_scripts_parse(tree: Tree) -> list[str]:
    found = []
    for file in (f for f in tree.files if tree.is_shell(f)):
        done = subprocess.run(["bash", "-n", file], cwd=tree.root, capture_output=True, text=True, check=False)
        found += [f"{file}: {line}" for line in done.stderr.splitlines()]
        if not done.returncode and shutil.which("shellcheck"):
            done = subprocess.run(["shellcheck", "-x", "-f", "gcc", file], cwd=tree.root, capture_output=True, text=True, check=False)
            found += done.stdout.splitlines()
    return found


def python_compiles(tree: Tree) -> list[str]:
    found = []
    for file in tree.files:
        if file.endswith(".py") or re.match(r"#!/usr/bin/(env )?python3", tree.text(file)[:40]):
            if "env python3" in tree.text(file)[:40]:
                found.append(f"{file}:1: name Debian's own interpreter: /usr/bin/python3")
            with tempfile.NamedTemporaryFile() as out:
                try:
                    py_compile.compile(str(tree.root / file), cfile=out.name, doraise=True)
                except py_compile.PyCompileError as e:
                    found.append(f"{file}:1: {e.msg.strip()}")
    return found


def frozen_stays_frozen(tree: Tree) -> list[str]:
    """What was released is as it was: every file of tests/abi/frozen, and no other, is in the list with its hash."""
    place, listed = "tests/abi/frozen/", {}
    if tree.has("tests/lint/frozen.sha256"):
        listed = {name: digest for digest, name in (line.split() for line in tree.text("tests/lint/frozen.sha256").splitlines())}
    there = {file: hashlib.sha256((tree.root / file).read_bytes()).hexdigest() for file in tree.files if file.startswith(place)}
    return ([f"{file}:1: this file was released and is never edited: take the change back" for file in there if listed.get(file, there[file]) != there[file]] +
            [f"{file}:1: a file that is not of the release (tests/lint/frozen.sha256) does not belong here" for file in there if file not in listed] +
            [f"{file}:1: this file was released and is gone" for file in listed if file not in there])


RULES = [api_uses_nothing_of_ours, plugins_use_the_api_only, host_rooms_look_down_only, no_dlclose, no_exit_outside_main, no_banned_functions,
         no_sleeps_in_tests, files_are_short, functions_are_short, files_have_heads, no_mutable_statics, no_machine_paths, shell_scripts_parse,
         python_compiles, frozen_stays_frozen]
