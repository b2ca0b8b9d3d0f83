"""What tests against real servers need: the command, told of a lane's servers, in a keyspace of
its own."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TESTS, "services"))
from service_lane import ServiceLane  # noqa: E402  pylint: disable=wrong-import-position

MINKE = os.path.abspath(os.environ.get("MINKE_BIN", "build/bin/minke"))
TIMEOUT_S = 120


class ClusterTest(unittest.TestCase):
    LANE = "plain"

    @classmethod
    def setUpClass(cls):
        cls.lane = ServiceLane(cls.LANE)
        cls.settings = cls.lane.settings("cassandra")
        cls.keyspace = f"test_{random.SystemRandom().getrandbits(64):016x}"

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="minke-cluster-")
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as file:
            file.write(data)
        return name

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def environment(self):
        return {**os.environ, **self.settings, "MINKE_KEYSPACE": self.keyspace}

    def start(self, *words):
        return subprocess.Popen([MINKE, *words], cwd=self.folder, env=self.environment(),
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def minke(self, *words, code=0, stdin=None):
        """(standard output, standard error) of the command, which must exit with `code`."""
        done = subprocess.run([MINKE, *words], cwd=self.folder, env=self.environment(),
                              input=stdin, capture_output=True, timeout=TIMEOUT_S, check=False)
        error = done.stderr.decode(errors="replace")
        self.assertEqual(done.returncode, code, f"minke {' '.join(words)}: {error}")
        return done.stdout, error

    def listed(self, *names):
        out, _ = self.minke("ls", "--json", *names)
        return {one["dataset"]: one for one in json.loads(out)}

    @staticmethod
    def kill(process):
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=TIMEOUT_S)
