"""What tests against real servers need: the command, told of a lane's servers, in a keyspace of
its own."""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TESTS, "services"))
from service_lane import ServiceLane  # noqa: E402  pylint: disable=wrong-import-position

FIXTURES = os.environ.get("MINKE_FIXTURES", "build/tests")
MINKE = os.path.abspath(os.environ.get("MINKE_BIN", "build/bin/minke"))
TIMEOUT_S = 120


def fixture(file, job):
    """A job of a job file that the build made."""
    folder = "cluster" if file == "cluster_jobs" else "e2e"
    return f"{os.path.abspath(FIXTURES)}/{folder}/fixtures/{file}.so:{job}"


def meddle(test, what, job):
    """What meddler.cc does to the job."""
    subprocess.run([os.path.join(os.path.abspath(FIXTURES), "meddler"), what,
                    test.incarnation(job)], env=test.environment(), timeout=TIMEOUT_S, check=True)


def dying_master():
    return os.path.join(os.path.abspath(FIXTURES), "dying_master")


def free_address():
    """Nobody listens there, and it lies below what the kernel gives to clients."""
    dice = random.SystemRandom()
    while True:
        with socket.socket() as one:
            try:
                one.bind(("127.0.0.1", dice.randrange(15_000, 32_000)))
            except OSError:
                continue
            return f"127.0.0.1:{one.getsockname()[1]}"


class ClusterTest(unittest.TestCase):
    LANE = "plain"
    SERVERS = ["cassandra"]

    @classmethod
    def setUpClass(cls):
        cls.lane = ServiceLane(cls.LANE)
        cls.settings = cls.lane.settings(*cls.SERVERS)
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


class JobTest(ClusterTest):
    """Jobs on both servers, in a keyspace that is set up."""

    SERVERS = ["kafka", "cassandra"]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        first = cls()
        ClusterTest.setUp(first)
        first.minke("setup")
        first.doCleanups()

    def embedded(self, *words, code=0):
        done = subprocess.run([MINKE, "run", *words], cwd=self.folder, capture_output=True,
                              timeout=TIMEOUT_S, check=False)
        self.assertEqual(done.returncode, code, done.stderr.decode(errors="replace"))
        return done.stdout, done.stderr.decode(errors="replace")

    def on_cluster(self, *words, code=0, stdin=None):
        return self.minke("run", *words, "-m", "2", "-r", "2", code=code, stdin=stdin)

    def check_same(self, words):
        """The outputs of a job, on one machine and here."""
        shutil.rmtree(self.path("embedded"), ignore_errors=True)
        shutil.rmtree(self.path("cluster"), ignore_errors=True)
        self.embedded(*words, "-o", "embedded")
        self.on_cluster(*words, "-o", "cluster")
        expected, found = self.files_of("embedded"), self.files_of("cluster")
        self.assertEqual(sorted(found), sorted(expected))
        for name, content in expected.items():
            self.assertTrue(found[name] == content, f"{words}: {name} differs")

    def make_folders(self, *names):
        for name in names:
            os.mkdir(self.path(name))

    def files_of(self, folder):
        return {name: self.read(f"{folder}/{name}") for name in os.listdir(self.path(folder))}

    def incarnation(self, job):
        return json.loads(self.minke("status", job, "--json")[0])["incarnation"]

    def processes(self, command=""):
        """{pid: command} of a job's processes, or of those that run this command."""
        found = {}
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{entry}/cmdline", encoding="utf-8", errors="replace") as file:
                    words = file.read().split("\0")
            except (FileNotFoundError, ProcessLookupError):
                continue
            if f"--keyspace={self.keyspace}" in words and words[1].startswith(command):
                found[int(entry)] = words[1]
        return found

    def wait_until(self, is_so):
        until = time.monotonic() + TIMEOUT_S
        while not is_so():
            self.assertLess(time.monotonic(), until, "it does not come to that")
            time.sleep(0.01)


class Journal:
    """What the journal of a job says."""

    def __init__(self, test, job):
        self.test = test
        self.claims = self.failures = self.losses = self.outputs_lost = 0
        self.tasks = {}  # by attempt
        self.committed = []  # tasks, in the order of the journal
        self.wrong = []
        standing = set()
        for line in test.minke("journal", "show", job, "--json")[0].splitlines():
            message = json.loads(line)
            if message["counts"]:
                for record in message["records"]:
                    self.take(record, standing)

    def take(self, record, standing):
        kind = record["kind"]
        if kind == "MasterClaimed":
            self.claims += 1
        elif kind == "AttemptAssigned":
            if record["attempt"] in self.tasks:
                self.wrong.append(f"attempt {record['attempt']} comes twice")
            if record["task"] in standing and not record.get("backup"):
                self.wrong.append(f"{record['task']} runs again, though it is committed")
            self.tasks[record["attempt"]] = record["task"]
        elif kind == "TaskCommitted":
            self.committed.append(self.tasks[record["attempt"]])
            standing.add(self.committed[-1])
        elif kind == "AttemptFailed":
            self.failures += 1
        elif kind == "AttemptLost":
            self.losses += 1
        elif kind == "OutputLost":
            self.outputs_lost += 1
            standing.clear()

    def check(self):
        """Every attempt once, and nothing that was committed again."""
        self.test.assertEqual(self.wrong, [])
        if self.outputs_lost == 0:
            self.test.assertEqual(len(self.committed), len(set(self.committed)))
