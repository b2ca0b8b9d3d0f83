"""What a user asks of a job and sees of it, and the upkeep of what jobs leave."""

import json
import subprocess
import unittest
import urllib.request

from cluster_harness import MINKE, TIMEOUT_S, JobTest, fixture, free_address


class Commands(JobTest):
    def begin(self, job, lines, *flags):
        """The master of a job whose map waits at the line "waits NAME" for the file marks/NAME."""
        self.write("in.txt", b"".join(line + b"\n" for line in lines))
        self.make_folders("marks")
        self.minke("put", f"{job}-in", "in.txt")
        self.address = free_address()
        return self.start("master", "--job-id", job, "--listen", self.address,
                          fixture("cluster_jobs", "paced"), f"dataset:{job}-in", "-o",
                          f"dataset:{job}-out", "--arg", "marks=marks", *flags)

    def begin_worker(self, role, job):
        return self.start(role, "--job-id", job, "--master", f"http://{self.address}")

    def gate(self, role, job, *flags, code=0, environment=None):
        return subprocess.run([MINKE, "gate", "--role", role, "--job-id", job, "--master",
                               f"http://{self.address}", *flags], cwd=self.folder,
                              env=environment or self.environment(), capture_output=True,
                              timeout=TIMEOUT_S, check=False).returncode == code

    def page(self, path):
        with urllib.request.urlopen(f"http://{self.address}{path}", timeout=TIMEOUT_S) as page:
            return page.read().decode()

    def status(self, job):
        """None: there is no such job yet."""
        done = subprocess.run([MINKE, "status", job, "--json"], cwd=self.folder,
                              env=self.environment(), capture_output=True, timeout=TIMEOUT_S,
                              check=False)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def wait_for_state(self, job, state):
        self.wait_until(lambda: (self.status(job) or {}).get("state") == state)

    def end(self, process, code=0):
        said = process.communicate(timeout=TIMEOUT_S)[1].decode(errors="replace")
        self.assertEqual(process.returncode, code, said)

    def test_a_job_is_paused_seen_and_watched_to_its_end(self):
        master = self.begin("seen", [b"a", b"waits go", b"b"], "--split-bytes", "2")
        self.wait_for_state("seen", "mapping")
        self.assertTrue(self.gate("mapper", "seen"))
        reducer_gate = self.start("gate", "--role", "reducer", "--job-id", "seen", "--master",
                                  f"http://{self.address}")
        mapper, reducer = (self.begin_worker(role, "seen") for role in ("mapper", "reducer"))
        self.wait_until(lambda: json.loads(self.page("/v1/job"))["workers"]["mapper"]["working"])
        self.wait_until(
            lambda: json.loads(self.page("/v1/job"))["workers"]["reducer"]["waiting"] == 2)
        self.minke("pause", "seen")
        self.assertEqual(self.status("seen")["state"], "paused")
        self.assertEqual(self.status("seen")["workers"]["mapper"]["working"], 1)
        self.assertIn('minke_workers{role="reducer",state="waiting"} 2', self.page("/metrics"))
        self.assertIn("JobPaused", self.minke("logs", "seen")[0].decode())
        self.minke("resume", "seen")
        watch, logs = self.start("watch", "seen"), self.start("logs", "seen", "-f", "--json")
        self.assertIsNone(reducer_gate.poll())
        self.write("marks/go", b"")
        for process in (reducer_gate, mapper, reducer, watch, master):
            self.end(process)
        said = logs.communicate(timeout=TIMEOUT_S)[0].decode()
        kinds = [json.loads(line)["kind"] for line in said.splitlines()]
        self.assertEqual((kinds[0], kinds[-1]), ("MasterClaimed", "JobFinished"))
        status = self.status("seen")
        self.assertEqual((status["state"], status["exit_code"]), ("finished", 0))
        self.assertEqual(status["records_in"], 3)
        self.assertIn("finished with 0", self.minke("status", "seen")[0].decode())
        # The master is gone: the job's row says that it is over.
        self.assertTrue(self.gate("reducer", "seen"))
        self.minke("watch", "seen")
        self.assertIn("is over", self.minke("cancel", "seen", code=64)[1])

    def test_a_cancel_ends_a_job_and_says_why(self):
        master = self.begin("cancelled", [b"a"])
        self.wait_for_state("cancelled", "mapping")
        self.minke("cancel", "cancelled", "--reason", "of no use")
        self.end(master, code=130)
        status = self.status("cancelled")
        self.assertEqual(status["exit_code"], 130)
        self.assertIn("of no use", status["text"])
        self.minke("watch", "cancelled", code=130)

    def test_what_is_asked_while_no_master_lives_stands(self):
        master = self.begin("asked", [b"a"])
        self.wait_for_state("asked", "mapping")
        self.kill(master)
        _, said = self.minke("pause", "asked", "--timeout", "1", code=75)
        self.assertIn("stands", said)
        self.assertEqual(self.status("asked")["state"], "mapping")
        master = self.start("master", "--job-id", "asked", "--listen", self.address,
                            fixture("cluster_jobs", "paced"), "dataset:asked-in", "-o",
                            "dataset:asked-out", "--arg", "marks=marks")
        self.wait_for_state("asked", "paused")
        self.minke("cancel", "asked")
        self.end(master, code=130)

    def test_who_comes_to_the_wrong_gate_is_sent_away(self):
        master = self.begin("right", [b"a"])
        self.wait_for_state("right", "mapping")
        self.assertTrue(self.gate("mapper", "wrong", code=78))
        self.assertTrue(self.gate("cook", "right", code=64))
        self.minke("cancel", "right")
        self.end(master, code=130)
        alone = {name: value for name, value in self.environment().items()
                 if not name.startswith("MINKE_CASSANDRA")}
        self.assertTrue(self.gate("mapper", "right", "--gate-timeout", "1", code=75,
                                  environment=alone))

    def test_of_a_job_that_is_not_there_nothing_is_known(self):
        for command in ("status", "watch", "logs", "cancel", "pause", "resume"):
            self.assertIn("there is no job none", self.minke(command, "none", code=65)[1])


class Upkeep(JobTest):
    def begin(self, name):
        """A job that has no workers, and is cancelled when its journal shows it."""
        self.write("in.txt", b"a b a\n")
        self.minke("put", "upkeep-in", "in.txt")
        master = self.start("master", "--job-id", name, "--listen", "127.0.0.1:0", "wordcount",
                            "dataset:upkeep-in", "-o", f"dataset:{name}-out")
        self.wait_until(lambda: subprocess.run(
            [MINKE, "cancel", name], cwd=self.folder, env=self.environment(), check=False,
            capture_output=True, timeout=TIMEOUT_S).returncode == 0)
        said = master.communicate(timeout=TIMEOUT_S)[1].decode(errors="replace")
        self.assertEqual(master.returncode, 130, said)

    def incarnation(self, name):
        return json.loads(self.minke("status", name, "--json")[0])["incarnation"]

    def test_a_job_that_is_over_is_run_again_and_what_it_left_is_swept(self):
        self.begin("again")
        first = self.incarnation("again")
        _, said = self.minke("rerun", "again")
        self.assertNotEqual(self.incarnation("again"), first)
        self.assertIn(self.incarnation("again"), said)
        self.assertIn("not over", self.minke("rerun", "again", code=64)[1])
        _, said = self.minke("sweep")
        self.assertIn("job again may be about to", said)
        self.begin("again")
        dry = json.loads(self.minke("sweep", "--dry-run", "--json")[0])
        _, said = self.minke("sweep")
        self.assertIn(first, said)
        self.assertEqual(dry["versions"], said.count("all that is stored"))
        self.assertEqual(self.minke("get", "upkeep-in")[0], b"a b a\n")
        self.assertEqual(json.loads(self.minke("sweep", "--json")[0])["versions"], 0)

    def test_the_doctor_finds_these_servers_good_and_leaves_nothing(self):
        found = [json.loads(line) for line in
                 self.minke("doctor", "--json")[0].decode().splitlines()]
        self.assertEqual({one["subject"] for one in found if one["grade"] == "bad"}, set())
        for subject in ("HTTP", "Cassandra", "Cassandra's tables", "Kafka", "Kafka's clock"):
            self.assertIn(subject, {one["subject"] for one in found if one["grade"] == "good"})
        self.assertEqual(json.loads(self.minke("sweep", "-n", "--json")[0])["logs"], 0)

    def test_the_doctor_says_who_does_not_answer(self):
        out, _ = self.minke("doctor", "--kafka", "127.0.0.1:1", code=75)
        self.assertRegex(out.decode(), r"(?m)^bad +Kafka: .*127\.0\.0\.1:1")
        out, _ = self.minke("doctor", "--cassandra", "127.0.0.1:1", code=75)
        self.assertRegex(out.decode(), r"(?m)^bad +Cassandra: .*127\.0\.0\.1:1")
        out, _ = self.minke("doctor", "--keyspace", "never_made", code=78)
        self.assertIn("minke setup", out.decode())


if __name__ == "__main__":
    unittest.main()
