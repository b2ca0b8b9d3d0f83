"""Run by ctest: the tree keeps its rules, and every rule can fail.

    python3 tests/layout/layout_test.py            both
    python3 tests/layout/layout_test.py --list     only prints what breaks the rules
"""

import os
import shutil
import sys
import tempfile
import unittest

import cpp_text
import layout

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# A small tree that keeps every rule.
GOOD = {
    "src/base/CMakeLists.txt": "minke_library(minke_base SOURCES result.cc TESTS result_test.cc)\n",
    "src/base/README.md": "| file | what |\n| --- | --- |\n| result.h, .cc | errors |\n",
    "src/base/result.h": "// Errors.\n#pragma once\n#include <string>\nint Code(int a);\n",
    "src/base/result.cc": '#include "base/result.h"\n\n#include <fmt/format.h>\n\n'
                          "int Code(int a) { return a; }\n",
    "src/base/result_test.cc": '#include "base/result.h"\n#include <gtest/gtest.h>\n',
    "src/control/CMakeLists.txt": "minke_library(minke_control SOURCES job.cc)\n",
    "src/control/README.md": "| file | what |\n| --- | --- |\n| job.h, .cc | the job |\n",
    "src/control/job.h": '#pragma once\n#include "base/result.h"\n#include "proto/minke.pb.h"\n',
    "src/control/job.cc": '#include "control/job.h"\n// std::mutex and throw in a comment\n',
    "src/port/CMakeLists.txt": "add_library(minke_port INTERFACE)\n",
    "src/port/README.md": "| file | what |\n| --- | --- |\n| `log.h` | the log |\n",
    "src/port/log.h": '#pragma once\n#include "base/result.h"\n',
    "src/task/CMakeLists.txt": "minke_library(minke_task SOURCES map.cc)\n",
    "src/task/README.md": "| file | what |\n| --- | --- |\n| map.cc | maps |\n",
    "src/task/map.cc": '#include <mutex>\n#include <minke/job.h>\n#include "control/job.h"\n'
                       "std::mutex lock;  // guards nothing\n"
                       'const char* text = "throw 1; sleep_for(";\n',
    "include/minke/job.h": "#pragma once\n#include <minke/abi.h>\n",
    "include/minke/abi.h": "#pragma once\n",
    "jobs/CMakeLists.txt": "add_library(minke_jobs OBJECT grep.cc)\n",
    "jobs/grep.cc": "#include <re2/re2.h>\n#include <minke/job.h>\n",
}


def body(lines):
    return "int F() {\n" + "  G();\n" * (lines - 2) + "}\n"


# rule, file, what it holds instead (None: it is not there), in the tree above
BAD = [
    ("floors", "src/base/result.h", '#include "task/map.h"\n'),
    ("floors", "src/port/log.h", '#include "control/job.h"\n'),
    ("floors", "src/control/job.h", '#include "port/log.h"\n'),
    ("floors", "src/base/result.h", '#include "proto/minke.pb.h"\n'),
    ("floors", "src/base/result_test.cc", '#include "task/map.h"\n'),
    ("floors", "include/minke/job.h", '#include "base/result.h"\n'),
    ("floors", "jobs/grep.cc", '#include "base/result.h"\n'),
    ("floors", "src/attic/old.h", "#pragma once\n"),
    ("floors", "src/task/map.cc", '#include "attic/old.h"\n'),
    ("libraries", "src/task/map.cc", "#include <re2/re2.h>\n"),
    ("libraries", "src/task/map.cc", "#include <openssl/ssl.h>\n"),
    ("libraries", "jobs/grep.cc", "#include <unistd.h>\n"),
    ("purity", "src/control/job.h", "#include <chrono>\n"),
    ("purity", "src/control/job.h", "#include <unordered_map>\n"),
    ("purity", "src/control/job.cc", '#include "control/job.h"\nint a = rand();\n'),
    ("purity", "src/control/job.cc", '#include "control/job.h"\nstd::map<Worker*, int> m;\n'),
    ("own_header_first", "src/base/result.cc", '#include <string>\n#include "base/result.h"\n'),
    ("own_header_first", "src/base/result.cc", "int a;\n"),
    ("columns", "src/base/result.h", "// " + "x" * 98 + "\n"),
    ("columns", "src/base/CMakeLists.txt", "# result.cc result_test.cc " + "x" * 98 + "\n"),
    ("file_lines", "src/base/result.h", "\n" * 151),
    ("file_lines", "src/base/result_test.cc", "\n" * 801),
    ("function_lines", "src/base/result_test.cc", body(71)),
    ("function_lines", "src/base/result_test.cc", "TEST(A, B) {\n" + "  G();\n" * 70 + "}\n"),
    ("function_lines", "src/base/result.h", "class A {\n  " + body(71) + "};\n"),
    ("function_lines", "bench/bench.py", "def f():\n" + "    g()\n" * 70),
    ("names", "src/base/utils.h", ""),
    ("names", "src/base/helpers/a.h", ""),
    ("names", "src/base/BigFile.h", ""),
    ("readmes", "src/base/README.md", None),
    ("readmes", "src/base/README.md", "| result.h | errors |\n"),
    ("readmes", "src/base/README.md", "| result.h, .cc | errors |\n| gone.h | nothing |\n"),
    ("cmake_lists", "src/base/CMakeLists.txt", "minke_library(minke_base SOURCES result.cc)\n"),
    ("cmake_lists", "src/base/CMakeLists.txt", "file(GLOB all *.cc) # result.cc result_test.cc\n"),
    ("cmake_lists", "src/base/more.cc", "\n"),
    ("throw", "src/task/map.cc", "void F() { throw 1; }\n"),
    ("detach", "src/task/map.cc", "void F() { thread.detach(); }\n"),
    ("sleep", "src/task/map.cc", "void F() { std::this_thread::sleep_for(a); }\n"),
    ("sleep", "src/task/map.cc", "void F() { sleep(1); }\n"),
    ("skip", "src/base/result_test.cc", 'TEST(A, B) { GTEST_SKIP() << "no"; }\n'),
    ("skip", "src/base/result_test.cc", "TEST(A, DISABLED_B) {}\n"),
    ("suppression", "src/task/map.cc", "#pragma GCC diagnostic ignored \"-Wall\"\n"),
    ("suppression", "src/task/map.cc", "int a;  // NOLINT\n"),
    ("left_over", "src/task/map.cc", "// TODO: the rest\n"),
    ("mutexes", "src/task/map.cc", "struct A {\n  std::mutex lock_;\n};\n"),
]


class TempTree:
    def __enter__(self):
        self.root = tempfile.mkdtemp()
        os.makedirs(self.root + "/docs")
        shutil.copy(ROOT + "/docs/floors.toml", self.root + "/docs/floors.toml")
        for path, text in GOOD.items():
            self.write(path, text)
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.root)

    def write(self, path, text):
        full = os.path.join(self.root, path)
        if text is None:
            os.remove(full)
            return
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)


class RulesCanFail(unittest.TestCase):
    def test_a_good_tree_breaks_nothing(self):
        with TempTree() as tree:
            self.assertEqual([str(found) for found in layout.check(tree.root)], [])

    def test_each_bad_tree_breaks_its_rule(self):
        for rule, path, text in BAD:
            with self.subTest(rule=rule, path=path, text=(text or "")[:60]), TempTree() as tree:
                tree.write(path, text)
                self.assertIn(rule, {found.rule for found in layout.check(tree.root)})

    def test_a_crowded_folder_breaks_its_rule(self):
        with TempTree() as tree:
            for number in range(20):
                tree.write(f"src/base/file{number}.h", "#pragma once\n")
                tree.write(f"src/base/file{number}_test.cc", "\n")
            rules = [found.rule for found in layout.check(tree.root)]
            self.assertEqual(rules.count("folder_size"), 1)

    def test_every_rule_has_a_tree_that_breaks_it(self):
        named = {rule.__name__ for rule in layout.RULES} - {"forbidden_words"}
        named |= {row[0] for row in layout.FORBIDDEN + layout.FORBIDDEN_COMMENTS}
        self.assertEqual(named, {row[0] for row in BAD} | {"folder_size"})


class FunctionsAreFound(unittest.TestCase):
    def check(self, text, *expected):
        found = [(f.name, f.first, f.last) for f in cpp_text.functions(text)]
        self.assertEqual(found, list(expected))

    def test_free_and_member_functions(self):
        self.check("namespace a {\nint F(int b) {\n  if (b) {\n  }\n}\n"
                   "class C : public D<int> {\n public:\n  C() : a_(1), b_{2} {\n  }\n"
                   "  int g() const override { return a_; }\n  int a_ = 0, b_{0};\n};\n}\n",
                   ("F", 2, 5), ("C", 8, 9), ("g", 10, 10))

    def test_templates_operators_and_trailing_types(self):
        self.check("template <class T, class = std::enable_if_t<(1 > 0)>>\n"
                   "auto F(T t) -> int {\n}\n"
                   "bool operator==(A a, A b) {\n}\ntemplate <class T>\nstruct S {\n"
                   "  void operator()(T t) {\n  }\n};\n",
                   ("F", 1, 3), ("operator==", 4, 5), ("operator()", 8, 9))

    def test_braces_that_are_no_functions(self):
        self.check("constexpr int kTable[] = {\n1,\n2};\nstatic const A a{1};\n"
                   "MINKE_JOB(\"a\", A, {.b = {1}});\nenum class E : int {\n  kA\n};\n"
                   "extern \"C\" {\nvoid F();\n}\nstruct O {\n  int a = 1;\n};\n")

    def test_literals_and_macros_hide_their_braces(self):
        self.check("#define M(a) \\\n  void a() { \\\n  }\nvoid F() {\n"
                   "  g(R\"x(}}}\n)x\", '}', \"}\\\"}\", 1'000);  // }\n}\nvoid G() {\n}\n",
                   ("F", 4, 7), ("G", 8, 9))

    def test_tests_are_named_by_both_words(self):
        self.check("TEST(Block, KeepsOrder) {\n  F([&] {\n  });\n}\n", ("Block.KeepsOrder", 1, 4))


class TheTree(unittest.TestCase):
    def test_keeps_every_rule(self):
        found = [str(one) for one in layout.check(ROOT)]
        self.assertEqual(len(found), 0, "\n" + "\n".join(found))


if __name__ == "__main__":
    if "--list" in sys.argv:
        broken = layout.check(ROOT)
        print("\n".join(str(one) for one in broken))
        sys.exit(1 if broken else 0)
    unittest.main()
