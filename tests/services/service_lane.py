"""A lane of real servers, as a Python test finds it. ctest starts it before the test
(minke_needs_lane in cmake/services.cmake); by hand, `./dev services up` does.

    lane = ServiceLane("plain")
    lane.settings()["MINKE_KAFKA"]      "127.0.0.1:12345"; see ./dev services env
    lane.tell("kill", "kafka")          any verb of services/services.sh
"""

import os
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCRIPT = os.path.join(ROOT, "services", "services.sh")


class ServiceLane:
    def __init__(self, name, state=None):
        self.name = name
        self.state = state or os.environ.get("MINKE_SERVICES", os.path.join(ROOT, "build/services"))

    @property
    def folder(self):
        return os.path.join(self.state, self.name)

    def run(self, *words):
        """The finished process of a verb, whatever its exit code."""
        # Servers outlive the call, but must not keep its pipes.
        return subprocess.run([SCRIPT, *words, "--lane", self.name, "--state", self.state],
                              capture_output=True, text=True, timeout=300, check=False)

    def tell(self, *words):
        done = self.run(*words)
        if done.returncode != 0:
            raise AssertionError(f"services {' '.join(words)}: {done.stderr or done.stdout}")
        return done.stdout

    def settings(self, *servers):
        """What env prints. When a server does not run, the error says how to start it."""
        lines = self.tell("env", *servers).splitlines()
        return dict(line.removeprefix("export ").split("=", 1) for line in lines)
