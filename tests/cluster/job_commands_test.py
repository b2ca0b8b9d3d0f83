"""What a user asks of a job and sees of it: gate, status, watch, logs, cancel, pause, resume."""

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


if __name__ == "__main__":
    unittest.main()
