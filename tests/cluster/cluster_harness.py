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
import urllib.request

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TESTS, "services"))
from service_lane import ServiceLane  # noqa: E402  pylint: disable=wrong-import-position

FIXTURES = os.environ.get("MINKE_FIXTURES", "build/tests")
MINKE = os.path.abspath(os.environ.get("MINKE_BIN", "build/bin/minke"))
TIMEOUT_S = 120


def fixture(file, job):
    """A job of a job file that the build made."""
    folder = "cluster" if file in ("cluster_jobs", "unruly_jobs") else "e2e"
    return f"{os.path.abspath(FIXTURES)}/{folder}/fixtures/{file}.so:{job}"


def built(name):
    """A program that the build made for these tests."""
    return os.path.join(os.path.abspath(FIXTURES), name)


def meddle(test, what, job):
    """What meddler.cc does to the job."""
    subprocess.run([built("meddler"), what, test.incarnation(job)], env=test.environment(),
                   timeout=TIMEOUT_S, check=True)


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

    def start(self, *words, **environment):
        return subprocess.Popen([MINKE, *words], cwd=self.folder,
                                env={**self.environment(), **environment},
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


class Crew:
    """The processes of one job, each started again when it dies, as Kubernetes would."""

    def __init__(self, test, job, master, options=()):
        self.test = test
        self.job = job
        self.master = master  # words of its command
        self.options = options  # of the workers' commands
        self.running = []  # [(role, process)]
        self.ended = []  # [(role, exit code, what it said)]
        self.listen_at(free_address())
        test.addCleanup(self.kill_all)

    def listen_at(self, address):
        """The masters to come, and the workers to come ask there."""
        self.address = address
        ask = ["--job-id", self.job, "--master", f"http://{address}", *self.options]
        self.words = {"master": ["master", "--job-id", self.job, "--listen", address,
                                 "--lease", "5", *self.master],
                      "mapper": ["mapper", *ask], "reducer": ["reducer", *ask]}

    def start(self, *roles, **environment):
        for role in roles:
            self.running.append((role, self.test.start(*self.words[role], **environment)))

    def of(self, role):
        return [process for one, process in self.running if one == role]

    def look(self):
        """Starts again what has died; True once the master has ended well."""
        for one in list(self.running):
            role, process = one
            if process.poll() is None:
                continue
            self.running.remove(one)
            said = process.communicate()[1].decode(errors="replace")
            self.ended.append((role, process.returncode, said))
            # 71: three children of a worker in a row were killed.
            self.test.assertIn(process.returncode, (0, 71, 75, -9), f"{role}: {said}")
            if process.returncode != 0:
                self.start(role)
        return any(role == "master" and code == 0 for role, code, _ in self.ended)

    def to_the_end(self):
        self.test.wait_until(self.look)
        for _, process in self.running:
            self.test.assertEqual(process.wait(timeout=TIMEOUT_S), 0)

    def view(self):
        """What the master says of the job; None if it does not answer."""
        try:
            with urllib.request.urlopen(f"http://{self.address}/v1/job", timeout=5) as answer:
                return json.loads(answer.read())
        except OSError:
            return None

    def tasks_done(self, kind):
        view = self.view() or {"phases": []}
        return sum(phase["done"] for phase in view["phases"] if phase["kind"] == kind)

    def wait_for(self, kind, tasks=1):
        """Until so many tasks of that kind are done."""
        self.test.wait_until(lambda: not self.look() and self.tasks_done(kind) >= tasks)

    def forget(self, process):
        """It ends as the test says."""
        self.running = [one for one in self.running if one[1] is not process]

    @staticmethod
    def children_of(process):
        """Of a worker: the process that runs the tasks."""
        with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="ascii") as file:
            return [int(word) for word in file.read().split()]

    def kill_all(self):
        for _, process in self.running:
            process.kill()
            process.communicate()


class Journal:
    """What the journal of a job says."""

    def __init__(self, test, job):
        self.test = test
        self.claims = self.failures = self.losses = self.outputs_lost = 0
        self.table = ""
        self.backups, self.winners = set(), set()  # attempts
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
            if "backup" in record:
                self.backups.add(record["attempt"])
        elif kind == "TaskCommitted":
            self.winners.add(record["attempt"])
            self.committed.append(self.tasks[record["attempt"]])
            standing.add(self.committed[-1])
        elif kind == "AttemptFailed":
            self.failures += 1
        elif kind == "AttemptLost":
            self.losses += "counted" in record
        elif kind == "ShuffleTableMade":
            self.table = record["table"]
        elif kind == "OutputLost":
            self.outputs_lost += 1
            standing.clear()

    def check(self):
        """Every attempt once, and nothing that was committed again."""
        self.test.assertEqual(self.wrong, [])
        if self.outputs_lost == 0:
            self.test.assertEqual(len(self.committed), len(set(self.committed)))
