#include "task/job/job_file.h"

#include <algorithm>
#include <cstring>
#include <dlfcn.h>
#include <elf.h>
#include <fmt/format.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/version.h"
#include "task/job/job_check.h"
#include "task/job/nearest.h"

// The entry point of this program: there if any job is linked into it.
extern "C" [[gnu::weak]] const minke_module* minke_module_v1();

namespace minke {
namespace {

constexpr const char* kEntryPoint = "minke_module_v1";
// What the first version of the ABI had; a job file may know more, or, later, less than we do.
constexpr size_t kEntrySizeMin = offsetof(minke_job_entry, destroy) + sizeof(void*);
constexpr size_t kJobSizeMin = offsetof(minke_job, partition) + sizeof(void*);
constexpr size_t kAggregateSizeMin = offsetof(minke_aggregate, finished) + sizeof(minke_type);

Error Refuse(std::string text) { return Error{ErrorCode::kInvalidArgument, std::move(text)}; }

Status CheckVersion(uint32_t version, const std::string& where) {
  if (version == MINKE_ABI_VERSION) return {};
  return Refuse(
      fmt::format("{} was built for version {} of the job ABI, and this minke speaks "
                  "version {}; build it again with this minke's headers",
                  where, version, MINKE_ABI_VERSION));
}

// Copies the fields that both sides know; the rest of `to` stays as it is.
template <typename T>
void CopyKnown(T& to, const T* from) {
  std::memcpy(&to, from, std::min<size_t>(from->struct_size, sizeof(T)));
  to.struct_size = sizeof(T);
}

// The entry, with no null text.
Result<minke_job_entry> CheckEntry(const minke_job_entry* theirs, const std::string& where) {
  if (theirs == nullptr || theirs->struct_size < kEntrySizeMin) {
    return Refuse(
        fmt::format("{} holds a job entry that is too small; build it again with this "
                    "minke's headers",
                    where));
  }
  minke_job_entry entry{};
  CopyKnown(entry, theirs);
  if (entry.name == nullptr || *entry.name == '\0' || entry.create == nullptr ||
      entry.destroy == nullptr || (entry.argument_count > 0 && entry.arguments == nullptr)) {
    return Refuse(
        fmt::format("{} holds a job entry without a name, create, destroy or its "
                    "arguments; fill them in",
                    where));
  }
  for (size_t i = 0; i < entry.argument_count; ++i) {
    const minke_argument& argument = entry.arguments[i];
    if (argument.name != nullptr && *argument.name != '\0' && argument.help != nullptr) continue;
    return Refuse(
        fmt::format("the job '{}' of {} declares an argument without a name or help; "
                    "fill them in",
                    entry.name, where));
  }
  for (const char** text : {&entry.summary, &entry.input, &entry.output, &entry.example}) {
    if (*text == nullptr) *text = "";
  }
  return entry;
}

struct Spec {
  std::string path;  // empty: a job linked into this program
  std::string name;  // empty: the only job of the file
};

// "x.so:name" names a job in a file; a colon elsewhere belongs to the path.
Spec ParseSpec(std::string_view spec) {
  if (const size_t at = spec.rfind(".so:"); at != spec.npos) {
    return {std::string(spec.substr(0, at + 3)), std::string(spec.substr(at + 4))};
  }
  if (spec.ends_with(".so") || spec.find('/') != spec.npos) return {std::string(spec), ""};
  return {"", std::string(spec)};
}

template <typename List>
std::string Quoted(const List& jobs) {
  std::string names;
  for (const JobFile& job : jobs) {
    names += fmt::format("{}'{}'", names.empty() ? "" : ", ", job.name());
  }
  return names;
}

// The job called `name` among `jobs`, or its only one.
Result<JobFile> Choose(const std::vector<JobFile>& jobs, const Spec& spec) {
  if (spec.name.empty() && !spec.path.empty()) {
    if (jobs.size() == 1) return jobs.front();
    return Refuse(fmt::format("{} holds several jobs: {}; name one, as in {}:{}", spec.path,
                              Quoted(jobs), spec.path, jobs.front().name()));
  }
  std::vector<std::string_view> names;
  for (const JobFile& job : jobs) {
    if (job.name() == spec.name) return job;
    names.push_back(job.name());
  }
  const std::string near = DidYouMean(spec.name, names);
  if (!spec.path.empty()) {
    return Refuse(fmt::format("{} holds no job '{}'{}", spec.path, spec.name,
                              near.empty() ? "; it holds " + Quoted(jobs) : near));
  }
  return Refuse(
      fmt::format("there is no job '{}'{}; 'minke jobs' lists those that are built in, "
                  "and a job file is given by its path, which holds a slash or ends in "
                  ".so",
                  spec.name, near));
}

Error CannotLoad(const std::string& path) {
  const char* reason = dlerror();
  return Refuse(
      fmt::format("the job file {} cannot be loaded: {}; it must be a shared object for "
                  "this machine, with all that it needs",
                  path, reason == nullptr ? "no reason given" : reason));
}

// The loader maps a file that was cut off, and dies of a bus error; other faults it tells itself.
Status CheckWhole(Bytes file, const std::string& path) {
  Elf64_Ehdr header{};
  if (file.size() < sizeof(header) || !file.starts_with(ELFMAG)) return {};
  std::memcpy(&header, file.data(), sizeof(header));
  uint64_t end = header.e_phoff + uint64_t{header.e_phnum} * sizeof(Elf64_Phdr);
  for (uint16_t i = 0; i < header.e_phnum && end <= file.size(); ++i) {
    Elf64_Phdr segment{};
    std::memcpy(&segment, file.data() + header.e_phoff + i * sizeof(segment), sizeof(segment));
    end = std::max(end, segment.p_offset + segment.p_filesz);
  }
  end = std::max(end, header.e_shoff + uint64_t{header.e_shnum} * header.e_shentsize);
  if (end <= file.size()) return {};
  return Refuse(
      fmt::format("the job file {} is cut off: it must be a shared object for this machine of {} "
                  "bytes, and has {}; copy or build it again",
                  path, end, file.size()));
}

}  // namespace

Result<std::vector<JobFile>> JobFile::FromModule(const minke_module* module,
                                                 const std::string& where, uint64_t hash) {
  if (module == nullptr || module->struct_size < sizeof(minke_module)) {
    return Refuse(fmt::format("{} of {} returns no module; build it with this minke's headers",
                              kEntryPoint, where));
  }
  MINKE_TRY_STATUS(CheckVersion(module->abi_version, where));
  std::vector<JobFile> jobs;
  for (size_t i = 0; i < module->entry_count; ++i) {
    JobFile job;
    job.entry_ = MINKE_TRY(CheckEntry(module->entries[i], where));
    job.spec_ = fmt::format("{}:{}", where, job.name());
    job.hash_ = hash;
    for (const JobFile& other : jobs) {
      if (other.name() != job.name()) continue;
      return Refuse(fmt::format("{} holds two jobs named '{}'; give each a name of its own", where,
                                job.name()));
    }
    jobs.push_back(std::move(job));
  }
  return jobs;
}

std::vector<JobFile> JobFile::BuiltIn() {
  if (minke_module_v1 == nullptr) return {};
  std::vector<JobFile> jobs;
  const minke_module* module = minke_module_v1();
  for (size_t i = 0; i < module->entry_count; ++i) {
    JobFile job;
    job.entry_ = *module->entries[i];
    job.spec_ = job.name();
    job.hash_ = Hash64(fmt::format("built in {} {}", kVersion, job.name()));
    jobs.push_back(std::move(job));
  }
  std::stable_sort(jobs.begin(), jobs.end(),
                   [](const JobFile& a, const JobFile& b) { return a.name() < b.name(); });
  return jobs;
}

Result<std::vector<JobFile>> JobFile::Load(const std::string& path) {
  auto bytes = ReadFile(path);
  if (!bytes) {
    return Refuse(fmt::format("the job file cannot be read: {}", bytes.error().text));
  }
  MINKE_TRY_STATUS(CheckWhole(*bytes, path));
  // With a slash the loader opens this very path and searches no folders.
  const std::string exact = path.find('/') == path.npos ? "./" + path : path;
  void* file = dlopen(exact.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (file == nullptr) return CannotLoad(path);
  const auto entry_point = reinterpret_cast<minke_module_function>(dlsym(file, kEntryPoint));
  if (entry_point == nullptr) {
    return Refuse(
        fmt::format("{} is not a job file: it does not export {}; include <minke/job.h> "
                    "and register a job with MINKE_JOB",
                    path, kEntryPoint));
  }
  auto jobs = MINKE_TRY(FromModule(entry_point(), path, Hash64(*bytes)));
  if (jobs.empty()) {
    return Refuse(fmt::format("{} registers no job; add MINKE_JOB(\"name\", Function)", path));
  }
  return jobs;
}

Result<JobFile> JobFile::Find(std::string_view text) {
  const Spec spec = ParseSpec(text);
  if (spec.path.empty()) return Choose(BuiltIn(), spec);
  return Choose(MINKE_TRY(Load(spec.path)), spec);
}

Result<DeclaredJob> JobFile::Declare(std::span<const JobArgument> given) const {
  DeclaredJob declared;
  declared.arguments_ = MINKE_TRY(CheckArguments(entry_, given));
  std::vector<minke_argument_value> values;
  for (const JobArgument& argument : declared.arguments_) {
    values.push_back({{argument.name.data(), argument.name.size()},
                      {argument.value.data(), argument.value.size()}});
  }
  minke_error error{};
  minke_job* theirs = entry_.create(entry_.user, values.data(), values.size(), &error);
  if (theirs == nullptr) {
    error.text[sizeof error.text - 1] = '\0';
    return Refuse(fmt::format("the job '{}' refuses its arguments: {}", name(),
                              error.text[0] == '\0' ? "no reason given" : error.text));
  }
  declared.theirs_ = {theirs, entry_.destroy};
  const std::string where = fmt::format("the job '{}'", spec_);
  MINKE_TRY_STATUS(CheckVersion(theirs->abi_version, where));
  const minke_aggregate* aggregate = theirs->aggregate;
  if (theirs->struct_size < kJobSizeMin ||
      (aggregate != nullptr && aggregate->struct_size < kAggregateSizeMin)) {
    return Refuse(
        fmt::format("{} declares a struct that is too small; set struct_size to its "
                    "sizeof",
                    where));
  }
  declared.checked_ = std::make_unique<DeclaredJob::Checked>();
  CopyKnown(declared.checked_->job, theirs);
  if (aggregate != nullptr) {
    CopyKnown(declared.checked_->aggregate, aggregate);
    declared.checked_->job.aggregate = &declared.checked_->aggregate;
  }
  if (Status status = CheckJob(declared.checked_->job); !status) {
    return std::move(status).error().Within(fmt::format("{} is declared wrongly", where));
  }
  return declared;
}

}  // namespace minke
