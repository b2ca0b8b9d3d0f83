"""Measures jobs on a real Kafka and a real Cassandra, on this machine's loopback: `./dev bench
--cluster`.

Word count with its input in the store is held against the same on one machine, in turn; what a job
costs the servers is counted; the times of a master and the memory of a worker are taken.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request

import answers
import programs
import results
from rows import Row

SERVICES = os.path.join(programs.ROOT, "services", "services.sh")
RECORDS = 10_000  # in the journal that a new master reads
WAIT_S = 120


def counted(name, summary, must, aim):
    return Row(name, summary, "", [], [], {"value": (must, aim)}, None)


COUNTED = [
    counted("cluster-stored", "intermediate bytes stored ÷ input, wordcount linux-1g", 0.08, 0.05),
    counted("cluster-messages", "messages of journal and inbox, a task", 6, 3),
    counted("cluster-journal", "bytes of the journal, a task", 120, 80),
    counted("cluster-message", "largest message, KiB", 64, 64),
    counted("cluster-empty", "job of no work, its processes started for it, s", 1, 0.5),
    counted("cluster-master", f"new master ready, {RECORDS} records in the journal, s", 2, 0.5),
    counted("cluster-idle", "memory of an idle worker, both processes, MB", 40, 25),
]


def word_counts(flags):
    """Against the same job on one machine; its input is there, its output is fetched."""
    return [Row(f"cluster-wordcount-{corpus}", f"wordcount {corpus}, 2 workers, ÷ one machine",
                corpus,
                ["@minke", "run", "wordcount", f"dataset:{corpus}", "-o", "{output}", "-m", "1",
                 "-r", "1", "--quiet", *flags],
                ["@minke", "run", "wordcount", "{input}", "-o", "{output}", "--quiet"],
                {"wall": (3, 2), "cpu": (1.8, 1.4)}, answers.same_bytes)
            for corpus in ("docs-1g", "linux-1g")]


class Cluster:
    """Both servers, for as long as they are needed, and the command told of them."""

    def __init__(self, folder):
        for name in ("MINKE_KAFKA", "MINKE_CASSANDRA"):
            os.environ.pop(name, None)  # a run on one machine shall be one
        self.state = os.path.join(folder, "services")
        self.folder = folder
        self._tell("up")
        lines = self._tell("env").splitlines()
        found = dict(line.removeprefix("export ").split("=", 1) for line in lines)
        self.flags = [f"--kafka={found['MINKE_KAFKA']}", "--kafka-replication=1",
                      f"--cassandra={found['MINKE_CASSANDRA']}", "--keyspace=bench"]
        self.store_flags = self.flags[2:]
        self.minke("setup", *self.store_flags)

    def close(self):
        self._tell("down")

    def _tell(self, verb):
        return subprocess.run([SERVICES, verb, "--lane", "bench", "--state", self.state],
                              stdout=subprocess.PIPE, text=True, check=True).stdout

    def minke(self, *words):
        return subprocess.run([programs.path("minke"), *words], cwd=self.folder,
                              stdout=subprocess.PIPE, text=True, check=True).stdout

    @contextlib.contextmanager
    def process(self, *words):
        """One that is killed in the end."""
        process = subprocess.Popen([programs.path("minke"), *words, *self.flags,
                                    "--log-level=error"], cwd=self.folder)
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def journal(self, job):
        return json.loads(self.minke("journal", "check", job, "--json", *self.flags))


def wait_until(is_so):
    until = time.monotonic() + WAIT_S
    while not is_so():
        if time.monotonic() > until:
            raise TimeoutError("it does not come to that")
        time.sleep(0.005)


def _answers(url):
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:
            return answer.read() if answer.status == 200 else None
    except OSError:
        return None


def _free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


# ---- what is counted


def costs(cluster):
    """What a word count costs the servers. The journal is that of a job with many tasks."""
    out = os.path.join(cluster.folder, "out")
    view = json.loads(cluster.minke("run", "wordcount", "dataset:linux-1g", "-o", out, "-m", "1",
                                    "-r", "1", "--json", "--quiet", *cluster.flags))
    shutil.rmtree(out)
    return {"cluster-stored": view["shuffled_bytes"] / view["input_bytes"]}


def empty_job(cluster, runs=5):
    empty = os.path.join(cluster.folder, "empty")
    with open(empty, "wb"):
        cluster.minke("put", "empty", empty, "--quiet", *cluster.store_flags)
    walls = []
    for number in range(runs):
        begin = time.monotonic()
        cluster.minke("run", "wordcount", "dataset:empty", "-o", f"dataset:none-{number}", "-m",
                      "1", "-r", "1", "--quiet", *cluster.flags)
        walls.append(time.monotonic() - begin)
    return {"cluster-empty": sorted(walls)[runs // 2]}


def _memory_mb(pid):
    """Of a process and its children; what they share is counted once."""
    pids = [str(pid)]
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        pids += file.read().split()
    total = 0
    for one in pids:
        with open(f"/proc/{one}/smaps_rollup", encoding="ascii") as file:
            total += next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
    return total * 1024 / 1e6


def has_joined(port):
    """Whether there is a mapper; behind an open gate it waits for tasks only."""
    mappers = json.loads(_answers(f"http://127.0.0.1:{port}/v1/job"))["workers"].get("mapper", {})
    return mappers.get("waiting", 0) + mappers.get("working", 0) > 0


def master_and_worker(cluster):
    """A job of many small tasks: its messages; paused half-way, a new master, and a worker that has
    nothing to do."""
    path = os.path.join(cluster.folder, "lines")
    with open(path, "wb") as file:
        file.writelines(b"line %06d of many, each of them a task\n" % i for i in range(6_000))
    cluster.minke("put", "lines", path, "--quiet", *cluster.store_flags)
    port = _free_port()
    words = ["master", "--job-id=tasks", f"--listen=127.0.0.1:{port}", "wordcount",
             "dataset:lines", "-o", "dataset:counts", "--partitions=1", "--split-bytes=40"]
    worker = ["mapper", "--job-id=tasks", f"--master=http://127.0.0.1:{port}"]
    with cluster.process(*words), cluster.process(*worker, "--threads=2"):
        wait_until(lambda: _answers(f"http://127.0.0.1:{port}/readyz"))
        wait_until(lambda: cluster.journal("tasks")["records"] >= RECORDS)
        cluster.minke("pause", "tasks", *cluster.flags)
    journal = cluster.journal("tasks")
    begin = time.monotonic()
    with cluster.process(*words):
        wait_until(lambda: _answers(f"http://127.0.0.1:{port}/readyz"))
        ready_s = time.monotonic() - begin
        with cluster.process(*worker) as idle:
            wait_until(lambda: has_joined(port))
            memory_mb = _memory_mb(idle.pid)
            idle.send_signal(signal.SIGTERM)
            idle.wait()
        cluster.minke("cancel", "tasks", *cluster.flags)
    return {"cluster-messages":
                (journal["messages"] + journal["inbox_messages"]) / journal["committed"],
            "cluster-journal": journal["bytes"] / journal["committed"],
            "cluster-message": journal["largest_message"] / 1024,
            "cluster-master": ready_s, "cluster-idle": memory_mb}


def measure_counted(cluster):
    """{name: fields} of COUNTED."""
    commit = results.commit_text()
    measured = {}
    for measure_some in (costs, empty_job, master_and_worker):
        for name, value in measure_some(cluster).items():
            measured[name] = {"bench": name, "value": f"{value:.4f}", "commit": commit}
            print(results.line_of(measured[name]), flush=True)
    return measured


@contextlib.contextmanager
def cluster_with(paths, say):
    """A cluster with the corpora put into datasets of their names."""
    with tempfile.TemporaryDirectory(prefix="minke-bench-cluster-") as folder:
        say("start Kafka and Cassandra")
        cluster = Cluster(folder)
        try:
            for name, path in paths.items():
                say(f"put {name}")
                cluster.minke("put", name, path, "--quiet", *cluster.store_flags)
            yield cluster
        finally:
            cluster.close()
