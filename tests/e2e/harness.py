"""What every end-to-end test needs: a folder of its own, the command, and a look at its output.

The command is what MINKE_BIN names (ctest sets it). Inputs are named by relative paths, as minke
runs inside the test's folder.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from dataclasses import dataclass

MINKE = os.environ.get("MINKE_BIN", "build/bin/minke")
FIXTURES = os.environ.get("MINKE_FIXTURES", "")
SLOWNESS = int(os.environ.get("MINKE_SLOWNESS", "1"))  # of sanitizers, say
TIMEOUT_S = 60 * SLOWNESS
# Root as everybody else: permission bits count.
UNPRIVILEGED = [] if os.geteuid() != 0 else [
    "setpriv", "--bounding-set=-dac_override,-dac_read_search",
    "--inh-caps=-dac_override,-dac_read_search"]


@dataclass
class Done:
    code: int
    out: bytes
    err: str


def is_sanitized():
    with open(MINKE, "rb") as file:
        program = file.read()
    return b"__asan_init" in program or b"__tsan_init" in program


def fixture(file, job=None):
    """The path of a job file that the build made, as `minke run` takes it."""
    path = os.path.join(FIXTURES, file + ".so")
    return f"{path}:{job}" if job else path


class MinkeTest(unittest.TestCase):
    maxDiff = 4000

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="minke-e2e-")
        self.addCleanup(shutil.rmtree, self.folder)
        os.chmod(self.folder, 0o777)
        os.mkdir(self.path("spill"))
        os.chmod(self.path("spill"), 0o777)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, data):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
        return name

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def environment(self):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MINKE_")}
        kept["MINKE_SPILL"] = self.path("spill")
        return kept

    def start(self, *words, prefix=(), **options):
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        options.setdefault("env", self.environment())
        return subprocess.Popen([*prefix, os.path.abspath(MINKE), *words], cwd=self.folder,
                                **options)

    def minke(self, *words, stdin=None, **options):
        """Runs the command to its end."""
        if stdin is not None:
            options["stdin"] = subprocess.PIPE
        process = self.start(*words, **options)
        try:
            out, err = process.communicate(stdin, timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            self.fail(f"minke {' '.join(words)} did not end in {TIMEOUT_S} s")
        return Done(process.returncode, out or b"", (err or b"").decode("utf-8", "replace"))

    def run_well(self, *words, **options):
        """Runs a job that must succeed, and say nothing."""
        done = self.minke("run", *words, "--quiet", **options)
        command = "minke run " + " ".join(words)
        self.assertEqual((done.code, done.err), (0, ""), command)
        self.assertEqual(os.listdir(self.path("spill")), [], f"{command} left spill files")
        return done

    def names(self):
        """Every path in the test's folder."""
        return sorted(os.path.relpath(os.path.join(folder, name), self.folder)
                      for folder, folders, files in os.walk(self.folder)
                      for name in folders + files)

    def run_badly(self, code, *words, saying=(), **options):
        """Runs a job that must end with `code`, say all of `saying` in one line, and leave nothing.
        """
        before = self.names()
        done = self.minke("run", *words, **options)
        command = "minke run " + " ".join(words)
        self.assertEqual(done.code, code, f"{command}\n{done.err}")
        lines = [line for line in done.err.splitlines() if line.startswith("minke")]
        self.assertEqual(len(lines), 1, f"{command}\n{done.err}")
        for text in saying:
            self.assertIn(text, lines[0], command)
        self.assertEqual(self.names(), before, f"{command} left something")
        return lines[0]

    def assert_same(self, found, wanted, what):
        """Of bytes, or {name: bytes}. assertEqual would look for the shortest difference of two
        large outputs, for minutes."""
        if isinstance(found, dict):
            self.assertEqual(sorted(found), sorted(wanted), what)
            for name in found:
                self.assert_same(found[name], wanted[name], f"{name}: {what}")
        elif found != wanted:
            at = len(os.path.commonprefix([found, wanted]))
            near = slice(max(0, at - 40), at + 40)
            self.fail(f"{what}: {len(found)} bytes, not {len(wanted)}; from byte {at} on they "
                      f"differ: {found[near]!r}, not {wanted[near]!r}")

    def output_of(self, folder):
        """{file name: bytes} of a finished output, which holds nothing but parts and _SUCCESS."""
        names = sorted(os.listdir(self.path(folder)))
        strange = [name for name in names if not re.fullmatch(r"[\w-]+-\d{5,}|_SUCCESS", name)]
        self.assertEqual(strange, [], f"strange files in {folder}")
        self.assertIn("_SUCCESS", names)
        return {name: self.read(f"{folder}/{name}") for name in names}

    def parts_of(self, folder, name="part"):
        """The bytes of each part, in the order of their names."""
        output = self.output_of(folder)
        return [output[one] for one in sorted(output) if one.startswith(name + "-")]

    def success_of(self, folder):
        return json.loads(self.read(f"{folder}/_SUCCESS"))
