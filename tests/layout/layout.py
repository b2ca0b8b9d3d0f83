"""The rules of the house, as docs/floors.toml and the style page give them.

check(root) returns what breaks them. Each rule is one function; RULES lists them by the name under
which a break is reported.
"""

import ast
import os
import re
import tomllib
from dataclasses import dataclass
from functools import cached_property

import cpp_text

CODE = (".cc", ".cpp", ".h", ".c", ".py", ".sh", ".cmake", ".proto")
CPP = (".cc", ".cpp", ".h", ".c")


@dataclass(frozen=True)
class Break:
    rule: str
    path: str
    line: int
    text: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.text} [{self.rule}]"


class File:
    def __init__(self, root, path):
        self.path = path
        self.folder, self.name = os.path.split(path)
        self.stem, self.ending = os.path.splitext(self.name)
        with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
            self.text = file.read()

    @cached_property
    def lines(self):
        return self.text.split("\n")[:-1] if self.text.endswith("\n") else self.text.split("\n")

    @cached_property
    def code(self):
        """Without comments and strings."""
        return cpp_text.blanked(self.text) if self.is_cpp else self.text

    @property
    def is_cpp(self):
        return self.ending in CPP

    @property
    def is_test(self):
        return self.stem.endswith("_test") or self.path.startswith("tests/")

    @property
    def is_code(self):
        is_script = self.ending == "" and self.text.startswith("#!")
        return self.ending in CODE or self.name == "CMakeLists.txt" or is_script

    def at(self, rule, line, text):
        return Break(rule, self.path, line, text)

    def find(self, pattern):
        """Line numbers where the code, without comments and strings, matches."""
        return [n for n, line in enumerate(self.code.split("\n"), 1) if re.search(pattern, line)]


class Tree:
    def __init__(self, root):
        self.root = root
        with open(os.path.join(root, "docs/floors.toml"), "rb") as file:
            self.table = tomllib.load(file)
        self.walls = self.table["walls"]
        self.files = [File(root, path) for path in self._paths()]
        self.by_path = {file.path: file for file in self.files}
        self.cpp = [file for file in self.files if file.is_cpp]

    def _paths(self):
        found = []
        for folder, folders, names in os.walk(self.root):
            short = os.path.relpath(folder, self.root)
            folders[:] = sorted(name for name in folders if not self._is_left_out(short, name))
            for name in sorted(names):
                path = os.path.normpath(os.path.join(short, name))
                if not path.endswith((".pyc", ".md")) and not self._is_exempt(path):
                    found.append(path)
        return found

    @staticmethod
    def _is_left_out(short, name):
        is_made = name == "__pycache__" or (short == "." and name.startswith("build"))
        return is_made or (name.startswith(".") and name != ".ci")

    def _is_exempt(self, path):
        return any(path.startswith(start) for start in self.walls["exempt"])

    def house_of(self, path):
        """The row of [floors] that `path` lies in: its folder there, or None."""
        best = [folder for folder in self.table["floors"] if path.startswith(folder + "/")]
        return max(best, key=len, default=None)

    def below(self, *folders):
        return [f for f in self.files if f.path.startswith(tuple(d + "/" for d in folders))]


# ---- floors and libraries ----------------------------------------------------------------------


def _target_house(tree, file, header, is_angled):
    """The folder of the house that an include leads into, or None."""
    if header.startswith("minke/"):
        return "include/minke"
    if header.startswith("proto/"):
        return "proto"
    if is_angled:
        return None
    if os.path.normpath(os.path.join(file.folder, header)) in tree.by_path:
        return tree.house_of(os.path.join(file.folder, header))
    return "src/" + header.split("/")[0]


def floors(tree):
    rows = tree.table["floors"]
    for file in tree.cpp:
        house = tree.house_of(file.path)
        if house is None:
            if file.path.startswith("src/"):
                yield file.at("floors", 1, "this folder has no row in docs/floors.toml")
            continue
        for line, header, is_angled in cpp_text.includes(file.text):
            target = _target_house(tree, file, header, is_angled)
            if target is None or target == house:
                continue
            if target not in rows:
                yield file.at("floors", line, f"{header} lies in no folder of docs/floors.toml")
            elif not _may_include(rows, house, target, file.is_test):
                yield file.at("floors", line, f"{house} must not include {header}")


def _may_include(rows, house, target, is_test):
    row = rows[house]
    if is_test:
        return rows[target]["floor"] <= row["floor"]
    only = row.get("only")
    return rows[target]["floor"] < row["floor"] and (only is None or target in only)


CPP_HEADER = re.compile(r"[a-z_0-9]+")
C_HEADERS = {"stddef.h", "stdint.h", "stdlib.h", "string.h"}  # for the C ABI and jobs in C


def libraries(tree):
    table = tree.table["libraries"]
    for file in tree.cpp:
        if file.is_test or tree.house_of(file.path) is None:
            continue
        for line, header, is_angled in cpp_text.includes(file.text):
            is_standard = CPP_HEADER.fullmatch(header) or header in C_HEADERS
            if not is_angled or is_standard:
                continue
            row = max((key for key in table if header.startswith(key)), key=len, default=None)
            if row is None:
                yield file.at("libraries", line, f"<{header}> has no row in docs/floors.toml")
            elif not file.path.startswith(tuple(table[row])):
                yield file.at("libraries", line, f"<{header}> is not for this file; "
                              f"docs/floors.toml gives it to {', '.join(table[row])}")


def purity(tree):
    pure = [folder for folder, row in tree.table["floors"].items() if row.get("is_pure")]
    forbidden = set(tree.table["pure"]["headers"])
    for file in tree.cpp:
        if file.is_test or tree.house_of(file.path) not in pure:
            continue
        for line, header, _ in cpp_text.includes(file.text):
            if header in forbidden:
                yield file.at("purity", line, f"this folder is pure: it must not include {header}")
        for pattern in tree.table["pure"]["names"]:
            for line in file.find(pattern):
                yield file.at("purity", line, f"this folder is pure: it must not name {pattern}")


def own_header_first(tree):
    for file in tree.below("src"):
        if file.ending != ".cc" or f"{file.folder}/{file.stem}.h" not in tree.by_path:
            continue
        own = f"{file.folder.removeprefix('src/')}/{file.stem}.h"
        found = cpp_text.includes(file.text)
        if not found or found[0][1] != own:
            yield file.at("own_header_first", found[0][0] if found else 1,
                          f'the first include must be "{own}"')


# ---- walls -------------------------------------------------------------------------------------


def columns(tree):
    limit = tree.walls["line_columns"]
    for file in tree.files:
        for number, line in enumerate(file.lines if file.is_code else [], 1):
            if len(line) > limit:
                yield file.at("columns", number, f"{len(line)} columns, {limit} are allowed")


def file_lines(tree):
    for file in tree.files:
        if not file.is_code:
            continue
        limit = tree.walls["header_lines" if file.ending == ".h" else "file_lines"]
        if len(file.lines) > limit:
            yield file.at("file_lines", limit, f"{len(file.lines)} lines, {limit} are allowed")


def function_lines(tree):
    limit = tree.walls["function_lines"]
    for file in tree.files:
        for name, first, last in _functions_of(file):
            if last - first >= limit:
                yield file.at("function_lines", first,
                              f"{name} has {last - first + 1} lines, {limit} are allowed")


def _functions_of(file):
    if file.is_cpp:
        return [(f.name, f.first, f.last) for f in cpp_text.functions(file.text)]
    if file.ending == ".py":
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
        return [(node.name, node.lineno, node.end_lineno)
                for node in ast.walk(ast.parse(file.text)) if isinstance(node, kinds)]
    return []


def names(tree):
    for file in tree.files:
        parts = file.path.split("/")
        if file.stem in tree.walls["forbidden_stems"] or \
                set(parts[:-1]) & set(tree.walls["forbidden_stems"]):
            yield file.at("names", 1, "say what it is about: this name fits anything")
        if file.is_cpp and not re.fullmatch(r"[a-z0-9_]+", file.stem):
            yield file.at("names", 1, "file names are snake_case")


def folder_size(tree):
    modules = {}
    for file in tree.cpp:
        modules.setdefault(file.folder, set()).add(file.stem.removesuffix("_test"))
    limit = tree.walls["folder_modules"]
    for folder, stems in sorted(modules.items()):
        if len(stems) > limit:
            yield Break("folder_size", folder, 0, f"{len(stems)} modules (a header, its .cc and "
                        f"its test count as one), {limit} are allowed: split the folder by topic")


def readmes(tree):
    """Every folder below src/ that holds code has a README.md whose table names each file."""
    folders = {}
    for file in tree.below("src"):
        if file.is_cpp and not file.is_test:
            folders.setdefault(file.folder, []).append(file)
    for folder, files in sorted(folders.items()):
        path = os.path.join(tree.root, folder, "README.md")
        if not os.path.exists(path):
            yield Break("readmes", folder, 0, "the folder has no README.md")
            continue
        with open(path, encoding="utf-8") as readme:
            rows = [line.split("|")[1] for line in readme if line.startswith("|")]
        named = set()
        for row in rows:
            named |= _files_of_row(row)
        for file in files:
            if file.name not in named:
                yield file.at("readmes", 1, "README.md has no line for this file")
        present = {file.name for file in tree.files if file.folder == folder}
        for name in sorted(named - present):
            yield Break("readmes", f"{folder}/README.md", 0, f"there is no {name}")


def _files_of_row(row):
    """The files of a cell like `block.h, .cc`."""
    found, stem = set(), ""
    for word in re.findall(r"[\w.]+", row.replace("`", " ")):
        if word.startswith("."):
            found.add(stem + word)
        elif word.endswith(CPP):
            found.add(word)
            stem = os.path.splitext(word)[0]
    return {name for name in found if not name.removesuffix(".cc").endswith("_test")}


def cmake_lists(tree):
    """File lists are explicit, and complete."""
    for file in tree.below("src", "jobs", "tests"):
        if file.ending == ".cc":
            folder = file.folder
            while f"{folder}/CMakeLists.txt" not in tree.by_path and "/" in folder:
                folder = os.path.dirname(folder)
            lists = tree.by_path.get(f"{folder}/CMakeLists.txt")
            if lists is None or not re.search(rf"(^|[\s/(\"]){re.escape(file.name)}\b", lists.text):
                yield file.at("cmake_lists", 1, f"{folder}/CMakeLists.txt does not name this file")
    for file in tree.files:
        if file.name == "CMakeLists.txt" and re.search(r"file\s*\(\s*GLOB", file.text):
            yield file.at("cmake_lists", 1, "file lists are explicit: no GLOB")


# ---- words that must not be there --------------------------------------------------------------

# name, pattern, where (beginnings of paths), what to say
FORBIDDEN = [
    ("throw", r"\bthrow\b", ("src/",), "we throw nothing: return a Result"),
    ("detach", r"[.>]detach\(\)", ("src/", "jobs/", "tests/"), "no detached threads"),
    ("sleep", r"\b(sleep_for|sleep_until|usleep|nanosleep)\s*\(|(?<![\w.>])sleep\s*\(",
     ("src/", "jobs/", "tests/"), "wait for an event, do not sleep"),
    ("skip", r"\bGTEST_SKIP\b|\bDISABLED_", ("src/", "tests/"), "no test is skipped"),
    ("suppression", r"#\s*pragma\s+(GCC|clang)\s+diagnostic",
     ("src/", "jobs/", "include/"), "mend the cause of the warning"),
]
FORBIDDEN_COMMENTS = [
    ("left_over", r"\b(TODO|FIXME|XXX|HACK)\b", "finish it, or file an issue"),
    ("suppression", r"\bNOLINT|clang-format off", "mend the cause of the warning"),
]


def forbidden_words(tree):
    for file in tree.cpp:
        for name, pattern, where, advice in FORBIDDEN:
            if file.path.startswith(where):
                for line in file.find(pattern):
                    yield file.at(name, line, advice)
        for name, pattern, advice in FORBIDDEN_COMMENTS:
            for number, line in enumerate(file.lines, 1):
                if re.search(pattern, line):
                    yield file.at(name, number, advice)


def mutexes(tree):
    """A mutex's comment, on its line or right above, says what it guards."""
    for file in tree.below("src"):
        if not file.is_cpp:
            continue
        for number in file.find(r"\bstd::(shared_|recursive_|timed_)?mutex\b\s+\w+;"):
            above = file.lines[number - 2] if number > 1 else ""
            if "//" not in file.lines[number - 1] and not above.strip().startswith("//"):
                yield file.at("mutexes", number, "say in a comment what the mutex guards")


RULES = [floors, libraries, purity, own_header_first, columns, file_lines, function_lines, names,
         folder_size, readmes, cmake_lists, forbidden_words, mutexes]


def check(root):
    tree = Tree(root)
    return [found for rule in RULES for found in rule(tree)]
