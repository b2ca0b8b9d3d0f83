#include "task/job/job_check.h"

#include <cstring>
#include <fmt/format.h>
#include <set>
#include <string>
#include <string_view>

#include "task/output/part_output.h"

namespace minke {
namespace {

constexpr uint32_t kPartitionsMax = 16'384;

template <typename... A>
Error Wrong(fmt::format_string<A...> format, A&&... values) {
  return Error{ErrorCode::kInvalidArgument, fmt::format(format, std::forward<A>(values)...)};
}

// Fields are filled from the lowest on, and only a scalar may be none.
bool IsType(minke_type type, bool may_be_none) {
  if (type == MINKE_NONE) return may_be_none;
  for (; type != 0; type >>= 4) {
    const minke_type field = type & 15;
    if (field == MINKE_NONE || field > MINKE_F64) return false;
  }
  return true;
}

bool IsNumber(minke_type type) {
  return type == MINKE_I64 || type == MINKE_U64 || type == MINKE_F64;
}

Status CheckType(const char* what, minke_type type, bool may_be_none) {
  if (IsType(type, may_be_none)) return {};
  return Wrong("{} is {:#x}, which is not a type{}", what, type,
               type == MINKE_NONE ? " of a key" : "");
}

Status CheckInput(const minke_job& job) {
  switch (job.input_kind) {
    case MINKE_TEXT:
      return {};
    case MINKE_FIXED:
      if (job.record_size > 0 && job.record_key_size <= job.record_size) return {};
      return Wrong("fixed records of {} bytes with a key of {}", job.record_size,
                   job.record_key_size);
    case MINKE_RECORDS:
      MINKE_TRY_STATUS(CheckType("input_key", job.input_key, true));
      return CheckType("input_value", job.input_value, true);
    default:
      return Wrong("input_kind is {}; it must be text, fixed or records", job.input_kind);
  }
}

Status CheckCustomAggregate(const minke_aggregate& aggregate) {
  const uint32_t size = aggregate.state_size;
  if (size != 0 && (size % 8 != 0 || size > 64)) {
    return Wrong("an aggregate's state of {} bytes; it must be 8 to 64 in steps of 8, or 0", size);
  }
  if (size != 0 && aggregate.initial == nullptr) return Wrong("an aggregate without initial state");
  if (aggregate.fold == nullptr || aggregate.merge == nullptr || aggregate.finish == nullptr) {
    return Wrong("an aggregate of the job's own needs fold, merge and finish");
  }
  return CheckType("the aggregate's finished type", aggregate.finished, true);
}

Status CheckAggregate(const minke_job& job) {
  const minke_aggregate& aggregate = *job.aggregate;
  minke_type finished = job.value;
  switch (aggregate.kind) {
    case MINKE_AGGREGATE_COUNT:
      if (job.value != MINKE_NONE) return Wrong("a count takes keys alone, without a value");
      finished = MINKE_U64;
      break;
    case MINKE_AGGREGATE_SUM:
      if (!IsNumber(job.value)) return Wrong("a sum needs values that are numbers");
      break;
    case MINKE_AGGREGATE_MIN:
    case MINKE_AGGREGATE_MAX:
      if (job.value == MINKE_NONE) return Wrong("a min or max needs values");
      break;
    case MINKE_AGGREGATE_CUSTOM:
      MINKE_TRY_STATUS(CheckCustomAggregate(aggregate));
      finished = aggregate.finished;
      break;
    default:
      return Wrong("an aggregate of the unknown kind {}", aggregate.kind);
  }
  if (job.map_only != 0 || job.combine != nullptr || job.sort_values != 0) {
    return Wrong("map_only, combine and sort_values mean nothing with an aggregate");
  }
  if (job.reduce == nullptr && job.output_value != finished) {
    return Wrong("output_value is {:#x}, but the aggregate gives {:#x}", job.output_value,
                 finished);
  }
  return {};
}

Status CheckPartitioner(const minke_job& job) {
  if (job.partitioner > MINKE_PARTITION_CUSTOM) {
    return Wrong("the partitioner {} is unknown", job.partitioner);
  }
  if (job.partitioner == MINKE_PARTITION_CUSTOM && job.partition == nullptr) {
    return Wrong("a custom partitioner needs the function partition");
  }
  if (job.partitions > kPartitionsMax) {
    return Wrong("{} partitions; at most {} are allowed", job.partitions, kPartitionsMax);
  }
  return {};
}

Status CheckOutput(const minke_job& job) {
  MINKE_TRY_STATUS(CheckType("output_key", job.output_key, false));
  MINKE_TRY_STATUS(CheckType("output_value", job.output_value, true));
  if (job.reduce == nullptr) {
    if (job.output_key != job.key) return Wrong("output_key differs from key, without a reduce");
    if (job.aggregate == nullptr && job.output_value != job.value) {
      return Wrong("output_value differs from value, without a reduce or aggregate");
    }
  }
  if (job.raw_output != 0 && job.output_value != MINKE_BYTES) {
    return Wrong("raw output needs values that are bytes");
  }
  return {};
}

Status CheckNames(const minke_job& job) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < job.output_count; ++i) {
    const minke_output& output = job.outputs[i];
    const std::string_view name = output.name == nullptr ? "" : output.name;
    if (name.empty() || name.find('/') != name.npos || name[0] == '.' || name[0] == '_') {
      return Wrong("a side output cannot be named '{}'", name);
    }
    if (name == "part" || name == kBadRecords || name == kBadGroups) {
      return Wrong("a side output cannot be named '{}', as one of minke's own is", name);
    }
    if (!names.insert(name).second) return Wrong("the side output '{}' is declared twice", name);
    MINKE_TRY_STATUS(CheckType("a side output's key", output.key, false));
    MINKE_TRY_STATUS(CheckType("a side output's value", output.value, true));
  }
  names.clear();
  for (size_t i = 0; i < job.tag_count; ++i) {
    const std::string_view tag(job.tags[i].data, job.tags[i].size);
    if (tag.empty() || tag.find_first_of("=/") != tag.npos) {
      return Wrong("an input tag cannot be '{}'", tag);
    }
    if (!names.insert(tag).second) return Wrong("the input tag '{}' is declared twice", tag);
  }
  return {};
}

}  // namespace

Status CheckJob(const minke_job& job) {
  if (job.open == nullptr || job.close == nullptr || job.map == nullptr) {
    return Wrong("a job needs the functions open, close and map");
  }
  if (job.map_only != 0 && (job.reduce != nullptr || job.combine != nullptr)) {
    return Wrong("map_only is set, but there is a reduce or combine");
  }
  MINKE_TRY_STATUS(CheckInput(job));
  MINKE_TRY_STATUS(CheckType("key", job.key, false));
  MINKE_TRY_STATUS(CheckType("value", job.value, true));
  if (job.aggregate != nullptr) MINKE_TRY_STATUS(CheckAggregate(job));
  MINKE_TRY_STATUS(CheckPartitioner(job));
  MINKE_TRY_STATUS(CheckOutput(job));
  return CheckNames(job);
}

}  // namespace minke
