"""The servers die under a job, and come back: it goes on by itself."""

import time
import unittest

from processes_test import ProcessTest

AWAY_S = 30


class ServerTest(ProcessTest):
    LANE = "job-faults"

    def away(self, *servers):
        self.lane.tell("kill", *servers)

    def back(self, *servers):
        self.lane.tell("start", *servers)

    def die_in_each_phase(self, *servers, away_s=0):
        """None of the processes ends; nothing is lost to anybody's lease."""
        crew = self.crew(ms=10)
        self.addCleanup(self.back, *servers)
        crew.start("master", "mapper", "mapper", "reducer")
        for kind in ("map", "reduce"):
            crew.wait_for(kind)
            self.away(*servers)
            time.sleep(away_s)
            self.back(*servers)
        crew.to_the_end()
        self.assertEqual([one for one in crew.ended if one[1] != 0], [])
        self.assertEqual(self.check(crew.job).losses, 0)


class KafkaDies(ServerTest):
    def test_in_each_phase(self):
        self.die_in_each_phase("kafka")


class CassandraDies(ServerTest):
    def test_in_each_phase(self):
        self.die_in_each_phase("cassandra")


class BothAway(ServerTest):
    def test_for_half_a_minute(self):
        self.die_in_each_phase("kafka", "cassandra", away_s=AWAY_S)


if __name__ == "__main__":
    unittest.main()
