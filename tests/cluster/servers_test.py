"""Servers that die while a job runs, and what they lose."""

import os
import time
import unittest

from cluster_harness import TIMEOUT_S, JobTest, Journal, fixture, free_address, meddle

JOB = fixture("cluster_jobs", "paced")
AWAY_S = 30


class WaitingJob(JobTest):
    """A job that waits in map and in reduce until it is told to go on."""

    def setUp(self):
        super().setUp()
        self.make_folders("marks", "marks-embedded")
        lines = [b"line %d" % (i % 97) for i in range(3000)]
        lines[1500:1500] = [b"waits map", b"reduce waits reduce"]
        self.write("in.txt", b"\n".join(lines) + b"\n")
        for name in ("map", "reduce"):
            self.write(f"marks-embedded/{name}", b"")
        self.embedded(JOB, "in.txt", "--arg", "marks=marks-embedded", "-o", "expected",
                      "--partitions", "3")

    def start_run(self):
        return self.start("run", JOB, "in.txt", "--arg", "marks=marks", "-o", "out",
                          "--partitions", "3", "--split-bytes", "4K", "-m", "2", "-r", "2",
                          "--json")

    def wait_at(self, phase):
        self.wait_until(lambda: os.path.exists(self.path(f"marks/{phase}.waiting")))

    def go_on(self, phase):
        self.write(f"marks/{phase}", b"")

    def check_end(self, run):
        _, said = run.communicate(timeout=TIMEOUT_S)
        self.assertEqual(run.returncode, 0, said.decode(errors="replace"))
        self.check_output()

    def check_output(self):
        expected, found = self.files_of("expected"), self.files_of("out")
        self.assertEqual(sorted(found), sorted(expected))
        for name, content in expected.items():
            self.assertTrue(found[name] == content, name)


class ServersDie(WaitingJob):
    LANE = "cluster-faults"

    def restart(self, server):
        self.lane.tell("kill", server)
        self.lane.tell("start", server)

    def tearDown(self):
        for server in ("kafka", "cassandra"):
            self.lane.tell("start", server)
        super().tearDown()

    def die(self, in_map, in_reduce):
        run = self.start_run()
        for phase, server in (("map", in_map), ("reduce", in_reduce)):
            self.wait_at(phase)
            self.lane.tell("kill", server)
            self.go_on(phase)  # what it does now meets no server
            self.lane.tell("start", server)
        self.check_end(run)

    def test_kafka_in_map_cassandra_in_reduce(self):
        self.die("kafka", "cassandra")

    def test_cassandra_in_map_kafka_in_reduce(self):
        self.die("cassandra", "kafka")

    def test_both_are_away_for_half_a_minute(self):
        run = self.start_run()
        self.wait_at("map")
        for server in ("kafka", "cassandra"):
            self.lane.tell("kill", server)
        for phase in ("map", "reduce"):
            self.go_on(phase)
        time.sleep(AWAY_S)  # it is this long that they are away
        self.assertIsNone(run.poll())
        for server in ("kafka", "cassandra"):
            self.lane.tell("start", server)
        self.check_end(run)


class SeparateProcesses(WaitingJob):
    """The same job, its processes started one by one."""

    def setUp(self):
        super().setUp()
        self.address = free_address()
        self.minke("put", "in", "in.txt")
        self.ended = []

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


class JournalLost(SeparateProcesses):
    def lose(self, job, what):
        master = self.master(job)
        self.worker(job, "mapper")
        self.wait_at("map")
        meddle(self, what, job)
        self.go_on("map")
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


class RowsLost(SeparateProcesses):
    """What mappers have stored goes while nobody reads it: with the mappers ended, a reducer runs
    the map tasks again."""

    def lose(self, job, what):
        master = self.master(job)
        self.go_on("map")
        self.go_on("reduce")
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
