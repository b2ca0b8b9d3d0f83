"""setup, put, get, ls and rm against a real Cassandra."""

import gzip
import os
import random
import signal
import unittest

from cluster_harness import TIMEOUT_S, ClusterTest


def lines(count, seed):
    numbers = random.Random(seed)
    return b"".join(b"line %d of %d\n" % (i, numbers.randrange(10**9)) for i in range(count))


class Datasets(ClusterTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        first = cls("test_files_come_back_and_are_listed")
        first.setUp()
        first.minke("ls", code=78)
        first.minke("setup")
        first.minke("setup")
        first.doCleanups()

    def test_files_come_back_and_are_listed(self):
        big, odd = lines(400_000, 1), b"no end"
        self.write("a.txt", big)
        self.write("b.txt", odd)
        _, said = self.minke("put", "books", "a.txt", "b.txt")
        self.assertIn("400001 records", said)
        self.assertEqual(self.minke("get", "books")[0], big + odd)
        self.minke("get", "dataset:books", "-o", "out")
        self.assertEqual(self.read("out/part-00000"), big)
        self.assertEqual(self.read("out/part-00001"), odd)
        self.minke("verify", "out")
        listed = self.listed()["books"]
        self.assertEqual(listed["records"], 400_001)
        self.assertEqual(listed["bytes"], len(big + odd))
        self.assertEqual(self.listed("dataset:books")["books"], listed)

    def test_what_was_put_is_not_put_again_and_what_changed_is(self):
        self.write("a.txt", b"one\n")
        self.minke("put", "again", "a.txt")
        first = self.listed("again")["again"]["version"]
        self.assertIn("was there", self.minke("put", "again", "a.txt")[1])
        self.assertEqual(self.listed("again")["again"]["version"], first)
        self.write("a.txt", b"another\n")
        self.minke("put", "again", "a.txt")
        self.assertEqual(self.minke("get", "again")[0], b"another\n")

    def test_packed_files_and_pipes(self):
        text = lines(10_000, 2)
        self.write("a.gz", gzip.compress(text))
        self.minke("put", "packed", "a.gz")
        self.assertEqual(self.minke("get", "packed")[0], text)
        self.minke("put", "piped", "-", stdin=text)
        self.assertEqual(self.minke("get", "piped")[0], text)

    def test_a_put_that_is_killed_goes_on_and_is_not_seen_before(self):
        text = lines(4_000_000, 3)
        self.write("a.txt", text)
        killed = 0
        for _ in range(3):
            put = self.start("put", "killed", "a.txt", "--threads", "1")
            killed += self.has_read(put, 20)
            self.kill(put)
            self.assertNotIn("killed", self.listed())
        self.assertEqual(killed, 3)
        self.minke("put", "killed", "a.txt")
        self.assertEqual(self.minke("get", "killed")[0], text)

    @staticmethod
    def has_read(process, megabytes):
        """Waits until the process has read so much; False if it ended before."""
        while process.poll() is None:
            with open(f"/proc/{process.pid}/io", encoding="ascii") as file:
                if int(file.readline().split()[1]) >= megabytes * 1_000_000:
                    return True
        return False

    def test_ctrl_c_ends_a_put_with_130(self):
        self.write("a.txt", lines(4_000_000, 4))
        put = self.start("put", "interrupted", "a.txt", "--threads", "1")
        self.assertTrue(self.has_read(put, 20))
        put.send_signal(signal.SIGINT)
        put.communicate(timeout=TIMEOUT_S)
        self.assertEqual(put.returncode, 130)
        self.assertNotIn("interrupted", self.listed())

    def test_a_closed_pipe_ends_get_quietly(self):
        self.write("a.txt", lines(400_000, 5))
        self.minke("put", "long", "a.txt")
        get = self.start("get", "long")
        get.stdout.read(100)
        get.stdout.close()
        self.assertEqual(get.stderr.read(), b"")
        self.assertEqual(get.wait(timeout=TIMEOUT_S), 0)
        get.stderr.close()

    def test_rm_removes(self):
        self.write("a.txt", b"x\n")
        self.minke("put", "gone", "a.txt")
        self.minke("rm", "dataset:gone")
        self.assertNotIn("gone", self.listed())
        _, said = self.minke("get", "gone", code=65)
        self.assertIn("there is no dataset gone", said)
        self.minke("rm", "gone", code=65)
        self.minke("put", "gone", "a.txt")
        self.assertEqual(self.minke("get", "gone")[0], b"x\n")

    def test_what_is_wrong_is_said(self):
        self.write("a.txt", b"123456789")
        self.assertIn("is no name", self.minke("put", "a b", "a.txt", code=64)[1])
        self.assertIn("missing.txt", self.minke("put", "d", "missing.txt", code=65)[1])
        self.assertIn("not a multiple",
                      self.minke("put", "d", "a.txt", "--record-bytes", "10", code=65)[1])
        self.minke("put", "full", "a.txt")
        os.mkdir(self.path("out"))
        self.write("out/x", b"")
        self.assertIn("not empty", self.minke("get", "full", "-o", "out", code=64)[1])


class Refused(ClusterTest):
    LANE = "secure"

    def test_no_secret_is_told(self):
        with open(self.settings["MINKE_CASSANDRA_PASSWORD_FILE"], encoding="utf-8") as file:
            secret = file.read().strip()
        self.minke("setup")
        wrong = os.path.join(self.lane.folder, "secrets", "wrong-password")
        with open(wrong, encoding="utf-8") as file:
            guess = file.read().strip()
        _, said = self.minke("ls", "--cassandra-password-file", wrong, code=78)
        self.assertNotIn(guess, said)
        self.assertNotIn(secret, said)
        other = os.path.join(self.lane.folder, "secrets", "other-ca.pem")
        _, said = self.minke("ls", "--cassandra-ca", other, code=78)
        self.assertIn("certificate", said)

    def test_nobody_there(self):
        _, said = self.minke("ls", "--cassandra", "127.0.0.1:1", code=75)
        self.assertIn("127.0.0.1:1", said)


if __name__ == "__main__":
    unittest.main()
