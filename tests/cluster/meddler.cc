// Does to a running job what nobody should: for tests of what minke says to that. The services are
// named by the environment.
//
//   meddler delete-journal INCARNATION   removes the topic
//   meddler cut-journal INCARNATION      removes every message that is in it
//   meddler lose-rows INCARNATION        removes every row of the shuffle table
//   meddler flip-byte INCARNATION        changes a byte in a block of the shuffle table
#include <cstdlib>
#include <fmt/format.h>
#include <librdkafka/rdkafka.h>
#include <memory>
#include <string>
#include <string_view>

#include "adapter/cassandra/connection.h"
#include "adapter/kafka/kafka_topics.h"

namespace minke {
namespace {

[[noreturn]] void Fail(const std::string& text) {
  fmt::print(stderr, "meddler: {}\n", text);
  std::exit(1);
}

std::string Setting(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : std::string();
}

template <typename T>
T Must(Result<T> result) {
  if (!result) Fail(result.error().text);
  return *std::move(result);
}

// ---- Kafka

constexpr int64_t kCallMs = 30'000;

std::shared_ptr<KafkaClient> OpenKafka() {
  if (const Status loaded = LoadKafkaLibrary(); !loaded) Fail(loaded.error().text);
  KafkaSettings settings;
  settings.brokers = Setting("MINKE_KAFKA");
  return Must(KafkaClient::Open(KafkaClient::Kind::kReader, settings));
}

void DeleteJournal(Incarnation job) {
  const auto client = OpenKafka();
  KafkaTopics topics({}, job, client.get());
  if (const Status done = topics.Remove({Topic::kJournal}, KafkaDeadline(kCallMs)); !done) {
    Fail(done.error().text);
  }
}

void CutJournal(Incarnation job) {
  const auto client = OpenKafka();
  const std::string name = KafkaTopicName({}, job, Topic::kJournal);
  const auto offsets = Must(client->Offsets(name, KafkaDeadline(kCallMs)));
  rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(list, name.c_str(), 0)->offset = offsets.end;
  rd_kafka_DeleteRecords_t* records = rd_kafka_DeleteRecords_new(list);
  rd_kafka_topic_partition_list_destroy(list);
  rd_kafka_queue_t* queue = rd_kafka_queue_new(client->handle());
  rd_kafka_DeleteRecords(client->handle(), &records, 1, nullptr, queue);
  rd_kafka_DeleteRecords_destroy(records);
  rd_kafka_event_t* event = rd_kafka_queue_poll(queue, int{kCallMs});
  if (event == nullptr || rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    Fail(event == nullptr ? "no answer" : rd_kafka_event_error_string(event));
  }
  rd_kafka_event_destroy(event);
  rd_kafka_queue_destroy(queue);
}

// ---- Cassandra

class Cassandra {
 public:
  Cassandra() : connection_(Must(Connection::Open(Options()))) {}

  void Execute(const std::string& cql) {
    if (const Status done = connection_->dispatcher().ChangeSchema(cql); !done) {
      Fail(done.error().text);
    }
  }

  CqlResult Select(const std::string& cql) {
    const auto statement = Must(connection_->Statement(cql));
    return Must(connection_->dispatcher().Execute(statement->Bind({})));
  }

  // With its keyspace.
  std::string ShuffleTableOf(std::string_view incarnation) {
    const CqlResult names =
        Select(fmt::format("SELECT table_name FROM system_schema.tables WHERE keyspace_name = '{}'",
                           connection_->keyspace()));
    const std::string prefix = fmt::format("shuffle_{}_", incarnation);
    for (size_t row = 0; row < names.rows(); ++row) {
      if (names.bytes(row, 0).starts_with(prefix)) {
        return fmt::format("{}.{}", connection_->keyspace(), names.bytes(row, 0));
      }
    }
    Fail("the job has no shuffle table");
  }

 private:
  static CassandraOptions Options() {
    CassandraOptions options;
    options.addresses = Setting("MINKE_CASSANDRA");
    options.keyspace = Setting("MINKE_KEYSPACE");
    return options;
  }

  std::unique_ptr<Connection> connection_;
};

void LoseRows(std::string_view incarnation) {
  Cassandra cassandra;
  cassandra.Execute("TRUNCATE " + cassandra.ShuffleTableOf(incarnation));
}

void FlipByte(std::string_view incarnation) {
  Cassandra cassandra;
  const std::string table = cassandra.ShuffleTableOf(incarnation);
  const CqlResult found = cassandra.Select(fmt::format(
      "SELECT partition, bucket, slice, map_task, epoch, n, sequence, block FROM {} LIMIT 1",
      table));
  if (found.rows() == 0) Fail("the shuffle table is empty");
  std::string block(found.bytes(0, 7));
  block[block.size() / 2] = static_cast<char>(block[block.size() / 2] ^ 1);
  std::string hex;
  for (const char c : block) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
  cassandra.Execute(fmt::format(
      "UPDATE {} SET block = 0x{} WHERE partition = {} AND bucket = {} AND slice = {} AND "
      "map_task = {} AND epoch = {} AND n = {} AND sequence = {}",
      table, hex, found.int32(0, 0), found.int32(0, 1), found.int32(0, 2), found.int32(0, 3),
      found.int64(0, 4), found.int64(0, 5), found.int32(0, 6)));
}

int Main(int argc, char** argv) {
  if (argc != 3) Fail("see the beginning of meddler.cc");
  const std::string_view what = argv[1];
  const Incarnation job{std::strtoull(argv[2], nullptr, 16)};
  if (what == "delete-journal") {
    DeleteJournal(job);
  } else if (what == "cut-journal") {
    CutJournal(job);
  } else if (what == "lose-rows") {
    LoseRows(argv[2]);
  } else if (what == "flip-byte") {
    FlipByte(argv[2]);
  } else {
    Fail("see the beginning of meddler.cc");
  }
  return 0;
}

}  // namespace
}  // namespace minke

int main(int argc, char** argv) { return minke::Main(argc, argv); }
