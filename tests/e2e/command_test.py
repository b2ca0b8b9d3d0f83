"""The rest of the command's face: help, lists, verify, completion, settings, a terminal."""

import fcntl
import json
import os
import pty
import struct
import subprocess
import termios
import unittest

from harness import MinkeTest, MINKE, fixture

COMMANDS = ("run", "jobs", "verify", "completion", "version", "setup", "put", "get", "ls", "rm",
            "journal", "gate", "status", "watch", "logs", "cancel", "pause", "resume", "master",
            "mapper", "reducer", "rerun", "sweep", "doctor")
JOBS = ("distinct", "grep", "inverted-index", "join", "reverse-links", "sort", "term-vector",
        "top-k", "url-frequency", "wordcount")


class Command(MinkeTest):
    def good(self, *words, **options):
        done = self.minke(*words, **options)
        self.assertEqual((done.code, done.err), (0, ""), words)
        return done.out.decode()

    def test_help_of_every_command_has_an_example(self):
        self.assertIn("minke run wordcount", self.good("--help"))
        for command in COMMANDS:
            text = self.good(command, "--help")
            self.assertIn(f"minke {command}", text.split("Example", 1)[1])
            self.assertNotIn("\x1b", text)

    def test_jobs_list_and_show_how_each_is_used(self):
        listed = self.good("jobs")
        shown = json.loads(self.good("jobs", "--json"))
        self.assertEqual([job["name"] for job in shown], sorted(JOBS))
        for name in JOBS:
            self.assertRegex(listed, rf"(?m)^{name} +\w")
            text = self.good("jobs", name)
            job = json.loads(self.good("jobs", name, "--json"))
            self.assertIn(job, shown)
            for part in ("summary", "input", "output", "example"):
                self.assertTrue(job[part], f"{name} has no {part}")
                self.assertIn(job[part], text)
            self.assertIn(f"minke run {name}", job["example"])
            for argument in job["arguments"]:
                self.assertIn(f"--arg {argument['name']}=", text)
                self.assertIn(argument["help"], text)

    def test_jobs_of_a_file(self):
        job = json.loads(self.good("jobs", fixture("bad_use", "changes"), "--json"))
        self.assertEqual([(one["name"], one["required"]) for one in job["arguments"]],
                         [("path", True), ("how", True)])
        listed = self.minke("jobs", fixture("bad_use")).out
        for name in (b"side", b"counters", b"changes"):
            self.assertIn(name, listed)
        done = self.minke("jobs", "wordcuont")
        self.assertEqual(done.code, 64)
        self.assertIn("did you mean 'wordcount'?", done.err)

    def test_version(self):
        version = json.loads(self.good("version", "--json"))
        self.assertEqual(self.good("version"), f"minke {version['version']}\n")
        self.assertEqual(self.good("--version"), f"minke {version['version']}\n")
        self.assertRegex(version["version"], r"^\d+\.\d+\.\d+")
        self.assertEqual(version["abi_version"], 1)

    def test_verify(self):
        self.write("in.txt", b"".join(b"%d\n" % number for number in range(100)))
        for out, partitions in (("one", "1"), ("three", "3")):
            self.run_well("wordcount", "in.txt", "-o", out, "--partitions", partitions)
        text = self.good("verify", "one", "three")
        self.assertEqual(len(set(line.split()[0] for line in text.splitlines())), 1, text)
        self.good("verify", "one", "one", "--order")
        done = self.minke("verify", "one", "three", "--order")
        self.assertEqual(done.code, 1)
        self.assertIn("one and three differ", done.err)
        self.write("in.txt", b"other\n")
        self.run_well("wordcount", "in.txt", "-o", "other")
        done = self.minke("verify", "one", "three", "other")
        self.assertEqual(done.code, 1)
        self.assertIn("one and other differ", done.err)
        said = json.loads(self.minke("verify", "one", "other", "--json").out)
        self.assertFalse(said["same"])
        self.assertTrue(json.loads(self.good("verify", "one", "three", "--json"))["same"])

    def test_verify_of_what_is_no_output(self):
        os.makedirs(self.path("unfinished/.minke-0123456789abcdef"))
        for path, saying in (("absent", "No such file"), ("unfinished", "unfinished output")):
            done = self.minke("verify", path)
            self.assertEqual(done.code, 65)
            self.assertIn(path, done.err)
            self.assertIn(saying, done.err)

    def test_verify_finds_a_part_that_was_changed(self):
        self.write("in.txt", b"a\nb\n")
        self.run_well("wordcount", "in.txt", "-o", "out")
        self.write("out/part-00000", b"a\t1\nb\t2\n")
        done = self.minke("verify", "out")
        self.assertEqual(done.code, 71)
        self.assertIn("part files in out are not what their _SUCCESS says", done.err)

    def test_json_of_bytes_that_are_not_utf8(self):
        out = os.fsdecode(b"caf\xe9")
        self.write("in.txt", b"a\n")
        self.run_well("wordcount", "in.txt", "-o", out)
        said = json.loads(self.good("verify", out, "--json"))
        self.assertEqual([one["path"] for one in said["verified"]], ["caf\ufffd"])
        job = json.loads(self.good("jobs", fixture("bad_use", "bytes"), "--json"))
        self.assertEqual(job["summary"], "caf\ufffd")
        self.assertEqual([one["default"] for one in job["arguments"]], ["th\ufffd"])

    def test_json_about_a_run(self):
        self.write("in.txt", b"b a\nb\n")
        done = self.minke("run", "wordcount", "in.txt", "-o", "out", "--json")
        self.assertEqual((done.code, done.err), (0, ""))
        said = json.loads(done.out)
        self.assertEqual((said["job"], said["state"], said["exit_code"]),
                         ("wordcount", "finished", 0))
        self.assertEqual((said["records_in"], said["records_out"]), (2, 2))
        self.assertEqual(said["fingerprint"], self.success_of("out")["fingerprint"])
        # Of the process that did the work.
        self.assertGreater(said["peak_bytes"], 1 << 20)
        # Records have standard output: then the object goes to standard error.
        done = self.minke("run", "wordcount", "in.txt", "--json")
        self.assertEqual(done.out, b"a\t1\nb\t2\n")
        self.assertEqual(json.loads(done.err)["exit_code"], 0)

    def test_cpu_and_memory_are_those_of_the_work(self):
        self.write("big.txt", b"".join(b"%d\n" % number for number in range(400_000)))
        said = json.loads(self.minke("run", "distinct", "big.txt", "-o", "out", "--json").out)
        self.assertGreater(said["peak_bytes"], 20 << 20)
        self.assertGreater(said["cpu_ms"], 10)

    def test_table_at_the_end(self):
        self.write("in.txt", b"b a\nb\n")
        done = self.minke("run", "wordcount", "in.txt", "-o", "out")
        self.assertEqual((done.code, done.out), (0, b""))
        for row in ("in ", "shuffled ", "out ", "wall ", "CPU ", "peak memory ", "spills ",
                    "fingerprint "):
            self.assertRegex(done.err, rf"(?m)^{row}")
        self.assertNotIn("\r", done.err)
        self.assertNotIn("\x1b", done.err)


class Completion(MinkeTest):
    def complete(self, *words):
        """What bash offers for the last of `words`."""
        script = """
          source <("$1" completion bash)
          shift
          COMP_WORDS=(minke "$@"); COMP_CWORD=$#
          _minke
          printf '%s\\n' "${COMPREPLY[@]}"
        """
        done = subprocess.run(["bash", "-c", script, "bash", os.path.abspath(MINKE), *words],
                              cwd=self.folder, capture_output=True, text=True, check=True)
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def test_commands_jobs_flags_and_files(self):
        self.write("input.txt", b"")
        self.assertEqual(sorted(self.complete("")), sorted(COMMANDS))
        self.assertEqual(self.complete("ve"), ["verify", "version"])
        self.assertIn("wordcount", self.complete("run", ""))
        self.assertEqual(self.complete("run", "url"), ["url-frequency"])
        self.assertEqual(self.complete("jobs", "jo"), ["join"])
        self.assertEqual(self.complete("run", "wordcount", "inp"), ["input.txt"])
        self.assertEqual(self.complete("run", "wordcount", "--part"), ["--partitions"])
        self.assertEqual(self.complete("verify", "--or"), ["--order"])
        self.assertEqual(self.complete("completion", "z"), ["zsh"])
        self.assertEqual(self.complete("run", "wordcount", "--format", "j"), ["json"])
        self.assertEqual(self.complete("journal", "ex"), ["export"])
        self.assertEqual(self.complete("journal", "show", "--fi"), ["--file"])

    def test_other_shells_get_a_script(self):
        for shell in ("zsh", "fish"):
            script = self.minke("completion", shell).out.decode()
            for word in ("wordcount", "partitions", "verify"):
                self.assertIn(word, script)
        done = self.minke("completion", "tcsh")
        self.assertEqual(done.code, 64)
        self.assertIn("bash", done.err)


class Terminal(MinkeTest):
    def on_a_terminal(self, *words, columns=100, **options):
        """(exit code, everything that appears on it)."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 25, columns, 0, 0))
        process = self.start("run", *words, stderr=theirs, stdout=subprocess.DEVNULL, **options)
        os.close(theirs)
        self.addCleanup(os.close, ours)
        self.addCleanup(process.kill)
        shown = b""
        try:
            while chunk := os.read(ours, 4096):
                shown += chunk
                if b"records/s" in shown and not os.path.exists(self.path("go")):
                    self.write("go", b"")
        except OSError:  # the other end is closed
            pass
        return process.wait(), shown.decode()

    def setUp(self):
        super().setUp()
        self.write("in.txt", b"a\nb\n")
        self.waits = [fixture("bad_use", "waits"), "in.txt", "-o", "out"]

    def test_progress_line_and_table(self):
        code, shown = self.on_a_terminal(*self.waits)
        self.assertEqual(code, 0, shown)
        progress, table = shown.rsplit("\r\x1b[K", 1)
        self.assertRegex(progress, r"mapping  0/1 tasks  [\d,]+ records/s  \d+\.\d MB/s")
        for row in ("in ", "out ", "wall ", "peak memory ", "fingerprint "):
            self.assertRegex(table, rf"(?m)^{row}")

    def test_time_left_is_told_when_it_can_be(self):
        self.write("in.txt", b"a\n" * 40)
        code, shown = self.on_a_terminal(fixture("bad_use", "slow"), "in.txt", "-o", "out",
                                         "--threads", "1", "--split-bytes", "4")
        self.assertEqual(code, 0, shown)
        self.assertRegex(shown, r"mapping  [1-9]\d*/20 tasks  [\d,]+ records/s .* ETA \d+ s")

    def test_narrow_terminal_is_not_overrun(self):
        code, shown = self.on_a_terminal(*self.waits, columns=40)
        self.assertEqual(code, 0, shown)
        for line in shown.rsplit("\r\x1b[K", 1)[0].split("\r\x1b[K"):
            self.assertLess(len(line), 40)

    def test_quiet_shows_nothing(self):
        self.write("go", b"")
        self.assertEqual(self.on_a_terminal(*self.waits, "--quiet"), (0, ""))

    def test_no_progress_where_no_terminal_is(self):
        self.write("go", b"")
        done = self.minke("run", *self.waits)
        self.assertNotIn("records/s", done.err)


class Settings(MinkeTest):
    """Flag over MINKE_… over config file; sizes in K, M, G."""

    def setUp(self):
        super().setUp()
        self.write("in.txt", b"".join(b"%d\n" % number for number in range(50)))

    def parts(self, *flags, **variables):
        done = self.minke("run", "wordcount", "in.txt", "-o", "out", "--overwrite", "--quiet",
                          *flags, env=self.environment() | variables)
        self.assertEqual((done.code, done.err), (0, ""))
        return len(self.parts_of("out"))

    def test_precedence(self):
        self.write("minke.conf", b"partitions = 2\n")
        config = ["--config", "minke.conf"]
        self.assertEqual(self.parts(), 1)
        self.assertEqual(self.parts(*config), 2)
        self.assertEqual(self.parts(*config, MINKE_PARTITIONS="3"), 3)
        self.assertEqual(self.parts(*config, "--partitions", "4", MINKE_PARTITIONS="3"), 4)
        self.assertEqual(self.parts(MINKE_CONFIG="minke.conf"), 2)

    def test_wrong_values_are_refused_wherever_they_come_from(self):
        self.write("minke.conf", b"partitions = 0\n")
        self.run_badly(64, "wordcount", "in.txt", "-o", "out", "--config", "minke.conf",
                       saying=["--partitions"])
        self.run_badly(64, "wordcount", "in.txt", "-o", "out",
                       env=self.environment() | {"MINKE_PARTITIONS": "many"},
                       saying=["--partitions", "many"])
        self.write("minke.conf", b"partition = 3\n")
        self.run_badly(64, "wordcount", "in.txt", "-o", "out", "--config", "minke.conf",
                       saying=["minke.conf", "partition"])
        self.run_badly(64, "wordcount", "in.txt", "-o", "out", "--config", "absent.conf",
                       saying=["absent.conf"])

    def test_sizes(self):
        for size in ("4096", "4K", "4k", "1M", "1G"):
            self.parts("--memory", size)
        self.parts(MINKE_MEMORY="64K")


if __name__ == "__main__":
    unittest.main()
