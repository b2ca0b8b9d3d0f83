#include "adapter/kafka/kafka_log.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <fmt/format.h>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "adapter/kafka/kafka_client.h"
#include "adapter/kafka/kafka_reader.h"
#include "base/logging.h"

namespace minke {
namespace {

constexpr std::array<Topic, kTopics> kAll = {Topic::kJournal, Topic::kInbox, Topic::kHeartbeat};

// The control thread's `ready`, for the library's threads to call.
class ReadyHook {
 public:
  // When it returns, the one before is not called any more.
  void Set(std::function<void()> ready) {
    const std::lock_guard hold(mutex_);
    ready_ = std::move(ready);
  }
  void Call() {
    const std::lock_guard hold(mutex_);
    if (ready_) ready_();
  }

 private:
  std::mutex mutex_;  // guards ready_, also while it is called
  std::function<void()> ready_;
};

// A producer, with a handle for each topic that it writes to.
struct Writer {
  std::shared_ptr<KafkaClient> client;
  std::map<Topic, KafkaTopicHandle> handles;
};

}  // namespace

struct KafkaLog::State {
  State(KafkaLogOptions given, Incarnation of) : options(std::move(given)), job(of) {}

  KafkaLogOptions options;
  Incarnation job;
  std::shared_ptr<ReadyHook> hook = std::make_shared<ReadyHook>();
  // What readers and the watch call: they may outlive this.
  std::shared_ptr<const std::function<void()>> ready =
      std::make_shared<const std::function<void()>>([hook = hook] { hook->Call(); });
  std::shared_ptr<std::atomic<bool>> is_closed = std::make_shared<std::atomic<bool>>(false);

  std::mutex mutex;  // guards what follows; held during a call
  // Asks, and writes to journal and inbox. Not one that reads: a broker answers what comes over one
  // connection in turn, and a fetch that waits for messages keeps everything behind it waiting.
  std::shared_ptr<KafkaClient> asking;
  std::shared_ptr<KafkaWatch> watch;
  std::optional<Writer> writer;
  std::optional<Writer> heartbeat_writer;
  std::array<bool, kTopics> is_known{};  // the topic was seen
  uint64_t mark = 0;                     // of the journal; 0: not known yet

  std::string NameOf(Topic topic) const { return KafkaTopicName(options.topics, job, topic); }
  KafkaTopics topics() const { return KafkaTopics(options.topics, job, asking.get()); }
  bool IsDropped(Topic topic) const { return *is_closed && topic != Topic::kJournal; }

  Status Find(Topic topic, const KafkaDeadline& deadline);
  Status FindMark(const KafkaDeadline& deadline);
  Error Absent(Topic topic) const;
  Result<Writer*> WriterOf(Topic topic);
  Result<rd_kafka_topic_t*> HandleOf(Topic topic, Writer& to, const KafkaDeadline& deadline);
  void StartWatch();
};

// ---- topics ------------------------------------------------------------------------------------

Error KafkaLog::State::Absent(Topic topic) const {
  const std::string name = NameOf(topic);
  const std::string& brokers = options.settings.brokers;
  if (!is_known[static_cast<size_t>(topic)]) {
    return Error{ErrorCode::kNotFound,
                 fmt::format("Kafka at {} has no topic {}: nobody has made it", brokers, name)};
  }
  if (topic != Topic::kJournal) {
    return Error{ErrorCode::kNotFound,
                 fmt::format("the topic {} of Kafka at {} is gone; the master makes it anew", name,
                             brokers)};
  }
  return Error{ErrorCode::kCorruption,
               fmt::format("the topic {} of Kafka at {} is gone: nothing but minke may remove it; "
                           "run the job anew with minke rerun",
                           name, brokers)};
}

// That the topic is there, and is the one that was there before.
Status KafkaLog::State::Find(Topic topic, const KafkaDeadline& deadline) {
  const auto shape = MINKE_TRY(asking->Describe(NameOf(topic), deadline));
  if (!shape) return Absent(topic);
  if (shape->partitions != 1) {
    return Error{
        ErrorCode::kConfiguration,
        fmt::format("the topic {} has {} partitions and must have 1: delete it, and switch "
                    "off the brokers' auto.create.topics.enable",
                    NameOf(topic), shape->partitions)};
  }
  if (topic == Topic::kJournal) MINKE_TRY_STATUS(FindMark(deadline));
  is_known[static_cast<size_t>(topic)] = true;
  return {};
}

Status KafkaLog::State::FindMark(const KafkaDeadline& deadline) {
  const auto config = MINKE_TRY(topics().Configuration(Topic::kJournal, deadline));
  if (!config) return Absent(Topic::kJournal);
  const uint64_t found = config->mark();
  const std::string name = NameOf(Topic::kJournal);
  if (found == 0) {
    return Error{ErrorCode::kConfiguration,
                 fmt::format("the topic {} was not made by minke: delete it", name)};
  }
  if (mark != 0 && mark != found) {
    return Error{ErrorCode::kCorruption,
                 fmt::format("the topic {} of Kafka at {} was made anew: nothing but minke may "
                             "remove it; run the job anew with minke rerun",
                             name, options.settings.brokers)};
  }
  mark = found;
  return {};
}

void KafkaLog::State::StartWatch() {
  if (watch != nullptr) return;
  watch = std::make_shared<KafkaWatch>(asking, options.watch, *ready);
}

// ---- writing -----------------------------------------------------------------------------------

// The producer for `topic`: a new one where the library has given one up.
Result<Writer*> KafkaLog::State::WriterOf(Topic topic) {
  const bool is_heartbeat = topic == Topic::kHeartbeat;
  std::optional<Writer>& found = is_heartbeat ? heartbeat_writer : writer;
  if (!is_heartbeat && !found) found.emplace(asking, std::map<Topic, KafkaTopicHandle>());
  if (found) {
    found->client->Serve();
    char text[256];
    const auto fatal = Kafka().rd_kafka_fatal_error(found->client->handle(), text, sizeof(text));
    if (fatal == RD_KAFKA_RESP_ERR_NO_ERROR) return &*found;
    LogFormatted(LogLevel::kWarning, "Kafka: the producer begins anew: {}", text);
    found.reset();
  }
  const auto kind = is_heartbeat ? KafkaClient::Kind::kHeartbeatWriter : KafkaClient::Kind::kWriter;
  found.emplace(MINKE_TRY(KafkaClient::Open(kind, options.settings)),
                std::map<Topic, KafkaTopicHandle>());
  return &*found;
}

// The handle to write to a topic that is there, and that the producer knows.
Result<rd_kafka_topic_t*> KafkaLog::State::HandleOf(Topic topic, Writer& to,
                                                    const KafkaDeadline& deadline) {
  const std::string name = NameOf(topic);
  if (to.client->TakeGone(name)) to.handles.erase(topic);
  const auto found = to.handles.find(topic);
  if (found != to.handles.end()) return found->second.get();
  MINKE_TRY_STATUS(Find(topic, deadline));
  KafkaTopicHandle handle(Kafka().rd_kafka_topic_new(to.client->handle(), name.c_str(), nullptr));
  if (handle == nullptr) {
    return to.client->ErrorOf(Kafka().rd_kafka_last_error(), "writing to " + name);
  }
  const auto shape = MINKE_TRY(to.client->Describe(name, deadline));
  if (!shape) return Absent(topic);
  return to.handles.insert_or_assign(topic, std::move(handle)).first->second.get();
}

Status KafkaLog::Append(Topic topic, std::string bytes) {
  if (bytes.size() > kMessageBytesMax) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("a message of {} bytes is over the limit of {}", bytes.size(),
                             kMessageBytesMax)};
  }
  const KafkaDeadline deadline(state_->options.call_ms);
  const std::lock_guard hold(state_->mutex);
  if (state_->IsDropped(topic)) return {};
  Writer* writer = MINKE_TRY(state_->WriterOf(topic));
  if (auto refusal = writer->client->TakeRefusal(state_->NameOf(topic))) {
    return *std::move(refusal);
  }
  auto found = state_->HandleOf(topic, *writer, deadline);
  if (!found && found.error().code == ErrorCode::kNotFound &&
      state_->is_known[static_cast<size_t>(topic)]) {
    found.error().code = ErrorCode::kUnavailable;  // the master makes it anew: try again then
  }
  rd_kafka_topic_t* handle = MINKE_TRY(std::move(found));
  const std::string key = topic == Topic::kJournal ? KafkaMarkKey(state_->mark) : "";
  const int failed =
      Kafka().rd_kafka_produce(handle, 0, RD_KAFKA_MSG_F_COPY, bytes.data(), bytes.size(),
                               key.empty() ? nullptr : key.data(), key.size(), nullptr);
  if (failed == 0) return {};
  const auto code = Kafka().rd_kafka_last_error();
  if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
    return Error{ErrorCode::kUnavailable,
                 fmt::format("Kafka at {} does not keep up: too much is on its way to it",
                             state_->options.settings.brokers)};
  }
  writer->handles.erase(topic);  // looked for again by the next call
  return writer->client->ErrorOf(code, "writing to " + state_->NameOf(topic));
}

// ---- reading -----------------------------------------------------------------------------------

Result<std::unique_ptr<LogReader>> KafkaLog::Read(Topic topic, int64_t from) {
  State& state = *state_;
  const KafkaDeadline deadline(state.options.call_ms);
  const std::lock_guard hold(state.mutex);
  if (!state.IsDropped(topic)) MINKE_TRY_STATUS(state.Find(topic, deadline));
  const auto now = MINKE_TRY(state.asking->Offsets(state.NameOf(topic), deadline));
  state.StartWatch();
  KafkaReaderOptions reader;
  reader.topic = topic;
  reader.name = state.NameOf(topic);
  reader.mark = state.mark;
  reader.is_closed = state.is_closed;
  reader.ready = state.ready;
  const auto asking = state.asking;
  reader.current_mark = [asking, options = state.options.topics, call_ms = state.options.call_ms,
                         job = state.job]() -> Result<uint64_t> {
    const auto config = MINKE_TRY(KafkaTopics(options, job, asking.get())
                                      .Configuration(Topic::kJournal, KafkaDeadline(call_ms)));
    return config ? config->mark() : 0;
  };
  auto client = MINKE_TRY(KafkaClient::Open(KafkaClient::Kind::kReader, state.options.settings));
  MINKE_TRY(client->Describe(reader.name, deadline));
  return std::unique_ptr<LogReader>(
      std::make_unique<KafkaReader>(std::move(reader), std::move(client), state.watch, from, now));
}

Result<std::pair<int64_t, int64_t>> KafkaLog::Range(Topic topic) {
  const KafkaDeadline deadline(state_->options.call_ms);
  const std::lock_guard hold(state_->mutex);
  if (state_->IsDropped(topic)) return std::pair<int64_t, int64_t>(0, 0);
  MINKE_TRY_STATUS(state_->Find(topic, deadline));
  const auto now = MINKE_TRY(state_->asking->Offsets(state_->NameOf(topic), deadline));
  return std::pair(now.first, now.end);
}

// ---- from the first to the last ----------------------------------------------------------------

KafkaLog::KafkaLog(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<KafkaLog>> KafkaLog::Open(KafkaLogOptions options, Incarnation job) {
  auto state = std::make_unique<State>(std::move(options), job);
  state->asking = MINKE_TRY(KafkaClient::Open(KafkaClient::Kind::kWriter, state->options.settings));
  return std::unique_ptr<KafkaLog>(new KafkaLog(std::move(state)));
}

KafkaLog::~KafkaLog() {
  const KafkaDeadline deadline(state_->options.flush_ms);
  state_->hook->Set(nullptr);
  for (auto* writer : {&state_->writer, &state_->heartbeat_writer}) {
    if (!*writer || *state_->is_closed) continue;
    Kafka().rd_kafka_flush((*writer)->client->handle(), deadline.LeftMs());
  }
}

Status KafkaLog::Create() {
  State& state = *state_;
  const KafkaDeadline deadline(state.options.call_ms);
  const std::lock_guard hold(state.mutex);
  MINKE_TRY_STATUS(state.topics().MakeAndCheck(deadline));
  for (const Topic topic : kAll) MINKE_TRY_STATUS(state.Find(topic, deadline));
  *state.is_closed = false;
  state.StartWatch();
  // Whoever makes the topics also keeps an eye on whether the journal stays the same one.
  const auto asking = state.asking;
  state.watch->Guard(
      state.NameOf(Topic::kJournal),
      [asking, options = state.options.topics, job = state.job, mark = state.mark]() -> Status {
        const auto config = MINKE_TRY(KafkaTopics(options, job, asking.get())
                                          .Configuration(Topic::kJournal, KafkaDeadline(2000)));
        if (!config || config->mark() == mark) return {};
        return Error{ErrorCode::kCorruption,
                     fmt::format("the topic {} of Kafka at {} was made anew: nothing but minke may "
                                 "remove it; run the job anew with minke rerun",
                                 KafkaTopicName(options, job, Topic::kJournal), asking->brokers())};
      });
  return {};
}

Status KafkaLog::Close() {
  State& state = *state_;
  const KafkaDeadline deadline(state.options.call_ms);
  const std::lock_guard hold(state.mutex);
  MINKE_TRY_STATUS(state.Find(Topic::kJournal, deadline));
  MINKE_TRY_STATUS(
      state.topics().KeepFor(Topic::kJournal, state.options.journal_kept_ms, deadline));
  MINKE_TRY_STATUS(state.topics().Remove({Topic::kInbox, Topic::kHeartbeat}, deadline));
  *state.is_closed = true;
  return {};
}

Status KafkaLog::Remove() {
  const KafkaDeadline deadline(state_->options.call_ms);
  const std::lock_guard hold(state_->mutex);
  return state_->topics().Remove({kAll.begin(), kAll.end()}, deadline);
}

void KafkaLog::OnReady(std::function<void()> ready) { state_->hook->Set(std::move(ready)); }

}  // namespace minke
