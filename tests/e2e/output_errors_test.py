"""Outputs that are there already, that cannot be written, or that run full; spills that run full.

A full disk is a limit on the size of files (RLIMIT_FSIZE): unlike a small file system it takes no
privilege, so it works for root in a container, for CI and for everybody else. /dev/full gives the
real ENOSPC where a single stream is written.
"""

import os
import resource
import unittest

from harness import MinkeTest, UNPRIVILEGED, fixture

KIB = 1 << 10
MIB = 1 << 20


def files_of_at_most(size):
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


class OutputErrors(MinkeTest):
    def setUp(self):
        super().setUp()
        self.write("in/a.txt", b"b a\nb\n")
        self.write("big.txt", b"".join(b"%d\n" % number for number in range(200_000)))

    def test_folder_that_is_not_empty(self):
        self.write("out/mine.txt", b"mine")
        self.run_badly(64, "wordcount", "in", "-o", "out",
                       saying=["out", "not empty", "mine.txt", "--overwrite"])
        self.run_well("wordcount", "in", "-o", "out", "--overwrite")

    def test_output_of_an_earlier_run(self):
        self.run_well("wordcount", "in", "-o", "out")
        before = self.output_of("out")
        self.run_badly(64, "wordcount", "in", "-o", "out", saying=["out", "--overwrite"])
        self.assertEqual(self.output_of("out"), before)

    def test_overwrite_keeps_the_old_files_until_success(self):
        self.run_well("wordcount", "in", "-o", "out")
        before = self.output_of("out")
        self.write("c.txt", b"bad\n")
        self.run_badly(70, fixture("bad_code", "map"), "c.txt", "--arg", "how=throw", "-o", "out",
                       "--overwrite", saying=["it does not like this"])
        self.run_badly(70, fixture("bad_code", "map"), "c.txt", "--arg", "how=abort", "-o", "out",
                       "--overwrite", saying=["SIGABRT"])
        self.assertEqual(self.output_of("out"), before)

    def test_folder_in_the_output_is_never_removed(self):
        self.write("out/kept/mine.txt", b"mine")
        self.run_badly(64, "wordcount", "in", "-o", "out", "--overwrite",
                       saying=["out", "kept", "remove it yourself"])

    def test_output_folder_that_is_a_file(self):
        self.write("out", b"mine")
        self.run_badly(64, "wordcount", "in", "-o", "out", saying=["out is a file"])

    def test_single_file_that_exists(self):
        self.write("one", b"mine")
        self.run_badly(64, "wordcount", "in", "--single-file", "one",
                       saying=["one exists", "--overwrite"])
        self.assertEqual(self.read("one"), b"mine")

    def test_output_inside_an_input(self):
        self.run_badly(64, "wordcount", "in", "-o", "in/out",
                       saying=["in/out", "inside the input", "another place"])
        self.run_badly(64, "wordcount", "in", "--single-file", "in/one",
                       saying=["in/one", "inside the input"])

    def test_output_that_is_an_input(self):
        self.run_badly(64, "wordcount", "in", "-o", "in", "--overwrite", saying=["in is the input"])
        self.run_badly(64, "wordcount", "in/a.txt", "--single-file", "in/a.txt", "--overwrite",
                       saying=["in/a.txt is the input"])
        self.run_badly(64, "wordcount", "in/a.txt", "-o", "in", "--overwrite",
                       saying=["in holds the input"])
        os.symlink("in", self.path("link"))
        self.run_badly(64, "wordcount", "in", "-o", "link/out", saying=["link/out", "inside"])

    def test_unwritable_place(self):
        os.mkdir(self.path("closed"), 0o500)
        self.run_badly(74, "wordcount", "in", "-o", "closed/out", prefix=UNPRIVILEGED,
                       saying=["closed/out", "Permission denied"])
        self.run_badly(74, "wordcount", "in", "-o", "closed", prefix=UNPRIVILEGED,
                       saying=["closed", "Permission denied"])
        self.run_badly(74, "wordcount", "in", "--single-file", "closed/one", prefix=UNPRIVILEGED,
                       saying=["closed/one", "Permission denied"])
        self.run_badly(74, "wordcount", "in", "--single-file", "absent/one",
                       saying=["absent/one", "No such file"])

    def test_full_disk(self):
        limit = {"preexec_fn": files_of_at_most(100 * KIB)}
        self.run_badly(74, "wordcount", "big.txt", "-o", "out", **limit,
                       saying=["out", "File too large"])
        self.run_badly(74, "grep", "--arg", "fixed=1", "big.txt", "-o", "deep/out", **limit,
                       saying=["deep/out", "File too large"])

    def test_full_disk_under_a_single_file(self):
        limit = {"preexec_fn": files_of_at_most(1 * MIB)}
        self.write("bigger.txt", b"".join(b"%d x\n" % number for number in range(200_000)))
        self.run_badly(74, "distinct", "bigger.txt", "--single-file", "one", "--partitions", "4",
                       **limit, saying=["one", "File too large"])

    def test_full_standard_output(self):
        with open("/dev/full", "wb") as full:
            self.run_badly(74, "wordcount", "big.txt", stdout=full,
                           saying=["standard output", "No space left on device"])

    def test_full_spill_disk(self):
        said = self.run_badly(78, "distinct", "big.txt", "-o", "out", "--memory", "64K",
                              preexec_fn=files_of_at_most(20 * KIB),
                              saying=["spill", "File too large", "--spill"])
        self.assertNotIn("--attempts", said, "a repeat cannot heal it")

    def test_spill_limit(self):
        said = self.run_badly(78, "distinct", "big.txt", "-o", "out", "--memory", "64K",
                              "--spill-bytes", "16K", saying=["--spill-bytes"])
        self.assertNotIn("--attempts", said, "a repeat cannot heal it")

    def test_spill_folder_that_is_none(self):
        self.run_badly(78, "wordcount", "in", "-o", "out", "--spill", "absent",
                       saying=["absent", "--spill"])


if __name__ == "__main__":
    unittest.main()
