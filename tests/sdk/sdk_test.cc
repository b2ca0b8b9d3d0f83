// The SDK's front through the ABI: what each kind of map, reduce, aggregate and setting does.
#include <algorithm>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include <minke/job.h>

#include "job_driver.h"

namespace minke::test {
namespace {

using Lines = std::vector<std::string>;

// Declares a job as the engine does, through the ABI.
class Declared {
 public:
  Declared(minke::internal::JobFunction function, Argument argument = {.name = "n"},
           const char* value = "7")
      : registration_("test-job", function, {.arguments = {argument}}) {
    const minke_argument_value values[] = {{{"n", 1}, {value, std::strlen(value)}}};
    const minke_job_entry& entry = *registration_.entry();
    job_ = entry.create(entry.user, values, 1, &error_);
  }
  ~Declared() {
    if (job_ != nullptr) registration_.entry()->destroy(job_);
    minke::internal::first_registration = nullptr;  // the registration ends with this object
  }
  const minke_job& operator*() const { return *job_; }
  const minke_job* operator->() const { return job_; }
  std::string error() const { return job_ == nullptr ? error_.text : ""; }

 private:
  minke::internal::Registration registration_;
  minke_error error_{};
  minke_job* job_ = nullptr;
};

RunResult RunText(minke::internal::JobFunction function, const std::string& text,
                  const DriverOptions& options = {}) {
  const Declared job(function);
  EXPECT_EQ(job.error(), "");
  return RunJob(*job, {{text}}, options);
}

TEST(Map, LinesKnowWhereTheyStand) {
  const auto function = [](const Arguments&) -> Job {
    return Map([](const Line& line, Emit<uint64_t, std::string_view>& emit) {
             emit(line.offset(), std::string(line) + "@" + std::string(line.path()));
           })
        .MapOnly();
  };
  EXPECT_EQ(RunText(function, "ab\r\n\nc", {.batch_bytes = 1}).lines,
            (Lines{"0\tab@input", "4\t@input", "5\tc@input"}));
}

TEST(Map, StringViewMeansLines) {
  const auto function = [](const Arguments&) -> Job {
    return Map([](std::string_view line, Emit<std::string_view>& emit) { emit(line); }).MapOnly();
  };
  EXPECT_EQ(RunText(function, "a\nb\n").lines, (Lines{"a", "b"}));
}

TEST(Map, EveryTypeOfKeyAndValueArrives) {
  using Key = std::tuple<std::string_view, int64_t, std::string_view>;
  using Value = std::tuple<uint64_t, double, std::string_view>;
  const auto function = [](const Arguments&) -> Job {
    return Map([](const Text&, Emit<Key, Value>& emit) {
             using namespace std::string_view_literals;
             emit({"b\0"sv, 1, "x"sv}, {2, -0.5, "\0"sv});
             emit({"b"sv, -3, ""sv}, {1, 0.5, ""sv});
             emit({"b\0\0c"sv, 0, "\0y"sv}, {0, 1e300, "z"sv});
           })
        .Reduce([](Key key, Values<Value>& values, Emit<std::string_view, std::string_view>& emit) {
          for (const auto& [u, f, s] : values) {
            const auto& [a, i, b] = key;
            emit(std::string(a) + "," + std::to_string(i) + "," + std::string(b),
                 std::to_string(u) + "," + std::to_string(f > 0) + "," + std::string(s));
          }
        });
  };
  using namespace std::string_literals;
  EXPECT_EQ(RunText(function, "x", {.emitter_bytes = 1}).lines,
            (Lines{"b,-3,\t1,1,"s, "b\0,1,x\t2,0,\0"s, "b\0\0c,0,\0y\t0,1,z"s}));
}

struct Stateful {
  void Begin(Task& task) {
    sum = task.arguments().Integer("n");
    begun = true;
  }
  void operator()(const Line&, Emit<int64_t>& emit) {
    sum += 1;
    if (!begun) emit(-1);
  }
  void End(Emit<int64_t>& emit) { emit(sum); }
  int64_t sum = 0;
  bool begun = false;
};

TEST(Map, EachAttemptHasAnObjectOfItsOwnThatBeginsAndEnds) {
  const Declared job([](const Arguments&) -> Job { return Map(Stateful()).MapOnly(); });
  EXPECT_EQ(RunJob(*job, {{"a\nb\n"}, {""}, {"c"}}, {.batch_bytes = 1}).lines,
            (Lines{"9", "7", "8"}));
}

TEST(Map, AFactoryMakesObjectsThatCannotBeCopied) {
  struct Owner {
    std::unique_ptr<int64_t> count = std::make_unique<int64_t>(0);
    void operator()(const Line&, Emit<int64_t>& emit) { emit(++*count); }
  };
  const Declared job([](const Arguments&) -> Job { return Map([] { return Owner(); }).MapOnly(); });
  EXPECT_EQ(RunJob(*job, {{"a\nb\n"}, {"c"}}).lines, (Lines{"1", "2", "1"}));
}

TEST(Map, ReadsFixedRecords) {
  const Declared job([](const Arguments&) -> Job {
    return Map([](const FixedRecord& record, Emit<std::string_view, std::string_view>& emit) {
             emit(record.key(), record.bytes());
           })
        .FixedRecords(3, 1)
        .SortByKey();
  });
  EXPECT_EQ(job->input_kind, static_cast<uint32_t>(MINKE_FIXED));
  EXPECT_EQ(RunJob(*job, {{"b12a34"}}, {.batch_bytes = 3}).lines, (Lines{"a\ta34", "b\tb12"}));
}

TEST(Map, ReadsRecordsOfADataset) {
  const Declared job([](const Arguments&) -> Job {
    return Map([](const Record<int64_t, std::tuple<std::string_view, uint64_t>>& record,
                  Emit<std::string_view, int64_t>& emit) {
             emit(std::get<0>(record.value()), record.key());
           })
        .MapOnly();
  });
  EXPECT_EQ(job->input_kind, static_cast<uint32_t>(MINKE_RECORDS));
  EXPECT_EQ(job->input_key, MINKE_I64);
  EXPECT_EQ(job->input_value, MINKE_BYTES | MINKE_U64 << 4);
}

TEST(Map, RecordsStayWholeWhileTheEnginePartitionsWhatTheyEmit) {
  using Pair = std::tuple<std::string_view, std::string_view>;
  const Declared job([](const Arguments&) -> Job {
    return Map([](const Record<Pair, Pair>& record, Emit<Pair>& emit) {
             emit(record.value());
             for (int i = 0; i < 3; ++i) emit(record.key());
           })
        .PartitionBy(ByFirstField())
        .Aggregate(Count());
  });
  using namespace std::string_literals;
  // Zero bytes inside, so that every field has to be unescaped.
  const std::string records =
      "k\0\xff"
      "1\0\0x\tv\0\xff"
      "2\0\0y\n"s;
  EXPECT_EQ(RunJob(*job, {{records}}, {.emitter_pairs = 1}).lines, (Lines{"k\0\xff"
                                                                          "1\0\0x\t3"s,
                                                                          "v\0\xff"
                                                                          "2\0\0y\t1"s}));
}

TEST(Map, TheTaskCountsLogsAndFeedsSideOutputs) {
  const auto function = [](const Arguments&) -> Job {
    return Map([](const Line& line, Emit<std::string_view>& emit, Task& task) {
             ++task.counter("lines");
             task.counter("bytes").Add(line.size());
             task.Info(line);
             task.output<std::string_view, uint64_t>("sizes")(line, line.size());
             emit(task.file("side"));
           })
        .Output<std::string_view, uint64_t>("sizes")
        .MapOnly();
  };
  const RunResult result = RunText(function, "ab\nc\n", {.emitter_pairs = 1, .file = "/some/path"});
  EXPECT_EQ(result.counters.at("lines"), 2U);
  EXPECT_EQ(result.counters.at("bytes"), 3U);
  EXPECT_EQ(result.log, (Lines{"ab", "c"}));
  EXPECT_EQ(result.side.at("sizes"), (Lines{"ab\t2", "c\t1"}));
  EXPECT_EQ(result.lines, (Lines{"/some/path", "/some/path"}));
}

TEST(Map, SideOutputsAndFilesThatAreNotThereAreNamed) {
  const auto wrong_name = [](const Arguments&) -> Job {
    return Map([](const Line&, Emit<std::string_view>&, Task& task) {
             task.output<std::string_view>("nosuch")("x");
           })
        .MapOnly();
  };
  EXPECT_NE(RunText(wrong_name, "a").error.find("no side output 'nosuch'"), std::string::npos);
  const auto wrong_type = [](const Arguments&) -> Job {
    return Map([](const Line&, Emit<std::string_view>&, Task& task) {
             task.output<std::string_view>("o")("x");
           })
        .Output<int64_t>("o")
        .MapOnly();
  };
  EXPECT_NE(RunText(wrong_type, "a").error.find("other types"), std::string::npos);
  const auto no_file = [](const Arguments&) -> Job {
    return Map([](const Line&, Emit<std::string_view>&, Task& task) { task.file("side"); })
        .MapOnly();
  };
  EXPECT_NE(RunText(no_file, "a").error.find("--file side=PATH"), std::string::npos);
}

TEST(Map, ExceptionsOfAnyKindBecomeErrors) {
  EXPECT_EQ(RunText(
                [](const Arguments&) -> Job {
                  return Map([](const Line& line, Emit<std::string_view>& emit) {
                           emit(line);
                           throw std::runtime_error("line one\nline two");
                         })
                      .MapOnly();
                },
                "a")
                .error,
            "line one line two");
  EXPECT_EQ(RunText(
                [](const Arguments&) -> Job {
                  return Map([](const Line&, Emit<std::string_view>&) { throw "text"; }).MapOnly();
                },
                "a")
                .error,
            "text");
  EXPECT_NE(RunText(
                [](const Arguments&) -> Job {
                  return Map([](const Line&, Emit<std::string_view>&) { throw 7; }).MapOnly();
                },
                "a")
                .error.find("not a std::exception"),
            std::string::npos);
  EXPECT_EQ(RunText(
                [](const Arguments&) -> Job {
                  return Map([](const Line&, Emit<std::string_view>&) {
                           throw std::runtime_error(std::string(5000, 'x'));
                         })
                      .MapOnly();
                },
                "a")
                .error.size(),
            sizeof(minke_error) - 1);
}

TEST(Reduce, ValuesStreamInInputOrderHoweverTheyAreCut) {
  const auto function = [](const Arguments&) -> Job {
    return Map([](const Line& line, Emit<std::string_view, std::string_view>& emit) {
             emit(line.substr(0, 1), line.substr(1));
           })
        .Reduce([](std::string_view key, Values<std::string_view>& values,
                   Emit<std::string_view, std::string_view>& emit) {
          std::string all;
          for (std::string_view value : values) all += value;
          emit(key, all);
        });
  };
  for (const size_t refill : {1, 2, 3, 4, 100}) {
    EXPECT_EQ(RunText(function, "b3\na1\nb1\na0\na9\nb2\nc5\n", {.refill_records = refill}).lines,
              (Lines{"a\t109", "b\t312", "c\t5"}))
        << refill;
  }
}

TEST(Reduce, ValuesThatAreNotReadArePassedOver) {
  const auto function = [](const Arguments&) -> Job {
    return Map([](const Line& line, Emit<std::string_view, int64_t>& emit) { emit(line, 1); })
        .Reduce([](std::string_view key, Values<int64_t>& values, Emit<std::string_view>& emit) {
          for (int64_t value : values) {
            if (key == "a" && value == 1) break;
          }
          emit(key);
        });
  };
  for (const size_t refill : {1, 2, 100}) {
    EXPECT_EQ(RunText(function, "a\na\nb\na\nb\n", {.refill_records = refill}).lines,
              (Lines{"a", "b"}));
  }
}

TEST(Reduce, OnlyThrowsWhereNoValueIsLeft) {
  const auto function = [](const Arguments&) -> Job {
    return Map([](const Line& line, Emit<std::string_view, int64_t>& emit) { emit(line, 4); })
        .Reduce([](std::string_view key, Values<int64_t>& values,
                   Emit<std::string_view, int64_t>& emit) {
          emit(key, values.Only());
          emit(key, values.Only());
        });
  };
  EXPECT_EQ(RunText(function, "a\na\n").lines, (Lines{"a\t4", "a\t4"}));
  EXPECT_NE(RunText(function, "a\n").error.find("all read"), std::string::npos);
}

TEST(Reduce, SortedValuesComeInNumericOrder) {
  const auto function = [](const Arguments&) -> Job {
    return Map([](const Line& line, Emit<std::string_view, double>& emit) {
             emit("k", std::stod(std::string(line)));
           })
        .SortValues()
        .Reduce([](std::string_view, Values<double>& values, Emit<double>& emit) {
          for (double value : values) emit(value);
        });
  };
  EXPECT_EQ(RunText(function, "2\n-1\n-1e9\n0.5\n").lines,
            (Lines{"-1000000000", "-1", "0.5", "2"}));
}

TEST(Reduce, ACombinerReadsAndEmitsWhatTheMapEmits) {
  const Declared job([](const Arguments&) -> Job {
    const auto sum = [](std::string_view key, Values<int64_t>& values,
                        Emit<std::string_view, int64_t>& emit) {
      int64_t total = 0;
      for (int64_t value : values) total += value;
      emit(key, total);
    };
    return Map([](const Line& line, Emit<std::string_view, int64_t>& emit) { emit(line, 2); })
        .Combine(sum)
        .Reduce(sum);
  });
  EXPECT_NE(job->combine, nullptr);
  EXPECT_EQ(RunJob(*job, {{"a\nb\na\n"}}, {.refill_records = 1}).lines, (Lines{"a\t4", "b\t2"}));
}

TEST(Aggregate, BuiltInKindsAreDeclaredAndNotCalled) {
  const Declared sum([](const Arguments&) -> Job {
    return Map([](const Line& line, Emit<std::string_view, double>& emit) {
             emit(line.substr(0, 1), std::stod(std::string(line.substr(1))));
           })
        .Aggregate(Sum());
  });
  EXPECT_EQ(sum->aggregate->kind, static_cast<uint32_t>(MINKE_AGGREGATE_SUM));
  EXPECT_EQ(sum->output_value, MINKE_F64);
  EXPECT_EQ(RunJob(*sum, {{"a1e16\nb0.5\na1\na-1e16\n"}}).lines, (Lines{"a\t1", "b\t0.5"}));
}

TEST(Aggregate, MinAndMaxTakeStringsAndTuples) {
  const Declared smallest([](const Arguments&) -> Job {
    return Map([](const Line& line, Emit<std::string_view, std::string_view>& emit) {
             emit(line.substr(0, 1), line.substr(1));
           })
        .Aggregate(Min());
  });
  EXPECT_EQ(smallest->output_value, static_cast<minke_type>(MINKE_BYTES));
  EXPECT_EQ(RunJob(*smallest, {{"ab\naab\na\nbc\n"}}).lines, (Lines{"a", "b\tc"}));
  using Pair = std::tuple<std::string_view, uint64_t>;
  const Declared largest([](const Arguments&) -> Job {
    return Map([](const Line& line, Emit<std::string_view, Pair>& emit) {
             emit(line.substr(0, 1), {line.substr(1), 7});
           })
        .Aggregate(Max());
  });
  EXPECT_EQ(largest->output_value, static_cast<minke_type>(MINKE_BYTES | MINKE_U64 << 4));
}

struct Mean {
  struct State {
    int64_t sum = 0;
    int32_t count = 0;
  };
  void Fold(State& state, int64_t value) const {
    state.sum += value;
    ++state.count;
  }
  void Merge(State& into, const State& from) const {
    into.sum += from.sum;
    into.count += from.count;
  }
  double Finish(const State& state) const { return static_cast<double>(state.sum) / state.count; }
};

TEST(Aggregate, OfAUsersOwnFoldsMergesAndFinishes) {
  const Declared job([](const Arguments&) -> Job {
    return Map([](const Line& line, Emit<std::string_view, int64_t>& emit) {
             emit(line.substr(0, 1), static_cast<int64_t>(line.size()));
           })
        .Aggregate(Mean());
  });
  EXPECT_EQ(job->aggregate->state_size, 16U);
  EXPECT_EQ(RunJob(*job, {{"a\nab\nb\nabcdef\n"}}).lines, (Lines{"a\t3", "b\t1"}));
}

struct Longest {
  using State = Growing;
  static void Fold(Growing& state, std::string_view value) {
    if (value.size() <= state.size()) return;
    state.Resize(0);
    state.Append(value);
  }
  static void Merge(Growing& into, const Growing& from) { Fold(into, from.view()); }
  static std::string Finish(const Growing& state) { return std::string(state.view()).append("!"); }
};

TEST(Aggregate, StatesMayGrow) {
  const Declared job([](const Arguments&) -> Job {
    return Map([](const Line& line, Emit<std::string_view, std::string_view>& emit) {
             emit(line.substr(0, 1), line);
           })
        .Aggregate(Longest());
  });
  EXPECT_EQ(job->aggregate->state_size, 0U);
  EXPECT_EQ(RunJob(*job, {{"a\nabc\nb\nab\n"}}).lines, (Lines{"a\tabc!", "b\tb!"}));
}

TEST(Partition, AFunctionSeesTheKeyAndTheirNumber) {
  const Declared job([](const Arguments&) -> Job {
    return Map([](const Line& line, Emit<int64_t>& emit) { emit(std::stoll(std::string(line))); })
        .PartitionBy([](int64_t key, uint32_t partitions) {
          return static_cast<uint32_t>(key % static_cast<int64_t>(partitions));
        })
        .SortByKey();
  });
  EXPECT_EQ(RunJob(*job, {{"4\n3\n2\n1\n"}}, {.partitions = 2}).lines, (Lines{"2", "4", "1", "3"}));
}

TEST(Partition, ByFirstFieldKeepsTuplesTogether) {
  using Key = std::tuple<std::string_view, uint64_t>;
  const Declared job([](const Arguments&) -> Job {
    return Map([](const Line& line, Emit<Key>& emit) { emit({line.substr(0, 1), line.size()}); })
        .PartitionBy(ByFirstField())
        .Reduce(
            [](Key key, Values<None>&, Emit<std::string_view>& emit) { emit(std::get<0>(key)); });
  });
  for (uint32_t partitions : {1U, 2U, 5U}) {
    Lines lines = RunJob(*job, {{"a\nb\nab\nc\nbc\nccc\n"}}, {.partitions = partitions}).lines;
    lines.erase(std::unique(lines.begin(), lines.end()), lines.end());
    EXPECT_EQ(lines.size(), 3U);  // each first field is in one stretch of one partition
  }
}

TEST(Registration, WrongSettingsAreRefusedWhenTheJobIsDeclared) {
  const auto error_of = [](minke::internal::JobFunction function) {
    return Declared(function).error();
  };
  const auto no_size = [](const Arguments&) -> Job {
    return Map([](const FixedRecord&, Emit<std::string_view>&) {}).MapOnly();
  };
  EXPECT_NE(error_of(no_size).find(".FixedRecords"), std::string::npos);
  const auto bad_size = [](const Arguments&) -> Job {
    return Map([](const FixedRecord&, Emit<std::string_view>&) {}).FixedRecords(3, 4).MapOnly();
  };
  EXPECT_NE(error_of(bad_size).find("FixedRecords(3, 4)"), std::string::npos);
  const auto twice = [](const Arguments&) -> Job {
    return Map([](const Line&, Emit<std::string_view>&) {})
        .Output<int64_t>("o")
        .Output<int64_t>("o")
        .MapOnly();
  };
  EXPECT_NE(error_of(twice).find("declared twice"), std::string::npos);
  const auto no_meaning = [](const Arguments&) -> Job {
    return Map([](const Line&, Emit<std::string_view>&) {}).SortValues().Aggregate(Count());
  };
  EXPECT_NE(error_of(no_meaning).find("mean nothing with Aggregate"), std::string::npos);
  const auto undeclared = [](const Arguments& arguments) -> Job {
    arguments.Integer("m");
    return Map([](const Line&, Emit<std::string_view>&) {}).MapOnly();
  };
  EXPECT_NE(error_of(undeclared).find("'m' is missing"), std::string::npos);
}

TEST(Registration, ArgumentsOutliveTheJobFunction) {
  const auto function = [](const Arguments& arguments) -> Job {
    return Map([&](const Line&, Emit<std::string_view>& emit) { emit(arguments.String("n")); })
        .MapOnly();
  };
  EXPECT_EQ(RunText(function, "x").lines, Lines{"7"});
}

}  // namespace
}  // namespace minke::test
