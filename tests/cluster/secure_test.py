"""Jobs on servers that want passwords and show certificates: what is wrong is said, and no secret
is told, in no message, log or command line."""

import os
import subprocess
import threading
import unittest

from cluster_harness import MINKE, TIMEOUT_S, JobTest, fixture, free_address

# What is wrong, in which setting, and what is said of it.
FAULTS = {
    "kafka password": ("MINKE_KAFKA_PASSWORD_FILE", "wrong-password", "Kafka"),
    "kafka authority": ("MINKE_KAFKA_CA", "other-ca.pem", "certificate"),
    "cassandra password": ("MINKE_CASSANDRA_PASSWORD_FILE", "wrong-password", "Cassandra"),
    "cassandra authority": ("MINKE_CASSANDRA_CA", "other-ca.pem", "certificate"),
}


class Secure(JobTest):
    LANE = "secure"

    def setUp(self):
        super().setUp()
        self.secrets = [self.secret("password"), self.secret("wrong-password")]

    def secret_file(self, name):
        return os.path.join(self.lane.folder, "secrets", name)

    def secret(self, name):
        with open(self.secret_file(name), encoding="utf-8") as file:
            return file.read().strip()

    def check_silent(self, said, where):
        for secret in self.secrets:
            self.assertNotIn(secret, said, where)

    def said_by(self, *words, code, changes):
        """All that a command says, which must exit with `code` under changed settings."""
        done = subprocess.run([MINKE, *words], cwd=self.folder,
                              env={**self.environment(), **changes}, capture_output=True,
                              timeout=TIMEOUT_S, check=False)
        said = (done.stdout + done.stderr).decode(errors="replace")
        self.check_silent(said, words)
        self.assertEqual(done.returncode, code, f"{changes}: {said}")
        return said

    def visible(self):
        """Command lines and environments of all processes of minke."""
        shown = []
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.path.realpath(f"/proc/{entry}/exe") != MINKE:
                    continue
                for name in ("cmdline", "environ"):
                    with open(f"/proc/{entry}/{name}", encoding="utf-8", errors="replace") as file:
                        shown.append(file.read())
            except OSError:
                continue
        return shown

    def test_a_job_runs_and_none_of_its_processes_shows_a_secret(self):
        self.write("in.txt", b"a\nwaits go\nb\n")
        self.make_folders("marks")
        run = self.start("run", "-m", "1", "-r", "1", fixture("cluster_jobs", "paced"), "in.txt",
                         "-o", "out", "--arg", "marks=marks")
        watcher = threading.Event()
        shown = []

        def watch():
            while not watcher.wait(0.05):
                shown.extend(self.visible())
                if any("\0mapper\0" in one for one in shown):
                    self.write("marks/go", b"")

        thread = threading.Thread(target=watch)
        thread.start()
        out, said = run.communicate(timeout=TIMEOUT_S)
        watcher.set()
        thread.join()
        self.assertEqual(run.returncode, 0, said)
        self.assertTrue(any("\0reducer\0" in one for one in shown))
        for one in [*shown, out.decode(), said.decode(errors="replace")]:
            self.check_silent(one, "shown")
        self.assertIn("_SUCCESS", self.files_of("out"))

    def test_every_command_says_what_is_wrong(self):
        self.write("in.txt", b"a\n")
        self.minke("put", "secure-in", "in.txt")
        for name, (setting, file, word) in FAULTS.items():
            changes = {setting: self.secret_file(file)}
            with self.subTest(name):
                said = self.said_by("run", "wordcount", "in.txt", "-o", f"out {name}", "-m", "1",
                                    "-r", "1", code=78, changes=changes)
                self.assertIn(word, said)
                said = self.said_by("master", "--job-id", name.replace(" ", "-"), "--listen",
                                    free_address(), "wordcount", "dataset:secure-in", "-o",
                                    "dataset:secure-out", code=78, changes=changes)
                self.assertIn(word, said)
                self.assertIn(word, self.said_by("doctor", code=78, changes=changes))

    def test_a_brokers_certificate_is_good_for_its_host_only(self):
        """Of Cassandra, whose nodes name their own addresses: cassandra_faults_test."""
        kafka = self.settings["MINKE_KAFKA"].replace("127.0.0.1", "localhost")
        said = self.said_by("doctor", code=78, changes={"MINKE_KAFKA": kafka})
        self.assertIn("certificate", said)


if __name__ == "__main__":
    unittest.main()
