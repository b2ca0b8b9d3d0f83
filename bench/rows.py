"""What is measured, against what, and how much slower than that the engine may be.

A word of a command that begins with @ is a program of programs.py. A limit is (must, aim): of
`wall`, `cpu` and `peak` it is a ratio, engine ÷ yardstick; `peak_mb` and `engine_ms` are absolute.
"""

from collections.abc import Callable
from dataclasses import dataclass

import answers


@dataclass(frozen=True)
class Row:
    name: str
    summary: str
    corpus: str  # "" is an empty file
    engine: list
    yardstick: list
    limits: dict
    answer: Callable | None
    repeat: int = 1  # runs per measurement, for what takes milliseconds
    yardstick_prints: bool = False  # to standard output, instead of writing a file

    def prints(self, side):
        return side == "yardstick" and self.yardstick_prints


def _run(job, *flags, threads=2):
    return ["@minke", "run", job, "{input}", "-o", "{output}", "--threads", str(threads),
            "--quiet", *flags]


def _yardstick(name, threads=2):
    return ["@" + name, "{input}", "{output}", str(threads)]


def _wall_and_cpu(must, aim, **more):
    return {"wall": (must, aim), "cpu": (must, aim), **more}


def _word_count(corpus, limits):
    return Row(f"wordcount-{corpus}", f"count the words of {corpus}, 2 threads", corpus,
               _run("wordcount"), _yardstick("wordcount"), limits, answers.same_counts)


def _own_word_count(corpus, limits):
    return Row(f"wordcount-so-{corpus}", "the same by a user's job file, a byte at a time",
               corpus, _run("@wordcount.so"), _yardstick("wordcount"), limits,
               answers.same_counts)


def _one_thread_word_count(corpus):
    return Row(f"wordcount-1t-{corpus}", "the same, one thread against one", corpus,
               _run("wordcount", threads=1), _yardstick("wordcount", threads=1),
               _wall_and_cpu(1.3, 1.15), answers.same_counts)


ROWS = [
    _word_count("docs-1g", _wall_and_cpu(1.4, 1.2, peak=(3.0, 2.0))),
    _word_count("linux-1g", _wall_and_cpu(1.4, 1.2, peak=(1.5, 1.2))),
    _word_count("linux-200m", _wall_and_cpu(1.4, 1.2)),
    _own_word_count("docs-1g", _wall_and_cpu(2.0, 1.7)),
    _own_word_count("linux-1g", _wall_and_cpu(1.5, 1.2)),
    _one_thread_word_count("docs-1g"),
    _one_thread_word_count("linux-1g"),
    # 282 MB are the budget, 256 MiB, and 5 %; MB are 10^6 bytes, the smaller reading.
    Row("wordcount-256m-linux-1g", "linux-1g in a budget of 256 MiB: it spills", "linux-1g",
        _run("wordcount", "--memory", "256M"), _yardstick("wordcount"),
        _wall_and_cpu(3.0, 2.0, peak_mb=(282, 282)), answers.same_counts),
    Row("prefixes-docs-1g", "a user's job: count 3-byte prefixes of words", "docs-1g",
        _run("@prefixes.so"), _yardstick("prefixes"), _wall_and_cpu(1.5, 1.2),
        answers.same_counts),
    Row("hosts-logs-1g", "a user's job: sum the bytes of each host's log lines", "logs-1g",
        _run("@hosts.so"), _yardstick("hosts"), _wall_and_cpu(1.5, 1.2), answers.same_counts),
    Row("sort-tera-1g", "sort 10 M records of 100 bytes by their first 10", "tera-1g",
        _run("sort", "--arg", "record-bytes=100", "--arg", "key-bytes=10"),
        _yardstick("sort100"), _wall_and_cpu(1.6, 1.3, peak=(1.5, 1.2)), answers.same_bytes),
    Row("grep-linux-1g", "lines that hold EXPORT_SYMBOL, against ripgrep", "linux-1g",
        _run("grep", "--arg", "fixed=EXPORT_SYMBOL"),
        ["@rg", "-N", "-F", "EXPORT_SYMBOL", "{input}"], _wall_and_cpu(2.0, 1.2),
        answers.same_bytes, yardstick_prints=True),
    Row("empty-job", "count the words of no bytes, start to exit; against /bin/true", "",
        ["@minke", "run", "wordcount", "{input}", "-o", "{output}/{run}", "--quiet"], ["@true"],
        {"engine_ms": (10, 4)}, None, repeat=40),
]
