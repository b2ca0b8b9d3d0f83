"""`minke run … --task map-17`: one task alone, in this process, for a debugger."""

import json
import os
import unittest

from harness import MinkeTest, fixture


class SingleTask(MinkeTest):
    def setUp(self):
        super().setUp()
        self.write("in.txt", b"".join(b"%d x\n" % number for number in range(1000)))
        self.flags = ["--split-bytes", "1K", "--partitions", "3", "--threads", "2"]

    def task(self, name, job="wordcount", *more):
        before = self.names()
        done = self.minke("run", job, "in.txt", *self.flags, *more, "--task", name, "--json")
        self.assertEqual(done.code, 0, done.err)
        self.assertEqual(self.names(), before)
        return json.loads(done.out), done.err

    def test_map_tasks_read_the_whole_input_between_them(self):
        self.run_badly(64, "wordcount", "in.txt", *self.flags, "--task", "map-99", saying=[
            "no task 'map-99'", "map-0 to map-5", "reduce-0 to reduce-2", "--split-bytes"])
        records = bytes_in = 0
        for index in range(6):
            said, err = self.task(f"map-{index}")
            self.assertEqual((said["task"], said["job"], err), (f"map-{index}", "wordcount", ""))
            records += said["records_in"]
            bytes_in += said["bytes_in"]
        self.assertEqual((records, bytes_in), (1000, len(self.read("in.txt"))))

    def test_reduce_task_runs_the_map_tasks_first_and_makes_its_part(self):
        self.run_well("wordcount", "in.txt", *self.flags, "-o", "out")
        parts = self.parts_of("out")
        total = 0
        for index, part in enumerate(parts):
            said, err = self.task(f"reduce-{index}")
            self.assertIn("running 6 map tasks first", err)
            [output] = said["outputs"]
            self.assertEqual((output["records"], output["bytes"]), (part.count(b"\n"), len(part)))
            total += int(output["fingerprint"], 16)
        self.assertEqual(f"{total % 2**64:016x}", self.success_of("out")["fingerprint"])

    def test_ranges_are_sampled_first(self):
        self.run_well("sort", "in.txt", *self.flags, "-o", "out")
        parts = self.parts_of("out")
        said, err = self.task("reduce-1", "sort")
        self.assertIn("sample task", err)
        self.assertEqual(said["outputs"][0]["bytes"], len(parts[1]))

    def test_the_output_of_the_run_is_not_touched(self):
        self.run_well("wordcount", "in.txt", *self.flags, "-o", "out")
        before = self.output_of("out")
        self.task("reduce-0", "wordcount", "-o", "out")
        self.assertEqual(self.output_of("out"), before)
        self.task("map-0", "wordcount", "--single-file", "one")

    def test_side_outputs_are_summed_up(self):
        said, _ = self.task("map-0", fixture("bad_use", "side"))
        self.assertEqual([one["name"] for one in said["outputs"]], ["part", "side"])

    def test_table_for_people(self):
        done = self.minke("run", "wordcount", "in.txt", *self.flags, "--task", "reduce-2")
        self.assertEqual((done.code, done.out), (0, b""))
        for row in ("task         reduce-2 of wordcount", "in   ", "out   ", "fingerprint", "CPU"):
            self.assertIn(row, done.err)

    def test_wrong_names(self):
        for name in ("map", "map-", "map-x", "map-6", "reduce-3", "shuffle-0", "17", "map--1"):
            self.run_badly(64, "wordcount", "in.txt", *self.flags, "--task", name,
                           saying=[f"no task '{name}'", "map-0 to map-5"])

    def test_user_code_fails_in_this_very_process(self):
        self.write("in.txt", b"good\nbad\n")
        self.run_badly(70, fixture("bad_code", "map"), "in.txt", "--arg", "how=throw", "--task",
                       "map-0", saying=["in.txt", "it does not like this"])
        self.assertEqual(self.minke("run", fixture("bad_code", "map"), "in.txt", "--arg",
                                    "how=abort", "--task", "map-0").code, -6)
        for name in os.listdir(self.path("spill")):  # a debugger's victim cleans up nothing
            self.assertTrue(name.startswith("minke-task-"))


if __name__ == "__main__":
    unittest.main()
