"""A job's processes, ended at any moment: the output stays the same, and nothing that was committed
is run again."""

import subprocess
import unittest

from cluster_harness import TIMEOUT_S, JobTest, Journal, dying_master, fixture, free_address


class MasterDies(JobTest):
    def test_after_every_single_message(self):
        """By SIGKILL, when it reads the message back, or before it writes the next one."""
        lines = [b"line %d" % (i % 40) for i in range(1500)]
        lines[100], lines[900] = b"fails one", b"fails two"
        self.write("in.txt", b"\n".join(lines) + b"\n")
        self.make_folders("marks", "marks-embedded")
        self.minke("put", "in", "in.txt")
        job = fixture("cluster_jobs", "paced")
        self.embedded(job, "in.txt", "--arg", "marks=marks-embedded", "-o", "expected",
                      "--partitions", "3")
        address = free_address()
        workers = [self.start(role, "--job-id", "dies", "--master", f"http://{address}",
                              "--threads", "2") for role in ("mapper", "reducer")]
        lives, code = 0, -9
        while code == -9 and lives < 200:
            lives += 1
            moment = "read" if lives % 2 else "acted"
            code = subprocess.run(
                [dying_master(), "dies", address, "1", moment, "dataset:out", job, "dataset:in",
                 "marks=marks"], cwd=self.folder, env=self.environment(), timeout=TIMEOUT_S,
                check=False).returncode
        self.assertEqual(code, 0)
        for worker in workers:
            worker.communicate(timeout=TIMEOUT_S)
            self.assertEqual(worker.returncode, 0)
        self.minke("get", "out", "-o", "out")
        self.assertEqual(self.files_of("out"), self.files_of("expected"))
        journal = Journal(self, "dies")
        self.assertEqual(journal.claims, lives)
        self.assertEqual(journal.failures, 2)
        journal.check()


if __name__ == "__main__":
    unittest.main()
