"""What a newcomer gets wrong on the command line: each error names the flag and what to write."""

import unittest

from harness import MinkeTest, fixture

MIB = 1 << 20


class UsageErrors(MinkeTest):
    def setUp(self):
        super().setUp()
        self.write("in.txt", b"b a\nb\n")

    def test_unknown_job_names_the_nearest(self):
        self.run_badly(64, "wordcuont", "in.txt", "-o", "out",
                       saying=["no job 'wordcuont'", "did you mean 'wordcount'?", "minke jobs"])

    def test_unknown_job_of_a_file_names_what_it_holds(self):
        self.run_badly(64, fixture("bad_use", "sied"), "in.txt", "-o", "out",
                       saying=["bad_use.so", "'sied'", "'side'"])

    def test_several_jobs_in_a_file_and_none_named(self):
        self.run_badly(64, fixture("bad_use"), "in.txt", "-o", "out",
                       saying=["bad_use.so", "counters", "side"])

    def test_no_job_and_no_input(self):
        self.run_badly(64, saying=["name a job and its input", "minke run wordcount"])
        self.run_badly(64, "wordcount", saying=["no input", "wordcount"])
        self.run_badly(64, "wordcount", "-o", "out", saying=["no input", "wordcount"])

    def test_flag_without_its_value(self):
        for flag in ("-o", "--memory", "--partitions"):
            with self.subTest(flag=flag):
                self.run_badly(64, "wordcount", "in.txt", flag,
                               saying=["--output" if flag == "-o" else flag, "missing"])

    def test_numbers_out_of_range(self):
        for flag, value in (("--threads", "0"), ("--threads", "5000"), ("--threads", "-1"),
                            ("--partitions", "0"), ("--partitions", "16385"),
                            ("--partitions", "many"), ("--attempts", "0"),
                            ("--task-timeout", "0"), ("--skip-bad", "-1")):
            with self.subTest(flag=flag, value=value):
                self.run_badly(64, "wordcount", "in.txt", "-o", "out", flag, value,
                               saying=[flag, value])

    def test_sizes(self):
        for flag in ("--memory", "--spill-bytes", "--split-bytes", "--block-bytes"):
            for value in ("12Q", "-5", "1.5G", "", "G", "0"):
                with self.subTest(flag=flag, value=value):
                    self.run_badly(64, "wordcount", "in.txt", "-o", "out", f"{flag}={value}",
                                   saying=[flag])

    def test_memory_budget_too_small(self):
        self.run_badly(64, "wordcount", "in.txt", "-o", "out", "--memory", "4095",
                       saying=["--memory", "4095", "too few", "4096"])
        self.run_well("wordcount", "in.txt", "-o", "out", "--memory", "4096")

    def test_unknown_flag_and_command_name_the_nearest(self):
        self.run_badly(64, "wordcount", "in.txt", "--outptu", "out",
                       saying=["--outptu", "did you mean '--output'?"])
        done = self.minke("rnu", "wordcount", "in.txt")
        self.assertEqual(done.code, 64)
        self.assertIn("no command 'rnu'; did you mean 'run'?", done.err)
        done = self.minke()
        self.assertEqual(done.code, 64)
        self.assertIn("minke --help", done.err)

    def test_arguments_of_jobs(self):
        for arguments, saying in (
                (["x"], ["--arg", "NAME=VALUE", "'x'"]),
                (["=x"], ["--arg", "NAME=VALUE", "'=x'"]),
                (["k=0"], ["'k'", "'0'", "between 1 and"]),
                (["k=ten"], ["'k'", "'ten'"]),
                (["q=1"], ["no argument 'q'", "'k'"]),
                (["k=1", "k=2"], ["'k'", "twice"])):
            with self.subTest(arguments=arguments):
                flags = [word for one in arguments for word in ("--arg", one)]
                self.run_badly(64, "top-k", "in.txt", "-o", "out", *flags, saying=saying)
        self.run_badly(64, "grep", "in.txt", "-o", "out", saying=["pattern=", "fixed="])
        self.run_badly(64, "grep", "in.txt", "-o", "out", "--arg", "pattern=(",
                       saying=["'pattern'", "missing )"])

    def test_tags(self):
        self.run_badly(64, "join", "in.txt", "in.txt", "-o", "out",
                       saying=["left, right", "left=in.txt"])
        self.run_badly(64, "join", "left=in.txt", "-o", "out", saying=["right=PATH"])
        self.run_badly(64, "join", "left=in.txt", "rigth=in.txt", "-o", "out",
                       saying=["left, right"])
        self.run_badly(64, "wordcount", "left=in.txt", "-o", "out",
                       saying=["takes no tags", "./left=in.txt"])

    def test_input_named_twice_is_read_twice(self):
        self.assertEqual(self.run_well("wordcount", "in.txt", "in.txt").out, b"a\t2\nb\t4\n")

    def test_two_kinds_of_output(self):
        self.run_badly(64, "wordcount", "in.txt", "-o", "out", "--single-file", "one",
                       saying=["-o", "--single-file"])

    def test_side_outputs_need_a_folder(self):
        for flags in ([], ["--single-file", "one"]):
            self.run_badly(64, fixture("bad_use", "side"), "in.txt", *flags,
                           saying=["side output 'side'", "-o"])
        self.run_badly(64, "wordcount", "in.txt", "--skip-bad", "1",
                       saying=["--skip-bad", "bad-records", "-o"])

    def test_map_tasks_times_partitions(self):
        self.write("long.txt", b"x\n" * 5000)
        self.run_badly(64, "wordcount", "long.txt", "-o", "out", "--split-bytes", "1",
                       "--partitions", "16384", saying=["10000", "16384", "100", "--split-bytes",
                                                        "--partitions"])

    def test_fixed_records_that_do_not_fit(self):
        self.run_badly(65, "sort", "in.txt", "--arg", "record-bytes=4", "--arg", "key-bytes=2",
                       "-o", "out", saying=["in.txt", "6", "4"])
        self.run_badly(64, "sort", "in.txt", "--arg", "record-bytes=4", "--arg", "key-bytes=5",
                       "-o", "out", saying=["key-bytes"])

    def test_an_error_is_printed_under_quiet_too(self):
        self.run_badly(65, "wordcount", "absent", "--quiet", saying=["absent"])

    def test_an_error_under_json_is_one_object(self):
        import json
        done = self.minke("run", "wordcount", "absent", "-o", "out", "--json")
        self.assertEqual(done.code, 65)
        said = json.loads(done.out)
        self.assertEqual(said["exit_code"], 65)
        self.assertIn("absent", said["error"])


if __name__ == "__main__":
    unittest.main()
