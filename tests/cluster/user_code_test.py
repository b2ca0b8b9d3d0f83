"""User code that does what it should not, on a cluster."""

import unittest

from cluster_harness import Crew, JobTest, Journal, fixture


class Unruly(JobTest):
    def setUp(self):
        super().setUp()
        self.lines = [b"line %d" % (i % 50) for i in range(400)]

    def job(self, name, *words):
        self.write("in.txt", b"\n".join(self.lines) + b"\n")
        return [fixture("unruly_jobs", name), "in.txt", *words]

    def test_a_hundred_megabytes_on_standard_error(self):
        self.lines[100] = b"noise"
        words = self.job("noisy", "--partitions", "2", "--split-bytes", "1K")
        self.embedded(*words, "-o", "embedded")
        _, said = self.on_cluster(*words, "-o", "cluster")
        self.assertGreater(len(said), 100_000_000 - 1)
        self.assertEqual(self.files_of("cluster"), self.files_of("embedded"))

    def test_bad_records_are_set_aside(self):
        for i in (30, 100, 333):
            self.lines[i] = b"bad"
        self.write("in.txt", b"\n".join(self.lines) + b"\n")
        self.check_same([fixture("bad_code", "map"), "in.txt", "--arg", "how=throw", "--skip-bad",
                         "3", "--partitions", "2", "--split-bytes", "1K"])
        _, said = self.on_cluster(fixture("bad_code", "map"), "in.txt", "--arg", "how=throw",
                                  "--skip-bad", "2", "--split-bytes", "1K", "-o", "out", code=70)
        self.assertIn("3 records or groups are bad, more than the 2", said)

    def test_a_record_over_the_limit(self):
        self.write("in.txt", b"one\n")
        _, said = self.on_cluster(fixture("bad_use", "large"), "in.txt", "--arg",
                                  "bytes=268435457", "--attempts", "1", "-o", "out", code=70)
        self.assertIn("256 MiB", said)

    def test_a_task_that_gets_its_workers_killed_ends_the_job(self):
        """History leaking-task: 20 losses, then a clear end."""
        self.lines[100] = b"greedy"
        _, said = self.on_cluster(*self.job("greedy", "-o", "out", "--split-bytes", "1K"),
                                  code=70)
        self.assertIn("map task", said)
        self.assertIn("20", said)


class Backups(JobTest):
    def test_a_slow_worker_is_overtaken(self):
        """Its attempt goes on, and a second one beside it wins."""
        # Four map tasks of as many batches: how fast one is, is known by the batch.
        self.write("in.txt", b"".join(b"line %03d %s\n" % (i, b"." * 65_000) for i in range(128)))
        self.minke("put", "in", "in.txt")
        job = fixture("unruly_jobs", "uneven")
        self.embedded(job, "in.txt", "--partitions", "2", "-o", "expected")
        crew = Crew(self, "backups", ["-m", "2", "-r", "1", "--partitions", "2", "--split-bytes",
                                      "2M", job, "dataset:in", "-o", "dataset:out"],
                    ["--threads", "1"])
        crew.start("master")
        crew.start("mapper", UNEVEN_MS="4000")
        self.wait_until(lambda: (crew.view() or {"attempts": 0})["attempts"] > 0)
        crew.start("mapper", "reducer", UNEVEN_MS="200")
        crew.to_the_end()
        self.minke("get", "out", "-o", "out")
        self.assertEqual(self.files_of("out"), self.files_of("expected"))
        journal = Journal(self, crew.job)
        journal.check()
        self.assertTrue(journal.backups & journal.winners)


if __name__ == "__main__":
    unittest.main()
