"""Whether the engine answered what the yardstick did. Each raises WrongAnswer with the first line
that differs."""

import itertools
import os
import subprocess

from measure import WrongAnswer, parts_of

C_LOCALE = {**os.environ, "LC_ALL": "C"}


def same_counts(engine, yardstick):
    """The engine's `key TAB number` lines, sorted within each of its parts, against the yardstick's
    `key number` lines, sorted in one file."""
    merged = _lines_of(["sort", "--merge", "--batch-size=1021", "-t", "\t", "-k1,1",
                        *parts_of(engine)])
    with open(yardstick, "rb") as file:
        _compare((line.replace(b"\t", b" ") for line in merged), file, "merged by key")


def same_bytes(engine, yardstick):
    """The engine's parts, one behind the other, against the yardstick's, or its one file."""
    ours, theirs = (_lines_of(["cat", *parts_of(one)]) for one in (engine, yardstick))
    _compare(ours, theirs, "in the order of its parts")


def _lines_of(command):
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=C_LOCALE,
                          stdin=subprocess.DEVNULL, bufsize=1 << 20) as process:
        yield from process.stdout
    if process.returncode != 0:
        raise WrongAnswer(f"{command[0]} could not read an answer")


def _compare(ours, theirs, how):
    for number, (our, their) in enumerate(itertools.zip_longest(ours, theirs), 1):
        if our != their:
            raise WrongAnswer(f"line {number} of the answer ({how}) is {our!r}, "
                              f"the yardstick's is {their!r}")
