#include "task/input/input_files.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <fnmatch.h>
#include <memory>
#include <optional>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "task/dataset/dataset.h"
#include "task/input/compression.h"
#include "task/table/row_fields.h"
#include "task/table/table.h"
#include "task/table/table_rows.h"

namespace minke {
namespace {

constexpr size_t kCopyBytes = 1 << 20;
constexpr uint64_t kUnknownTableBytes = 64 << 20;  // what a table counts as that nobody measured

Error InputError(std::string text) { return Error{ErrorCode::kInput, std::move(text)}; }

Error CannotRead(const std::string& path, int error_number) {
  std::string_view advice = "check the disk";
  if (error_number == ENOENT || error_number == ENOTDIR) advice = "check the name";
  if (error_number == EACCES || error_number == EPERM) advice = "check its permissions";
  if (error_number == ELOOP) advice = "its symlinks go round in a loop";
  return InputError(
      fmt::format("cannot read {}: {}; {}", path, std::strerror(error_number), advice));
}

bool IsHidden(std::string_view name) { return name.starts_with('.') || name.starts_with('_'); }

bool HasWildcard(std::string_view text) {
  return text.find_first_of("*?[") != std::string_view::npos;
}

std::string Join(const std::string& folder, std::string_view name) {
  if (folder.empty() || folder.ends_with('/')) return folder + std::string(name);
  return fmt::format("{}/{}", folder, name);
}

bool Exists(const std::string& path) {
  struct stat info{};
  return stat(path.c_str(), &info) == 0;
}

// The entries of a folder, unsorted, but for . and ..
class Folder {
 public:
  struct Entry {
    std::string name;
    uint8_t type = DT_UNKNOWN;
  };

  static Result<Folder> Open(const std::string& path) {
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(opendir(path.empty() ? "." : path.c_str()),
                                                     closedir);
    if (stream == nullptr) return CannotRead(path, errno);
    Folder folder;
    struct stat info{};
    if (fstat(dirfd(stream.get()), &info) != 0) return CannotRead(path, errno);
    folder.id = {info.st_dev, info.st_ino, path};
    while (true) {
      errno = 0;
      const dirent* entry = readdir(stream.get());
      if (entry == nullptr && errno != 0) return CannotRead(path, errno);
      if (entry == nullptr) return folder;
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") folder.entries.push_back({std::string(name), entry->d_type});
    }
  }

  InputFolder id;
  std::vector<Entry> entries;
};

// Finds the files of the arguments, one after the other.
class Finder {
 public:
  explicit Finder(const InputFileOptions& options) : options_(options) {}

  Status Add(const std::string& argument) {
    std::string path = argument;
    tag_.clear();
    if (const size_t equals = TagLength(argument); equals > 0) {
      tag_ = argument.substr(0, equals);
      path = argument.substr(equals + 1);
    }
    if (path.empty()) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("the input \"{}\" names no path: give a file, a folder, a pattern "
                               "or -",
                               argument)};
    }
    if (const auto named = TableIn(path)) return AddTable(path, *named);
    if (options_.kind == MINKE_RECORDS) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("the job maps records of a table, and {} holds none: give it "
                               "table:KEYSPACE.TABLE, or map minke::Line, minke::Text or "
                               "minke::FixedRecord",
                               path)};
    }
    if (path == "-") return AddStandardInput();
    if (const auto name = DatasetNameIn(path)) return AddDataset(*name);
    found_.clear();
    MINKE_TRY_STATUS(FindPath(path));
    std::sort(found_.begin(), found_.end());
    for (const std::string& file : found_) MINKE_TRY_STATUS(AddFile(file));
    return {};
  }

  size_t files() const { return result_.files.size(); }

  InputFiles Take() {
    std::sort(result_.folders.begin(), result_.folders.end());
    return std::move(result_);
  }

 private:
  Status AddDataset(const std::string& name) {
    if (options_.store == nullptr) return NoStoreFor(name);
    const Dataset dataset = MINKE_TRY(OpenDataset(*options_.store, name));
    for (proto::InputFile& file : InputFilesOf(dataset)) {
      file.set_tag(tag_);
      result_.files.push_back(std::move(file));
    }
    return {};
  }

  Status AddTable(const std::string& path, const std::string& named) {
    if (options_.kind == MINKE_FIXED) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("{}: a table holds no fixed-length records, which the job maps; map "
                               "minke::Line, minke::Text or minke::Record<K, V>",
                               path)};
    }
    const Table table = MINKE_TRY(OpenTable(options_.store, named));
    MINKE_TRY_STATUS(CheckReadable(table));
    if (options_.kind == MINKE_RECORDS) {
      MINKE_TRY(RowFields::Make(&table, options_.key, options_.value));
    }
    proto::InputFile& file = result_.files.emplace_back();
    file.set_path(path);
    file.set_tag(tag_);
    file.set_is_table(true);
    file.set_size(table.bytes != 0 ? table.bytes : kUnknownTableBytes);
    return {};
  }

  // Of the tag in front of a path, 0 if there is none.
  static size_t TagLength(const std::string& argument) {
    const size_t equals = argument.find('=');
    if (equals == std::string::npos || equals == 0) return 0;
    for (size_t i = 0; i < equals; ++i) {
      const char c = argument[i];
      const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
      const bool is_later = i > 0 && ((c >= '0' && c <= '9') || c == '-');
      if (!is_letter && !is_later) return 0;
    }
    const size_t slash = argument.find('/');
    const bool is_folder = slash != std::string::npos && Exists(argument.substr(0, slash));
    return is_folder || Exists(argument) ? 0 : equals;
  }

  Status FindPath(const std::string& path) {
    struct stat info{};
    if (stat(path.c_str(), &info) == 0) {
      if (S_ISDIR(info.st_mode)) return Walk(path);
      found_.push_back(path);
      return {};
    }
    const int error_number = errno;
    const bool is_absent = error_number == ENOENT || error_number == ENOTDIR;
    if (!is_absent || !HasWildcard(path)) return CannotRead(path, error_number);
    if (path.find("**") != std::string::npos) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("the pattern {} holds **, which is not known: name the folder "
                               "instead, folders are read with all below them",
                               path)};
    }
    bool is_matched = false;
    const bool is_absolute = path.starts_with('/');
    MINKE_TRY_STATUS(Expand(is_absolute ? "/" : "",
                            std::string_view(path).substr(is_absolute ? 1 : 0), &is_matched));
    if (!is_matched) {
      return InputError(
          fmt::format("no file matches the pattern {}; check it (names that begin "
                      "with . or _ are matched only if the pattern begins so)",
                      path));
    }
    return {};
  }

  // Finds what `pattern` matches below `folder`.
  Status Expand(const std::string& folder, std::string_view pattern, bool* is_matched) {
    const size_t slash = pattern.find('/');
    const std::string component(pattern.substr(0, slash));
    const bool is_last = slash == std::string_view::npos;
    const std::string_view rest = is_last ? std::string_view() : pattern.substr(slash + 1);
    if (!HasWildcard(component)) {
      const std::string path = Join(folder, component) + (is_last ? "" : "/");
      if (!is_last) return Expand(path, rest, is_matched);
      return Exists(path) ? Match(path, is_matched) : Status{};
    }
    if (!folder.empty() && !Exists(folder)) return {};
    for (const Folder::Entry& entry : MINKE_TRY(Folder::Open(folder)).entries) {
      const bool is_left_out = entry.name.front() == '_' && component.front() != '_';
      if (is_left_out || fnmatch(component.c_str(), entry.name.c_str(), FNM_PERIOD) != 0) continue;
      const std::string path = Join(folder, entry.name);
      if (is_last) {
        MINKE_TRY_STATUS(Match(path, is_matched));
      } else if (Exists(path + "/")) {
        MINKE_TRY_STATUS(Expand(path + "/", rest, is_matched));
      }
    }
    return {};
  }

  Status Match(const std::string& path, bool* is_matched) {
    *is_matched = true;
    return FindEntry(path, DT_UNKNOWN);
  }

  // Something that was found rather than named.
  Status FindEntry(const std::string& path, uint8_t type) {
    if (type == DT_REG) {
      found_.push_back(path);
      return {};
    }
    struct stat info{};
    if (stat(path.c_str(), &info) != 0) {
      const int error_number = errno;
      if (error_number != ENOENT) return CannotRead(path, error_number);
      return InputError(
          fmt::format("cannot read {}: it is a symlink to nothing; mend or remove "
                      "it, or name the files you want",
                      path));
    }
    if (S_ISDIR(info.st_mode)) return Walk(path);
    if (!S_ISREG(info.st_mode)) {
      return InputError(
          fmt::format("{} is a pipe, socket or device: remove it from the folder, or "
                      "name it itself to have it read",
                      path));
    }
    found_.push_back(path);
    return {};
  }

  Status Walk(const std::string& path) {
    const Folder folder = MINKE_TRY(Folder::Open(path));
    for (const InputFolder& above : walked_) {
      if (above.device == folder.id.device && above.inode == folder.id.inode) {
        return InputError(
            fmt::format("{} leads back to {}: remove the symlink, or name the files "
                        "you want",
                        path, above.path));
      }
    }
    walked_.push_back(folder.id);
    result_.folders.push_back(folder.id);
    for (const Folder::Entry& entry : folder.entries) {
      if (!IsHidden(entry.name)) {
        MINKE_TRY_STATUS(FindEntry(Join(path, entry.name), entry.type));
      }
    }
    walked_.pop_back();
    return {};
  }

  Status AddFile(const std::string& path) {
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return CannotRead(path, errno);
    const Status status = Inspect(path, fd, "");
    close(fd);
    return status;
  }

  Status AddStandardInput() {
    struct stat info{};
    if (fstat(STDIN_FILENO, &info) != 0) {
      return InputError("cannot read standard input: it is closed; give it a file or a pipe");
    }
    const bool is_file = S_ISREG(info.st_mode) && lseek(STDIN_FILENO, 0, SEEK_CUR) == 0;
    if (is_file) return Inspect("-", STDIN_FILENO, PathOf(STDIN_FILENO));
    if (standard_input_) return Inspect("-", standard_input_->first, standard_input_->second);
    MINKE_TRY_STATUS(Spool("-", STDIN_FILENO));
    const int fd = result_.spooled.back().fd();
    standard_input_ = {fd, PathOf(fd)};
    return {};
  }

  // How any process of this user can open a file that this process has open.
  static std::string PathOf(int fd) { return fmt::format("/proc/{}/fd/{}", getpid(), fd); }

  Status Inspect(const std::string& path, int fd, const std::string& spooled) {
    struct stat info{};
    if (fstat(fd, &info) != 0) return CannotRead(path, errno);
    if (S_ISDIR(info.st_mode)) return CannotRead(path, EISDIR);
    if (!S_ISREG(info.st_mode)) return Spool(path, fd);
    char head[kMagicBytes];
    const ssize_t n = pread(fd, head, sizeof(head), 0);
    if (n < 0) return CannotRead(path, errno);
    if (n > 0 && info.st_size == 0) return Spool(path, fd);
    proto::InputFile file;
    file.set_path(path);
    file.set_tag(tag_);
    file.set_size(static_cast<uint64_t>(info.st_size));
    file.set_modified_ns(static_cast<int64_t>(info.st_mtim.tv_sec) * 1'000'000'000 +
                         info.st_mtim.tv_nsec);
    file.set_inode(info.st_ino);
    file.set_spooled(spooled);
    const Compression compression =
        MINKE_TRY(CompressionOf(path, Bytes(head, static_cast<size_t>(n))));
    file.set_compression(static_cast<uint32_t>(compression));
    result_.files.push_back(std::move(file));
    return {};
  }

  Result<Compression> CompressionOf(const std::string& path, Bytes head) const {
    const PackedWith packed = FindCompression(head);
    if (options_.kind != MINKE_TEXT) {
      const bool is_named_so =
          (packed.compression == Compression::kGzip && path.ends_with(".gz")) ||
          (packed.compression == Compression::kZstd && path.ends_with(".zst"));
      return is_named_so ? packed.compression : Compression::kNone;
    }
    if (!packed.refused.empty()) {
      return InputError(
          fmt::format("{} is packed with {}, which is not read (gzip and zstd are): "
                      "unpack it first, perhaps through a pipe and -",
                      path, packed.refused));
    }
    return packed.compression;
  }

  Status Spool(const std::string& path, int fd) {
    auto copy = File::Open(options_.spill_folder, File::Mode::kScratch);
    if (!copy) return SpillFailed(path, copy.error().text);
    const auto buffer = std::make_unique_for_overwrite<char[]>(kCopyBytes);
    uint64_t bytes = 0;
    while (true) {
      const ssize_t n = read(fd, buffer.get(), kCopyBytes);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return CannotRead(path, errno);
      if (n == 0) break;
      bytes += static_cast<uint64_t>(n);
      if (bytes > options_.spill_bytes_max) {
        return SpillFailed(path, fmt::format("it is longer than {} bytes, the limit of spilling",
                                             options_.spill_bytes_max));
      }
      const Status written = copy->Write(Bytes(buffer.get(), static_cast<size_t>(n)));
      if (!written) return SpillFailed(path, written.error().text);
    }
    result_.spooled.push_back(*std::move(copy));
    const int spooled = result_.spooled.back().fd();
    return Inspect(path, spooled, PathOf(spooled));
  }

  static Error SpillFailed(const std::string& path, std::string_view why) {
    return Error{ErrorCode::kConfiguration,
                 fmt::format("cannot copy the input {} into the spill folder: {}; name a folder "
                             "with more room with --spill, or raise --spill-bytes",
                             path, why)};
  }

  const InputFileOptions& options_;
  InputFiles result_;
  std::string tag_;                  // of the argument at hand
  std::vector<std::string> found_;   // its files
  std::vector<InputFolder> walked_;  // the folders above the one at hand
  std::optional<std::pair<int, std::string>> standard_input_;
};

}  // namespace

Result<InputFiles> FindInputFiles(std::span<const std::string> named,
                                  const InputFileOptions& options) {
  Finder finder(options);
  std::vector<uint32_t> arguments;
  for (uint32_t i = 0; i < named.size(); ++i) {
    MINKE_TRY_STATUS(finder.Add(named[i]));
    arguments.resize(finder.files(), i);
  }
  InputFiles found = finder.Take();
  found.arguments = std::move(arguments);
  return found;
}

Status CheckOutputApart(const std::string& output, const InputFiles& inputs) {
  namespace fs = std::filesystem;
  const auto refused = [&](std::string_view relation, const std::string& input) {
    return Error{
        ErrorCode::kInvalidArgument,
        fmt::format("the output {} {} {}: name another place for it", output, relation, input)};
  };
  std::error_code error;
  fs::path target = fs::weakly_canonical(fs::absolute(output, error), error);
  if (error) return {};                                       // making it will say why
  if (!target.has_filename()) target = target.parent_path();  // out/ is out
  for (fs::path above = target;; above = above.parent_path()) {
    struct stat info{};
    if (stat(above.c_str(), &info) == 0) {
      for (const InputFolder& folder : inputs.folders) {
        if (folder.device != info.st_dev || folder.inode != info.st_ino) continue;
        return refused(above == target ? "is the input folder" : "lies inside the input folder",
                       folder.path);
      }
    }
    if (above == above.parent_path()) break;
  }
  fs::path last_folder;
  bool is_held = false;
  for (const proto::InputFile& file : inputs.files) {
    if (!file.spooled().empty() || file.version() != 0 || file.is_table()) continue;
    const fs::path path = file.path();
    if (path.filename() == target.filename() && fs::canonical(path, error) == target) {
      return refused("is the input", file.path());
    }
    if (path.parent_path() != last_folder || last_folder.empty()) {
      last_folder = path.parent_path();
      const fs::path real = fs::canonical(last_folder.empty() ? "." : last_folder, error);
      is_held = std::mismatch(target.begin(), target.end(), real.begin(), real.end()).first ==
                target.end();
    }
    if (is_held) return refused("holds the input", file.path());
  }
  return {};
}

}  // namespace minke
