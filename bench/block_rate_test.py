"""Run by ctest on a real Cassandra: block_rate works, on little. It is no measurement."""

import json
import os
import subprocess
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "services"))

from service_lane import ServiceLane  # noqa: E402

PROGRAM = os.environ["MINKE_BLOCK_RATE"]


class BlockRate(unittest.TestCase):
    def test_both_sides_give_back_what_was_written(self):
        address = ServiceLane("plain").settings("cassandra")["MINKE_CASSANDRA"]
        done = subprocess.run([PROGRAM, address, "4", "1"], capture_output=True, text=True,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        said = json.loads(done.stdout)
        self.assertEqual((said["blocks"], said["pairs"]), (16, 1))
        self.assertGreater(said["write_ratio"], 0)
        self.assertGreater(said["read_ratio"], 0)

    def test_without_a_cassandra_it_says_where_it_looked(self):
        done = subprocess.run([PROGRAM, "127.0.0.1:1"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("127.0.0.1:1", done.stderr)


if __name__ == "__main__":
    unittest.main()
