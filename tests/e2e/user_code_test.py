"""User code that fails, in every place and way: 70, naming job, task, record and what happened."""

import json
import os
import resource
import shutil
import unittest

from harness import MinkeTest, fixture, is_sanitized

GOOD = b"good\nfine\n"
BAD = GOOD + b"bad\ngood\n"  # the bad record begins at byte 10
RECORD = "the record at byte 10 of in.txt"
MAP_PLACES = ("map", "map-only", "partition", "fold")
SIGNALS = {"abort": "SIGABRT", "segfault": "SIGSEGV", "overflow": "SIGSEGV"}


class UserCode(MinkeTest):
    def setUp(self):
        super().setUp()
        self.write("in.txt", BAD)

    def job_fails(self, place, how, *flags, saying=(), code=70, **options):
        return self.run_badly(code, fixture("bad_code", place), "in.txt", "--arg", f"how={how}",
                              "-o", "out", *flags, saying=saying, **options)


class Exceptions(UserCode):
    def test_in_a_map_name_the_record(self):
        for place in MAP_PLACES + ("sorted-map",):
            with self.subTest(place=place):
                self.job_fails(place, "throw",
                               saying=["map task 0", "4 times", RECORD, "it does not like this"])

    def test_in_a_reduce_name_the_key(self):
        self.job_fails("reduce", "throw",
                       saying=["reduce task 0", "key 'bad'", "reduce function",
                               "it does not like this"])

    def test_in_a_combiner(self):
        self.write("in.txt", b"bad\n" * 20_000)
        self.job_fails("combine", "throw", "--memory", "4K", "--block-bytes", "64",
                       saying=["combine function", "it does not like this"])

    def test_in_an_aggregate(self):
        for place, function in (("fold", "fold"), ("merge", "merge"), ("finish", "finish")):
            self.job_fails(place, "throw", saying=[f"aggregate's {function} function",
                                                   "it does not like this"])

    def test_at_begin_and_end(self):
        self.job_fails("begin", "throw", saying=["map task 0", "it does not like this"])
        self.job_fails("end", "throw", saying=["map task 0", "map end", "it does not like this"])

    def test_when_begin_failed_no_record_is_mapped_without_it(self):
        self.job_fails("begin", "throw", "--skip-bad", "3", saying=["it does not like this"])

    def test_when_the_job_is_declared(self):
        self.job_fails("declare", "throw", code=64, saying=["'declare'", "it does not like this"])

    def test_of_no_known_type(self):
        for place in ("map", "reduce", "fold", "begin"):
            self.job_fails(place, "throw-int", saying=["not a std::exception"])

    def test_in_words_that_are_not_utf8(self):
        for flags in ((), ("--json",)):
            self.job_fails("map", "throw-bytes", *flags, saying=["4 times", "which is not UTF-8"])

    @unittest.skipIf(is_sanitized(), "sanitizers need more address space than any limit")
    def test_out_of_memory(self):
        def bound():
            resource.setrlimit(resource.RLIMIT_AS, (40 << 30, 40 << 30))
        self.job_fails("map-only", "leak", "--threads", "1", preexec_fn=bound,
                       saying=[RECORD, "bad_alloc"])


class Crashes(UserCode):
    def test_in_a_map_name_the_record_and_the_signal(self):
        for place in MAP_PLACES:
            for how, signal in SIGNALS.items():
                with self.subTest(place=place, how=how):
                    self.job_fails(place, how, saying=[
                        f"bad_code.so:{place} crashed in map task 0", RECORD, signal, "--skip-bad",
                        "--task map-0"])

    def test_while_ranges_are_sampled(self):
        self.job_fails("sorted-map", "segfault", "--partitions", "2",
                       saying=["sample task", RECORD, "SIGSEGV", "--task sample-"])

    def test_in_the_second_of_many_map_tasks(self):
        self.write("in.txt", GOOD * 1000 + b"bad\n" + GOOD * 1000)
        self.job_fails("map", "segfault", "--split-bytes", "1000", "--threads", "4",
                       saying=["map task 10", "the record at byte 10000 of in.txt", "SIGSEGV"])

    def test_in_a_reduce_name_the_key(self):
        for how, signal in SIGNALS.items():
            self.job_fails("reduce", how, saying=["crashed in reduce task 0", "key 'bad'", signal,
                                                  "--task reduce-0"])

    def test_behind_the_last_group_are_not_blamed_on_it(self):
        said = self.job_fails("reduce-end", "segfault", "--skip-bad", "3",
                              saying=["crashed in reduce task 0", "SIGSEGV"])
        self.assertNotIn("key", said)

    def test_at_a_key_that_is_too_long_to_be_shown(self):
        self.write("in.txt", b"bad" + 300 * b"x" + b"\n")
        said = self.job_fails("reduce", "segfault", "--skip-bad", "1",
                              saying=["key 'badxxx", "xxx…'", "SIGSEGV"])
        self.assertNotIn("--skip-bad", said, "another key may begin like it")

    def test_elsewhere_name_the_task(self):
        for place, task in (("end", "map task 0"), ("close", "map task 0"),
                            ("merge", "reduce task 0"), ("finish", "reduce task 0")):
            self.job_fails(place, "segfault", saying=[f"crashed in {task}", "SIGSEGV"])
        self.job_fails("declare", "segfault",
                       saying=["bad_code.so:declare crashed while it was declared", "SIGSEGV"])

    def test_in_what_came_through_a_pipe_name_the_batch(self):
        self.run_badly(70, fixture("bad_code", "map"), "-", "--arg", "how=segfault", "-o", "out",
                       stdin=BAD, saying=["map task 0", "batch that begins at byte 0 of -",
                                          "SIGSEGV"])

    def test_into_standard_output_and_a_single_file(self):
        for flags in ([], ["--single-file", "one"]):
            before = self.names()
            done = self.minke("run", fixture("bad_code", "map"), "in.txt", "--arg", "how=abort",
                              *flags)
            self.assertEqual((done.code, done.out), (70, b""))
            self.assertIn(RECORD, done.err)
            self.assertEqual(self.names(), before)

    def test_with_one_attempt(self):
        self.job_fails("map", "segfault", "--attempts", "1", saying=[RECORD, "SIGSEGV"])


class Exits(UserCode):
    def test_are_no_success(self):
        for how in ("exit", "_exit", "quick_exit"):
            self.job_fails("map", how, saying=["ended the process in map task 0", RECORD, "exit()"])
        for place in ("reduce", "fold", "begin", "close"):
            self.job_fails(place, "exit", saying=["ended the process in", "exit()"])
        self.job_fails("declare", "exit",
                       saying=["bad_code.so:declare ended the process while it was declared",
                               "exit()"])


class Loops(UserCode):
    def loops(self, *places):
        for place in places:
            task = "reduce" if place in ("reduce", "merge", "finish") else "map"
            where = [RECORD] if place in MAP_PLACES else []
            self.job_fails(place, "loop", "--task-timeout", "1", saying=[
                f"bad_code.so:{place} made no progress for 1 s in {task} task 0", *where,
                "--task-timeout"])

    def test_in_a_map(self):
        self.loops("map")

    def test_in_a_reduce(self):
        self.loops("reduce")

    def test_in_an_aggregate(self):
        self.loops("fold", "finish")

    def test_in_a_partitioner(self):
        self.loops("partition")

    def test_when_the_job_is_declared(self):
        self.job_fails("declare", "loop", "--task-timeout", "1", saying=[
            "bad_code.so:declare made no progress for 1 s while it was declared", "--task-timeout"])

    def test_at_the_edges(self):
        self.loops("begin", "close")


class SkipBad(UserCode):
    LINES = b"bad\na\nb\nbad\nbad\nc\n"

    def skips(self, how, *flags, place="map-only"):
        self.write("in.txt", self.LINES)
        self.run_well(fixture("bad_code", place), "in.txt", "--arg", f"how={how}", "-o", "out",
                      "--skip-bad", "3", *flags)
        return self.output_of("out")

    def test_records_that_throw(self):
        output = self.skips("throw")
        self.assertEqual(output["part-00000"], b"a\nb\nc\n")
        self.assertEqual(output["bad-records-00000"], b"bad\n" * 3)

    def test_records_that_crash(self):
        for how in ("segfault", "exit"):
            output = self.skips(how)
            self.assertEqual(output["part-00000"], b"a\nb\nc\n")
            self.assertEqual(output["bad-records-00000"], b"bad\n" * 3)
            shutil.rmtree(self.path("out"))

    def test_nothing_of_a_bad_record_is_left(self):
        self.write("in.txt", self.LINES)
        done = self.minke("run", fixture("bad_code", "side-map"), "in.txt", "--arg", "how=throw",
                          "-o", "out", "--skip-bad", "3", "--json")
        self.assertEqual((done.code, done.err), (0, ""))
        output = self.output_of("out")
        self.assertEqual(output["part-00000"], b"a\nb\nc\n")
        self.assertEqual(output["side-00000"], b"a\t1\nb\t1\nc\t1\n")
        said = json.loads(done.out)
        self.assertEqual((said["counters"], said["skipped"]), ({"lines": 3}, 3))

    def test_groups_that_throw_crash_or_loop(self):
        self.write("in.txt", b"bad2\na\nbad1\nz\nbad2\n")
        for how in ("throw", "segfault", "exit"):
            with self.subTest(how=how):
                self.run_well(fixture("bad_code", "reduce"), "in.txt", "--arg", f"how={how}", "-o",
                              "out", "--skip-bad", "2")
                output = self.output_of("out")
                self.assertEqual(output["part-00000"], b"a\t1\nz\t1\n")
                self.assertEqual(output["bad-groups-00000"], b"bad1\nbad2\n")
                shutil.rmtree(self.path("out"))
        self.write("in.txt", BAD)
        self.run_well(fixture("bad_code", "reduce"), "in.txt", "--arg", "how=loop", "-o", "out",
                      "--skip-bad", "1", "--task-timeout", "1")
        self.assertEqual(self.parts_of("out"), [b"fine\t1\ngood\t2\n"])
        self.assertEqual(self.parts_of("out", "bad-groups"), [b"bad\n"])

    def test_nothing_of_a_bad_group_is_left_but_its_key(self):
        self.write("in.txt", b"one\na\ntwo\nthree\nto\n")
        for how in ("throw", "segfault"):
            done = self.minke("run", fixture("bad_code", "number"), "in.txt", "--arg", f"how={how}",
                              "-o", "out", "--skip-bad", "1", "--json")
            self.assertEqual((done.code, done.err), (0, ""))
            output = self.output_of("out")
            self.assertEqual(output["part-00000"], b"1\t0\n1\t1\n2\t0\n2\t1\n5\t0\n5\t1\n")
            self.assertEqual(output["side-00000"], b"1\t1\n2\t1\n5\t1\n")
            self.assertEqual(output["bad-groups-00000"], b"3\n")
            said = json.loads(done.out)
            self.assertEqual((said["counters"], said["skipped"]), ({"groups": 3}, 1))
            shutil.rmtree(self.path("out"))

    def test_records_that_loop(self):
        self.write("in.txt", BAD)
        self.run_well(fixture("bad_code", "map"), "in.txt", "--arg", "how=loop", "-o", "out",
                      "--skip-bad", "1", "--task-timeout", "1")
        self.assertEqual(self.parts_of("out"), [b"fine\t1\ngood\t2\n"])
        self.assertEqual(self.parts_of("out", "bad-records"), [b"bad\n"])

    def test_in_several_tasks_and_with_sampling(self):
        output = self.skips("segfault", "--split-bytes", "1", "--partitions", "2",
                            place="sorted-map")
        self.assertEqual(output["part-00000"] + output["part-00001"], b"a\t1\nb\t1\nc\t1\n")
        bad = b"".join(output[name] for name in sorted(output) if name.startswith("bad-"))
        self.assertEqual(bad, b"bad\n" * 3)

    def test_more_than_allowed(self):
        self.write("in.txt", self.LINES)
        self.job_fails("map", "throw", "--skip-bad", "2",
                       saying=["the record at byte 12 of in.txt", "it does not like this"])
        self.job_fails("map", "throw", "--skip-bad", "2", "--split-bytes", "1",
                       saying=["3 records or groups are bad", "the 2 that --skip-bad allows"])
        self.job_fails("map", "segfault", "--skip-bad", "2",
                       saying=["the record at byte 12 of in.txt", "SIGSEGV", "--skip-bad allows 2"])
        self.write("in.txt", b"bad1\nbad2\n")
        self.job_fails("reduce", "throw", "--skip-bad", "1", saying=["key 'bad2'"])
        self.job_fails("reduce", "segfault", "--skip-bad", "1",
                       saying=["key 'bad2'", "SIGSEGV", "--skip-bad allows 1 such groups"])


class WrongUse(MinkeTest):
    def setUp(self):
        super().setUp()
        self.write("in.txt", b"a\nb\n")

    def use_fails(self, job, *flags, saying):
        self.run_badly(70, fixture("bad_use", job), "in.txt", "-o", "out", *flags, saying=saying)

    def test_batches_from_another_thread(self):
        self.use_fails("other-thread", saying=["from a thread that it started itself",
                                               "emit only from the thread that called"])

    def test_too_many_counters(self):
        self.use_fails("counters", saying=["limit of 1000 counters", "'counter 1000'"])

    def test_side_output_of_other_types_or_not_declared(self):
        self.use_fails("other-types", saying=["side output 'side'", "other types"])
        self.use_fails("undeclared",
                       saying=["no side output 'nowhere'", '.Output<K, V>("nowhere")'])

    def test_side_file_that_was_not_given(self):
        self.use_fails("no-file", saying=["side file 'words'", "--file words=PATH"])

    def test_records_of_a_table_from_files(self):
        self.run_badly(64, fixture("bad_use", "records"), "in.txt", "-o", "out",
                       saying=["records of a table", "in.txt", "minke::Line"])

    def test_record_over_the_limit(self):
        self.use_fails("large", "--arg", "bytes=268435457", "--attempts", "1",
                       saying=["268435457 bytes", "256 MiB", "in.txt"])

    def test_partition_out_of_range(self):
        self.write("in.txt", b"bad\n")
        self.run_badly(70, fixture("bad_code", "partition"), "in.txt", "--arg", "how=out-of-range",
                       "-o", "out", "--partitions", "3",
                       saying=["answers 3", "3 partitions", "0 to 2"])


class JobFiles(MinkeTest):
    """Job files that are none; the modules are those of tests/sdk."""

    def setUp(self):
        super().setUp()
        self.write("in.txt", b"a\n")

    def refused(self, path, *saying):
        self.run_badly(64, path, "in.txt", "-o", "out", saying=saying)

    def wrong(self, name):
        return os.path.join(os.environ["MINKE_SDK_FIXTURES"], f"{name}.so")

    def test_missing_and_unreadable(self):
        self.refused("./absent.so", "./absent.so", "No such file")

    def test_not_a_shared_object(self):
        self.write("text.so", b"this is text")
        self.write("cut.so", self.elf()[:2000])
        self.refused("./text.so", "./text.so", "must be a shared object for this machine")
        self.refused("./cut.so", "./cut.so", "must be a shared object for this machine")

    def elf(self):
        with open(fixture("bad_use"), "rb") as file:
            return file.read()

    def test_without_entry_point(self):
        self.refused(self.wrong("no_entry"), "does not export minke_module_v1", "MINKE_JOB")

    def test_of_another_abi_version(self):
        self.refused(self.wrong("other_version"), "version 2 of the job ABI", "build it again")

    def test_with_a_symbol_that_nobody_has(self):
        self.refused(fixture("missing_symbol"), "missing_symbol.so", "nobody_defines_this")

    def test_declared_with_types_that_do_not_match(self):
        self.refused(self.wrong("wrong_types"), "wrong_types.so", "output_value differs from value")

    def test_without_jobs_or_with_one_name_twice(self):
        self.refused(self.wrong("no_jobs"), "registers no job")
        self.refused(self.wrong("same_names"), "two jobs named 'same'")


if __name__ == "__main__":
    unittest.main()
