// What the Kafka adapter does when somebody or something is at fault: settings, brokers that die or
// hang, topics that are changed behind its back. On real servers.
#include <chrono>
#include <fmt/format.h>
#include <fstream>
#include <librdkafka/rdkafka.h>
#include <random>

#include "adapter/kafka/kafka_log.h"
#include "log_contract.h"
#include "service_lane.h"

namespace minke {
namespace {

using Texts = std::vector<std::string>;

Incarnation AnyIncarnation() {
  std::random_device device;
  return {uint64_t{device()} << 32 | device()};
}

KafkaLogOptions OptionsFor(const std::string& brokers) {
  KafkaLogOptions options;
  options.settings.brokers = brokers;
  options.topics.prefix = "faults";
  options.topics.replication = 1;
  options.topics.min_insync = 1;
  return options;
}

// ---- settings and refusals ---------------------------------------------------------------------

class KafkaRefusal : public testing::Test {
 protected:
  KafkaLogOptions Secure() const {
    KafkaLogOptions options = OptionsFor(lane_.setting("MINKE_KAFKA"));
    options.settings.user = lane_.setting("MINKE_KAFKA_USER");
    options.settings.password_file = lane_.setting("MINKE_KAFKA_PASSWORD_FILE");
    options.settings.ca_file = lane_.setting("MINKE_KAFKA_CA");
    return options;
  }
  std::string Secret(const std::string& file) const {
    std::ifstream stream(lane_.SecretFile(file));
    std::string secret;
    stream >> secret;
    return secret;
  }
  // The error of making topics with these settings; it has no secret in it, and names the broker.
  Error ErrorOf(const KafkaLogOptions& options) const {
    const auto begin = std::chrono::steady_clock::now();
    const auto log = KafkaLog::Open(options, AnyIncarnation());
    Status status = log ? (*log)->Create() : Status(log.error());
    EXPECT_FALSE(status);
    if (status) return {};
    const auto took = std::chrono::steady_clock::now() - begin;
    EXPECT_LT(took, std::chrono::milliseconds(options.call_ms + 2000));
    const std::string& text = status.error().text;
    for (const char* file : {"password", "wrong-password"}) {
      EXPECT_EQ(text.find(Secret(file)), std::string::npos);
    }
    EXPECT_NE(text.find(options.settings.brokers), std::string::npos) << text;
    return status.error();
  }

  const ServiceLane lane_ = ServiceLane::Running("secure", "kafka");
};

TEST_F(KafkaRefusal, WhoLogsInOverTlsIsLetIn) {
  const auto log = KafkaLog::Open(Secure(), AnyIncarnation()).value();
  const Status created = log->Create();
  ASSERT_TRUE(created) << created.error().text;
  ReadyCount ready(*log);
  const auto reader = log->Read(Topic::kJournal, 0).value();
  ASSERT_TRUE(log->Append(Topic::kJournal, "hello"));
  EXPECT_TRUE(ready.WaitUntil([&] { return reader->Poll(1000).value().size() == 1; }));
  log->OnReady(nullptr);
  EXPECT_TRUE(log->Remove());
}

TEST_F(KafkaRefusal, AWrongPasswordIsToldAtOnceAndNotShown) {
  KafkaLogOptions options = Secure();
  options.settings.password_file = lane_.SecretFile("wrong-password");
  const Error error = ErrorOf(options);
  EXPECT_EQ(error.code, ErrorCode::kConfiguration) << error.text;
  EXPECT_NE(error.text.find("refuses the login"), std::string::npos) << error.text;
}

TEST_F(KafkaRefusal, AnAuthorityThatDidNotSignIsNotTrusted) {
  KafkaLogOptions options = Secure();
  options.settings.ca_file = lane_.SecretFile("other-ca.pem");
  const Error error = ErrorOf(options);
  EXPECT_EQ(error.code, ErrorCode::kConfiguration) << error.text;
  EXPECT_NE(error.text.find("--kafka-ca"), std::string::npos) << error.text;
}

TEST_F(KafkaRefusal, ACertificateForAnotherNameIsNotTrusted) {
  KafkaLogOptions options = Secure();
  std::string& brokers = options.settings.brokers;
  brokers = "localhost" + brokers.substr(brokers.find(':'));
  const Error error = ErrorOf(options);
  EXPECT_EQ(error.code, ErrorCode::kConfiguration) << error.text;
  EXPECT_NE(error.text.find("certificate"), std::string::npos) << error.text;
}

TEST_F(KafkaRefusal, PlainWordsToAServerOfTlsAreAnErrorOfThatAddress) {
  KafkaLogOptions options = OptionsFor(lane_.setting("MINKE_KAFKA"));
  options.call_ms = 1000;
  EXPECT_EQ(ErrorOf(options).code, ErrorCode::kUnavailable);
}

TEST_F(KafkaRefusal, ABrokerThatCannotBeReachedIsNamedWithinTheBound) {
  KafkaLogOptions options = OptionsFor("127.0.0.1:1");
  options.call_ms = 500;
  const Error error = ErrorOf(options);
  EXPECT_EQ(error.code, ErrorCode::kUnavailable);
  EXPECT_NE(error.text.find("refused"), std::string::npos) << error.text;
  const auto log = KafkaLog::Open(options, AnyIncarnation()).value();
  for (const Topic topic : {Topic::kJournal, Topic::kHeartbeat}) {
    EXPECT_EQ(log->Append(topic, "x").error().code, ErrorCode::kUnavailable);
    EXPECT_EQ(log->Range(topic).error().code, ErrorCode::kUnavailable);
    EXPECT_EQ(log->Read(topic, 0).error().code, ErrorCode::kUnavailable);
  }
  EXPECT_EQ(log->Close().error().code, ErrorCode::kUnavailable);
}

TEST_F(KafkaRefusal, WrongSettingsAreNamedBeforeAnythingIsAsked) {
  const auto error_of = [](const KafkaLogOptions& options) {
    return KafkaLog::Open(options, AnyIncarnation()).error();
  };
  KafkaLogOptions options = Secure();
  options.settings.password_file = "/no/such/file";
  EXPECT_EQ(error_of(options).code, ErrorCode::kConfiguration);
  EXPECT_NE(error_of(options).text.find("/no/such/file"), std::string::npos);
  options.settings.password_file.clear();
  EXPECT_NE(error_of(options).text.find("--kafka-password-file"), std::string::npos);
  options = OptionsFor("127.0.0.1:1");
  options.settings.properties = {{"sasl.password", "h4rd-to-guess"}};
  EXPECT_EQ(error_of(options).code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(error_of(options).text.find("h4rd"), std::string::npos);
  options.settings.properties = {{"no.such.property", "1"}};
  EXPECT_NE(error_of(options).text.find("no.such.property"), std::string::npos);
  options.settings.properties = {{"acks", "0"}};
  EXPECT_EQ(error_of(options).code, ErrorCode::kInvalidArgument);
  options.settings.properties = {{"client.id", "whale"}, {"fetch.wait.max.ms", "50"}};
  EXPECT_TRUE(KafkaLog::Open(options, AnyIncarnation()));
  EXPECT_NE(error_of(OptionsFor("")).text.find("--kafka"), std::string::npos);
}

// ---- topics changed by others, brokers that fail -----------------------------------------------

// A client of its own, for what minke never does.
class Meddler {
 public:
  explicit Meddler(const std::string& brokers) {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", brokers.c_str(), nullptr, 0);
    handle_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, nullptr, 0);
    queue_ = rd_kafka_queue_new(handle_);
  }
  ~Meddler() {
    rd_kafka_queue_destroy(queue_);
    rd_kafka_destroy(handle_);
  }
  Meddler(const Meddler&) = delete;
  Meddler& operator=(const Meddler&) = delete;

  void Produce(const std::string& topic, const std::string& bytes) {
    rd_kafka_producev(handle_, RD_KAFKA_V_TOPIC(topic.c_str()),
                      RD_KAFKA_V_VALUE(const_cast<char*>(bytes.data()), bytes.size()),
                      RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
    EXPECT_EQ(rd_kafka_flush(handle_, 20'000), RD_KAFKA_RESP_ERR_NO_ERROR);
  }
  void Delete(const std::string& topic) {
    rd_kafka_DeleteTopic_t* one = rd_kafka_DeleteTopic_new(topic.c_str());
    rd_kafka_DeleteTopics(handle_, &one, 1, nullptr, queue_);
    rd_kafka_DeleteTopic_destroy(one);
    Wait();
  }
  // Removes the messages before `offset`.
  void Trim(const std::string& topic, int64_t offset) {
    rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic.c_str(), 0)->offset = offset;
    rd_kafka_DeleteRecords_t* records = rd_kafka_DeleteRecords_new(list);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_DeleteRecords(handle_, &records, 1, nullptr, queue_);
    rd_kafka_DeleteRecords_destroy(records);
    Wait();
  }
  bool Has(const std::string& topic) {
    const rd_kafka_metadata_t* all = nullptr;
    EXPECT_EQ(rd_kafka_metadata(handle_, 1, nullptr, &all, 20'000), RD_KAFKA_RESP_ERR_NO_ERROR);
    bool has = false;
    for (int i = 0; i < all->topic_cnt; ++i) has = has || topic == all->topics[i].topic;
    rd_kafka_metadata_destroy(all);
    return has;
  }

 private:
  void Wait() {
    rd_kafka_event_t* event = rd_kafka_queue_poll(queue_, 20'000);
    ASSERT_NE(event, nullptr);
    EXPECT_EQ(rd_kafka_event_error(event), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_event_destroy(event);
  }

  rd_kafka_t* handle_;
  rd_kafka_queue_t* queue_;
};

class KafkaFaults : public testing::Test {
 protected:
  void SetUp() override { options_ = OptionsFor(lane_.setting("MINKE_KAFKA")); }
  void TearDown() override {
    EXPECT_TRUE(lane_.Tell("start kafka"));
    const Status removed = Open()->Remove();
    EXPECT_TRUE(removed) << removed.error().text;
  }
  std::unique_ptr<KafkaLog> Open() const { return KafkaLog::Open(options_, job_).value(); }
  std::unique_ptr<KafkaLog> Created() const {
    auto log = Open();
    const Status created = log->Create();
    EXPECT_TRUE(created) << created.error().text;
    return log;
  }
  std::string NameOf(Topic topic) const { return KafkaTopicName(options_.topics, job_, topic); }

  // The next `count` messages, whatever happens to the broker meanwhile.
  static Texts ReadOn(Log& log, LogReader& reader, size_t count) {
    ReadyCount ready(log);
    Texts texts;
    EXPECT_TRUE(ready.WaitUntil([&] {
      while (texts.size() < count) {
        const auto batch = reader.Poll(1 << 20);
        if (!batch && batch.error().code != ErrorCode::kUnavailable) {
          ADD_FAILURE() << batch.error().text;
          return true;
        }
        if (!batch || batch->empty()) return false;
        for (const LogMessage& message : *batch) texts.push_back(message.bytes);
      }
      return true;
    }));
    log.OnReady(nullptr);
    return texts;
  }
  static void AppendAll(Log& log, Topic topic, const Texts& texts) {
    for (const std::string& text : texts) {
      const Status sent = log.Append(topic, text);
      ASSERT_TRUE(sent) << sent.error().text;
    }
  }
  // Appends, and reads it back from the topic's end.
  static void AppendAndRead(Log& log, Topic topic, const Texts& texts) {
    const auto reader = log.Read(topic, log.Range(topic).value().second).value();
    AppendAll(log, topic, texts);
    EXPECT_EQ(ReadOn(log, *reader, texts.size()), texts);
  }
  // The first error of `code` that Poll gives.
  static Error WaitForError(Log& log, LogReader& reader, ErrorCode code) {
    ReadyCount ready(log);
    Error error;
    EXPECT_TRUE(ready.WaitUntil([&] {
      const auto batch = reader.Poll(1 << 20);
      if (!batch) error = batch.error();
      return !batch && error.code == code;
    }));
    log.OnReady(nullptr);
    return error;
  }

  const ServiceLane lane_ = ServiceLane::Running("log-faults", "kafka");
  KafkaLogOptions options_;
  const Incarnation job_ = AnyIncarnation();
};

Texts Numbered(const std::string& word, int count) {
  Texts texts;
  for (int i = 0; i < count; ++i) texts.push_back(fmt::format("{} {}", word, i));
  return texts;
}

// History auto-created.
TEST_F(KafkaFaults, AnInboxThatAProducerHasMadeIsRefused) {
  Meddler(options_.settings.brokers).Produce(NameOf(Topic::kInbox), "early");
  const auto log = Open();
  const Status created = log->Create();
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().code, ErrorCode::kConfiguration);
  EXPECT_NE(created.error().text.find("3 partitions"), std::string::npos) << created.error().text;
  EXPECT_NE(created.error().text.find(NameOf(Topic::kInbox)), std::string::npos);
  EXPECT_EQ(log->Append(Topic::kInbox, "x").error().code, ErrorCode::kConfiguration);
}

TEST_F(KafkaFaults, WhoReadsOrWritesMakesNoTopicAlsoWhereTheBrokerWould) {
  const auto log = Open();
  for (const Topic topic : {Topic::kJournal, Topic::kInbox, Topic::kHeartbeat}) {
    EXPECT_EQ(log->Append(topic, "x").error().code, ErrorCode::kNotFound);
    EXPECT_EQ(log->Range(topic).error().code, ErrorCode::kNotFound);
    EXPECT_EQ(log->Read(topic, 0).error().code, ErrorCode::kNotFound);
    EXPECT_FALSE(Meddler(options_.settings.brokers).Has(NameOf(topic)));
  }
}

TEST_F(KafkaFaults, TopicsThatAreNotReplicatedEnoughAreRefused) {
  Created();
  options_.topics.replication = 3;
  options_.topics.min_insync = 2;
  const Status checked = Open()->Create();
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, ErrorCode::kConfiguration);
  EXPECT_NE(checked.error().text.find("1 copies and must have 3"), std::string::npos)
      << checked.error().text;
  ASSERT_TRUE(Open()->Remove());
  const Status created = Open()->Create();
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().code, ErrorCode::kConfiguration) << created.error().text;
}

// History journal-deleted.
TEST_F(KafkaFaults, AJournalThatIsDeletedIsGoneForWhoSawIt) {
  const auto log = Created();
  AppendAndRead(*log, Topic::kJournal, {"one", "two"});
  const auto reader = log->Read(Topic::kJournal, 1).value();
  EXPECT_EQ(ReadOn(*log, *reader, 1), Texts{"two"});
  Meddler(options_.settings.brokers).Delete(NameOf(Topic::kJournal));
  const Error error = WaitForError(*log, *reader, ErrorCode::kCorruption);
  EXPECT_NE(error.text.find(NameOf(Topic::kJournal)), std::string::npos) << error.text;
  EXPECT_NE(error.text.find("is gone"), std::string::npos) << error.text;
  EXPECT_EQ(reader->position(), 2);
  EXPECT_FALSE(reader->is_at_end());
  EXPECT_EQ(log->Range(Topic::kJournal).error().code, ErrorCode::kCorruption);
  EXPECT_EQ(Open()->Range(Topic::kJournal).error().code, ErrorCode::kNotFound);
}

TEST_F(KafkaFaults, AJournalMadeAnewIsRefusedByWhoSawTheOldOneHoweverLongItIs) {
  const auto log = Created();
  AppendAndRead(*log, Topic::kJournal, {"one", "two"});
  const auto reader = log->Read(Topic::kJournal, 2).value();
  EXPECT_TRUE(reader->Poll(1000).value().empty());
  Meddler(options_.settings.brokers).Delete(NameOf(Topic::kJournal));
  const auto other = Created();
  AppendAndRead(*other, Topic::kJournal, Numbered("new", 10));
  const Error error = WaitForError(*log, *reader, ErrorCode::kCorruption);
  EXPECT_NE(error.text.find("was made anew"), std::string::npos) << error.text;
  EXPECT_EQ(reader->position(), 2);
  EXPECT_EQ(log->Range(Topic::kJournal).error().code, ErrorCode::kCorruption);
  EXPECT_EQ(log->Create().error().code, ErrorCode::kCorruption);
}

TEST_F(KafkaFaults, WhatIsWrittenToAFormerJournalIsNotReadInTheNewOne) {
  const auto zombie = Created();
  AppendAndRead(*zombie, Topic::kJournal, {"old"});
  Meddler(options_.settings.brokers).Delete(NameOf(Topic::kJournal));
  const auto log = Created();
  const auto reader = log->Read(Topic::kJournal, 0).value();
  AppendAndRead(*log, Topic::kJournal, {"one"});
  // It does not know yet, or no more: both are fine, as long as nobody reads it.
  const Status sent = zombie->Append(Topic::kJournal, "of the dead");
  EXPECT_TRUE(sent || sent.error().code == ErrorCode::kCorruption) << sent.error().text;
  AppendAll(*log, Topic::kJournal, {"two"});
  EXPECT_EQ(ReadOn(*log, *reader, 2), (Texts{"one", "two"}));
}

TEST_F(KafkaFaults, AJournalThatIsCutIsRefusedAndHeartbeatsGoOnFromTheirEnd) {
  const auto log = Created();
  std::map<Topic, std::unique_ptr<LogReader>> readers;
  for (const Topic topic : {Topic::kJournal, Topic::kHeartbeat}) {
    AppendAndRead(*log, topic, Numbered("x", 10));
    Meddler(options_.settings.brokers).Trim(NameOf(topic), 7);
    EXPECT_EQ(log->Range(topic).value(), (std::pair<int64_t, int64_t>(7, 10)));
    readers[topic] = log->Read(topic, 3).value();
  }
  const auto batch = readers[Topic::kJournal]->Poll(1000);
  ASSERT_FALSE(batch);
  EXPECT_EQ(batch.error().code, ErrorCode::kCorruption);
  EXPECT_EQ(readers[Topic::kJournal]->position(), 3);
  LogReader& heartbeats = *readers[Topic::kHeartbeat];
  EXPECT_TRUE(heartbeats.Poll(1000).value().empty());
  EXPECT_EQ(heartbeats.position(), 10);
  AppendAll(*log, Topic::kHeartbeat, {"new"});
  EXPECT_EQ(ReadOn(*log, heartbeats, 1), Texts{"new"});
}

// What the master goes by when it makes them anew, behind a claim.
TEST_F(KafkaFaults, AnInboxThatIsDeletedIsNotFoundByWhoKnewItAndCreateMakesItAnew) {
  const auto log = Created();
  AppendAndRead(*log, Topic::kInbox, {"old"});
  Meddler(options_.settings.brokers).Delete(NameOf(Topic::kInbox));
  EXPECT_EQ(log->Range(Topic::kInbox).error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(log->Create());
  EXPECT_EQ(log->Range(Topic::kInbox).value(), (std::pair<int64_t, int64_t>(0, 0)));
  AppendAndRead(*log, Topic::kInbox, {"new"});
}

TEST_F(KafkaFaults, AnInboxMadeAnewTakesWhatIsAppendedByWhoKnewTheOldOne) {
  const auto log = Created();
  AppendAndRead(*log, Topic::kInbox, {"old"});
  Meddler(options_.settings.brokers).Delete(NameOf(Topic::kInbox));
  const auto other = Created();
  const auto reader = other->Read(Topic::kInbox, 0).value();
  ReadyCount ready(*other);
  // The first may be lost with the old topic: workers repeat what is not answered.
  EXPECT_TRUE(ready.WaitUntil([&] {
    const Status sent = log->Append(Topic::kInbox, "again");
    EXPECT_TRUE(sent || sent.error().code == ErrorCode::kUnavailable) << sent.error().text;
    const auto batch = reader->Poll(1000);
    return batch && !batch->empty() && batch->front().bytes == "again";
  }));
  other->OnReady(nullptr);
}

TEST_F(KafkaFaults, ClosingKeepsTheJournalForAWeek) {
  const auto log = Created();
  AppendAndRead(*log, Topic::kJournal, {"kept"});
  ASSERT_TRUE(log->Close());
  ASSERT_TRUE(log->Close()) << "again";
  const auto client = KafkaClient::Open(KafkaClient::Kind::kReader, options_.settings).value();
  KafkaTopics topics(options_.topics, job_, client.get());
  const auto config = topics.Configuration(Topic::kJournal, KafkaDeadline(10'000)).value();
  ASSERT_TRUE(config);
  EXPECT_EQ(config->all.at("retention.ms"), std::to_string(7 * 24 * 3600 * 1000));
  EXPECT_EQ(config->all.at("message.timestamp.type"), "LogAppendTime") << "what was set stays";
  EXPECT_NE(config->mark(), 0u);
  EXPECT_FALSE(topics.Configuration(Topic::kInbox, KafkaDeadline(10'000)).value());
  const auto later = Created();
  EXPECT_EQ(later->Range(Topic::kJournal).value(), (std::pair<int64_t, int64_t>(0, 1)));
  EXPECT_EQ(
      topics.Configuration(Topic::kJournal, KafkaDeadline(10'000)).value()->all.at("retention.ms"),
      "-1");
}

TEST_F(KafkaFaults, ABrokerKilledAndStartedLosesDoublesAndReordersNothing) {
  constexpr int kEach = 500;
  const auto log = Created();
  const auto journal = log->Read(Topic::kJournal, 0).value();
  const auto inbox = log->Read(Topic::kInbox, 0).value();
  const Texts before = Numbered("before", kEach);
  const Texts during = Numbered("during", kEach);
  AppendAll(*log, Topic::kJournal, before);
  AppendAll(*log, Topic::kInbox, before);
  ASSERT_TRUE(lane_.Tell("kill kafka"));
  AppendAll(*log, Topic::kJournal, during);
  AppendAll(*log, Topic::kInbox, during);
  const Error away = WaitForError(*log, *journal, ErrorCode::kUnavailable);
  EXPECT_NE(away.text.find(options_.settings.brokers), std::string::npos) << away.text;
  EXPECT_FALSE(journal->is_at_end());
  ASSERT_TRUE(lane_.Tell("start kafka"));
  Texts all = before;
  all.insert(all.end(), during.begin(), during.end());
  // What was read while waiting for the error is not counted again.
  const auto from_start = log->Read(Topic::kJournal, 0);
  ASSERT_TRUE(from_start) << from_start.error().text;
  EXPECT_EQ(ReadOn(*log, **from_start, all.size()), all);
  EXPECT_EQ(ReadOn(*log, *inbox, all.size()), all);
  AppendAndRead(*log, Topic::kJournal, {"and on"});
}

TEST_F(KafkaFaults, ABrokerThatHangsIsAwayAndGoesOnWhenItWakes) {
  const auto log = Created();
  const auto reader = log->Read(Topic::kJournal, 0).value();
  AppendAll(*log, Topic::kJournal, {"one"});
  EXPECT_EQ(ReadOn(*log, *reader, 1), Texts{"one"});
  ASSERT_TRUE(lane_.Tell("stop kafka"));
  AppendAll(*log, Topic::kJournal, {"two"});
  WaitForError(*log, *reader, ErrorCode::kUnavailable);
  EXPECT_FALSE(reader->is_at_end());
  EXPECT_EQ(log->Range(Topic::kJournal).error().code, ErrorCode::kUnavailable);
  ASSERT_TRUE(lane_.Tell("cont kafka"));
  EXPECT_EQ(ReadOn(*log, *reader, 1), Texts{"two"});
  EXPECT_TRUE(reader->Poll(1000));
}

TEST_F(KafkaFaults, WhatDoesNotFitIntoTheQueueIsRefusedAndTheRestArrivesInOrder) {
  const auto log = Created();
  const auto reader = log->Read(Topic::kInbox, 0).value();
  AppendAll(*log, Topic::kInbox, {"first"});
  EXPECT_EQ(ReadOn(*log, *reader, 1), Texts{"first"});
  ASSERT_TRUE(lane_.Tell("stop kafka"));
  Texts taken;
  for (char letter = 'a'; letter <= 'z'; ++letter) {
    const std::string bytes(kMessageBytesMax, letter);
    const Status sent = log->Append(Topic::kInbox, bytes);
    if (sent) taken.push_back(bytes);
    EXPECT_TRUE(sent || sent.error().code == ErrorCode::kUnavailable) << sent.error().text;
  }
  EXPECT_GE(taken.size(), 15u);
  EXPECT_LE(taken.size(), 17u);
  ASSERT_TRUE(lane_.Tell("cont kafka"));
  EXPECT_TRUE(ReadOn(*log, *reader, taken.size()) == taken);
}

TEST_F(KafkaFaults, ABrokerThatIsAwayFromTheStartIsNamedAndIsThereLater) {
  ASSERT_TRUE(lane_.Tell("kill kafka"));
  options_.call_ms = 1000;
  const auto log = Open();
  const Status away = log->Create();
  ASSERT_FALSE(away);
  EXPECT_EQ(away.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(away.error().text.find(options_.settings.brokers), std::string::npos);
  ASSERT_TRUE(lane_.Tell("start kafka"));
  options_.call_ms = 10'000;
  const auto later = Created();
  EXPECT_TRUE(log->Create());
  AppendAndRead(*log, Topic::kJournal, {"there"});
}

}  // namespace
}  // namespace minke
