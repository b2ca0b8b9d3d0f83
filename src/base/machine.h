// What this machine offers and what this process used of it: CPUs, memory, disk; and sizes as
// people write them. Reads /proc and /sys below a root folder, so that tests can bring their own.
// Hides cgroup versions 1 and 2. Callable from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace minke {

// CPUs that this process may keep busy: the smaller of its affinity and the CPU quotas of its
// cgroups (rounded up), at least 1.
size_t UsableCpus(const std::string& root = "/");

// Memory that this process may use: the smallest of available memory and the limits of its cgroups.
// 0 where none can be read.
uint64_t UsableMemoryBytes(const std::string& root = "/");

// What an unprivileged process may still write in `folder`. kNotFound, kInput.
Result<uint64_t> FreeBytes(const std::string& folder);

// Where to spill: `asked` (--spill) if not empty, else `tmpdir` (getenv("TMPDIR"), may be null) if
// it can be used, else /tmp. kConfiguration: that folder is not there or cannot be written.
Result<std::string> SpillFolder(const std::string& asked, const char* tmpdir);

struct ProcessUse {
  uint64_t cpu_us = 0;      // user and system time
  uint64_t peak_bytes = 0;  // largest resident set
};
ProcessUse ThisProcessUse(const std::string& root = "/");
// Of the children that were waited for: the sum of their CPU time, the largest of their peaks.
ProcessUse ChildrenUse();

// "64", "4K", "256m", "2G", "1T": powers of 1024. kInvalidArgument with the text and what to write.
Result<uint64_t> ParseSize(std::string_view text);
// The shortest text that ParseSize reads back as `bytes`.
std::string SizeText(uint64_t bytes);
// For output: "282.3 MB", of 10^6 bytes.
std::string MegabytesText(uint64_t bytes);

}  // namespace minke
