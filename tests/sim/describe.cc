#include "describe.h"

#include <fmt/format.h>
#include <set>

#include "control/record_view.h"

#include "proto/minke.pb.h"

namespace minke::sim {
namespace {

// Without what varies by machine.
std::string Described(RecordView view) {
  static const std::set<std::string> varies = {"plan",     "splitters", "manifest",
                                               "job_hash", "unix_ms",   "version"};
  std::erase_if(view.fields, [](const auto& field) { return varies.contains(field.first); });
  return TextOf(view);
}

}  // namespace

std::string Describe(Topic topic, const LogMessage& message) {
  const Job no_names;
  std::string text;
  if (topic == Topic::kHeartbeat) return fmt::format("h{}", message.offset);
  if (topic == Topic::kInbox) {
    proto::InboxMessage facts;
    text = fmt::format("i{}", message.offset);
    if (!facts.ParseFromString(message.bytes)) return text + " unreadable";
    for (const proto::Fact& fact : facts.facts()) {
      text += fmt::format("; {}", Described(ViewOf(fact, no_names)));
    }
    return text;
  }
  proto::JournalMessage journal;
  text = fmt::format("j{}", message.offset);
  if (!journal.ParseFromString(message.bytes)) return text + " unreadable";
  text += fmt::format(" [{}.{}]", journal.epoch(), journal.sequence());
  for (const proto::JournalRecord& record : journal.records()) {
    text += fmt::format("; {}", Described(ViewOf(record, journal.epoch(), no_names)));
  }
  return text;
}

}  // namespace minke::sim
