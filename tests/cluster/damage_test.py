"""What servers have lost while a job runs."""

import os
import unittest

from cluster_harness import TIMEOUT_S, JobTest, Journal, fixture, free_address, meddle

JOB = fixture("cluster_jobs", "paced")


class WaitingJob(JobTest):
    """A job that waits in map until it is told to go on, and its processes."""

    def setUp(self):
        super().setUp()
        self.make_folders("marks", "marks-embedded")
        lines = [b"line %d" % (i % 97) for i in range(3000)]
        lines[1500:1500] = [b"waits map"]
        self.write("in.txt", b"\n".join(lines) + b"\n")
        self.write("marks-embedded/map", b"")
        self.embedded(JOB, "in.txt", "--arg", "marks=marks-embedded", "-o", "expected",
                      "--partitions", "3")
        self.address = free_address()
        self.minke("put", "in", "in.txt")
        self.ended = []

    def wait_in_map(self):
        self.wait_until(lambda: os.path.exists(self.path("marks/map.waiting")))

    def go_on(self):
        self.write("marks/map", b"")

    def check_output(self):
        expected, found = self.files_of("expected"), self.files_of("out")
        self.assertEqual(sorted(found), sorted(expected))
        for name, content in expected.items():
            self.assertTrue(found[name] == content, name)

    def tearDown(self):
        for process in self.ended:
            process.kill()
            process.communicate(timeout=TIMEOUT_S)
        super().tearDown()

    def launch(self, *words):
        process = self.start(*words)
        self.ended.append(process)
        return process

    def master(self, job):
        return self.launch("master", "--job-id", job, "--listen", self.address, JOB, "dataset:in",
                           "--arg", "marks=marks", "-o", f"dataset:{job}", "--partitions", "3",
                           "--split-bytes", "4K")

    def worker(self, job, role):
        return self.launch(role, "--job-id", job, "--master", f"http://{self.address}",
                           "--threads", "2")

    def end_of(self, process):
        _, said = process.communicate(timeout=TIMEOUT_S)
        self.ended.remove(process)
        return process.returncode, said.decode(errors="replace")


class JournalLost(WaitingJob):
    def lose(self, job, what):
        master = self.master(job)
        self.worker(job, "mapper")
        self.wait_in_map()
        meddle(self, what, job)
        self.go_on()
        code, said = self.end_of(master)
        self.assertEqual(code, 78, said)
        self.assertIn("journal", said)
        code, said = self.end_of(self.master(job))
        self.assertEqual(code, 78, said)
        self.assertIn("journal", said)
        self.assertIn(f"minke rerun {job}", said)

    def test_journal_deleted(self):
        self.lose("deleted", "delete-journal")

    def test_journal_cut(self):
        self.lose("cut", "cut-journal")


class RowsLost(WaitingJob):
    """What mappers have stored goes while nobody reads it: with the mappers ended, a reducer runs
    the map tasks again."""

    def lose(self, job, what):
        master = self.master(job)
        self.go_on()
        code, said = self.end_of(self.worker(job, "mapper"))
        self.assertEqual(code, 0, said)
        meddle(self, what, job)
        reducer = self.worker(job, "reducer")
        for process in (master, reducer):
            code, said = self.end_of(process)
            self.assertEqual(code, 0, said)
        self.minke("get", job, "-o", "out")
        self.check_output()
        journal = Journal(self, job)
        self.assertGreater(journal.outputs_lost, 0)
        self.assertEqual(journal.failures, 0)
        journal.check()

    def test_map_output_lost(self):
        self.lose("rows", "lose-rows")

    def test_a_byte_differs(self):
        self.lose("byte", "flip-byte")


if __name__ == "__main__":
    unittest.main()
