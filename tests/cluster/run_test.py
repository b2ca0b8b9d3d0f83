"""minke run on a real Kafka and a real Cassandra: the output is that of a run on one machine, and
what goes wrong is told as there."""

import gzip
import os
import random
import signal
import unittest

from cluster_harness import TIMEOUT_S, JobTest, fixture


def words(count, seed):
    dice = random.Random(seed)
    return " ".join(f"w{int(dice.paretovariate(0.7))}" for _ in range(count))


def text(lines, seed):
    return b"".join(words(8, seed * lines + i).encode() + b"\n" for i in range(lines))


def rows(count, seed, keys):
    dice = random.Random(seed)
    return b"".join(b"k%d\t%d\n" % (dice.randrange(keys), dice.randrange(1000))
                    for _ in range(count))


class EveryJob(JobTest):
    """Built-in jobs, byte for byte."""

    def test_jobs_of_text(self):
        self.write("a.txt", text(6000, 1))
        self.write("b.txt", text(3000, 2))
        for job in (["wordcount", "--partitions", "3"], ["grep", "--arg", "fixed=w7"],
                    ["distinct"], ["inverted-index"], ["reverse-links"],
                    ["sort", "--partitions", "4"]):
            with self.subTest(job=job[0]):
                self.check_same([*job, "a.txt", "b.txt", "--split-bytes", "60K"])

    def test_join(self):
        self.write("l.tsv", rows(3000, 3, 500))
        self.write("r.tsv", rows(2000, 4, 500))
        self.check_same(["join", "left=l.tsv", "right=r.tsv", "--partitions", "2"])

    def test_top_k(self):
        self.write("in.tsv", rows(9000, 5, 700))
        self.check_same(["top-k", "--arg", "k=25", "in.tsv"])

    def test_sort_records(self):
        self.write("in.bin", random.Random(6).randbytes(100 * 4000))
        self.check_same(["sort", "--arg", "record-bytes=100", "--arg", "key-bytes=10", "in.bin",
                         "--partitions", "3", "--split-bytes", "50K"])

    def test_url_frequency(self):
        dice = random.Random(7)
        self.write("log", b"".join(b'h - - [x] "GET /%d HTTP/1.1" 200 7\n' % dice.randrange(300)
                                   for _ in range(4000)))
        self.check_same(["url-frequency", "log"])

    def test_term_vector(self):
        self.write("pages", b"".join(b"http://h%d.org/%d\t%s\n" % (i % 20, i, words(9, i).encode())
                                     for i in range(800)))
        self.check_same(["term-vector", "--arg", "top=3", "pages"])


class WaysInAndOut(JobTest):
    def setUp(self):
        super().setUp()
        self.text = text(3000, 8)
        self.write("a.txt", self.text)

    def test_one_file_in_key_order(self):
        expected = self.embedded("wordcount", "a.txt")[0]
        self.assertEqual(self.on_cluster("wordcount", "a.txt")[0], expected)
        self.on_cluster("wordcount", "a.txt", "--single-file", "one")
        self.assertEqual(self.read("one"), expected)

    def test_packed_files_and_pipes(self):
        self.write("a.gz", gzip.compress(self.text))
        self.check_same(["wordcount", "a.gz"])
        expected = self.embedded("wordcount", "a.txt")[0]
        self.assertEqual(self.on_cluster("wordcount", "-", stdin=self.text)[0], expected)

    def test_no_records(self):
        self.write("none", b"")
        self.check_same(["wordcount", "none"])

    def test_side_files_side_outputs_and_json(self):
        known = {line for line in self.text.split(b"\n")[::3] if line}
        self.write("known.gz", b"\n".join(sorted(known)) + b"\n")  # whatever its name says
        job = [fixture("cluster_jobs", "marked"), "a.txt", "--file", "known=known.gz", "--format",
               "json", "--partitions", "2"]
        self.check_same(job)
        self.assertIn("unknown-00000", self.files_of("cluster"))

    def test_datasets(self):
        self.minke("put", "books", "a.txt")
        self.on_cluster("wordcount", "dataset:books", "-o", "dataset:counts", "--partitions", "2")
        self.minke("get", "counts", "-o", "got")
        self.embedded("wordcount", "a.txt", "-o", "expected", "--partitions", "2")
        self.assertEqual(self.files_of("got"), self.files_of("expected"))

    def test_nothing_temporary_stays(self):
        before = self.listed()
        self.on_cluster("wordcount", "a.txt")
        self.assertEqual(self.listed(), before)


class Wrong(JobTest):
    def setUp(self):
        super().setUp()
        self.write("in.txt", b"one\nbad\ntwo\n" * 20)

    def bad(self, where, how, code, *more):
        words_ = [fixture("bad_code", where), "in.txt", "--arg", f"how={how}", "-o", "out", *more]
        _, said = self.on_cluster(*words_, code=code)
        self.assertNotIn("out", os.listdir(self.folder))
        return said

    def test_user_code_throws(self):
        self.assertIn("it does not like this", self.bad("map", "throw", 70))
        self.assertIn("it does not like this", self.bad("reduce", "throw", 70))

    def test_user_code_crashes(self):
        said = self.bad("map", "segfault", 70)
        self.assertIn("map task 0", said)
        self.assertIn("SIGSEGV", said)

    def test_user_code_hangs(self):
        said = self.bad("map", "loop", 70, "--task-timeout", "1", "--attempts", "2")
        self.assertIn("made no progress for 1 s", said)

    def test_it_crashes_when_it_is_declared(self):
        self.assertIn("while it was declared", self.bad("declare", "segfault", 70))

    def test_wrong_input(self):
        self.assertIn("missing.txt", self.on_cluster("wordcount", "missing.txt", code=65)[1])
        self.assertIn("dataset nope", self.on_cluster("wordcount", "dataset:nope", code=65)[1])

    def test_paths_are_not_for_a_master(self):
        for words_ in (["in.txt", "-o", "dataset:x"], ["dataset:x", "-o", "out"],
                       ["dataset:x", "-o", "dataset:y", "--file", "a=in.txt"]):
            _, said = self.minke("master", "--job-id", "paths", "wordcount", *words_, code=64)
            self.assertIn("dataset:NAME", said)

    def test_a_job_that_crashes_when_its_master_declares_it(self):
        _, said = self.minke("master", "--job-id", "declared", fixture("bad_code", "declare"),
                             "dataset:x", "-o", "dataset:y", "--arg", "how=segfault", code=70)
        self.assertIn("while it was declared: SIGSEGV", said)

    def test_nobody_there(self):
        _, said = self.on_cluster("wordcount", "in.txt", "--service-timeout", "1",
                                  "--cassandra", "127.0.0.1:1", code=75)
        self.assertIn("127.0.0.1:1", said)
        _, said = self.on_cluster("wordcount", "in.txt", "--service-timeout", "1",
                                  "--kafka", "127.0.0.1:1", code=75)
        self.assertIn("127.0.0.1:1", said)


class Stopped(JobTest):
    def stop(self, number, code):
        self.write("in.txt", b"line\n" * 2000)
        run = self.start("run", fixture("cluster_jobs", "paced"), "in.txt", "--arg", "ms=20",
                         "-o", "out", "-m", "1", "-r", "1")
        self.wait_until(lambda: len(self.processes("mapper")) == 2)  # supervisor and child
        run.send_signal(number)
        _, said = run.communicate(timeout=TIMEOUT_S)
        self.assertEqual(run.returncode, code, said)
        if number != signal.SIGKILL:  # what that leaves aside, the next run removes
            self.assertNotIn("out", os.listdir(self.folder))
        self.wait_until(lambda: not self.processes())

    def test_ctrl_c(self):
        self.stop(signal.SIGINT, 130)

    def test_sigterm(self):
        self.stop(signal.SIGTERM, 143)

    def test_all_end_with_the_command(self):
        self.stop(signal.SIGKILL, -signal.SIGKILL)


if __name__ == "__main__":
    unittest.main()
