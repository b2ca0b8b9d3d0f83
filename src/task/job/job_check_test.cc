#include "task/job/job_check.h"

#include <functional>
#include <gtest/gtest.h>
#include <string>

namespace minke {
namespace {

minke_job GoodJob() {
  minke_job job{};
  job.struct_size = sizeof job;
  job.abi_version = MINKE_ABI_VERSION;
  job.key = job.output_key = MINKE_BYTES;
  job.open = [](void*, const minke_host*, minke_error*) -> void* { return nullptr; };
  job.close = [](void*) {};
  job.map = [](void*, const minke_batch*, minke_emitter*, minke_error*) { return 0; };
  return job;
}

int Reduce(void*, minke_groups*, minke_emitter*, minke_error*) { return 0; }

std::string Refusal(const std::function<void(minke_job&)>& change) {
  minke_job job = GoodJob();
  change(job);
  const Status status = CheckJob(job);
  if (status) return "accepted";
  EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
  return status.error().text;
}

std::string AggregateRefusal(minke_aggregate aggregate, minke_type value, minke_type output) {
  return Refusal([&](minke_job& job) {
    job.aggregate = &aggregate;
    job.value = value;
    job.output_value = output;
  });
}

minke_aggregate OfKind(uint32_t kind) {
  minke_aggregate aggregate{};
  aggregate.kind = kind;
  return aggregate;
}

minke_aggregate Custom(uint32_t state_size) {
  static const char initial[64] = {};
  minke_aggregate aggregate{};
  aggregate.kind = MINKE_AGGREGATE_CUSTOM;
  aggregate.state_size = state_size;
  aggregate.initial = initial;
  aggregate.fold = [](void*, void* const*, const minke_pair*, size_t, minke_error*) { return 0; };
  aggregate.merge = [](void*, void* const*, const void* const*, size_t, minke_error*) { return 0; };
  aggregate.finish = [](void*, const void* const*, minke_pair*, size_t, minke_error*) { return 0; };
  aggregate.finished = MINKE_F64;
  return aggregate;
}

TEST(JobCheck, TakesWhatMakesSense) {
  EXPECT_EQ(Refusal([](minke_job&) {}), "accepted");
  EXPECT_EQ(Refusal([](minke_job& job) { job.map_only = 1; }), "accepted");
  EXPECT_EQ(Refusal([](minke_job& job) {
              job.key = MINKE_BYTES | MINKE_I64 << 4;
              job.output_key = MINKE_U64;
              job.reduce = &Reduce;
            }),
            "accepted");
  EXPECT_EQ(AggregateRefusal(OfKind(MINKE_AGGREGATE_COUNT), MINKE_NONE, MINKE_U64), "accepted");
  EXPECT_EQ(AggregateRefusal(OfKind(MINKE_AGGREGATE_MAX), MINKE_F64, MINKE_F64), "accepted");
  EXPECT_EQ(AggregateRefusal(Custom(16), MINKE_BYTES, MINKE_F64), "accepted");
  EXPECT_EQ(AggregateRefusal(Custom(0), MINKE_BYTES, MINKE_F64), "accepted");
}

TEST(JobCheck, RefusesMissingFunctions) {
  EXPECT_NE(Refusal([](minke_job& job) { job.map = nullptr; }).find("open, close and map"),
            std::string::npos);
  EXPECT_NE(Refusal([](minke_job& job) { job.open = nullptr; }).find("open"), std::string::npos);
  EXPECT_NE(Refusal([](minke_job& job) {
              job.partitioner = MINKE_PARTITION_CUSTOM;
            }).find("function partition"),
            std::string::npos);
}

TEST(JobCheck, RefusesTypesThatAreNone) {
  EXPECT_NE(Refusal([](minke_job& job) { job.key = MINKE_NONE; }).find("key is 0x0"),
            std::string::npos);
  EXPECT_NE(Refusal([](minke_job& job) { job.key = 5; }).find("not a type"), std::string::npos);
  EXPECT_NE(Refusal([](minke_job& job) { job.value = 0x101; }).find("value is 0x101"),
            std::string::npos);
}

TEST(JobCheck, RefusesTypesThatDoNotFit) {
  EXPECT_NE(Refusal([](minke_job& job) { job.output_key = MINKE_I64; }).find("output_key differs"),
            std::string::npos);
  EXPECT_NE(
      Refusal([](minke_job& job) { job.output_value = MINKE_I64; }).find("output_value differs"),
      std::string::npos);
  EXPECT_NE(Refusal([](minke_job& job) { job.raw_output = 1; }).find("raw output"),
            std::string::npos);
}

TEST(JobCheck, RefusesAggregatesThatDoNotFit) {
  EXPECT_NE(
      AggregateRefusal(OfKind(MINKE_AGGREGATE_COUNT), MINKE_I64, MINKE_U64).find("keys alone"),
      std::string::npos);
  EXPECT_NE(AggregateRefusal(OfKind(MINKE_AGGREGATE_MIN), MINKE_NONE, MINKE_NONE).find("values"),
            std::string::npos);
  EXPECT_EQ(AggregateRefusal(OfKind(MINKE_AGGREGATE_MAX), MINKE_BYTES, MINKE_BYTES), "accepted");
  EXPECT_NE(AggregateRefusal(OfKind(MINKE_AGGREGATE_SUM), MINKE_BYTES, MINKE_BYTES).find("numbers"),
            std::string::npos);
  EXPECT_NE(
      AggregateRefusal(OfKind(MINKE_AGGREGATE_SUM), MINKE_I64, MINKE_U64).find("aggregate gives"),
      std::string::npos);
  EXPECT_NE(AggregateRefusal(OfKind(9), MINKE_I64, MINKE_I64).find("kind 9"), std::string::npos);
  EXPECT_NE(AggregateRefusal(Custom(12), MINKE_I64, MINKE_F64).find("12 bytes"), std::string::npos);
  EXPECT_NE(AggregateRefusal(Custom(72), MINKE_I64, MINKE_F64).find("72 bytes"), std::string::npos);
  minke_aggregate without_merge = Custom(8);
  without_merge.merge = nullptr;
  EXPECT_NE(AggregateRefusal(without_merge, MINKE_I64, MINKE_F64).find("needs fold"),
            std::string::npos);
}

TEST(JobCheck, RefusesContradictions) {
  EXPECT_NE(Refusal([](minke_job& job) {
              job.map_only = 1;
              job.reduce = &Reduce;
            }).find("map_only"),
            std::string::npos);
  EXPECT_NE(Refusal([](minke_job& job) { job.input_kind = MINKE_FIXED; }).find("0 bytes"),
            std::string::npos);
  EXPECT_NE(Refusal([](minke_job& job) { job.input_kind = 7; }).find("input_kind is 7"),
            std::string::npos);
  EXPECT_NE(Refusal([](minke_job& job) { job.partitions = 16'385; }).find("at most 16384"),
            std::string::npos);
}

TEST(JobCheck, RefusesNamesThatCannotBeOrStandTwice) {
  const minke_output outputs[] = {{"a", MINKE_BYTES, MINKE_NONE}, {"a", MINKE_BYTES, MINKE_NONE}};
  EXPECT_NE(Refusal([&](minke_job& job) {
              job.outputs = outputs;
              job.output_count = 2;
            }).find("'a' is declared twice"),
            std::string::npos);
  for (const char* name : {"", "a/b", ".a", "_a", "part", "bad-records", "bad-groups"}) {
    const minke_output output{name, MINKE_BYTES, MINKE_NONE};
    EXPECT_NE(Refusal([&](minke_job& job) {
                job.outputs = &output;
                job.output_count = 1;
              }).find("cannot be named"),
              std::string::npos);
  }
  const minke_bytes tags[] = {{"l=", 2}};
  EXPECT_NE(Refusal([&](minke_job& job) {
              job.tags = tags;
              job.tag_count = 1;
            }).find("input tag"),
            std::string::npos);
}

}  // namespace
}  // namespace minke
