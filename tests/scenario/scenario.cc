// Runs scenario files: events in, decisions out, as text. README.md beside this file has the
// language. A file is a list of blocks: comments, commands, a line "----", and what happens then,
// up to an empty line.
//
//   minke_scenario FILE …             prints where what happens differs from the file; 1 if it does
//   minke_scenario --update FILE …    writes what happens into the files (so does MINKE_UPDATE=1)
#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <deque>
#include <fmt/format.h>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "base/check.h"
#include "control/fleet.h"
#include "control/job_view.h"
#include "world.h"

namespace minke {
namespace {

[[noreturn]] void Refuse(const std::string& what) {
  std::cerr << what << "\n";
  std::exit(2);
}

uint64_t Number(const std::string& text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) Refuse("no number: " + text);
  return value;
}

// "30s", "500ms", "10m", "1h", "31d".
int64_t Duration(const std::string& text) {
  const size_t digits = text.find_first_not_of("0123456789");
  const std::map<std::string, int64_t> units{
      {"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
  if (digits == std::string::npos || digits == 0) Refuse("no duration: " + text);
  const auto unit = units.find(text.substr(digits));
  if (unit == units.end()) Refuse("no duration: " + text);
  return static_cast<int64_t>(Number(text.substr(0, digits))) * unit->second;
}

// "4-17".
AttemptId ParseAttempt(const std::string& text) {
  const size_t dash = text.find('-');
  if (dash == std::string::npos) Refuse("no attempt: " + text);
  return {Number(text.substr(0, dash)), Number(text.substr(dash + 1))};
}

std::vector<uint32_t> Numbers(const std::string& text) {
  std::vector<uint32_t> all;
  std::istringstream in(text);
  for (std::string one; std::getline(in, one, ',');) {
    all.push_back(static_cast<uint32_t>(Number(one)));
  }
  return all;
}

proto::PhaseKind Phase(const std::string& name) {
  for (const auto kind : {proto::PHASE_SAMPLE, proto::PHASE_MAP, proto::PHASE_REDUCE,
                          proto::PHASE_EXPORT}) {
    if (name == NameOf(kind)) return kind;
  }
  if (name != "any") Refuse("no phase: " + name);
  return proto::PHASE_NONE;
}

ErrorCode Code(const std::string& name) {
  for (int code = 0; code <= static_cast<int>(ErrorCode::kCancelled); ++code) {
    if (name == NameOf(static_cast<ErrorCode>(code))) return static_cast<ErrorCode>(code);
  }
  Refuse("no error code: " + name);
}

// One command: words, and settings as key=value.
struct Command {
  std::vector<std::string> words;
  std::map<std::string, std::string> settings;

  explicit Command(const std::string& line) {
    std::istringstream in(line);
    for (std::string word; in >> word;) {
      const size_t equals = word.find('=');
      if (equals == std::string::npos || equals == 0) {
        words.push_back(word);
      } else {
        settings[word.substr(0, equals)] = word.substr(equals + 1);
      }
    }
  }
  std::string Word(size_t index) const {
    if (index >= words.size()) Refuse("a word is missing after: " + words.back());
    return words[index];
  }
  std::string Rest(size_t index) const {
    std::string text;
    for (; index < words.size(); ++index) text += (text.empty() ? "" : " ") + words[index];
    return text;
  }
  template <typename T>
  void Take(const std::string& key, T& into) const {
    if (const auto at = settings.find(key); at != settings.end()) {
      into = static_cast<T>(Number(at->second));
    }
  }
  void TakeDuration(const std::string& key, int64_t& into) const {
    if (const auto at = settings.find(key); at != settings.end()) into = Duration(at->second);
  }
};

class Scenario {
 public:
  Scenario() : world_([this](const std::string& line) { lines_.push_back(line); }) {
    world_.fate = [this](Topic topic) {
      std::deque<Fate>& fates = fates_[topic];
      if (fates.empty()) return Fate::kLands;
      const Fate fate = fates.front();
      fates.pop_front();
      return fate;
    };
  }

  // What happens, as lines.
  std::vector<std::string> Run(const std::string& line) {
    const Command command(line);
    const auto found = commands_.find(command.words.at(0));
    if (found == commands_.end()) Refuse("no such command: " + line);
    found->second(command);
    world_.Pump();
    return std::exchange(lines_, {});
  }
  size_t violations() const { return world_.violations(); }

 private:
  void SetJob(const Command& command);
  void SetTuning(const Command& command);
  void StartWorkers(const Command& command);
  void EndAttempts(const Command& command);
  void EndAll(const Command& command);
  void SetFate(const Command& command);
  void Repeat(const Command& command);
  void Request(const Command& command);
  void SetReport(const Command& command);
  void WriteByHand(const Command& command);
  void ShowGate(const Command& command);
  void ShowView(const Command& command);
  Topic TopicOf(const std::string& name) const {
    if (name != "journal" && name != "inbox") Refuse("no topic: " + name);
    return name == "journal" ? Topic::kJournal : Topic::kInbox;
  }

  std::vector<std::string> lines_;
  std::map<Topic, std::deque<Fate>> fates_;
  World world_;
  std::map<std::string, GateAnswer> gates_;

  const std::map<std::string, std::function<void(const Command&)>> commands_{
      {"job", [this](const Command& c) { SetJob(c); }},
      {"tune", [this](const Command& c) { SetTuning(c); }},
      {"master",
       [this](const Command& c) {
         uint64_t spec = 1;
         c.Take("spec", spec);
         world_.StartMaster(c.Word(1), spec);
       }},
      {"worker", [this](const Command& c) { StartWorkers(c); }},
      {"crowd",
       [this](const Command& c) {
         world_.JoinCrowd(c.Word(1), static_cast<uint32_t>(Number(c.Word(2))));
       }},
      {"kill", [this](const Command& c) { world_.Kill(c.Word(1)); }},
      {"stop", [this](const Command& c) { world_.Stop(c.Word(1)); }},
      {"freeze", [this](const Command& c) { world_.SetFrozen(c.Word(1), true); }},
      {"thaw", [this](const Command& c) { world_.SetFrozen(c.Word(1), false); }},
      {"cut", [this](const Command& c) { world_.SetCutOff(c.Word(1), true); }},
      {"mend", [this](const Command& c) { world_.SetCutOff(c.Word(1), false); }},
      {"outage", [this](const Command& c) { world_.SetOutage(c.Word(1) == "on"); }},
      {"rate", [this](const Command& c) { world_.SetRate(c.Word(1), Number(c.Word(2))); }},
      {"done", [this](const Command& c) { EndAttempts(c); }},
      {"fail", [this](const Command& c) { EndAttempts(c); }},
      {"all-done", [this](const Command& c) { EndAll(c); }},
      {"next", [this](const Command& c) { SetFate(c); }},
      {"land", [this](const Command& c) { world_.Land(Number(c.Word(1))); }},
      {"repeat", [this](const Command& c) { Repeat(c); }},
      {"erase", [this](const Command& c) { world_.life().Erase(TopicOf(c.Word(1))); }},
      {"write", [this](const Command& c) { WriteByHand(c); }},
      {"pause", [this](const Command& c) { Request(c); }},
      {"resume", [this](const Command& c) { Request(c); }},
      {"cancel", [this](const Command& c) { Request(c); }},
      {"report", [this](const Command& c) { SetReport(c); }},
      {"lose-output",
       [this](const Command& c) { world_.life().lost_outputs.insert(ParseAttempt(c.Word(1))); }},
      {"lose-report",
       [this](const Command& c) { world_.life().reports.erase(ParseAttempt(c.Word(1))); }},
      {"dataset", [this](const Command& c) { world_.SetDataset(Number(c.Word(1))); }},
      {"hold", [this](const Command& c) { world_.Hold(c.Word(1)); }},
      {"release", [this](const Command&) { world_.Release(); }},
      {"rerun", [this](const Command&) { world_.Rerun(); }},
      {"time", [this](const Command& c) { world_.PassTime(Duration(c.Word(1))); }},
      {"row", [this](const Command&) { world_.Say(world_.RowText()); }},
      {"gate", [this](const Command& c) { ShowGate(c); }},
      {"view", [this](const Command& c) { ShowView(c); }},
  };
};

void Scenario::SetJob(const Command& command) {
  Shape& shape = world_.shape;
  command.Take("samples", shape.samples);
  command.Take("maps", shape.maps);
  command.Take("reduces", shape.reduces);
  command.Take("exports", shape.exports);
  command.Take("attempts", shape.attempts_max);
  command.Take("backups", shape.backups);
  command.Take("hash", shape.job_hash);
  command.TakeDuration("max-age", shape.max_age_ms);
}

void Scenario::SetTuning(const Command& command) {
  MasterOptions& master = world_.tuning.master;
  command.TakeDuration("lease", master.decide.lease_ms);
  command.TakeDuration("no-worker", master.no_worker_timeout_ms);
  command.TakeDuration("append", master.append_timeout_ms);
  command.TakeDuration("farewell", master.farewell_ms);
  command.Take("losses", master.decide.losses_max);
  command.Take("winners-bytes", master.winners_bytes_max);
  command.TakeDuration("repeat", world_.tuning.repeat_ms);
  command.TakeDuration("heartbeat", world_.tuning.heartbeat_ms);
}

// worker w1 slots=2 role=map hash=7 former=w0 culprit=1-2 signal=11 gate=g1
void Scenario::StartWorkers(const Command& command) {
  WorkerTuning tuning;
  command.Take("slots", tuning.slots);
  command.Take("hash", tuning.job_hash);
  command.Take("signal", tuning.signal);
  const auto setting = [&](const std::string& key) {
    const auto at = command.settings.find(key);
    return at == command.settings.end() ? std::string() : at->second;
  };
  if (!setting("role").empty()) tuning.role = Phase(setting("role"));
  tuning.former = setting("former");
  if (!setting("culprit").empty()) tuning.culprit = ParseAttempt(setting("culprit"));
  const std::string gate = setting("gate");
  if (gate.empty()) {
    world_.StartWorker(command.Word(1), tuning);
  } else {
    world_.StartWorkerAt(command.Word(1), tuning, gates_.at(gate));
  }
}

// done WORKER ATTEMPT … · done WORKER (all that it runs) · fail WORKER ATTEMPT|first CODE TEXT
void Scenario::EndAttempts(const Command& command) {
  const std::string worker = command.Word(1);
  const std::vector<Attempt> running = world_.RunningOn(worker);
  if (command.words[0] == "fail") {
    if (command.Word(2) == "first" && running.empty()) Refuse(worker + " runs nothing");
    const AttemptId attempt =
        command.Word(2) == "first" ? running.front().start.id : ParseAttempt(command.Word(2));
    return world_.Fail(worker, attempt, Error{Code(command.Word(3)), command.Rest(4)});
  }
  for (size_t i = 2; i < command.words.size(); ++i) {
    world_.Done(worker, ParseAttempt(command.words[i]));
  }
  if (command.words.size() > 2) return;
  for (const Attempt& attempt : running) world_.Done(worker, attempt.start.id);
}

// all-done [rounds=N]: everything that runs ends well, again and again, until nothing runs.
void Scenario::EndAll(const Command& command) {
  uint32_t rounds = 1000;
  command.Take("rounds", rounds);
  for (bool any = true; any && rounds > 0; --rounds) {
    any = false;
    for (const std::string& worker : world_.workers()) {
      for (const Attempt& attempt : world_.RunningOn(worker)) {
        world_.Done(worker, attempt.start.id);
        any = true;
      }
    }
    world_.Pump();
  }
}

void Scenario::SetFate(const Command& command) {
  const std::map<std::string, Fate> fates{{"lands", Fate::kLands},
                                          {"lost", Fate::kLost},
                                          {"twice", Fate::kTwice},
                                          {"held", Fate::kHeld}};
  const auto found = fates.find(command.Word(2));
  if (found == fates.end()) Refuse("no fate: " + command.Word(2));
  fates_[TopicOf(command.Word(1))].push_back(found->second);
}

// repeat inbox 3: a late copy of the message at offset 3 lands.
void Scenario::Repeat(const Command& command) {
  const Topic topic = TopicOf(command.Word(1));
  const std::string copy = world_.life().messages(topic).at(Number(command.Word(2)));
  world_.life().Put(topic, copy);
}

void Scenario::Request(const Command& command) {
  proto::Fact fact;
  const uint64_t id = Number(command.Word(1));
  if (command.words[0] == "pause") fact.mutable_pause_requested()->set_id(id);
  if (command.words[0] == "resume") fact.mutable_resume_requested()->set_id(id);
  if (command.words[0] == "cancel") {
    fact.mutable_cancel_requested()->set_id(id);
    fact.mutable_cancel_requested()->set_reason(command.Rest(2));
  }
  world_.Append(fact);
}

// report ATTEMPT partitions=0,2: what the attempt will report.
void Scenario::SetReport(const Command& command) {
  proto::Report report;
  for (const uint32_t partition : Numbers(command.settings.at("partitions"))) {
    std::string& bits = *report.mutable_partitions();
    if (bits.size() <= partition / 8) bits.resize(partition / 8 + 1);
    bits[partition / 8] = static_cast<char>(bits[partition / 8] | 1 << (partition % 8));
  }
  world_.life().preset[ParseAttempt(command.Word(1))] = report;
}

// write journal epoch=3 sequence=9 commit=3-1 | unknown: what a zombie master, or a newer version,
// may have written.
void Scenario::WriteByHand(const Command& command) {
  proto::JournalMessage message;
  uint64_t epoch = 0;
  uint64_t sequence = 0;
  command.Take("epoch", epoch);
  command.Take("sequence", sequence);
  message.set_epoch(epoch);
  message.set_sequence(sequence);
  if (const auto at = command.settings.find("commit"); at != command.settings.end()) {
    ToProto(ParseAttempt(at->second),
            message.add_records()->mutable_task_committed()->mutable_attempt());
  }
  std::string bytes = message.SerializeAsString();
  // Records are field 4; this one is of kind 200, whose tag is 200 << 3 | 2 as a varint.
  if (command.words.back() == "unknown") bytes += std::string("\x22\x03\xc2\x0c\x00", 5);
  world_.Append(Topic::kJournal, bytes);
}

void Scenario::ShowGate(const Command& command) {
  const GateAnswer answer = world_.Gate(Phase(command.Word(1)));
  constexpr const char* kNames[] = {"not yet", "open", "over"};
  std::string text =
      fmt::format("gate {}: {}", command.Word(1), kNames[static_cast<size_t>(answer.state)]);
  if (answer.state == GateState::kOpen) {
    text += fmt::format(", phase at {}, position {} of epoch {}", answer.phase_offset,
                        answer.position.offset, answer.position.epoch.value_or(0));
  }
  world_.Say(text);
  if (command.words.size() > 2) gates_[command.words[2]] = answer;  // kept for later
}

void Scenario::ShowView(const Command& command) {
  MasterBrain* master = world_.master(command.Word(1));
  if (master == nullptr) Refuse("no such master: " + command.Word(1));
  const JobView view = master->View();
  const WorkerCounts workers = AllWorkers(view);
  world_.Say(
      fmt::format("{}: {} attempts, {} failures, {} losses; workers {} working {} waiting {} "
                  "finished {} lost",
                  view.state, view.attempts, view.failures, view.losses, workers.working,
                  workers.waiting, workers.finished, workers.lost));
  for (const PhaseView& phase : view.phases) {
    world_.Say(fmt::format("{}{}: {} waiting, {} running, {} done", NameOf(phase.kind),
                           phase.is_open ? " (open)" : "", phase.waiting, phase.running,
                           phase.done));
  }
}

bool IsCommand(const std::string& line) { return !line.empty() && line[0] != '#'; }

// The file as it would be if everything happens as it does now.
std::string Replay(const std::string& text, size_t* violations) {
  Scenario scenario;
  std::istringstream in(text);
  std::string out;
  std::vector<std::string> happened;
  bool is_expected = false;
  bool has_commands = false;
  const auto close = [&] {
    if (has_commands) {
      out += "----\n";
      for (const std::string& line : happened) out += line + "\n";
    }
    happened.clear();
    has_commands = is_expected = false;
  };
  for (std::string line; std::getline(in, line);) {
    if (line.empty()) {
      close();
      out += "\n";
    } else if (line == "----") {
      is_expected = true;
    } else if (!is_expected) {
      out += line + "\n";
      if (!IsCommand(line)) continue;
      has_commands = true;
      for (std::string& one : scenario.Run(line)) happened.push_back(std::move(one));
    }
  }
  close();
  *violations = scenario.violations();
  return out;
}

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// The lines around the first difference.
void TellDifference(const std::string& path, const std::string& expected, const std::string& now) {
  const auto before = Lines(expected);
  const auto after = Lines(now);
  size_t at = 0;
  while (at < before.size() && at < after.size() && before[at] == after[at]) ++at;
  std::cout << path << ":" << at + 1 << ": what happens is not what the file says\n";
  for (size_t i = at > 12 ? at - 12 : 0; i < at; ++i) std::cout << "  " << before[i] << "\n";
  for (size_t i = at; i < std::min(before.size(), at + 8); ++i)
    std::cout << "- " << before[i] << "\n";
  for (size_t i = at; i < std::min(after.size(), at + 8); ++i)
    std::cout << "+ " << after[i] << "\n";
}

bool RunFile(const std::string& path, bool update) {
  std::ifstream in(path);
  if (!in) Refuse("cannot read " + path);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  size_t violations = 0;
  const std::string now = Replay(text, &violations);
  if (violations != 0) std::cout << path << ": a law was broken, see the lines with !!\n";
  if (update) {
    if (now != text) std::ofstream(path) << now;
  } else if (now != text) {
    TellDifference(path, text, now);
    return false;
  }
  return violations == 0;
}

}  // namespace
}  // namespace minke

int main(int argc, char** argv) {
  const char* wish = std::getenv("MINKE_UPDATE");
  bool update = wish != nullptr && std::string(wish) == "1";
  bool is_good = true;
  int files = 0;
  for (int i = 1; i < argc; ++i) {
    if (std::string(argv[i]) == "--update") {
      update = true;
      continue;
    }
    is_good = minke::RunFile(argv[i], update) && is_good;
    ++files;
  }
  if (files == 0) minke::Refuse("usage: minke_scenario [--update] FILE …");
  return is_good ? 0 : 1;
}
