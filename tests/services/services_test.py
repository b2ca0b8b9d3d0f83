"""services/services.sh on servers of its own: what it starts, it also ends."""

import glob
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import unittest

from service_lane import SCRIPT, ServiceLane


def command_lines():
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as file:
                yield file.read().decode(errors="replace")
        except OSError:
            pass  # it has ended


class LaneTest(unittest.TestCase):
    NAME = "plain"

    def setUp(self):
        folder = tempfile.mkdtemp(prefix="minke-services-test-")
        self.addCleanup(shutil.rmtree, folder)
        self.state = os.path.join(folder, "state")
        self.lane = ServiceLane(self.NAME, self.state)
        self.addCleanup(self.lane.run, "down")

    def servers(self):
        """Processes of this lane: pid by server."""
        found = {}
        for server in ("kafka", "cassandra"):
            mark = f"-Dminke.service={self.lane.folder}/{server}"
            if any(mark in line.split("\0") for line in command_lines()):
                with open(f"{self.lane.folder}/{server}/pid", encoding="ascii") as file:
                    found[server] = int(file.read())
        return found

    def connect(self, address):
        host, port = address.rsplit(":", 1)
        return socket.create_connection((host, int(port)), timeout=20)


class Life(LaneTest):
    def test_up_status_env_down(self):
        self.assertEqual(self.lane.run("status").returncode, 3)
        self.lane.tell("up")
        pids = self.servers()
        self.assertEqual(set(pids), {"kafka", "cassandra"})
        status = self.lane.tell("status")
        settings = self.lane.settings()
        self.assertEqual(set(settings),
                         {"MINKE_KAFKA", "MINKE_KAFKA_REPLICATION", "MINKE_CASSANDRA"})
        for address in (settings["MINKE_KAFKA"], settings["MINKE_CASSANDRA"]):
            self.assertIn(address, status)
            self.connect(address).close()
        self.lane.tell("up")
        self.assertEqual(self.servers(), pids, "up leaves alone what runs")
        self.lane.tell("down")
        self.assertEqual(self.servers(), {})
        self.assertFalse(os.path.exists(self.state), "nothing is left")

    def test_a_killed_server_is_told_and_comes_back_on_its_port(self):
        self.lane.tell("up", "kafka")
        address = self.lane.settings("kafka")["MINKE_KAFKA"]
        self.lane.tell("kill", "kafka")
        self.assertEqual(self.servers(), {})
        with self.assertRaises(ConnectionRefusedError):
            self.connect(address).close()
        told = self.lane.run("env", "kafka")
        self.assertEqual(told.returncode, 75)
        self.assertIn(f"./dev services up --state {self.state}", told.stderr)
        self.lane.tell("start", "kafka")
        self.assertEqual(self.lane.settings("kafka")["MINKE_KAFKA"], address)
        self.lane.tell("stop", "kafka")
        self.assertIn("stopped", self.lane.tell("status", "kafka"))
        self.lane.tell("cont", "kafka")
        self.assertNotIn("stopped", self.lane.tell("status", "kafka"))
        self.lane.tell("stop", "kafka")
        self.lane.tell("down")
        self.assertEqual(self.servers(), {}, "what is stopped can be ended")

    def test_a_fixture_ends_only_what_it_has_started(self):
        self.lane.tell("up", "kafka")
        pids = self.servers()
        self.lane.tell("up", "kafka", "--fixture")
        self.lane.tell("down", "--fixture")
        self.assertEqual(self.servers(), pids)
        self.lane.tell("down")
        self.lane.tell("up", "kafka", "--fixture")
        self.lane.tell("down", "--fixture")
        self.assertEqual(self.servers(), {})

    def test_a_server_keeps_nothing_of_its_caller_open(self):
        read_end, write_end = os.pipe()
        with os.fdopen(read_end, "rb") as pipe:
            done = subprocess.run(
                ["bash", "-c", f"exec {write_end}>&{write_end}; \"$@\"", "-",
                 SCRIPT, "up", "kafka", "--state", self.state],
                stdout=subprocess.DEVNULL, pass_fds=[write_end], timeout=300, check=False)
            os.close(write_end)
            self.assertEqual(done.returncode, 0)
            # At its end at once: nobody else holds the other end.
            os.set_blocking(pipe.fileno(), False)
            self.assertEqual(pipe.read(), b"")

    def test_wrong_words_are_named(self):
        for words in (["upp"], ["up", "zookeeper"]):
            done = self.lane.run(*words)
            self.assertEqual(done.returncode, 64)
            self.assertIn(words[-1], done.stderr)


class Secure(LaneTest):
    NAME = "secure"

    def handshake(self, address, authority):
        context = ssl.create_default_context(cafile=f"{self.lane.folder}/secrets/{authority}")
        with self.connect(address) as plain:
            context.wrap_socket(plain, server_hostname=address.rsplit(":", 1)[0]).close()

    def test_both_servers_have_certificates_and_passwords_that_nobody_can_see(self):
        self.lane.tell("up")
        settings = self.lane.settings()
        for server in ("KAFKA", "CASSANDRA"):
            self.handshake(settings[f"MINKE_{server}"], "ca.pem")
            with self.assertRaises(ssl.SSLCertVerificationError):
                self.handshake(settings[f"MINKE_{server}"], "other-ca.pem")
            self.assertEqual(settings[f"MINKE_{server}_USER"], "minke")
            self.assertTrue(os.path.exists(settings[f"MINKE_{server}_CA"]))
            password_file = settings[f"MINKE_{server}_PASSWORD_FILE"]
            self.assertEqual(os.stat(password_file).st_mode & 0o077, 0)
            with open(password_file, encoding="ascii") as file:
                password = file.read().strip()
            self.assertGreaterEqual(len(password), 16)
            self.assertFalse([line for line in command_lines() if password in line])


if __name__ == "__main__":
    unittest.main()
