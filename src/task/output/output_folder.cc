#include "task/output/output_folder.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <map>
#include <optional>
#include <set>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "base/check.h"
#include "control/fleet.h"
#include "task/output/success_file.h"

namespace minke {

struct OutputFolder::Move {
  std::string from;
  std::string to;
};

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kAsidePrefix = ".minke-";
constexpr std::string_view kSuccessName = "_SUCCESS";
constexpr std::string_view kReplacingName = "replacing";
constexpr std::string_view kReplacedName = "replaced";
constexpr int kLockTries = 10;

Error Failed(std::string_view what, const std::string& path, int error_number) {
  return Error{ErrorCode::kOutput,
               fmt::format("cannot {} {}: {}; name another output folder, or mend this one", what,
                           path, std::strerror(error_number))};
}

bool Exists(const std::string& path) {
  struct stat info{};
  return lstat(path.c_str(), &info) == 0;
}

std::string In(const std::string& folder, std::string_view name) {
  return folder.ends_with('/') ? folder + std::string(name) : fmt::format("{}/{}", folder, name);
}

bool IsAside(std::string_view name) {
  return name.starts_with(kAsidePrefix) && name.size() == kAsidePrefix.size() + 16 &&
         name.find_first_not_of("0123456789abcdef", kAsidePrefix.size()) == std::string_view::npos;
}

// All names in a folder but lost+found, sorted.
Result<std::vector<std::string>> NamesIn(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> names;
  for (fs::directory_iterator entry(folder, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    std::string name = entry->path().filename();
    if (name != "lost+found") names.push_back(std::move(name));
  }
  if (error) return Failed("look into", folder, error.value());
  std::sort(names.begin(), names.end());
  return names;
}

Status RemoveTree(const std::string& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) return Failed("remove", path, error.value());
  return {};
}

// Renames, but replaces nothing; returns an errno.
int MoveTo(const std::string& from, const std::string& to) {
  if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;  // else a file system that cannot do this
  if (link(from.c_str(), to.c_str()) == 0) return unlink(from.c_str()) == 0 ? 0 : errno;
  if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS) return errno;
  if (Exists(to)) return EEXIST;
  return rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

// ---- what the lock file says of its run

struct LockNote {
  int made = 0;           // folders that were made for it: OUT, and some above
  bool replaces = false;  // OUT held something when it began
};

std::string Format(const LockNote& note) {
  return fmt::format("made {}\nreplaces {}\n", note.made, note.replaces ? 1 : 0);
}

std::optional<LockNote> ReadNote(const std::string& aside) {
  const auto text = ReadFile(In(aside, "lock"));
  LockNote note;
  int replaces = 0;
  if (!text || std::sscanf(text->c_str(), "made %d replaces %d", &note.made, &replaces) != 2) {
    return std::nullopt;
  }
  note.replaces = replaces != 0;
  return note;
}

// The lock of a run, or nothing if a living process holds it.
Result<std::optional<File>> TryLock(const std::string& aside) {
  const std::string path = In(aside, "lock");
  for (int i = 0; i < kLockTries; ++i) {
    if (mkdir(aside.c_str(), 0777) != 0 && errno != EEXIST) return Failed("make", aside, errno);
    auto file = File::Open(path, File::Mode::kAppend);
    if (!file && !Exists(aside)) continue;  // removed by another run, which took it for dead
    if (!file) return std::move(file).error();
    if (flock(file->fd(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) return std::optional<File>();
      if (errno != ENOLCK && errno != EOPNOTSUPP) return Failed("lock", path, errno);
    }
    struct stat held{};
    struct stat there{};
    if (fstat(file->fd(), &held) != 0) return Failed("look at", path, errno);
    const bool is_there = stat(path.c_str(), &there) == 0 && held.st_ino == there.st_ino;
    if (is_there) return std::optional<File>(*std::move(file));
  }
  return Failed("lock", path, EBUSY);
}

// ---- taking away what was there, and undoing a run
//
// What --overwrite takes away goes to replacing/, which is renamed replaced/ when OUT is empty.
// Only then do parts of the new output come in. Undoing goes the same way back. So parts in OUT are
// the run's own if replaced/ is there, or if OUT was empty when it began; and a _SUCCESS in OUT
// says that OUT is whole, be it with the new output or with the old one.

Status TakeAway(const std::string& out, const std::string& aside) {
  const std::string replacing = In(aside, kReplacingName);
  if (mkdir(replacing.c_str(), 0777) != 0 && errno != EEXIST) {
    return Failed("make", replacing, errno);
  }
  std::vector<std::string> names = MINKE_TRY(NamesIn(out));
  // From the first move on OUT is unfinished.
  std::stable_partition(names.begin(), names.end(),
                        [](const std::string& name) { return name == kSuccessName; });
  for (const std::string& name : names) {
    if (IsAside(name)) continue;
    const int error = MoveTo(In(out, name), In(replacing, name));
    if (error != 0) return Failed("move away", In(out, name), error);
  }
  const int error = MoveTo(replacing, In(aside, kReplacedName));
  if (error != 0) return Failed("move", replacing, error);
  return {};
}

Status PutBack(const std::string& out, const std::string& aside) {
  const std::string replacing = In(aside, kReplacingName);
  const std::string replaced = In(aside, kReplacedName);
  if (Exists(replaced)) {
    const int error = MoveTo(replaced, replacing);
    if (error != 0) return Failed("move", replaced, error);
  }
  if (!Exists(replacing)) return {};
  std::vector<std::string> names = MINKE_TRY(NamesIn(replacing));
  std::stable_partition(names.begin(), names.end(),
                        [](const std::string& name) { return name != kSuccessName; });
  for (const std::string& name : names) {
    const int error = MoveTo(In(replacing, name), In(out, name));
    if (error != 0) return Failed("put back", In(out, name), error);
  }
  return RemoveTree(replacing);
}

// Removes a run that nobody goes on with. What it published whole stays.
Status Undo(const std::string& out, const std::string& aside, const LockNote& note) {
  if (!Exists(In(out, kSuccessName))) {
    if (!note.replaces || Exists(In(aside, kReplacedName))) {
      for (const std::string& name : MINKE_TRY(NamesIn(out))) {
        const std::string path = In(out, name);
        if (NumberInPartName(name) > 0 && unlink(path.c_str()) != 0)
          return Failed("remove", path, errno);
      }
    }
    MINKE_TRY_STATUS(PutBack(out, aside));
  }
  MINKE_TRY_STATUS(RemoveTree(aside));
  fs::path made = fs::path(out).has_filename() ? fs::path(out) : fs::path(out).parent_path();
  for (int i = 0; i < note.made; ++i, made = made.parent_path()) {
    if (rmdir(made.c_str()) != 0) break;  // somebody uses it
  }
  return {};
}

// ---- opening

// Makes OUT and the folders above it, all or none; returns how many there were to make.
Result<int> MakeFolders(const std::string& path) {
  std::vector<std::string> made;
  Status status;
  for (size_t at = 0; at < path.size() && status;) {
    at = std::min(path.find('/', at + 1), path.size());
    const std::string folder = path.substr(0, at);
    if (mkdir(folder.c_str(), 0777) == 0) {
      made.push_back(folder);
    } else if (const int error = errno; error != EEXIST && !Exists(folder)) {
      status = Failed("make", folder, error);
    }
  }
  struct stat info{};
  if (status && stat(path.c_str(), &info) != 0) status = Failed("look at", path, errno);
  if (status && !S_ISDIR(info.st_mode)) {
    status = Error{ErrorCode::kAlreadyExists,
                   fmt::format("the output {} is a file: name a folder, or write one file with "
                               "--single-file",
                               path)};
  }
  if (status) return static_cast<int>(made.size());
  for (; !made.empty(); made.pop_back()) rmdir(made.back().c_str());
  return std::move(status).error();
}

// Other runs that died in OUT are undone; one that lives is an error.
Status EndDeadRuns(const std::string& out, const std::string& mine) {
  for (const std::string& name : MINKE_TRY(NamesIn(out))) {
    const std::string aside = In(out, name);
    if (!IsAside(name) || aside == mine) continue;
    const auto lock = MINKE_TRY(TryLock(aside));
    if (!lock) {
      return Error{ErrorCode::kAlreadyExists,
                   fmt::format("another run is writing to {} (it holds {}): wait for it, or name "
                               "another output folder",
                               out, aside)};
    }
    LockNote note = ReadNote(aside).value_or(LockNote());
    note.made = 0;  // OUT is ours now
    MINKE_TRY_STATUS(Undo(out, aside, note));
  }
  return {};
}

// Whether OUT holds what must be replaced; an error if it must not. Folders of runs do not count.
Result<bool> FindOld(const std::string& out, bool overwrite) {
  bool holds = false;
  for (const std::string& name : MINKE_TRY(NamesIn(out))) {
    const std::string path = In(out, name);
    if (IsAside(name)) continue;
    if (!overwrite) {
      return Error{ErrorCode::kAlreadyExists,
                   fmt::format("the output folder {} is not empty (it holds {}): name another, "
                               "remove it, or give --overwrite",
                               out, name)};
    }
    struct stat info{};
    if (lstat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
      return Error{ErrorCode::kAlreadyExists,
                   fmt::format("the output folder {} holds the folder {}, which --overwrite does "
                               "not remove: remove it yourself, or name another output",
                               out, name)};
    }
    holds = true;
  }
  return holds;
}

// ---- the summary

void AddTo(OutputSummary& summary, const proto::OutputFile& file) {
  if (file.raw()) {
    const bool is_first = summary.records == 0;
    const uint64_t before = summary.record_bytes.value_or(0);
    if (is_first) summary.record_bytes = file.record_bytes();
    if (!is_first && file.records() > 0 && before != file.record_bytes()) summary.record_bytes = 0;
  }
  summary.records += file.records();
  summary.fingerprint += file.fingerprint();
}

SuccessFile Summarize(std::span<const WinningPart> parts) {
  SuccessFile success;
  for (const WinningPart& part : parts) {
    const std::string& name = part.file.name();
    AddTo(name.empty() ? success.main : success.side_outputs[name], part.file);
  }
  return success;
}

}  // namespace

std::vector<WinningPart> WinningParts(const proto::Manifest& manifest) {
  std::vector<WinningPart> parts;
  for (const proto::ManifestPart& part : manifest.parts()) {
    parts.push_back({part.index(), FromProto(part.attempt()), part.file()});
  }
  return parts;
}

std::string PartName(std::string_view name, uint32_t index, uint32_t count) {
  const size_t digits = std::max<size_t>(5, std::to_string(count > 0 ? count - 1 : 0).size());
  return fmt::format("{}-{:0{}}", name.empty() ? "part" : name, index, digits);
}

size_t NumberInPartName(std::string_view name) {
  if (name.starts_with('.') || name.starts_with('_')) return 0;
  const size_t dash = name.rfind('-');
  const bool is_part = dash != std::string_view::npos && dash > 0 && name.size() - dash > 5 &&
                       name.find_first_not_of("0123456789", dash + 1) == std::string_view::npos;
  return is_part ? dash + 1 : 0;
}

OutputFolder::OutputFolder(std::string path, Incarnation incarnation,
                           const OutputFolderOptions& options)
    : path_(std::move(path)),
      aside_(In(path_, fmt::format("{}{}", kAsidePrefix, incarnation.Hex()))),
      options_(options) {}

Result<std::unique_ptr<OutputFolder>> OutputFolder::Open(const std::string& path,
                                                         Incarnation incarnation,
                                                         const OutputFolderOptions& options) {
  const int made = MINKE_TRY(MakeFolders(path));
  std::unique_ptr<OutputFolder> folder(new OutputFolder(path, incarnation, options));
  const Status status = folder->Begin(made);
  if (status) return folder;
  if (!folder->goes_on_) {
    folder->lock_ = File();
    (void)Undo(path, folder->aside_, {.made = made, .replaces = true});  // nothing there is ours
  }
  return status.error();
}

Status OutputFolder::Begin(int made) {
  const auto names = MINKE_TRY(NamesIn(path_));
  const bool is_in_use = std::any_of(names.begin(), names.end(), IsAside);
  if (!is_in_use) MINKE_TRY_STATUS(FindOld(path_, options_.overwrite));  // before making anything
  goes_on_ = ReadNote(aside_).has_value();
  auto lock = MINKE_TRY(TryLock(aside_));
  if (!lock) {
    goes_on_ = true;  // in another process
    return Error{ErrorCode::kAlreadyExists,
                 fmt::format("another process writes the output of this very run to {}", path_)};
  }
  lock_ = *std::move(lock);
  MINKE_TRY_STATUS(EndDeadRuns(path_, aside_));
  if (goes_on_) return {};
  const bool replaces = MINKE_TRY(FindOld(path_, options_.overwrite));
  return lock_.Write(Format({.made = made, .replaces = replaces}));
}

std::string OutputFolder::AttemptPath(std::string_view name, uint32_t index,
                                      AttemptId attempt) const {
  return In(aside_, fmt::format("{}.{}", PartName(name, index, 0), attempt.Text()));
}

Status OutputFolder::MoveParts(std::span<const WinningPart> parts, std::vector<Move>& moved) {
  std::map<std::string_view, uint32_t> counts;
  for (const WinningPart& part : parts) {
    uint32_t& count = counts[part.file.name()];
    count = std::max(count, part.index + 1);
  }
  std::set<std::string> names;
  for (const WinningPart& part : parts) {
    const std::string name = PartName(part.file.name(), part.index, counts[part.file.name()]);
    MINKE_CHECK(names.insert(name).second);
    Move move{AttemptPath(part.file.name(), part.index, part.attempt), In(path_, name)};
    const int error = MoveTo(move.from, move.to);
    if (error == ENOENT && Exists(move.to)) continue;  // an earlier call moved it
    if (error == EEXIST) {
      return Error{ErrorCode::kOutput,
                   fmt::format("{} has appeared in the output folder while the run lasted: remove "
                               "it and run again",
                               move.to)};
    }
    if (error != 0) return Failed("move a part to", move.to, error);
    moved.push_back(std::move(move));
  }
  return {};
}

Status OutputFolder::WriteSuccess(const std::string& text) {
  const std::string made = In(aside_, kSuccessName);
  MINKE_TRY_STATUS(WriteFileAtomically(made, text, options_.sync));
  const int error = MoveTo(made, In(path_, kSuccessName));
  if (error != 0) return Failed("write", In(path_, kSuccessName), error);
  if (options_.sync) {
    const int folder = open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool is_synced = folder >= 0 && fsync(folder) == 0;
    const int error_number = errno;
    if (folder >= 0) close(folder);
    if (!is_synced) return Failed("sync", path_, error_number);
  }
  return {};
}

Status OutputFolder::Publish(std::span<const WinningPart> parts) {
  const bool replaces = ReadNote(aside_).value_or(LockNote()).replaces;
  const bool is_emptied = !replaces || Exists(In(aside_, kReplacedName));
  const bool is_published = is_emptied && Exists(In(path_, kSuccessName));
  if (!is_published) {
    std::vector<Move> moved;
    Status status = is_emptied ? Status{} : TakeAway(path_, aside_);
    if (status) status = MoveParts(parts, moved);
    if (status) status = WriteSuccess(FormatSuccess(Summarize(parts)));
    if (!status) {
      for (const Move& move : moved) (void)MoveTo(move.to, move.from);
      (void)PutBack(path_, aside_);
      return status;
    }
  }
  return options_.stays ? Status{} : RemoveTree(aside_);
}

Status OutputFolder::Abandon() {
  return Undo(path_, aside_, ReadNote(aside_).value_or(LockNote{.made = 0, .replaces = true}));
}

Status OutputFolder::CleanUp(const std::string& path, Incarnation incarnation) {
  const std::string aside = In(path, fmt::format("{}{}", kAsidePrefix, incarnation.Hex()));
  if (!Exists(aside)) return {};
  return Undo(path, aside, ReadNote(aside).value_or(LockNote{.made = 0, .replaces = true}));
}

}  // namespace minke
