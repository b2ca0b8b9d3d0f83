"""A job's processes, ended or stopped at any moment: the output stays the same, and nothing that
was committed is run again."""

import os
import random
import signal
import subprocess
import unittest

from cluster_harness import (TIMEOUT_S, Crew, JobTest, Journal, built, fixture,
                             free_address)


class ProcessTest(JobTest):
    """A job of some 24 map tasks and 5 reduce tasks."""

    JOB = fixture("cluster_jobs", "paced")

    def setUp(self):
        super().setUp()
        self.lines = [b"line %d" % (i % 100) for i in range(1500)]

    def put_input(self):
        self.write("in.txt", b"\n".join(self.lines) + b"\n")
        self.make_folders("marks", "marks-embedded")
        self.minke("put", "in", "in.txt")
        self.embedded(self.JOB, "in.txt", "--arg", "marks=marks-embedded", "-o", "expected",
                      "--partitions", "5")

    def crew(self, ms):
        """Its master is told; nobody is started yet."""
        self.put_input()
        name = self.id().rsplit(".", 1)[1]
        return Crew(self, name, [
            "-m", "2", "-r", "2", "--partitions", "5", "--split-bytes", "500", self.JOB,
            "dataset:in", "-o", "dataset:out", "--arg", f"ms={ms}", "--arg", "marks=marks"],
            ["--threads", "2"])

    def check(self, name):
        """Output and journal; returns what the journal says."""
        self.minke("get", "out", "-o", "out")
        self.assertEqual(self.files_of("out"), self.files_of("expected"))
        journal = Journal(self, name)
        journal.check()
        return journal


class MasterDies(ProcessTest):
    def test_after_every_single_message(self):
        """By SIGKILL, when it reads the message back, or before it writes the next one."""
        self.lines[100], self.lines[900] = b"fails one", b"fails two"
        self.put_input()
        address = free_address()
        workers = [self.start(role, "--job-id", "dies", "--master", f"http://{address}",
                              "--threads", "2") for role in ("mapper", "reducer")]
        lives, code = 0, -signal.SIGKILL
        while code == -signal.SIGKILL and lives < 200:
            lives += 1
            moment = "read" if lives % 2 else "acted"
            code = subprocess.run(
                [built("dying_master"), "dies", address, "1", moment, "dataset:out", self.JOB,
                 "dataset:in", "marks=marks"], cwd=self.folder, env=self.environment(),
                timeout=TIMEOUT_S, check=False).returncode
        self.assertEqual(code, 0)
        for worker in workers:
            worker.communicate(timeout=TIMEOUT_S)
            self.assertEqual(worker.returncode, 0)
        journal = self.check("dies")
        self.assertGreater(lives, 15)
        self.assertEqual(journal.claims, lives)
        self.assertEqual(journal.failures, 2)


class WorkersDie(ProcessTest):
    def test_at_twenty_random_moments(self):
        """Supervisors and their children, mappers and reducers."""
        crew = self.crew(ms=10)
        seed = random.SystemRandom().getrandbits(32)
        print("seed", seed)
        dice = random.Random(seed)
        crew.start("master", "mapper", "mapper", "reducer", "reducer")
        crew.wait_for("map")
        kills = 0
        while kills < 20 and not crew.look():
            seen = crew.tasks_done("map") + crew.tasks_done("reduce")
            victim = dice.choice(crew.of("mapper") + crew.of("reducer"))
            pids = [victim.pid, *crew.children_of(victim)]
            os.kill(dice.choice(pids), signal.SIGKILL)
            kills += 1
            wanted = seen + dice.randrange(3)
            self.wait_until(lambda: crew.look() or wanted <= crew.tasks_done("map") +
                            crew.tasks_done("reduce"))
        crew.to_the_end()
        self.assertGreater(kills, 10)
        self.assertGreater(self.check(crew.job).losses, 0)

    def test_all_at_once(self):
        crew = self.crew(ms=5)
        crew.start("master", "mapper", "mapper", "reducer", "reducer")
        for kind in ("map", "reduce"):
            crew.wait_for(kind)
            for process in crew.of("mapper") + crew.of("reducer"):
                process.kill()
        crew.to_the_end()
        self.check(crew.job)

    def test_none_for_a_while_and_more_half_way(self):
        crew = self.crew(ms=2)
        crew.start("master")
        self.wait_until(lambda: (crew.view() or {}).get("state") == "mapping")
        crew.start("mapper")
        crew.wait_for("map", 3)
        crew.start("mapper")
        self.wait_until(lambda: crew.view()["state"] == "reducing")
        crew.start("reducer")
        crew.to_the_end()
        self.check(crew.job)


class Stopped(ProcessTest):
    def stop(self, crew, process, number):
        for pid in [process.pid, *crew.children_of(process)]:
            os.kill(pid, number)

    def test_a_worker_past_its_lease(self):
        """Its tasks are done by others meanwhile; what it writes afterwards is not read."""
        crew = self.crew(ms=10)
        crew.start("master", "mapper", "mapper", "reducer")
        for kind, role in (("map", "mapper"), ("reduce", "reducer")):
            crew.wait_for(kind)
            stopped = crew.of(role)[0]
            self.stop(crew, stopped, signal.SIGSTOP)
            crew.start(role)
            self.wait_until(lambda: Journal(self, crew.job).losses > 0)
            self.stop(crew, stopped, signal.SIGCONT)
        crew.to_the_end()
        self.check(crew.job)

    def test_a_master_past_a_new_claim_is_fenced(self):
        crew = self.crew(ms=5)
        crew.start("master", "mapper")
        crew.wait_for("map")
        zombie = crew.of("master")[0]
        self.stop(crew, zombie, signal.SIGSTOP)
        crew.forget(zombie)
        crew.listen_at(free_address())
        crew.start("master", "reducer")
        crew.wait_for("map", 10)
        self.stop(crew, zombie, signal.SIGCONT)
        said = zombie.communicate(timeout=TIMEOUT_S)[1].decode()
        self.assertEqual(zombie.returncode, 75, said)
        self.assertIn("another master", said)
        crew.to_the_end()
        self.assertEqual(self.check(crew.job).claims, 2)


class Terminated(ProcessTest):
    def test_each_role(self):
        """143, and what a worker had is free at once: no lease is waited for."""
        crew = self.crew(ms=10)
        crew.words["master"][crew.words["master"].index("--lease") + 1] = "3600"
        crew.start("master", "mapper", "reducer")
        for kind, role in (("map", "mapper"), ("map", "master"), ("reduce", "reducer"),
                           ("reduce", "master")):
            crew.wait_for(kind)
            process = crew.of(role)[0]
            process.terminate()
            said = process.communicate(timeout=TIMEOUT_S)[1].decode()
            self.assertEqual(process.returncode, 143, said)
            crew.forget(process)
            crew.start(role)
        crew.to_the_end()
        self.check(crew.job)


if __name__ == "__main__":
    unittest.main()
