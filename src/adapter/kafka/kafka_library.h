// librdkafka, opened when it is first used: a run that has nothing to do with Kafka does not pay
// for loading it, and TLS with it. The header is needed to build, the library (librdkafka.so.1)
// only where Kafka is used.
#pragma once

#include <librdkafka/rdkafka.h>

#include "base/result.h"

// Every call that we make, without its rd_kafka_.
#define MINKE_KAFKA_CALLS(CALL)            \
  CALL(AdminOptions_destroy)               \
  CALL(AdminOptions_new)                   \
  CALL(AdminOptions_set_operation_timeout) \
  CALL(AdminOptions_set_request_timeout)   \
  CALL(AlterConfigs)                       \
  CALL(AlterConfigs_result_resources)      \
  CALL(ConfigEntry_name)                   \
  CALL(ConfigEntry_source)                 \
  CALL(ConfigEntry_value)                  \
  CALL(ConfigResource_configs)             \
  CALL(ConfigResource_destroy)             \
  CALL(ConfigResource_error)               \
  CALL(ConfigResource_error_string)        \
  CALL(ConfigResource_name)                \
  CALL(ConfigResource_new)                 \
  CALL(ConfigResource_set_config)          \
  CALL(CreateTopics)                       \
  CALL(CreateTopics_result_topics)         \
  CALL(DeleteTopic_destroy)                \
  CALL(DeleteTopic_new)                    \
  CALL(DeleteTopics)                       \
  CALL(DeleteTopics_result_topics)         \
  CALL(DescribeConfigs)                    \
  CALL(DescribeConfigs_result_resources)   \
  CALL(NewTopic_destroy)                   \
  CALL(NewTopic_new)                       \
  CALL(NewTopic_set_config)                \
  CALL(conf_destroy)                       \
  CALL(conf_new)                           \
  CALL(conf_set)                           \
  CALL(conf_set_dr_msg_cb)                 \
  CALL(conf_set_error_cb)                  \
  CALL(conf_set_log_cb)                    \
  CALL(conf_set_opaque)                    \
  CALL(consume_batch_queue)                \
  CALL(consume_start_queue)                \
  CALL(consume_stop)                       \
  CALL(destroy_flags)                      \
  CALL(err2str)                            \
  CALL(event_AlterConfigs_result)          \
  CALL(event_CreateTopics_result)          \
  CALL(event_DeleteTopics_result)          \
  CALL(event_DescribeConfigs_result)       \
  CALL(event_destroy)                      \
  CALL(event_error)                        \
  CALL(event_error_string)                 \
  CALL(fatal_error)                        \
  CALL(flush)                              \
  CALL(last_error)                         \
  CALL(message_destroy)                    \
  CALL(message_timestamp)                  \
  CALL(metadata)                           \
  CALL(metadata_destroy)                   \
  CALL(new)                                \
  CALL(offsets_for_times)                  \
  CALL(poll)                               \
  CALL(produce)                            \
  CALL(queue_cb_event_enable)              \
  CALL(queue_destroy)                      \
  CALL(queue_new)                          \
  CALL(queue_poll)                         \
  CALL(topic_destroy)                      \
  CALL(topic_name)                         \
  CALL(topic_new)                          \
  CALL(topic_partition_list_add)           \
  CALL(topic_partition_list_destroy)       \
  CALL(topic_partition_list_new)           \
  CALL(topic_result_error)                 \
  CALL(topic_result_error_string)          \
  CALL(topic_result_name)

namespace minke {

struct KafkaCalls {
#define MINKE_KAFKA_CALL(name) decltype(&::rd_kafka_##name) rd_kafka_##name = nullptr;
  MINKE_KAFKA_CALLS(MINKE_KAFKA_CALL)
#undef MINKE_KAFKA_CALL
};

// Opens the library, once per process; any thread. kConfiguration: it is not installed.
Status LoadKafkaLibrary();
// Its calls, once LoadKafkaLibrary has succeeded.
const KafkaCalls& Kafka();

// Deletes a handle of the library.
template <auto Destroy>
struct KafkaDeleter {
  template <typename Handle>
  void operator()(Handle* handle) const {
    (Kafka().*Destroy)(handle);
  }
};

}  // namespace minke
