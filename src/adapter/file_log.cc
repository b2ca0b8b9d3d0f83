// The files: FOLDER/journal, inbox, heartbeat (file_log_format.h has their bytes, docs/FORMATS.md
// draws them), and FOLDER/lock.
//
//   header │ frame first │ frame … │ frame end-1 ║ frames on their way to the disk │ torn tail
//                                                ║ end_bytes: readers stop here
//
// Whoever changes a file holds FOLDER/lock, for moments. An append writes its frame behind the last
// sound one; a torn tail, left by a writer that was killed, is cut away before. Then a thread of
// the writing process syncs the file and moves `end` and `end_bytes` on. So
//   - a frame before end_bytes is on the disk, and must be sound: else kCorruption
//   - what lies behind end_bytes nobody has acted on: a bad frame there is a torn tail
//   - whole frames of a process that died before it synced are seen after the next append
// A sync that fails takes back what lies behind end_bytes and counts up `cuts`: a process that
// still waits for its own sync then does not move the end. Heartbeats are not synced: their end
// moves at once, and a file that stems from an earlier start of the machine is emptied by Create.
// When it is too long, a new file with its newer half replaces it, under the same id.
#include "adapter/file_log.h"

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <mutex>
#include <optional>
#include <poll.h>
#include <string_view>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include "adapter/file_lock.h"
#include "adapter/file_log_format.h"
#include "base/check.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/ids.h"

namespace minke {
namespace {

constexpr size_t kReadBytes = 256 << 10;
constexpr int64_t kLookMs = 100;
constexpr std::array<std::string_view, kTopics> kNames = {"journal", "inbox", "heartbeat"};

std::string PathOf(const std::string& folder, Topic topic) {
  return fmt::format("{}/{}", folder, kNames[static_cast<size_t>(topic)]);
}

std::string LockPathOf(const std::string& folder) { return folder + "/lock"; }

// Differs from one start of the machine to the next; 0 where the system does not tell.
uint64_t BootBits() {
  char name[64];
  const auto file = File::Open("/proc/sys/kernel/random/boot_id", File::Mode::kRead);
  const size_t size = file ? file->ReadAt(0, name, sizeof(name)).value_or(0) : 0;
  return size == 0 ? 0 : Hash64({name, size});
}

Error Broken(const std::string& path, std::string_view what) {
  return Error{ErrorCode::kCorruption,
               fmt::format("{} {}: nothing but minke may change it; if it cannot be brought back, "
                           "run the job anew with minke rerun",
                           path, what)};
}

Error NotCreated(const std::string& folder) {
  return Error{ErrorCode::kNotFound,
               fmt::format("there is no log in {}: nobody has created it", folder)};
}

// What tells one file from another of the same name.
struct FileId {
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const FileId&) const = default;
};

// Nothing: no file is there.
std::optional<FileId> Look(const std::string& path) {
  struct stat info{};
  if (stat(path.c_str(), &info) != 0) return std::nullopt;
  return FileId{info.st_dev, info.st_ino};
}

FileId IdOf(const File& file) {
  struct stat info{};
  MINKE_CHECK(fstat(file.fd(), &info) == 0);
  return {info.st_dev, info.st_ino};
}

Result<File> OpenOurs(const std::string& path, File::Mode mode) {
  auto file = File::Open(path, mode);
  if (!file) return OfOurFile(std::move(file).error());
  return file;
}

// The caller holds the lock, or takes a bad checksum for a change that is under way.
Result<LogHeader> ReadHeader(const File& file) {
  char bytes[kLogHeaderBytes];
  auto size = file.ReadAt(0, bytes, sizeof(bytes));
  if (!size) return OfOurFile(std::move(size).error());
  auto header = DecodeLogHeader({bytes, *size});
  if (header) return header;
  if (header.error().code == ErrorCode::kCorruption) {
    return Broken(file.path(), header.error().text);
  }
  return Error{header.error().code, file.path() + " " + header.error().text};
}

Result<LogHeader> ReadHeaderUnlocked(const File& file, const std::string& folder) {
  auto header = ReadHeader(file);
  if (header || header.error().code != ErrorCode::kCorruption) return header;
  const FileLock lock = MINKE_TRY(FileLock::Take(LockPathOf(folder)));
  return ReadHeader(file);
}

Status WriteHeader(File& file, const LogHeader& header) {
  return file.WriteAt(0, EncodeLogHeader(header));
}

// Is this still the file that was seen before, and as long as it says?
Status CheckHeader(const File& file, const LogHeader& header, Topic topic, uint64_t id) {
  if (header.topic != topic) return Broken(file.path(), "is the file of another topic");
  if (id != 0 && header.id != id) return Broken(file.path(), "was made anew");
  const uint64_t size = MINKE_TRY(file.Size());
  if (size < header.end_bytes) {
    return Broken(file.path(),
                  fmt::format("was cut: it has {} bytes and held {}", size, header.end_bytes));
  }
  return {};
}

// Where a frame begins.
struct Place {
  int64_t offset = 0;
  uint64_t byte = 0;
};

Place BeginOf(const LogHeader& header) { return {header.first, kLogHeaderBytes}; }
Place EndOf(const LogHeader& header) { return {header.end, header.end_bytes}; }

// Reads frames one after the other, up to a byte of the file.
class FrameReader {
 public:
  FrameReader(const File& file, uint64_t id, Place from, uint64_t end_byte)
      : file_(file), id_(id), place_(from), end_byte_(end_byte) {}

  // Nothing at the end. kCorruption: no sound frame ends before it.
  Result<std::optional<LogMessage>> Next() {
    if (place_.byte == end_byte_) return std::optional<LogMessage>();
    MINKE_TRY_STATUS(Fill(kFrameHeadBytes));
    const size_t claimed = ClaimedFrameBytes(rest());
    if (claimed != 0) MINKE_TRY_STATUS(Fill(claimed));
    auto message = DecodeFrame(rest(), id_, place_.offset);
    if (!message) {
      return Broken(file_.path(),
                    fmt::format("is damaged at offset {}, byte {}", place_.offset, place_.byte));
    }
    at_ += FrameBytes(*message);
    place_ = {place_.offset + 1, place_.byte + FrameBytes(*message)};
    return message;
  }

  // Of the next frame.
  Place place() const { return place_; }

 private:
  Bytes rest() const { return Bytes(buffer_).substr(at_); }

  Status Fill(size_t size) {
    if (rest().size() >= size) return {};
    buffer_.erase(0, at_);
    at_ = 0;
    const uint64_t left = end_byte_ - place_.byte;
    const size_t had = buffer_.size();
    buffer_.resize(static_cast<size_t>(std::min<uint64_t>(left, std::max(size, kReadBytes))));
    auto got = file_.ReadAt(place_.byte + had, buffer_.data() + had, buffer_.size() - had);
    if (!got) return OfOurFile(std::move(got).error());
    buffer_.resize(had + *got);
    return {};
  }

  const File& file_;
  uint64_t id_;
  Place place_;
  uint64_t end_byte_;
  std::string buffer_;
  size_t at_ = 0;
};

class Reader final : public LogReader {
 public:
  Reader(std::string folder, Topic topic, uint64_t id, int64_t from)
      : folder_(std::move(folder)),
        path_(PathOf(folder_, topic)),
        topic_(topic),
        id_(id),
        position_(from) {}

  Result<std::vector<LogMessage>> Poll(size_t bytes_max) override {
    is_at_end_ = false;
    MINKE_TRY_STATUS(OpenCurrent());
    const LogHeader header = MINKE_TRY(ReadHeaderUnlocked(file_, folder_));
    MINKE_TRY_STATUS(CheckHeader(file_, header, topic_, id_));
    std::vector<LogMessage> batch;
    is_at_end_ = header.is_closed || position_ == header.end;
    if (header.is_closed) return batch;
    if (position_ < header.first || position_ > header.end) {
      return Broken(path_, fmt::format("holds the offsets from {} to {}, and was to be read from "
                                       "{}",
                                       header.first, header.end, position_));
    }
    if (position_ == header.end) return batch;
    if (!byte_) MINKE_TRY_STATUS(Seek(header));
    FrameReader frames(file_, id_, {position_, *byte_}, header.end_bytes);
    for (size_t bytes = 0; position_ < header.end;) {
      auto message = frames.Next();
      if (!message && batch.empty()) return std::move(message).error();
      if (!message) break;  // the next Poll finds it again
      MINKE_CHECK(message->has_value());
      bytes += (*message)->bytes.size();
      if (bytes > bytes_max && !batch.empty()) break;
      batch.push_back(**std::move(message));
      position_ = frames.place().offset;
      byte_ = frames.place().byte;
    }
    is_at_end_ = position_ == header.end;
    return batch;
  }

  int64_t position() const override { return position_; }
  bool is_at_end() const override { return is_at_end_; }

 private:
  Status OpenCurrent() {
    const auto there = Look(path_);
    if (!there) return Broken(path_, "is gone");
    if (file_.is_open() && *there == opened_) return {};
    file_ = MINKE_TRY(OpenOurs(path_, File::Mode::kRead));
    opened_ = IdOf(file_);
    byte_.reset();
    return {};
  }

  // Finds the byte at which the message of `position_` begins.
  Status Seek(const LogHeader& header) {
    FrameReader frames(file_, id_, BeginOf(header), header.end_bytes);
    while (frames.place().offset < position_) {
      MINKE_CHECK(MINKE_TRY(frames.Next()).has_value());
    }
    byte_ = frames.place().byte;
    return {};
  }

  std::string folder_;
  std::string path_;
  Topic topic_;
  uint64_t id_;
  int64_t position_;
  bool is_at_end_ = false;
  File file_;
  FileId opened_;
  std::optional<uint64_t> byte_;  // of the message of position_ in file_
};

}  // namespace

struct FileLog::State {
  // A topic's file as this process has it open.
  struct TopicFile {
    std::shared_ptr<File> file;
    FileId opened;
    uint64_t id = 0;  // as first seen, 0 = not yet
    // Up to here all frames are known to be whole, unless `cuts` has changed; 0: nothing is known.
    Place sound;
    uint32_t cuts = 0;
  };
  // Frames of this process that are to be synced: all up to `end`.
  struct Unsynced {
    std::shared_ptr<File> file;
    Place end;
    uint32_t cuts = 0;
  };
  struct Current {
    std::shared_ptr<File> file;
    LogHeader header;
  };

  State(std::string in, const Clock* with, FileLogOptions given)
      : folder(std::move(in)), clock(with), options(given), wake_fd(eventfd(0, EFD_CLOEXEC)) {
    MINKE_CHECK(wake_fd >= 0);
  }

  std::string folder;
  const Clock* clock;
  FileLogOptions options;
  int wake_fd;
  int watch_fd = -1;  // inotify; -1: looks every options.look_ms

  std::mutex mutex;  // guards what follows; taken before FOLDER/lock
  std::array<TopicFile, kTopics> topics;
  std::array<std::optional<Unsynced>, kTopics> unsynced;
  std::array<uint64_t, kTopics> seen{};  // what ready was last called for
  std::optional<Error> failure;          // of a sync: nothing more is appended by this process
  std::shared_ptr<const std::function<void()>> ready;
  bool is_stopping = false;
  std::thread worker;

  void Wake() const {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(wake_fd, &one, sizeof(one));
  }

  Result<File*> Reopen(Topic topic);
  Result<Current> Open(Topic topic);
  Result<FileLock> Lock();
  Result<Place> CutTail(const Current& current);
  Status CreateTopic(Topic topic);
  Status Replace(Topic topic, LogHeader header, Bytes frames, bool sync);
  Status DropOlderHalf(const Current& current);
  Status AppendLocked(Topic topic, std::string bytes);
  void StartWorker();
  void Work();
  void Wait() const;
  void SyncTopic(size_t topic, const Unsynced& work);
  void LookForNews();
};

// The topic's file as it is now there, opened once.
Result<File*> FileLog::State::Reopen(Topic topic) {
  TopicFile& known = topics[static_cast<size_t>(topic)];
  const std::string path = PathOf(folder, topic);
  const auto there = Look(path);
  if (!there && known.id != 0) return Broken(path, "is gone");
  if (!there) return NotCreated(folder);
  if (known.file == nullptr || known.opened != *there) {
    known.file = std::make_shared<File>(MINKE_TRY(OpenOurs(path, File::Mode::kUpdate)));
    known.opened = IdOf(*known.file);
    known.sound = Place();
  }
  return known.file.get();
}

// The caller holds both locks.
Result<FileLog::State::Current> FileLog::State::Open(Topic topic) {
  File* file = MINKE_TRY(Reopen(topic));
  TopicFile& known = topics[static_cast<size_t>(topic)];
  const LogHeader header = MINKE_TRY(ReadHeader(*file));
  MINKE_TRY_STATUS(CheckHeader(*file, header, topic, known.id));
  known.id = header.id;
  return Current{known.file, header};
}

// FOLDER/lock, once somebody has created the log.
Result<FileLock> FileLog::State::Lock() {
  const bool is_known = topics[static_cast<size_t>(Topic::kJournal)].id != 0;
  if (!is_known && !Look(PathOf(folder, Topic::kJournal))) return NotCreated(folder);
  return FileLock::Take(LockPathOf(folder));
}

// Cuts what lies behind the last whole frame, and says where that ends.
Result<Place> FileLog::State::CutTail(const Current& current) {
  TopicFile& known = topics[static_cast<size_t>(current.header.topic)];
  const uint64_t size = MINKE_TRY(current.file->Size());
  Place from = EndOf(current.header);
  if (known.cuts == current.header.cuts && known.sound.byte > from.byte &&
      known.sound.byte <= size) {
    from = known.sound;
  }
  FrameReader frames(*current.file, current.header.id, from, size);
  for (;;) {
    const auto message = frames.Next();
    if (!message && message.error().code != ErrorCode::kCorruption) return message.error();
    if (!message || !message->has_value()) break;
  }
  if (frames.place().byte < size) MINKE_TRY_STATUS(current.file->Resize(frames.place().byte));
  known.sound = frames.place();
  known.cuts = current.header.cuts;
  return known.sound;
}

Status FileLog::State::Replace(Topic topic, LogHeader header, Bytes frames, bool sync) {
  const std::string path = PathOf(folder, topic);
  header.end_bytes = kLogHeaderBytes + frames.size();
  std::string bytes = EncodeLogHeader(header);
  bytes += frames;
  return WriteFileAtomically(path, path + ".new", bytes, sync);
}

Status FileLog::State::CreateTopic(Topic topic) {
  const bool is_heartbeat = topic == Topic::kHeartbeat;
  const uint64_t boot = BootBits();
  auto current = Open(topic);
  const ErrorCode code = current ? ErrorCode::kInternal : current.error().code;
  if (code == ErrorCode::kNotFound || (code == ErrorCode::kCorruption && is_heartbeat)) {
    LogHeader header;
    header.topic = topic;
    header.id = RandomBits();
    header.boot = boot;
    topics[static_cast<size_t>(topic)].id = header.id;
    return Replace(topic, header, "", true);
  }
  if (!current) return std::move(current).error();
  LogHeader& header = current->header;
  if (is_heartbeat && header.boot != boot) {
    header.boot = boot;
    header.first = header.end;
    header.is_closed = false;
    ++header.cuts;
    return Replace(topic, header, "", true);
  }
  const Place end = MINKE_TRY(CutTail(*current));
  MINKE_TRY_STATUS(current->file->Sync());
  header.is_closed = false;
  header.end = end.offset;
  header.end_bytes = end.byte;
  return WriteHeader(*current->file, header);
}

// Of the heartbeats. Readers that have the old file open go on in it until they look again.
Status FileLog::State::DropOlderHalf(const Current& current) {
  LogHeader header = current.header;
  FrameReader frames(*current.file, header.id, BeginOf(header), header.end_bytes);
  while (header.end_bytes - frames.place().byte > options.heartbeat_bytes_max / 2) {
    MINKE_CHECK(MINKE_TRY(frames.Next()).has_value());
  }
  header.first = frames.place().offset;
  std::string kept(static_cast<size_t>(header.end_bytes - frames.place().byte), '\0');
  auto got = current.file->ReadAt(frames.place().byte, kept.data(), kept.size());
  if (!got) return OfOurFile(std::move(got).error());
  ++header.cuts;
  return Replace(header.topic, header, kept, false);
}

// The caller holds both locks.
Status FileLog::State::AppendLocked(Topic topic, std::string bytes) {
  const bool is_heartbeat = topic == Topic::kHeartbeat;
  Current current = MINKE_TRY(Open(topic));
  LogHeader& header = current.header;
  if (header.is_closed) return {};
  if (is_heartbeat && header.end_bytes > options.heartbeat_bytes_max) {
    MINKE_TRY_STATUS(DropOlderHalf(current));
    current = MINKE_TRY(Open(topic));
  }
  const Place end = MINKE_TRY(CutTail(current));
  if (end.byte - header.end_bytes > options.unsynced_bytes_max) {
    return Error{ErrorCode::kUnavailable,
                 fmt::format("{} bytes are on their way to {} and not yet there: its disk is slow, "
                             "try again later",
                             end.byte - header.end_bytes, current.file->path())};
  }
  std::string frame;
  AppendFrame(frame, header.id, {end.offset, clock->UnixMs(), std::move(bytes)});
  if (Status written = current.file->WriteAt(end.byte, frame); !written) {
    (void)current.file->Resize(end.byte);
    return written;
  }
  const Place behind{end.offset + 1, end.byte + frame.size()};
  topics[static_cast<size_t>(topic)].sound = behind;
  if (!is_heartbeat) {
    unsynced[static_cast<size_t>(topic)] = Unsynced{current.file, behind, header.cuts};
    return {};
  }
  header.end = behind.offset;
  header.end_bytes = behind.byte;
  return WriteHeader(*current.file, header);
}

// The caller holds the mutex, and the folder is there.
void FileLog::State::StartWorker() {
  if (worker.joinable()) return;
  if (options.look_ms == 0) {
    watch_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    constexpr uint32_t kEvents = IN_MODIFY | IN_MOVED_TO | IN_DELETE | IN_CREATE;
    if (watch_fd >= 0 && inotify_add_watch(watch_fd, folder.c_str(), kEvents) < 0) {
      close(std::exchange(watch_fd, -1));
    }
    if (watch_fd < 0) options.look_ms = kLookMs;
  }
  worker = std::thread([this] { Work(); });
}

// Until something was appended here, or changed by another process.
void FileLog::State::Wait() const {
  pollfd waited[2] = {{.fd = wake_fd, .events = POLLIN, .revents = 0},
                      {.fd = watch_fd, .events = POLLIN, .revents = 0}};
  const auto timeout =
      watch_fd >= 0 ? -1 : static_cast<int>(std::min<int64_t>(options.look_ms, INT_MAX));
  poll(waited, 2, timeout);
  if (waited[0].revents != 0) {
    uint64_t pokes = 0;
    [[maybe_unused]] const ssize_t got = read(wake_fd, &pokes, sizeof(pokes));
  }
  char events[4096];
  while (watch_fd >= 0 && read(watch_fd, events, sizeof(events)) > 0) {
  }
}

void FileLog::State::Work() {
  for (bool stop = false; !stop;) {
    LookForNews();
    Wait();
    std::array<std::optional<Unsynced>, kTopics> work;
    {
      const std::lock_guard hold(mutex);
      work.swap(unsynced);
      stop = is_stopping;
    }
    for (size_t topic = 0; topic < kTopics; ++topic) {
      if (work[topic]) SyncTopic(topic, *work[topic]);
    }
  }
}

void FileLog::State::SyncTopic(size_t topic, const Unsynced& work) {
  Status status = work.file->Sync();
  const std::lock_guard hold(mutex);
  const auto finish = [&]() -> Status {
    const FileLock lock = MINKE_TRY(FileLock::Take(LockPathOf(folder)));
    LogHeader header = MINKE_TRY(ReadHeader(*work.file));
    if (header.cuts != work.cuts || header.id != topics[topic].id) return {};
    if (status) {
      if (header.end >= work.end.offset) return {};
      header.end = work.end.offset;
      header.end_bytes = work.end.byte;
    } else {
      ++header.cuts;
      MINKE_TRY_STATUS(work.file->Resize(header.end_bytes));
    }
    return WriteHeader(*work.file, header);
  };
  Status finished = finish();
  if (status && !finished) status = std::move(finished);
  if (!status && !failure) failure = status.error();
}

void FileLog::State::LookForNews() {
  std::shared_ptr<const std::function<void()>> call;
  {
    const std::lock_guard hold(mutex);
    for (size_t i = 0; i < kTopics; ++i) {
      std::string found = "nothing";
      if (const auto file = Reopen(static_cast<Topic>(i))) {
        const auto header = ReadHeader(**file);
        if (header) found = EncodeLogHeader(*header);
      }
      const uint64_t sight = Hash64(found);
      if (std::exchange(seen[i], sight) != sight) call = ready;
    }
  }
  if (call != nullptr) (*call)();
}

FileLog::FileLog(std::string folder, const Clock* clock, FileLogOptions options)
    : state_(std::make_unique<State>(std::move(folder), clock, options)) {}

FileLog::~FileLog() {
  {
    const std::lock_guard hold(state_->mutex);
    state_->is_stopping = true;
    state_->ready.reset();
  }
  state_->Wake();
  if (state_->worker.joinable()) state_->worker.join();
  close(state_->wake_fd);
  if (state_->watch_fd >= 0) close(state_->watch_fd);
}

Status FileLog::Create() {
  const std::lock_guard hold(state_->mutex);
  std::error_code error;
  std::filesystem::create_directories(state_->folder, error);
  if (error) {
    return Error{ErrorCode::kOutput, fmt::format("cannot make {}: {}; name another folder",
                                                 state_->folder, error.message())};
  }
  const FileLock lock = MINKE_TRY(FileLock::Take(LockPathOf(state_->folder)));
  // The journal last: when it is there, all are.
  for (const Topic topic : {Topic::kHeartbeat, Topic::kInbox, Topic::kJournal}) {
    Status created = state_->CreateTopic(topic);
    if (!created && created.error().code == ErrorCode::kCorruption) {
      return Error{ErrorCode::kConfiguration, created.error().text};
    }
    MINKE_TRY_STATUS(std::move(created));
  }
  state_->StartWorker();
  state_->Wake();
  return {};
}

Status FileLog::Append(Topic topic, std::string bytes) {
  if (bytes.size() > kMessageBytesMax) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("a log message of {} bytes is over the limit of {}", bytes.size(),
                             kMessageBytesMax)};
  }
  const std::lock_guard hold(state_->mutex);
  if (state_->failure) return *state_->failure;
  const FileLock lock = MINKE_TRY(state_->Lock());
  MINKE_TRY_STATUS(state_->AppendLocked(topic, std::move(bytes)));
  state_->StartWorker();
  state_->Wake();
  return {};
}

Result<std::pair<int64_t, int64_t>> FileLog::Range(Topic topic) {
  const std::lock_guard hold(state_->mutex);
  const FileLock lock = MINKE_TRY(state_->Lock());
  const LogHeader header = MINKE_TRY(state_->Open(topic)).header;
  return std::pair<int64_t, int64_t>(header.first, header.end);
}

Result<std::unique_ptr<LogReader>> FileLog::Read(Topic topic, int64_t from) {
  const std::lock_guard hold(state_->mutex);
  const FileLock lock = MINKE_TRY(state_->Lock());
  const LogHeader header = MINKE_TRY(state_->Open(topic)).header;
  state_->StartWorker();
  return std::unique_ptr<LogReader>(
      std::make_unique<Reader>(state_->folder, topic, header.id, from));
}

Status FileLog::Close() {
  const std::lock_guard hold(state_->mutex);
  const FileLock lock = MINKE_TRY(state_->Lock());
  for (const Topic topic : {Topic::kInbox, Topic::kHeartbeat}) {
    State::Current current = MINKE_TRY(state_->Open(topic));
    LogHeader& header = current.header;
    header.end = MINKE_TRY(state_->CutTail(current)).offset;
    header.first = header.end;
    header.is_closed = true;
    ++header.cuts;
    MINKE_TRY_STATUS(state_->Replace(topic, header, "", true));
  }
  return {};
}

void FileLog::OnReady(std::function<void()> ready) {
  auto shared = ready ? std::make_shared<const std::function<void()>>(std::move(ready)) : nullptr;
  const std::lock_guard hold(state_->mutex);
  std::swap(state_->ready, shared);
}

}  // namespace minke
