#include "base/machine.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <functional>
#include <limits>
#include <optional>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <vector>

#include "base/bytes.h"
#include "base/file.h"

namespace minke {
namespace {

// Files of /proc and /sys say that they have no size, so they are read to their end.
std::optional<std::string> ReadSmall(const std::string& path) {
  const auto file = File::Open(path, File::Mode::kRead);
  if (!file) return std::nullopt;
  std::string text(16 << 10, '\0');
  const auto size = file->ReadAt(0, text.data(), text.size());
  if (!size) return std::nullopt;
  text.resize(*size);
  return text;
}

// The number at the start of `text`, after spaces.
std::optional<uint64_t> LeadingNumber(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  return number;
}

void ForEachPiece(std::string_view text, char separator,
                  const std::function<void(std::string_view)>& take) {
  while (!text.empty()) {
    const size_t end = std::min(text.find(separator), text.size());
    take(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

// What stands behind `name` and a colon in a file of such lines.
std::optional<std::string> Field(const std::optional<std::string>& lines, std::string_view name) {
  std::optional<std::string> found;
  if (!lines) return found;
  ForEachPiece(*lines, '\n', [&](std::string_view line) {
    if (!line.starts_with(name) || line.substr(name.size(), 1) != ":") return;
    if (!found) found = line.substr(name.size() + 1);
  });
  return found;
}

std::optional<uint64_t> KilobytesField(const std::optional<std::string>& lines,
                                       std::string_view name) {
  const auto text = Field(lines, name);
  const auto number = text ? LeadingNumber(*text) : std::nullopt;
  if (!number) return std::nullopt;
  return *number * 1024;
}

// "0-3,8" has 5.
size_t CountOfList(std::string_view list) {
  size_t count = 0;
  ForEachPiece(list, ',', [&](std::string_view range) {
    const auto first = LeadingNumber(range);
    if (!first) return;
    const size_t dash = range.find('-');
    const auto last = dash == range.npos ? first : LeadingNumber(range.substr(dash + 1));
    if (last && *last >= *first) count += *last - *first + 1;
  });
  return count;
}

// The folders that hold the limits of this process for one controller, innermost first. A limit of
// any of them holds. In a container the path of /proc/self/cgroup may be the host's; what is not
// there is passed over, and the mount's own folder is always the last.
std::vector<std::string> CgroupFolders(const std::string& root, std::string_view controller) {
  std::vector<std::string> folders;
  const auto add_up = [&](const std::string& mount, std::string path) {
    while (true) {
      while (path.ends_with('/')) path.pop_back();
      folders.push_back(mount + path);
      if (path.empty()) return;
      path.resize(path.rfind('/'));
    }
  };
  ForEachPiece(ReadSmall(root + "/proc/self/cgroup").value_or(""), '\n',
               [&](std::string_view line) {
                 const size_t first = line.find(':');
                 const size_t second = line.find(':', first + 1);
                 if (first == line.npos || second == line.npos || line.substr(second + 1, 1) != "/")
                   return;
                 const std::string_view controllers = line.substr(first + 1, second - first - 1);
                 const std::string path(line.substr(second + 1));
                 const std::string mounts = root + "/sys/fs/cgroup";
                 if (controllers.empty()) {  // version 2, alone or beside version 1
                   add_up(mounts, path);
                   add_up(mounts + "/unified", path);
                   return;
                 }
                 bool is_ours = false;
                 ForEachPiece(controllers, ',',
                              [&](std::string_view name) { is_ours |= name == controller; });
                 if (!is_ours) return;
                 add_up(mounts + "/" + std::string(controllers), path);
                 if (controllers != controller)
                   add_up(mounts + "/" + std::string(controller), path);
               });
  return folders;
}

// The quota of one cgroup in CPUs, rounded up.
std::optional<uint64_t> CpuQuota(const std::string& folder) {
  std::optional<uint64_t> quota;
  std::optional<uint64_t> period;
  if (const auto both = ReadSmall(folder + "/cpu.max")) {  // "150000 100000" or "max 100000"
    quota = LeadingNumber(*both);
    const size_t space = both->find(' ');
    if (space != both->npos) period = LeadingNumber(std::string_view(*both).substr(space));
  } else if (const auto old = ReadSmall(folder + "/cpu.cfs_quota_us")) {  // -1: none
    quota = LeadingNumber(*old);
    period = LeadingNumber(ReadSmall(folder + "/cpu.cfs_period_us").value_or(""));
  }
  if (!quota || !period || *quota == 0 || *period == 0) return std::nullopt;
  return (*quota + *period - 1) / *period;
}

bool IsUsableFolder(const std::string& path) {
  struct stat info{};
  return stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode) &&
         access(path.c_str(), W_OK | X_OK) == 0;
}

uint64_t CpuUs(const rusage& use) {
  const auto us = [](const timeval& time) {
    return static_cast<uint64_t>(time.tv_sec) * 1'000'000 + static_cast<uint64_t>(time.tv_usec);
  };
  return us(use.ru_utime) + us(use.ru_stime);
}

}  // namespace

size_t UsableCpus(const std::string& root) {
  uint64_t cpus = 0;
  if (const auto list = Field(ReadSmall(root + "/proc/self/status"), "Cpus_allowed_list")) {
    cpus = CountOfList(*list);
  }
  if (cpus == 0) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) == 0) cpus = static_cast<uint64_t>(CPU_COUNT(&set));
  }
  for (const std::string& folder : CgroupFolders(root, "cpu")) {
    if (const auto quota = CpuQuota(folder)) cpus = std::min(cpus, *quota);
  }
  return std::max<uint64_t>(cpus, 1);
}

uint64_t UsableMemoryBytes(const std::string& root) {
  const auto lines = ReadSmall(root + "/proc/meminfo");
  auto available = KilobytesField(lines, "MemAvailable");
  if (!available) available = KilobytesField(lines, "MemFree");
  uint64_t bytes = available.value_or(std::numeric_limits<uint64_t>::max());
  for (const std::string& folder : CgroupFolders(root, "memory")) {
    for (const char* file : {"/memory.max", "/memory.high", "/memory.limit_in_bytes"}) {
      const auto limit = LeadingNumber(ReadSmall(folder + file).value_or(""));  // "max": none
      if (limit) bytes = std::min(bytes, *limit);
    }
  }
  return bytes == std::numeric_limits<uint64_t>::max() ? 0 : bytes;
}

Result<uint64_t> FreeBytes(const std::string& folder) {
  struct statvfs info{};
  if (statvfs(folder.c_str(), &info) != 0) {
    return Error{
        errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kInput,
        fmt::format("cannot see how much space is free in {}: {}", folder, std::strerror(errno))};
  }
  return uint64_t{info.f_bavail} * info.f_frsize;
}

Result<std::string> SpillFolder(const std::string& asked, const char* tmpdir) {
  if (!asked.empty()) {
    if (IsUsableFolder(asked)) return asked;
    return Error{ErrorCode::kConfiguration,
                 fmt::format("--spill {} is not a folder that can be written to; make it, or name "
                             "another",
                             asked)};
  }
  if (tmpdir != nullptr && tmpdir[0] != 0 && IsUsableFolder(tmpdir)) return std::string(tmpdir);
  if (IsUsableFolder("/tmp")) return std::string("/tmp");
  return Error{ErrorCode::kConfiguration,
               "neither TMPDIR nor /tmp is a folder that can be written to; name a spill folder "
               "with --spill"};
}

ProcessUse ThisProcessUse(const std::string& root) {
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  // The kernel's ru_maxrss may still be that of the program that forked or executed this one.
  const auto peak = KilobytesField(ReadSmall(root + "/proc/self/status"), "VmHWM");
  return {CpuUs(use), peak.value_or(static_cast<uint64_t>(use.ru_maxrss) * 1024)};
}

ProcessUse ChildrenUse() {
  rusage use{};
  getrusage(RUSAGE_CHILDREN, &use);
  return {CpuUs(use), static_cast<uint64_t>(use.ru_maxrss) * 1024};
}

Result<uint64_t> ParseSize(std::string_view text) {
  uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number);
  const std::string_view unit(at, static_cast<size_t>(end - at));
  constexpr std::string_view kUnits = "KMGT";
  size_t power = 0;
  if (unit.size() == 1) power = kUnits.find(static_cast<char>(unit[0] & ~0x20)) + 1;
  if (error == std::errc::invalid_argument || unit.size() > 1 || (unit.size() == 1 && power == 0)) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("'{}' is not a size; write a whole number of bytes, or of K, M, G or "
                             "T (powers of 1024), as in 256M",
                             text)};
  }
  const size_t shift = 10 * power;
  if (error != std::errc() || (number >> (63 - shift)) != 0) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("the size '{}' is too large; the most is 8388607T", text)};
  }
  return number << shift;
}

std::string SizeText(uint64_t bytes) {
  constexpr std::string_view kUnits = "KMGT";
  if (bytes == 0) return "0";
  const auto power =
      std::min<size_t>(static_cast<size_t>(std::countr_zero(bytes)) / 10, kUnits.size());
  if (power == 0) return fmt::format("{}", bytes);
  return fmt::format("{}{}", bytes >> (10 * power), kUnits[power - 1]);
}

std::string MegabytesText(uint64_t bytes) {
  return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
}

}  // namespace minke
