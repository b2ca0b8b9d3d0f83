"""Small inputs that are hard in some way each, the same on every run."""

import random

LETTERS = "abcdefghij"


def words(seed, count, distinct=40):
    """Words of a few letters, the earlier ones more frequent."""
    dice = random.Random(seed)
    known = ["".join(dice.choices(LETTERS, k=dice.randint(1, 9))) for _ in range(distinct)]
    return [known[int(distinct * dice.random() ** 2)] for _ in range(count)]


def lines(seed, count, distinct=40):
    dice = random.Random(seed)
    pool = iter(words(seed, 9 * count, distinct))
    return [" ".join(next(pool) for _ in range(dice.randint(0, 8))) for _ in range(count)]


def joined(rows, end="\n"):
    return "".join(row + end for row in rows).encode()


def binary(seed, size):
    return random.Random(seed).randbytes(size)


def texts():
    """{name: bytes}, each small enough for a map task per byte."""
    unicode_words = "Größe größe naïve 北京 Ελλάδα 🐋 é é ﬁ \u2028 \u00a0x \ufeff".split(" ")
    return {
        "plain": joined(lines(1, 12)),
        "unicode": joined([" ".join(unicode_words), "🐋 北京", "Größe"] * 3),
        "empty_lines": b"\n\na b\n\n\n\nb\n\n",
        "crlf": joined(lines(2, 8), "\r\n") + b"\r\r\na\rb\r\n",
        "no_last_newline": b"a b\nc",
        "white_space": b"  a\tb\x0bc\x0cd  \t e \n \n\t\nf",
        "long_line": b"x" * 110 + b" " + b"yz " * 40 + b"\n" + b"x" * 110 + b"\n",
        "binary": binary(3, 500),
        "zeros_and_ones": b"\0\0 \0\n\xff\xff \xff\n\0\n\x01 \x01\x01\n\xff\n",
        "skew": joined(["the the the the the the the a"] * 8 + ["b"]),
        "one_key": b"a\n" * 40,
        "duplicates": joined(lines(4, 5) * 3),
        "no_records": b"",
        "one_newline": b"\n",
        "prefixes": joined(["a", "aa", "aaa", "ab", "a" * 8, "a" * 9, "a" * 16, "a" * 17, "b"] * 2),
    }


def big_text(seed=5, count=12000):
    """Enough for many spills at a small budget; keys of many lengths."""
    return joined(lines(seed, count, distinct=3000)) + b"w" * 70000 + b" end\n"
