"""Runs that are stopped: by signals, by a reader that goes away, by kill -9. Nothing partial stays,
nothing lives on, and the next run on the same output works.
"""

import os
import signal
import subprocess
import time
import unittest

from harness import SLOWNESS, MinkeTest, fixture

BOUND_S = 20 * SLOWNESS  # for what must happen, but not at once


def wait_until(condition, what):
    """Polls: what is awaited is a file or the end of a process that is no child of ours."""
    end = time.monotonic() + BOUND_S
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {BOUND_S} s")
        time.sleep(0.005)


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


class StartedRun(MinkeTest):
    def setUp(self):
        super().setUp()
        self.write("in.txt", b"a\nb\n")

    def started(self, job, *flags):
        """A run whose user code has begun."""
        process = self.start("run", fixture("bad_use", job), "in.txt", *flags)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        wait_until(lambda: os.path.exists(self.path("started")), "user code begins")
        os.unlink(self.path("started"))
        return process


class Stopped(StartedRun):
    def check_stops(self, job, number, code, text, *flags):
        before = self.names()
        process = self.started(job, *flags)
        begin = time.monotonic()
        process.send_signal(number)
        _, err = process.communicate(timeout=BOUND_S)
        self.assertLess(time.monotonic() - begin, 1.5, "stops within a second")
        self.assertEqual(process.returncode, code, err)
        self.assertIn(text, err.decode())
        if os.path.exists(self.path("started")):
            os.unlink(self.path("started"))
        self.assertEqual(self.names(), before)

    def test_ctrl_c(self):
        for flags in (["-o", "out"], ["-o", "deep/er/out"], ["--single-file", "one"], []):
            self.check_stops("waits", signal.SIGINT, 130, "interrupted", *flags)

    def test_ctrl_c_with_user_code_that_never_looks(self):
        self.check_stops("deaf", signal.SIGINT, 130, "interrupted", "-o", "out")

    def test_sigterm(self):
        self.check_stops("waits", signal.SIGTERM, 143, "terminated", "-o", "out")
        self.check_stops("deaf", signal.SIGTERM, 143, "terminated", "-o", "out")

    def test_ctrl_c_while_a_crash_is_looked_for(self):
        self.write("in.txt", b"bad\n")
        before = self.names()
        process = self.start("run", fixture("bad_code", "map"), "in.txt", "--arg", "how=loop",
                             "--task-timeout", "1", "-o", "out")
        self.addCleanup(process.kill)
        first = []
        wait_until(lambda: first or first.extend(children_of(process.pid)), "a child")
        wait_until(lambda: any(child not in first for child in children_of(process.pid)),
                   "the child that searches")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=BOUND_S)
        self.assertEqual(process.returncode, 130, err)
        self.assertIn("interrupted", err.decode())
        self.assertEqual(self.names(), before)

    def test_an_output_that_is_replaced_stays(self):
        self.run_well("wordcount", "in.txt", "-o", "out")
        before = self.output_of("out")
        process = self.started("waits", "-o", "out", "--overwrite")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=BOUND_S)
        self.assertEqual(process.returncode, 130)
        self.assertEqual(self.output_of("out"), before)

    def test_reader_that_goes_away(self):
        self.write("big.txt", b"".join(b"%d\n" % number for number in range(300_000)))
        process = self.start("run", "distinct", "big.txt", "--quiet")
        self.assertEqual(process.stdout.readline(), b"0\n")
        process.stdout.close()
        err = process.stderr.read()
        process.stderr.close()
        self.assertEqual((process.wait(timeout=BOUND_S), err), (0, b""))


class Killed(StartedRun):
    """kill -9 leaves what it leaves; the next run clears it."""

    def test_child_dies_with_its_parent(self):
        process = self.started("deaf", "-o", "out")
        children = children_of(process.pid)
        self.assertEqual(len(children), 1)
        process.kill()
        process.communicate()
        wait_until(lambda: not is_alive(children[0]), "the child dies")

    def test_child_that_is_killed_from_outside(self):
        before = self.names()
        process = self.started("deaf", "-o", "out")
        os.kill(children_of(process.pid)[0], signal.SIGKILL)
        _, err = process.communicate(timeout=BOUND_S)
        self.assertEqual(process.returncode, 71)
        self.assertIn("killed from outside (out of memory?)", err.decode())
        self.assertIn("--memory", err.decode())
        if os.path.exists(self.path("started")):
            os.unlink(self.path("started"))
        self.assertEqual(self.names(), before)

    def killed(self, *flags):
        process = self.started("deaf", *flags)
        child = children_of(process.pid)[0]
        process.kill()
        process.communicate()
        wait_until(lambda: not is_alive(child), "the child dies")
        if os.path.exists(self.path("started")):
            os.unlink(self.path("started"))

    def test_next_run_on_the_same_output_works(self):
        self.killed("-o", "out")
        self.assertTrue(os.listdir(self.path("out")))
        self.run_well("wordcount", "in.txt", "-o", "out")
        self.assertEqual(self.parts_of("out"), [b"a\t1\nb\t1\n"])

    def test_next_run_on_the_same_file_works(self):
        self.killed("--single-file", "one")
        self.run_well("wordcount", "in.txt", "--single-file", "one")
        self.assertEqual(self.read("one"), b"a\t1\nb\t1\n")
        self.assertEqual([name for name in self.names() if name.startswith("one")], ["one"])

    def test_another_run_is_writing_there(self):
        process = self.started("waits", "-o", "out")
        self.run_badly(64, "wordcount", "in.txt", "-o", "out",
                       saying=["another run is writing to out", "wait for it"])
        self.write("go", b"")
        process.communicate(timeout=BOUND_S)
        self.assertEqual(process.returncode, 0)
        self.assertEqual(b"".join(self.parts_of("out")), b"a\nb\n")

    def test_half_renamed(self):
        """Killed between two renames of part files, whichever: the next run starts clean."""
        self.write("in.txt", b"".join(b"%d\n" % number for number in range(40)))
        self.run_well("wordcount", "in.txt", "-o", "expected", "--partitions", "5")
        expected = self.output_of("expected")
        for calls in range(1, 7):
            with self.subTest(renames=calls):
                done = self.minke("run", "wordcount", "in.txt", "-o", "out", "--partitions", "5",
                                  env=self.environment() | {
                                      "LD_PRELOAD": fixture("dies_at_rename"),
                                      "ASAN_OPTIONS": "verify_asan_link_order=0",
                                      "DIES_AT_RENAME": str(calls)})
                self.assertNotEqual(done.code, 0)
                self.assertFalse(os.path.exists(self.path("out/_SUCCESS")))
                left = os.listdir(self.path("out")) if os.path.exists(self.path("out")) else []
                self.run_well("wordcount", "in.txt", "-o", "out", "--partitions", "5")
                self.assertEqual(self.output_of("out"), expected, f"after {left}")
                subprocess.run(["rm", "-r", self.path("out")], check=True)


if __name__ == "__main__":
    unittest.main()
