"""Run by ctest: the benchmark's own promises, on tiny texts and on programs that are scripts.

The command is what MINKE_BIN names (ctest sets it).
"""

import collections
import contextlib
import io
import os
import shutil
import subprocess
import tempfile
import unittest

import answers
import bench
import programs
import rows
from rows import Row

MINKE = os.environ.get("MINKE_BIN", os.path.join(programs.ROOT, "build/bin/minke"))

# Programs as words of a command: what they write is their last argument.
COPY = ["/bin/cp", "{input}", "{output}"]
LOSES_A_LINE = ["/bin/sh", "-c", "tail -n +2 {input} > {output}"]
WORKS_LONG = ["/bin/sh", "-c", "head -c 50000000 /dev/zero | md5sum && cp {input} {output}"]
FAILS = ["/bin/sh", "-c", "echo it is broken >&2; exit 3"]
WORD_COUNT = [MINKE, "run", "wordcount", "{input}", "-o", "{output}", "--quiet"]
PLAIN_WORD_COUNT = ["/bin/sh", "-c", "tr -s ' ' '\\n' < {input} | LC_ALL=C sort | uniq -c | "
                    "awk '{{ print $2, $1 }}' > {output}"]


def row(engine, yardstick, limits, answer=answers.same_bytes, corpus="tera-1g"):
    return Row("tiny", "a tiny row", corpus, engine, yardstick, limits, answer)


class BenchTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="minke-bench-test-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.addCleanup(os.sched_setaffinity, 0, os.sched_getaffinity(0))
        # Corpora that are there are not made anew, whatever they hold.
        with open(os.path.join(self.folder, "tera-1g.txt"), "w", encoding="ascii") as file:
            file.write("so it goes\nso they say\n" * 100)

    def bench(self, *table, words=()):
        """Runs the command over these rows; returns its code, its lines and what it said."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = bench.main(["--data", self.folder, "--scratch", self.folder, "--touch", "1",
                                   "--results", self.results, *words], list(table))
            except SystemExit as end:
                code = end.code
        return code, out.getvalue(), err.getvalue()

    @property
    def results(self):
        return os.path.join(self.folder, "RESULTS.md")

    def read_results(self):
        with open(self.results, encoding="utf-8") as file:
            return file.read()


class Lines(BenchTest):
    def test_a_row_is_one_line_and_a_row_of_the_table(self):
        code, out, err = self.bench(row(COPY, COPY, {"wall": (1000, 1000), "peak_mb": (900, 1)}))
        self.assertEqual(code, 0, err)
        number = r"\d+\.\d+"
        self.assertRegex(out, rf"^bench=tiny ratio={number} cpu_ratio={number} engine_s={number} "
                              rf"yardstick_s={number} peak_mb={number} yardstick_peak_mb={number} ")
        self.assertEqual(out.count("\n"), 1)
        self.assertEqual(err.count(": pair "), 5)
        table = self.read_results()
        self.assertRegex(table, r"\| tiny \| wall, .* \| 1000 \| 1000 \| .* \| aim \|")
        self.assertRegex(table, r"\| tiny \| peak memory, MB \| 900 \| 1 \| .* \| must \|")

    def test_minke_counts_words_as_a_pipe_of_coreutils_does(self):
        code, out, err = self.bench(row(WORD_COUNT, PLAIN_WORD_COUNT, {"wall": (1000, 1)},
                                        answers.same_counts))
        self.assertEqual(code, 0, err)
        self.assertIn("both answer the same", err)
        self.assertIn("bench=tiny ", out)

    def test_rows_not_measured_now_keep_their_figures(self):
        other = Row("other", "", "tera-1g", COPY, COPY, {"wall": (1000, 1)}, answers.same_bytes)
        table = [row(COPY, COPY, {"wall": (1000, 1)}), other]
        self.bench(*table)
        before = [line for line in self.read_results().splitlines() if "bench=other" in line]
        self.bench(*table, words=["tiny"])
        after = [line for line in self.read_results().splitlines() if "bench=other" in line]
        self.assertEqual((len(before), before), (1, after))


class Faults(BenchTest):
    def test_a_wrong_answer_fails_and_has_no_figures(self):
        code, out, err = self.bench(row(LOSES_A_LINE, COPY, {"wall": (1000, 1000)}))
        self.assertEqual((code, out), (1, ""))
        self.assertIn("line 1 of the answer", err)
        self.assertIn("| tiny | not measured |", self.read_results())

    def test_a_wrong_count_fails(self):
        wrong = ["/bin/sh", "-c", "printf 'goes\\t100\\nit\\t99\\n' > {output}"]
        code, out, err = self.bench(row(wrong, PLAIN_WORD_COUNT, {"wall": (1000, 1)},
                                        answers.same_counts))
        self.assertEqual((code, out), (1, ""))
        self.assertIn("line 2 of the answer (merged by key) is b'it 99\\n'", err)

    def test_a_later_run_that_writes_other_bytes_fails(self):
        once = ["/bin/sh", "-c", "if mkdir {output}.seen; then cp {input} {output}; "
                                 "else date +%N > {output}; fi"]
        code, out, err = self.bench(row(once, COPY, {"wall": (1000, 1000)}))
        self.assertEqual((code, out), (1, ""))
        self.assertIn("a later run wrote other bytes", err)

    def test_a_missed_must_ends_with_1_and_still_has_its_figures(self):
        for kind in ("wall", "cpu"):
            with self.subTest(kind):
                code, out, err = self.bench(row(WORKS_LONG, COPY, {kind: (1.5, 1.2)}))
                self.assertEqual(code, 1)
                self.assertIn("bench=tiny ", out)
                self.assertIn("must be at most 1.5", err)
                self.assertIn("**missed**", self.read_results())

    def test_a_program_that_fails_ends_it_with_the_programs_own_words(self):
        code, _, _ = self.bench(row(FAILS, COPY, {"wall": (1000, 1000)}))
        self.assertIn("it is broken", code)


class Rivals(BenchTest):
    """What is compared is what the programs sum up; keys and numbers of every length that they
    treat apart, and files that end anywhere in a block of 64 bytes."""

    def answer(self, name, text, *words):
        source, target = os.path.join(self.folder, "in"), os.path.join(self.folder, "out")
        with open(source, "wb") as file:
            file.write(text)
        subprocess.run([programs.path(name), source, target, *words], check=True)
        with open(target, "rb") as file:
            return file.read()

    def expect(self, sums):
        return b"".join(b"%s %d\n" % pair for pair in sorted(sums.items()))

    def test_prefixes_counts_what_words_begin_with(self):
        words = [b"abcdefghij"[first:] * length for length in range(1, 9) for first in range(9)]
        for length in (3, 16, 40, 1000):
            for cut in range(70):
                text = b" ".join(words * 3)[cut:]
                sums = collections.Counter(word[:length] for word in text.split())
                self.assertEqual(self.answer("prefixes", text, "2", str(length)),
                                 self.expect(sums), f"length {length}, cut {cut}")

    def test_hosts_sums_the_last_number_of_each_line(self):
        ends = [b"%d" % (10**digits + digits) for digits in range(16)] + [b"-", b"", b"x"]
        sums, text = collections.Counter(), b""
        for number, end in enumerate(ends * 40):
            host = b"host-%d." % (number % 7) + b"x" * (number % 67)
            text += host + b" " * (number % 13 + 1) + end + b"\n"
            sums[host] += int(end) if end.isdigit() else 0
        self.assertEqual(self.answer("hosts", text), self.expect(sums))
        self.assertEqual(self.answer("hosts", b"a 7"), b"a 7\n")
        self.assertEqual(self.answer("hosts", b"a \xff1234567\na 12:1"), b"a 1234568\n")
        self.assertEqual(self.answer("hosts", b"no number's before this line's end\n\nb 1"),
                         b"b 1\nno 0\n")


class Words(BenchTest):
    def test_list_runs_nothing(self):
        code, out, _ = self.bench(*rows.ROWS, words=["--list"])
        self.assertEqual(code, 0)
        for one in rows.ROWS:
            self.assertIn(one.name, out)
        self.assertFalse(os.path.exists(self.results))

    def test_a_name_that_fits_nothing_and_too_few_pairs_are_usage_errors(self):
        for words in (["worldcount"], ["--pairs", "4"]):
            code, _, err = self.bench(*rows.ROWS, words=words)
            self.assertEqual(code, 2)
            self.assertIn("usage:", err)


if __name__ == "__main__":
    unittest.main()
