"""Runs the engine and its yardstick in turn, compares what they answer, and takes their times."""

import glob
import hashlib
import os
import shutil
import statistics
import subprocess
import sys
from dataclasses import dataclass

import programs

MB = 10**6
# What a run may need beyond what it needed before.
MORE_TOUCH_MB = 200


class WrongAnswer(Exception):
    pass


@dataclass(frozen=True)
class Run:
    wall_s: float
    cpu_s: float
    peak_mb: float


@dataclass(frozen=True)
class Pair:
    engine: Run
    yardstick: Run


@dataclass(frozen=True)
class Measured:
    """A row's pairs. Ratios are engine ÷ yardstick, per pair."""
    pairs: list

    def ratios(self, what):
        return [getattr(pair.engine, what) / max(getattr(pair.yardstick, what), 1e-9)
                for pair in self.pairs]

    def ratio(self, what):
        return statistics.median(self.ratios(what))

    def median(self, side, what):
        return statistics.median(getattr(getattr(pair, side), what) for pair in self.pairs)

    def most(self, side, what):
        return max(getattr(getattr(pair, side), what) for pair in self.pairs)


def measure(row, input_path, scratch, chosen, say):
    """One row's pairs, after a first one that warms up and whose answers are compared. Of the
    command's flags it takes --pairs and --touch."""
    sides = {side: _Side(side, command, row, input_path, scratch)
             for side, command in (("engine", row.engine), ("yardstick", row.yardstick))}
    warm = {side: one.run(_affordable(chosen.touch), 1) for side, one in sides.items()}
    if row.answer:
        row.answer(sides["engine"].output, sides["yardstick"].output)
        say(f"{row.name}: both answer the same")
    for one in sides.values():
        one.remember()
    touch_mb = _affordable(max(run.peak_mb for run in warm.values()) + MORE_TOUCH_MB +
                           max(one.output_bytes for one in sides.values()) / MB)
    pairs = []
    for number in range(chosen.pairs):
        pair = Pair(*(sides[side].run(touch_mb, row.repeat) for side in ("engine", "yardstick")))
        for one in sides.values():
            one.check()
        pairs.append(pair)
        say(f"{row.name}: pair {number + 1} of {chosen.pairs}: "
            f"{pair.engine.wall_s:.3f} s ÷ {pair.yardstick.wall_s:.3f} s = "
            f"{pair.engine.wall_s / pair.yardstick.wall_s:.2f}")
    return Measured(pairs)


class _Side:
    """One of the two commands and where it writes."""

    def __init__(self, side, command, row, input_path, scratch):
        self.row = row
        self.what = f"{row.name}, {side}"
        self.output = os.path.join(scratch, side)
        self.errors = os.path.join(scratch, side + ".err")
        self.digest = None
        self.output_bytes = 0
        places = {"input": input_path, "output": self.output, "run": "{run}"}
        self.command = [programs.path(word[1:]) if word.startswith("@") else word.format(**places)
                        for word in command]
        self.standard_output = self.output if row.prints(side) else os.devnull

    def run(self, touch_mb, repeat):
        """Runs it `repeat` times; returns medians, and the highest peak."""
        self._clear()
        done = subprocess.run(
            [programs.path("launcher"), "-n", str(repeat), "-t", str(touch_mb),
             "-o", self.standard_output, "-e", self.errors, *self.command],
            stdout=subprocess.PIPE, text=True)
        if done.returncode != 0:
            sys.exit(f"bench: {self.what} failed: {' '.join(self.command)}\n{self._error_text()}")
        runs = [[int(word) for word in line.split()] for line in done.stdout.splitlines()]
        return Run(wall_s=statistics.median(run[0] for run in runs) / 1e9,
                   cpu_s=statistics.median(run[1] for run in runs) / 1e6,
                   peak_mb=max(run[2] for run in runs) * 1024 / MB)

    def remember(self):
        """What was just written is the right answer."""
        self.digest, self.output_bytes = _digest_of(self.output)

    def check(self):
        digest, _ = _digest_of(self.output)
        if digest != self.digest and self.row.answer:
            raise WrongAnswer(f"{self.what}: a later run wrote other bytes than the first")

    def _clear(self):
        shutil.rmtree(self.output, ignore_errors=True)
        if os.path.isfile(self.output):
            os.remove(self.output)
        if self.row.repeat > 1:
            os.makedirs(self.output)

    def _error_text(self):
        try:
            with open(self.errors, encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""


def parts_of(output):
    """The files of an answer in order: a folder's parts, or the one file."""
    if os.path.isdir(output):
        return sorted(glob.glob(os.path.join(glob.escape(output), "part-*")))
    return [output] if os.path.exists(output) else []


def _digest_of(output):
    digest, size = hashlib.sha256(), 0
    for part in parts_of(output):
        with open(part, "rb") as file:
            while piece := file.read(MB):
                digest.update(piece)
                size += len(piece)
    return digest.hexdigest(), size


def _affordable(megabytes):
    """So much, or half of what the machine can spare."""
    with open("/proc/meminfo", encoding="ascii") as file:
        available = next(line for line in file if line.startswith("MemAvailable:"))
    return int(min(megabytes, int(available.split()[1]) * 1024 / MB / 2))
