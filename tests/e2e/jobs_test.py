"""Every built-in job against its oracle, byte for byte, under odd configurations.

For each input and number of partitions the part files must be the same whatever the threads,
splits, budgets and blocks (a map-only job: the same concatenation), and hold what the oracle says.
"""

import random
import re
import unittest

import inputs
import oracles
from harness import MinkeTest

# Beside the defaults.
ODD = [
    ["--threads", "1"],
    ["--threads", "4", "--split-bytes", "1"],
    ["--memory", "4K"],
    ["--memory", "4K", "--block-bytes", "64", "--split-bytes", "100"],
    ["--memory", "4K", "--block-bytes", "64", "--split-bytes", "1", "--threads", "4"],
]
# For inputs that are too large for a map task per byte.
ODD_FOR_BIG = [
    ["--threads", "1"],
    ["--threads", "4", "--split-bytes", "10K"],
    ["--memory", "64K"],
    ["--memory", "4K", "--block-bytes", "1K", "--split-bytes", "20K", "--threads", "4"],
]
# For all inputs in one run.
ODD_TOGETHER = [
    ["--threads", "1"],
    ["--threads", "4", "--split-bytes", "20"],
    ["--memory", "4K"],
    ["--memory", "4K", "--block-bytes", "64", "--split-bytes", "100"],
    ["--memory", "4K", "--block-bytes", "64", "--split-bytes", "20", "--threads", "4"],
]
# The first is tried under every configuration; the others, as where a key goes depends on none of
# them, under the last two, which spill and split most.
PARTITIONS = ["7", "1", "64"]


class JobTest(MinkeTest):
    """`kind` says how parts relate to the oracle: hash (each in key order), range (concatenated,
    in order), one (as range, in one part) or map (concatenated; their number is free)."""

    kind = "hash"

    def check(self, job, named, files, groups, odd=None):
        """`named` is the input as minke gets it; `files` what to write: [(path, bytes)]."""
        for path, data in files:
            self.write(path, data)
        odd = odd or ODD
        whole = b"".join(text for _, text in groups)
        for partitions in PARTITIONS if self.kind != "map" else PARTITIONS[:1]:
            flags = ["--partitions", partitions]
            self.run_well(*job, *named, "-o", "expected", "--overwrite", *flags)
            expected = self.output_of("expected")
            self.check_parts(self.parts_of("expected"), groups)
            self.assertEqual(self.success_of("expected")["records"], whole.count(b"\n")
                             if not self.is_raw else len(groups))
            for more in odd if partitions == PARTITIONS[0] else odd[-2:]:
                self.run_well(*job, *named, "-o", "out", "--overwrite", *flags, *more)
                self.check_same(expected, " ".join(flags + more))
        for more in ([], odd[-1]):
            self.assert_same(self.run_well(*job, *named, *more).out, whole, "standard output")
        for more in ([], odd[-2]):  # the same way, into a file
            self.run_well(*job, *named, "--single-file", "one", "--overwrite", *more)
            self.assert_same(self.read("one"), whole, "single file")

    is_raw = False

    def check_same(self, expected, configuration):
        output = self.output_of("out")
        if self.kind != "map":
            self.assert_same(output, expected, configuration)
            return
        self.assert_same(b"".join(self.parts_of("out")),
                         b"".join(expected[name] for name in sorted(expected) if name[0] == "p"),
                         configuration)
        self.assertEqual(output["_SUCCESS"], expected["_SUCCESS"], configuration)

    def check_parts(self, parts, groups):
        if self.kind != "hash":
            self.assert_same(b"".join(parts), b"".join(text for _, text in groups), "all parts")
            if self.kind == "one":
                self.assertEqual(len(parts), 1)
            return
        place_of = {text: place for place, (_, text) in enumerate(groups)}
        self.assertEqual(len(place_of), len(groups), "the oracle's lines must tell their key")
        found = []
        for part in parts:
            texts = list(self.groups_of(part, groups))
            strange = [text for text in texts if text not in place_of]
            self.assertEqual(strange[:1], [], "a part holds lines that the oracle does not know")
            places = [place_of[text] for text in texts]
            self.assertTrue(places == sorted(places), "a part is not in key order")
            found += places
        missing = set(range(len(groups))) - set(found)
        self.assertFalse(missing, f"the oracle knows {len(groups)} groups; missing: {len(missing)}")
        self.assertEqual(len(found), len(groups), "a group stands in the output twice")

    @staticmethod
    def groups_of(part, groups):
        """Cuts a part into the lines of one key each, where the oracle has several lines a key."""
        by_first = {text.split(b"\n", 1)[0]: text for _, text in groups}
        at = 0
        while at < len(part):
            first = part[at : part.find(b"\n", at)]
            text = by_first.get(first, first + b"\n")
            yield part[at : at + len(text)]
            at += len(text)

    def check_texts(self, job, oracle, texts=None):
        for name, data in (texts or inputs.texts()).items():
            with self.subTest(input=name):
                self.check(job, ["in.txt"], [("in.txt", data)], oracle([("in.txt", data)]))

    def check_together(self, job, oracle, texts):
        """All inputs in one run: for a job that check_texts has seen with another argument."""
        files = [(f"in/{name}.txt", data) for name, data in sorted(texts.items())]
        self.check(job, ["in"], files, oracle(files), ODD_TOGETHER)

    def check_big(self, job, oracle, data=None):
        files = [("in.txt", data if data is not None else inputs.big_text())]
        self.check(job, ["in.txt"], files, oracle(files), ODD_FOR_BIG)

    def check_many_tasks(self, job, oracle, tasks):
        """More map tasks than there are addresses for if each kept what it reserved."""
        data = b"".join(b"word%d\n" % (number % 100) for number in range(tasks))
        self.write("in.txt", data)
        done = self.run_well(*job, "in.txt", "--partitions", "1", "--split-bytes", "1")
        expected = b"".join(text for _, text in oracle([("in.txt", data)]))
        self.assert_same(done.out, expected, f"{tasks} map tasks")


class WordCount(JobTest):
    def test_texts(self):
        self.check_texts(["wordcount"], oracles.wordcount)

    def test_big(self):
        self.check_big(["wordcount"], oracles.wordcount)

    def test_many_files(self):
        files = [(f"in/{name}.txt", data) for name, data in sorted(inputs.texts().items())]
        self.check(["wordcount"], ["in"], files, oracles.wordcount(files))

    def test_many_tasks(self):
        self.check_many_tasks(["wordcount"], oracles.wordcount, 5000)


class Distinct(JobTest):
    def test_texts(self):
        self.check_texts(["distinct"], oracles.distinct)

    def test_big(self):
        self.check_big(["distinct"], oracles.distinct)


class Grep(JobTest):
    kind = "map"

    def test_fixed(self):
        texts = inputs.texts()
        for wanted in ("a", "the", "\x01", "ß"):
            with self.subTest(wanted=wanted):
                check = self.check_texts if wanted == "a" else self.check_together
                check(["grep", "--arg", f"fixed={wanted}"],
                      lambda files: oracles.grep(files, lambda text: wanted.encode() in text),
                      texts)

    def test_pattern(self):
        texts = inputs.texts()
        chosen = {name: texts[name] for name in ("plain", "crlf", "empty_lines", "no_records",
                                                 "white_space", "unicode", "no_last_newline")}
        for pattern in ("^[a-c].*[d-j]$", "^$", "a+b?", "(x|z)$", ""):
            with self.subTest(pattern=pattern):
                wanted = re.compile(pattern.encode().replace(b"$", rb"\Z"), re.S)
                check = self.check_texts if pattern[:2] == "^[" else self.check_together
                check(["grep", "--arg", f"pattern={pattern}"],
                      lambda files: oracles.grep(files, wanted.search), chosen)

    def test_big(self):
        self.check_big(["grep", "--arg", "fixed=ab"], lambda files: oracles.grep(
            files, lambda text: b"ab" in text))


class UrlFrequency(JobTest):
    GOOD = [
        '1.2.3.4 - - [10/Oct/2000:13:55:36 -0700] "GET /a HTTP/1.0" 200 2326',
        'host - frank [x] "POST /b?c=d HTTP/1.1" 404 - "http://r/" "agent \\" quoted"',
        '::1 - - [x] "GET /old" 200 5',
        '::1 - - [x] "GET /with\\"quote HTTP/1.1" 200 5',
        'h - - [] "GET /größe HTTP/1.1" 500 0',
    ]
    MALFORMED = [
        "", " ", "nothing", 'h - - [x] "GET /a HTTP/1.0" 20 5',
        'h - - [x] "GET /a HTTP/1.0" 200 5x',
        'h - - [x "GET /a HTTP/1.0" 200 5', 'h - - [x] "GET /a HTTP/1.0 200 5',
        'h - - [x] "GET" 200 5', 'h - - [x] "GET  HTTP/1.0" 200 5', 'h - [x] "GET /a H" 200 5',
        'h - - [x] "GET /a b H" 200 5', 'h  - - [x] "GET /a H" 200 5',
    ]

    def test_logs(self):
        logs = {
            "good": inputs.joined(self.GOOD),
            "malformed": inputs.joined(self.MALFORMED),
            "mixed": inputs.joined(self.GOOD[:3] + self.MALFORMED[:6] + self.GOOD[:2], "\r\n"),
            "no_records": b"",
        }
        self.check_texts(["url-frequency"], oracles.url_frequency, logs)

    def test_big(self):
        dice = random.Random(6)
        rows = [f'h{dice.randrange(9)} - - [x] "GET /{dice.randrange(2000)} HTTP/1.1" 200 7'
                for _ in range(8000)]
        self.check_big(["url-frequency"], oracles.url_frequency, inputs.joined(rows))


class ReverseLinks(JobTest):
    def test_texts(self):
        self.check_texts(["reverse-links"], oracles.reverse_links)

    def test_big(self):
        self.check_big(["reverse-links"], oracles.reverse_links)


class InvertedIndex(JobTest):
    def test_many_files(self):
        texts = inputs.texts()
        files = [(f"in/{name}.txt", texts[name]) for name in
                 ("binary", "crlf", "no_records", "plain", "skew", "unicode")]
        self.check(["inverted-index"], ["in"], files, oracles.inverted_index(files))
        turned = files[::-1]
        self.check(["inverted-index"], [path for path, _ in turned], turned,
                   oracles.inverted_index(turned))

    def test_big(self):
        self.check_big(["inverted-index"], oracles.inverted_index)

    def test_many_tasks(self):
        self.check_many_tasks(["inverted-index"], oracles.inverted_index, 9000)


class TermVector(JobTest):
    PAGES = [
        "http://a.org/x\tone two two", "http://a.org/y?z\tthree three two", "b.org/z\tone",
        "https://user:pw@c.org:8080/\tone one two three", "ftp://c.org#f\ttwo", "no tab here",
        "http://empty.org/\t", "\tno url", "http://a.org\tä 北京 ä", "http://tie.org/\tb a c b a c",
    ]

    def test_pages(self):
        pages = {"lines": inputs.joined(self.PAGES), "crlf": inputs.joined(self.PAGES, "\r\n"),
                 "no_records": b"", "one": inputs.joined(self.PAGES[:1] * 9)}
        self.check_texts(["term-vector"], oracles.term_vector, pages)
        self.check_texts(["term-vector", "--arg", "top=2"],
                         lambda files: oracles.term_vector(files, 2), pages)

    def test_big(self):
        rows = [f"http://h{number % 50}.org/{number}\t{text}"
                for number, text in enumerate(inputs.lines(7, 6000, 300))]
        self.check_big(["term-vector"], oracles.term_vector, inputs.joined(rows))


class Sort(JobTest):
    kind = "range"

    def test_lines(self):
        self.check_texts(["sort"], oracles.sort_lines)

    def test_fields(self):
        texts = inputs.texts()
        chosen = {name: texts[name] for name in ("plain", "crlf", "duplicates", "white_space",
                                                 "no_records", "binary")}
        for field in (2, 1, 5):
            with self.subTest(field=field):
                check = self.check_texts if field == 2 else self.check_together
                check(["sort", "--arg", f"field={field}"],
                      lambda files: oracles.sort_lines(files, field), chosen)

    def test_big(self):
        self.check_big(["sort"], oracles.sort_lines)


class SortRecords(JobTest):
    kind = "range"
    is_raw = True

    def check_records(self, data, record_bytes, key_bytes, odd=None):
        files = [("in.bin", data)]
        job = ["sort", "--arg", f"record-bytes={record_bytes}", "--arg", f"key-bytes={key_bytes}"]
        self.check(job, ["in.bin"], files,
                   oracles.sort_records(files, record_bytes, key_bytes), odd)

    def test_small(self):
        self.check_records(inputs.binary(8, 12 * 40), 12, 3)
        self.check_records(inputs.binary(9, 7 * 50), 7, 7)
        self.check_records(b"ab" * 50, 2, 1)
        self.check_records(b"", 100, 10)
        self.check_records(bytes(range(256)) * 2, 1, 1)

    def test_big(self):
        self.check_records(inputs.binary(10, 100 * 5000), 100, 10, ODD_FOR_BIG)
        self.check_records(b"same key!!" + b"x" * 90 + inputs.binary(11, 100 * 2000) +
                           (b"same key!!" + b"y" * 90) * 3000, 100, 10, ODD_FOR_BIG)


class Join(JobTest):
    def check_join(self, left, right, odd=None):
        files = [("l.tsv", left), ("r.tsv", right)]
        groups = oracles.join(files[:1], files[1:])
        self.check(["join"], ["left=l.tsv", "right=r.tsv"], files, groups, odd)

    def test_small(self):
        left = b"a\t1\nb\t2\na\t3\nc\nd\t\te\n\xff\t\0\n"
        right = b"a\tx\r\na\ty\r\nc\tz\r\nb\r\nd\t\r\n\xff\tw\r\n"
        self.check_join(left, right)
        self.check_join(right, left)
        self.check_join(left, b"")
        self.check_join(b"", right)
        self.check_join(b"k\t1\n" * 12, b"k\t2\n" * 12)
        self.check_join(b"\t1\n\t2\nk\t3\n", b"\tx\nother\ty\n")

    def test_big(self):
        dice = random.Random(12)
        rows = lambda count: inputs.joined(f"k{dice.randrange(3000)}\t{dice.randrange(10**6)}"
                                           for _ in range(count))
        self.check_join(rows(9000), rows(4000), ODD_FOR_BIG)


class TopK(JobTest):
    kind = "one"

    def test_small(self):
        rows = ["a\t1", "b\t2", "a\t2", "c\t-5", "d\t007", "e\t3", "tie\t3", "x", "y\t", "z\t1.5",
                "big\t9223372036854775807", "over\t9223372036854775808", "f\t+1", "\t4", "g\t 1"]
        tables = {"rows": inputs.joined(rows), "crlf": inputs.joined(rows, "\r\n"),
                  "no_records": b"", "zero": b"a\t0\nb\t0\n"}
        self.check_texts(["top-k"], oracles.top_k, tables)
        self.check_texts(["top-k", "--arg", "k=2"], lambda files: oracles.top_k(files, 2), tables)

    def test_big(self):
        dice = random.Random(13)
        rows = [f"k{dice.randrange(3000)}\t{dice.randrange(-50, 100)}" for _ in range(12000)]
        self.check_big(["top-k", "--arg", "k=25"], lambda files: oracles.top_k(files, 25),
                       inputs.joined(rows))


if __name__ == "__main__":
    unittest.main()
