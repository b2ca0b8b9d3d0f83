"""Aggregates that no built-in job uses, in a job file, against Python: sums of doubles against
math.fsum bit for bit, whatever the splits, the order of merges, spills and blocks."""

import math
import os
import random
import struct
import sys
import unittest
from collections import defaultdict

import inputs
import oracles
from harness import FIXTURES
from jobs_test import ODD_FOR_BIG, JobTest

DENORMAL = 5e-324
LARGEST = sys.float_info.max


def rows_of(groups):
    """Input lines from {key: values}, mixed."""
    rows = [f"{key}\t{value}" for key, values in groups.items() for value in values]
    random.Random(1).shuffle(rows)
    return inputs.joined(rows)


def collected(data):
    groups = defaultdict(list)
    for line in data.split(b"\n")[:-1]:
        key, value = line.split(b"\t", 1)
        groups[key].append(value)
    return groups


class AggregateTest(JobTest):
    def job(self, name):
        return [os.path.join(FIXTURES, "aggregates.so") + ":" + name]

    def check_values(self, name, groups, finish, odd=None):
        """`finish` gives the printed value from the values of a key, as bytes."""
        data = rows_of(groups)
        expected = [(key, oracles.line(key, finish(values)))
                    for key, values in sorted(collected(data).items())]
        self.check(self.job(name), ["in.tsv"], [("in.tsv", data)], expected, odd)


class SumDoubles(AggregateTest):
    def check_sums(self, groups, odd=None):
        data = rows_of(groups)
        expected = {key: math.fsum(map(float, values))
                    for key, values in collected(data).items()}
        self.write("in.tsv", data)
        whole = self.run_well(*self.job("sum-doubles"), "in.tsv").out
        found = {key: float(values[0]) for key, values in collected(whole).items()}
        bits = lambda sums: {key: struct.pack(">d", sum) for key, sum in sums.items()}
        self.assertEqual(bits(found), bits(expected))
        # What is printed reads back to these bits; and all configurations print the same.
        lines = [(line.split(b"\t")[0], line + b"\n") for line in whole.split(b"\n")[:-1]]
        self.check(self.job("sum-doubles"), ["in.tsv"], [("in.tsv", data)], lines, odd)

    def test_hard(self):
        self.check_sums({
            "tenths": [0.1] * 10,
            "cancels": [1e16, 1.0, -1e16, 1e300, -1e300],
            "half": [1.0, 2.0**-53],
            "more than half": [1.0, 2.0**-53, DENORMAL],
            "less than half": [1.0, 2.0**-53, -DENORMAL],
            "denormals": [DENORMAL] * 3 + [2.2250738585072014e-308, -DENORMAL],
            "zeros": [-0.0, -0.0],
            "largest": [LARGEST, 2.0**969],
            "infinite": ["inf", -1e308, 3.0],
            "minus infinite": ["-inf", 1e308],
            "not a number": ["nan", 1.0, "inf"],
        })

    def test_beyond_fsum(self):
        """Where math.fsum raises: parts that overflow are none of the sum's business, a sum that
        does is infinite, and infinities of both signs have no sum."""
        results = {"parts": ([LARGEST, LARGEST, -LARGEST], LARGEST), "sum": ([LARGEST] * 2, "inf"),
                   "minus": ([-LARGEST] * 2, "-inf"), "both": (["inf", "-inf"], "nan")}
        data = rows_of({key: values for key, (values, _) in results.items()})
        self.write("in.tsv", data)
        for more in ([], ["--split-bytes", "1"], ["--memory", "4K", "--block-bytes", "64"]):
            found = collected(self.run_well(*self.job("sum-doubles"), "in.tsv", *more).out)
            for key, (_, expected) in results.items():
                value = found[key.encode()][0].decode()
                self.assertEqual(repr(float(value)), repr(float(expected)), key)

    def test_big(self):
        dice = random.Random(2)
        groups = defaultdict(list)
        for _ in range(6000):
            key = f"k{int(700 * dice.random() ** 2)}"
            exponent = dice.choice([0] * 4 + [dice.randrange(-60, 60), dice.randrange(-1000, 900)])
            groups[key].append(repr(dice.uniform(-1e4, 1e4) * 2.0**exponent))
            if dice.random() < 0.1:
                groups[key].append(repr(-float(dice.choice(groups[key]))))
        self.check_sums(groups, ODD_FOR_BIG)


class SumIntegers(AggregateTest):
    def test_sums(self):
        self.check_values("sum-integers", {
            "most": [2**63 - 1, 2**63 - 1, -2**63, -2**63, 3],
            "least": [-2**62, -2**62],
            "few": range(-3, 9),
        }, lambda values: b"%d" % sum(map(int, values)))

    def test_a_sum_that_does_not_fit_names_its_key(self):
        self.write("in.tsv", rows_of({"good": [1, 2], "too much": [2**63 - 1, 1]}))
        for more in ([], ["--split-bytes", "1"], ["--memory", "4K", "--block-bytes", "64"]):
            done = self.minke("run", *self.job("sum-integers"), "in.tsv", "-o", "out", *more)
            self.assertEqual(done.code, 65, done.err)
            self.assertIn("the sum of key 'too much' does not fit into 64 bits", done.err)
            self.assertFalse(os.path.exists(self.path("out/_SUCCESS")))
            self.assertEqual(os.listdir(self.path("spill")), [])


class Extremes(AggregateTest):
    TEXTS = {"a": ["b", "", "ab", "b", "\x01"], "empty": ["", ""], "long": ["x" * 900, "x" * 901],
             "prefix": ["12345678", "123456789", "1234567"], "one": ["ß"]}

    def test_bytes(self):
        self.check_values("min-bytes", self.TEXTS, min)
        self.check_values("max-bytes", self.TEXTS, max)

    def test_big(self):
        dice = random.Random(3)
        groups = defaultdict(list)
        for word in inputs.words(4, 9000, 3000):
            groups[f"k{dice.randrange(900)}"].append(word * dice.choice([1, 1, 1, 40]))
        self.check_values("min-bytes", groups, min, ODD_FOR_BIG)
        self.check_values("max-bytes", groups, max, ODD_FOR_BIG)

    def test_pairs(self):
        data = {"a": ["b", "bb", "a" * 99], "": ["z", "y"]}
        first = lambda key, value: (value[:1], len(key) + 1 + len(value))
        rows = rows_of(data)
        expected = []
        for key, values in sorted(collected(rows).items()):
            letter, length = max(first(key, value) for value in values)
            expected.append((key, oracles.line(key, letter + b"\t%d" % length)))
        self.check(self.job("max-pair"), ["in.tsv"], [("in.tsv", rows)], expected)

    def test_doubles(self):
        groups = {"z": ["0", "-0"], "i": ["inf", "nan"], "n": ["1.5", "-2"]}
        self.check_values("min-doubles", groups,
                          lambda values: min(values, key=lambda v: (float(v), v != b"-0")))


class UsersOwn(AggregateTest):
    @staticmethod
    def set_of(values):
        return b"".join(value + b"," for value in sorted(set(values)))

    def test_sets(self):
        self.check_values("sets", {"a": ["x", "y", "x"], "b": ["one"], "c": list("zyxwv") * 4},
                          self.set_of)

    def test_big_sets(self):
        dice = random.Random(5)
        groups = defaultdict(list)
        for word in inputs.words(6, 5000, 400):
            groups[f"k{int(200 * dice.random() ** 4)}"].append(word)
        self.check_values("sets", groups, self.set_of, ODD_FOR_BIG)

    def test_spans(self):
        dice = random.Random(7)
        groups = {f"k{i}": [dice.randrange(-10**6, 10**6) for _ in range(dice.randrange(1, 30))]
                  for i in range(300)}
        self.check_values("spans", groups, lambda values: b"%d\t%d\t%d" % (
            min(map(int, values)), max(map(int, values)), len(values)), ODD_FOR_BIG)


if __name__ == "__main__":
    unittest.main()
