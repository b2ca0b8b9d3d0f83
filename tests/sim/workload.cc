#include "workload.h"

#include <algorithm>
#include <fmt/format.h>
#include <fstream>
#include <numeric>
#include <stdexcept>
#include <string_view>

#include <minke/job.h>

#include "base/hash.h"
#include "process.h"

namespace minke::sim {
namespace {

constexpr int kLinesPerPause = 10;

// What user code does beside its work: it takes time, and fails now and then.
class UserWork {
 public:
  void operator()() {
    Process* process = Process::current();
    if (process == nullptr) return;
    if (++lines_ % kLinesPerPause == 0)
      process->Sleep(process->random().Between(1, 200) * process->slowness);
    if (lines_ == 5 && process->is_alive() &&
        process->random().Chance(process->machinery().weather.user_code)) {
      throw std::runtime_error("the simulated user code fails");
    }
  }

 private:
  int lines_ = 0;
};

template <typename Each>
void ForWords(std::string_view line, Each each) {
  while (!line.empty()) {
    const size_t end = std::min(line.find(' '), line.size());
    if (end > 0) each(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
}

minke::Job Count(const minke::Arguments&) {
  return minke::Map([work = UserWork()](const minke::Line& line,
                                        minke::Emit<std::string_view>& emit,
                                        minke::Task& task) mutable {
           work();
           ++task.counter("lines");
           ForWords(line, [&](std::string_view word) {
             emit(word);
             ++task.counter("words");
           });
         })
      .Aggregate(minke::Count())
      .Reduce([](std::string_view word, minke::Values<uint64_t>& counts,
                 minke::Emit<std::string_view, uint64_t>& emit, minke::Task& task) {
        for (const uint64_t count : counts) emit(word, count);
        ++task.counter("distinct");
      });
}
MINKE_JOB("sim-count", Count, {.summary = "counts words"});

minke::Job List(const minke::Arguments&) {
  return minke::Map([work = UserWork()](const minke::Line& line,
                                        minke::Emit<std::string_view, std::string_view>& emit,
                                        minke::Task& task) mutable {
           work();
           ForWords(line, [&](std::string_view word) {
             emit(word.substr(0, 2), word);
             ++task.counter("words");
           });
         })
      .SortValues()
      .Reduce([](std::string_view key, minke::Values<std::string_view>& words,
                 minke::Emit<std::string_view, std::string_view>& emit) {
        std::string all;
        for (const std::string_view word : words) all.append(word).append(",");
        emit(key, all);
      });
}
MINKE_JOB("sim-list", List, {.summary = "lists words by their first letters"});

minke::Job Sort(const minke::Arguments&) {
  return minke::Map([work = UserWork()](const minke::Line& line,
                                        minke::Emit<std::string_view>& emit) mutable {
           work();
           emit(line);
         })
      .SortByKey()
      .PartitionBy(minke::ByRange());
}
MINKE_JOB("sim-sort", Sort, {.summary = "sorts lines"});

minke::Job Filter(const minke::Arguments&) {
  return minke::Map([work = UserWork()](const minke::Line& line,
                                        minke::Emit<std::string_view>& emit,
                                        minke::Task& task) mutable {
           work();
           if (std::string_view(line).find('7') == std::string_view::npos) return;
           emit(line);
           ++task.counter("found");
         })
      .MapOnly();
}
MINKE_JOB("sim-filter", Filter, {.summary = "lines that hold a 7"});

minke::Job Combine(const minke::Arguments&) {
  const auto sum = [](std::string_view word, minke::Values<uint64_t>& counts,
                      minke::Emit<std::string_view, uint64_t>& emit) {
    uint64_t all = 0;
    for (const uint64_t count : counts) all += count;
    emit(word, all);
  };
  return minke::Map([work = UserWork()](const minke::Line& line,
                                        minke::Emit<std::string_view, uint64_t>& emit) mutable {
           work();
           ForWords(line, [&](std::string_view word) { emit(word, word.size()); });
         })
      .Combine(sum)
      .Reduce(sum);
}
MINKE_JOB("sim-combine", Combine, {.summary = "sums up by word"});

const char* NameOf(JobKind kind) {
  constexpr const char* kNames[] = {"sim-count", "sim-list", "sim-sort", "sim-filter",
                                    "sim-combine"};
  return kNames[static_cast<size_t>(kind)];
}

// ---- what must come out

using Lines = std::vector<std::string>;

// Key and line of each record of output, put into the partition of its key.
template <typename Groups, typename LineOf>
void PutIntoParts(Workload& work, const Groups& groups, LineOf line_of) {
  work.parts.resize(work.partitions);
  for (const auto& [key, group] : groups) {
    work.parts[Hash64(key) % work.partitions] += line_of(key, group) + "\n";
  }
}

void Expect(JobKind kind, const Lines& lines, Workload& work) {
  std::map<std::string, uint64_t> sums;
  std::map<std::string, Lines> lists;
  Lines found;
  uint64_t words = 0;
  for (const std::string& line : lines) {
    if (line.find('7') != std::string::npos) found.push_back(line);
    ForWords(line, [&](std::string_view word) {
      ++words;
      sums[std::string(word)] += kind == JobKind::kCount ? 1 : word.size();
      lists[std::string(word.substr(0, 2))].emplace_back(word);
    });
  }
  const auto joined = [](const Lines& all) {
    return std::accumulate(
        all.begin(), all.end(), std::string(),
        [](std::string text, const std::string& line) { return std::move(text) + line + "\n"; });
  };
  switch (kind) {
    case JobKind::kCount:
      work.counters = {{"lines", lines.size()}, {"words", words}, {"distinct", sums.size()}};
      [[fallthrough]];
    case JobKind::kCombine:
      return PutIntoParts(work, sums, [](const std::string& word, uint64_t sum) {
        return fmt::format("{}\t{}", word, sum);
      });
    case JobKind::kList:
      work.counters = {{"words", words}};
      return PutIntoParts(work, lists, [](const std::string& key, Lines all) {
        std::sort(all.begin(), all.end());
        std::string text = key + "\t";
        for (const std::string& word : all) text += word + ",";
        return text;
      });
    case JobKind::kSort: {
      Lines sorted = lines;
      std::sort(sorted.begin(), sorted.end());
      work.parts = {joined(sorted)};
      work.is_one_text = true;
      return;
    }
    case JobKind::kFilter:
      if (!found.empty()) work.counters = {{"found", found.size()}};
      work.parts = {joined(found)};
      work.is_one_text = true;
  }
}

}  // namespace

Workload Workload::Make(JobKind kind, const std::string& folder, Random random) {
  Workload work;
  Lines lines;
  const int files = static_cast<int>(random.Between(1, 3));
  uint64_t bytes = 0;
  for (int file = 0; file < files; ++file) {
    const std::string path = fmt::format("{}/input-{}", folder, file);
    std::ofstream out(path);
    for (int64_t left = random.Between(60, 300); left > 0; --left) {
      std::string line;
      for (int64_t word = random.Between(1, 6); word > 0; --word) {
        line += fmt::format("{}{:x}", line.empty() ? "" : " ", random.Below(700));
      }
      bytes += line.size() + 1;
      out << line << "\n";
      lines.push_back(std::move(line));
    }
    work.request.inputs.push_back(path);
  }
  work.request.job = NameOf(kind);
  work.partitions = static_cast<uint32_t>(random.Between(1, 4));
  work.request.partitions = work.partitions;
  work.request.threads = 2;
  work.request.memory_bytes = 8 << 20;
  work.request.split_bytes = std::max<uint64_t>(1, bytes / (2 + random.Below(9)));
  work.request.block_bytes = random.Chance(500) ? 256 : 4096;
  work.request.spill_folder = folder;
  work.request.attempts = 1'000;
  work.request.goes_on_later = true;
  Expect(kind, lines, work);
  return work;
}

}  // namespace minke::sim
