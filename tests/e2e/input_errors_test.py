"""Inputs that are missing, unreadable, damaged or change: 65, with the path and what to do."""

import bz2
import gzip
import lzma
import os
import subprocess
import unittest

from harness import MinkeTest, UNPRIVILEGED, fixture

MIB = 1 << 20


class InputErrors(MinkeTest):
    def test_missing(self):
        self.run_badly(65, "wordcount", "absent.txt", "-o", "out",
                       saying=["absent.txt", "No such file", "check the name"])

    def test_pattern_that_matches_nothing(self):
        self.run_badly(65, "wordcount", "absent*.txt", "-o", "out",
                       saying=["no file matches", "absent*.txt"])

    def test_folder_without_files_is_no_error(self):
        os.mkdir(self.path("empty"))
        self.run_well("wordcount", "empty", "-o", "out")
        self.assertEqual(self.success_of("out")["records"], 0)

    def test_dangling_symlink_and_loops(self):
        os.mkdir(self.path("in"))
        os.symlink("nowhere", self.path("in/link"))
        self.run_badly(65, "wordcount", "in", "-o", "out", saying=["in/link", "symlink to nothing"])
        os.unlink(self.path("in/link"))
        os.symlink("self", self.path("self"))
        self.run_badly(65, "wordcount", "self", "-o", "out", saying=["self", "symbolic links"])
        os.symlink("..", self.path("in/up"))
        self.run_badly(65, "wordcount", "in", "-o", "out", saying=["in/up", "loop"])

    def test_unreadable(self):
        self.write("in/secret.txt", b"a\n")
        os.chmod(self.path("in/secret.txt"), 0)
        for named in ("in", "in/secret.txt"):
            self.run_badly(65, "wordcount", named, "-o", "out", prefix=UNPRIVILEGED,
                           saying=["in/secret.txt", "Permission denied"])
        os.chmod(self.path("in/secret.txt"), 0o600)
        os.chmod(self.path("in"), 0)
        self.addCleanup(os.chmod, self.path("in"), 0o700)
        self.run_badly(65, "wordcount", "in", "-o", "out", prefix=UNPRIVILEGED,
                       saying=["in", "Permission denied"])

    def test_unreadable_side_file(self):
        self.write("in.txt", b"a\n")
        self.run_badly(65, fixture("bad_use", "no-file"), "in.txt", "-o", "out", "--file",
                       "words=absent", saying=["absent", "words", "No such file"])

    def test_truncated_gzip_and_zstd(self):
        text = b"".join(b"line %d\n" % number for number in range(100_000))
        self.write("whole.gz", gzip.compress(text))
        self.write("whole.txt", text)
        subprocess.run(["zstd", "-q", "whole.txt", "-o", "whole.zst"], cwd=self.folder, check=True)
        for kind in ("gz", "zst"):
            whole = self.read(f"whole.{kind}")
            # In the header, in the first block, in the middle, and by one byte.
            for size in (4, 30, len(whole) // 2, len(whole) - 1):
                with self.subTest(kind=kind, size=size):
                    self.write(f"cut.{kind}", whole[:size])
                    self.run_badly(65, "wordcount", f"cut.{kind}", "-o", "out",
                                   saying=[f"cut.{kind}", "cut off"])

    def test_damaged_gzip_and_zstd(self):
        text = b"".join(b"line %d\n" % number for number in range(100_000))
        self.write("whole.txt", text)
        self.write("whole.gz", gzip.compress(text))
        subprocess.run(["zstd", "-q", "--check", "whole.txt", "-o", "whole.zst"], cwd=self.folder,
                       check=True)
        for kind in ("gz", "zst"):
            with self.subTest(kind=kind):
                bad = bytearray(self.read(f"whole.{kind}"))
                bad[len(bad) // 2] ^= 0x55
                self.write(f"bad.{kind}", bytes(bad))
                self.run_badly(65, "wordcount", f"bad.{kind}", "-o", "out",
                               saying=[f"bad.{kind}", "damaged"])

    def test_other_compression_is_refused_by_name(self):
        self.write("in.bz2", bz2.compress(b"a\n"))
        self.run_badly(65, "wordcount", "in.bz2", "-o", "out",
                       saying=["in.bz2", "bzip2", "gzip and zstd"])
        self.write("in.xz", lzma.compress(b"a\n"))
        self.run_badly(65, "wordcount", "in.xz", "-o", "out",
                       saying=["in.xz", "xz", "gzip and zstd"])

    def test_line_over_the_limit(self):
        with open(self.path("long.txt"), "wb") as file:
            file.write(b"a\n")
            file.truncate(257 * MIB)  # zeros that lie on no disk
        self.run_badly(65, "wordcount", "long.txt", "-o", "out", "--split-bytes", "1G",
                       saying=["long.txt", "byte 2", "268435456 bytes, the limit of a record"])

    def test_file_that_changes_while_it_is_read(self):
        # One thread and five splits: the first record of the first makes the change.
        job = [fixture("bad_use", "changes"), "in.txt", "--threads", "1", "--split-bytes", "100K",
               "--arg", "path=in.txt", "-o", "out"]
        text = b"".join(b"line %d\n" % number for number in range(40_000))
        for how, saying in (("grow", "changed while the job ran"),
                            ("shrink", "was cut while the job ran"),
                            ("replace", "changed while the job ran"),
                            ("remove", "could be read when the job began")):
            with self.subTest(how=how):
                self.write("in.txt", text)
                done = self.minke("run", *job, "--arg", f"how={how}")
                self.assertEqual(done.code, 65, done.err)
                self.assertIn("in.txt", done.err)
                self.assertIn(saying, done.err)
                self.assertIn("run again", done.err)
                self.assertFalse(os.path.exists(self.path("out")))
                self.assertEqual(os.listdir(self.path("spill")), [])


if __name__ == "__main__":
    unittest.main()
