// Ids. An incarnation names one life of a job; an attempt id never returns within it.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace minke {

struct Incarnation {
  uint64_t bits = 0;
  auto operator<=>(const Incarnation&) const = default;
  std::string Hex() const;  // 16 digits, as in names of topics, tables and folders
};

// From the system: ids made of it never meet.
uint64_t RandomBits();
Incarnation FreshIncarnation();
// Of its Hex(); nothing: it is none.
std::optional<Incarnation> IncarnationOf(std::string_view hex);

struct AttemptId {
  uint64_t epoch = 0;  // of the master that assigned it
  uint64_t n = 0;      // counted by that master, from 1
  auto operator<=>(const AttemptId&) const = default;
  std::string Text() const;  // "3-17"
};

struct WorkerId {
  uint64_t bits = 0;
  auto operator<=>(const WorkerId&) const = default;
};

struct TaskId {
  uint32_t step = 0;   // index into the plan's steps
  uint32_t index = 0;  // within the step
  auto operator<=>(const TaskId&) const = default;
};

}  // namespace minke
