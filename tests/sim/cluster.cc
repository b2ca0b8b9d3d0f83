#include "cluster.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <map>

#include "base/check.h"
#include "base/file.h"
#include "nodes.h"

namespace minke::sim {
namespace {

constexpr int64_t kLookMs = 700;  // how often the keeper looks at its processes

std::string MakeFolder() {
  std::string name = std::filesystem::temp_directory_path() / "minke-sim-XXXXXX";
  MINKE_CHECK(mkdtemp(name.data()) != nullptr);
  return name;
}

template <typename Node>
std::vector<Node*> Alive(const std::vector<std::unique_ptr<Node>>& nodes) {
  std::vector<Node*> alive;
  for (const auto& node : nodes) {
    if (node->is_alive()) alive.push_back(node.get());
  }
  return alive;
}

}  // namespace

Cluster::Cluster(const ClusterOptions& options)
    : options_(options),
      random_(options.seed),
      ids_(random_.Branch()),
      folder_(MakeFolder()),
      work_(Workload::Make(options.kind, folder_, random_.Branch())),
      clock_(&machinery_.loop, 0, 0) {
  machinery_.trace.sink = options.trace;
  machinery_.has_calls = options.has_calls;
  broker_ = std::make_unique<Broker>(&clock_);
  database_ = std::make_unique<Database>();
  judge_ = std::make_unique<Judge>(&machinery_.trace, work_.counters);
  Watch();
  loop().After(kLookMs, [this] { LookAfter(); });
}

Cluster::~Cluster() {
  is_supervising_ = false;
  for (Process* process : processes()) process->Kill();
  while (!processes().empty() || loop().Step(loop().now_ms())) {
  }
  workers_.clear();
  masters_.clear();
  runs_.clear();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void Cluster::Watch() {
  const auto later = [this](int64_t delay_ms, std::function<void()> event) {
    loop().After(delay_ms, std::move(event));
  };
  broker_->schedule = later;
  broker_->on_landed = [this](Incarnation job, Topic topic, const LogMessage& message) {
    judge_->OnLanded(job, topic, message);
  };
  database_->schedule = later;
  database_->on_block = [this](Incarnation job, const std::string& name, Bytes block,
                               const std::string* before) {
    judge_->OnBlock(job, name, block, before);
  };
  database_->on_row = [this](const std::string&, const JobRow& row) { judge_->OnRow(row); };
}

// ---- processes

MasterNode& Cluster::StartMaster(uint64_t spec_hash) {
  const std::string name = fmt::format("m{}", masters_.size() + 1);
  masters_.push_back(std::make_unique<MasterNode>(this, name, spec_hash));
  masters_.back()->Say("starts");
  masters_.back()->Start();
  return *masters_.back();
}

WorkerNode& Cluster::StartWorker(const WorkerShape& shape) {
  const std::string name = fmt::format("w{}", workers_.size() + 1);
  workers_.push_back(std::make_unique<WorkerNode>(this, name, shape));
  WorkerNode& worker = *workers_.back();
  worker.Say(fmt::format("starts: {:x}, {} slots, role {}", worker.id().bits, shape.slots,
                         static_cast<int>(shape.role)));
  worker.Start();
  return worker;
}

std::vector<MasterNode*> Cluster::masters() const { return Alive(masters_); }

std::vector<WorkerNode*> Cluster::workers() const { return Alive(workers_); }

std::vector<Process*> Cluster::processes() const {
  std::vector<Process*> all;
  for (MasterNode* master : masters()) all.push_back(master);
  for (WorkerNode* worker : workers()) all.push_back(worker);
  return all;
}

std::optional<GateAnswer> Cluster::AskGate(proto::PhaseKind role, Random& random) const {
  std::vector<MasterNode*> listening;
  for (MasterNode* master : masters()) {
    if (!master->is_stopped() && !master->is_cut_from_log && master->brain() != nullptr) {
      listening.push_back(master);
    }
  }
  if (listening.empty()) return std::nullopt;
  return random.Of(listening)->brain()->Gate(role);
}

void Cluster::LookAfter() {
  if (is_supervising_) {
    LookAfterMasters();
    for (size_t i = 0; i < workers_.size(); ++i) LookAfter(*workers_[i]);
  }
  loop().After(kLookMs, [this] { LookAfter(); });
}

// One master is wanted until one has ended by itself and well.
void Cluster::LookAfterMasters() {
  bool is_wanted = false;
  for (const auto& master : masters_) {
    if (master->is_alive() || master->was_seen || !master->is_gone()) continue;
    master->was_seen = true;
    const int code = master->exit_code().value_or(75);
    if (code != 0 && code != 75 && !options_.codes.contains(code)) {
      judge_->Violation(
          fmt::format("{} ends with {}: {}", master->name(), code, master->last_words()));
    }
    is_wanted = is_wanted || code != 0;
  }
  const bool has_ended_well =
      std::ranges::any_of(masters_, [](const auto& master) { return master->exit_code() == 0; });
  if (is_wanted && !has_ended_well && masters().empty()) StartMaster();
}

void Cluster::LookAfter(WorkerNode& worker) {
  if (worker.was_seen || !worker.is_gone()) return;
  worker.was_seen = true;
  WorkerShape next{.slots = worker.shape().slots, .role = worker.shape().role, .former = {}};
  const auto code = worker.exit_code();
  if (code == 0) return;
  if (code && *code != 75 && *code != 143 && !options_.codes.contains(*code)) {
    judge_->Violation(
        fmt::format("{} ends with {}: {}", worker.name(), *code, worker.last_words()));
  }
  // Its supervisor lives on, and has seen how the child ended; or it is another pod.
  if (!code && random_.Chance(500)) {
    FormerChild former;
    former.id = worker.id();
    former.signal = 9;
    former.text = "the simulated child was killed";
    if (!worker.ran_when_killed().empty() && random_.Chance(500)) {
      former.culprit = random_.Of(worker.ran_when_killed());
    }
    next.former = former;
  }
  StartWorker(next);
}

// ---- the run

PreparedRun& Cluster::RunOf(Incarnation incarnation) {
  auto& run = runs_[incarnation];
  if (run != nullptr) return *run;
  RunRequest request = work_.request;
  request.output = fmt::format("{}/out-{}", folder_, runs_.size());
  SlotPage page;
  auto declared = DeclareRun(request, &page);
  MINKE_CHECK(declared.has_value());
  auto prepared = PrepareRun(request, *std::move(declared), {request.threads, incarnation});
  MINKE_CHECK(prepared.has_value());
  run = *std::move(prepared);
  run->plan.set_backups(options_.has_backups);
  run->plan.set_max_age_ms(options_.max_age_ms);
  return *run;
}

proto::Plan Cluster::MakePlan(Incarnation incarnation) {
  ++plans_made_;
  return RunOf(incarnation).plan;
}

bool Cluster::Go(int64_t until_ms, const std::function<bool()>& is_over) {
  while (!is_over()) {
    if (!loop().Step(until_ms)) return is_over();
  }
  return true;
}

bool Cluster::HasEnded() const {
  const auto standing = row();
  return standing && standing->state == JobState::kFinished && processes().empty();
}

void Cluster::Request(const proto::Fact& fact) {
  const auto standing = row();
  if (!standing) return;
  proto::InboxMessage message;
  *message.add_facts() = fact;
  broker_->Land(standing->incarnation, Topic::kInbox, message.SerializeAsString());
}

void Cluster::CheckOutput() {
  const Incarnation incarnation = row()->incarnation;
  PreparedRun& run = RunOf(incarnation);
  (void)run.output->Abandon();
  std::map<std::string, std::string> parts;
  for (const auto& entry : std::filesystem::directory_iterator(run.output->path())) {
    const std::string name = entry.path().filename();
    if (name == "_SUCCESS") continue;
    const auto content = entry.is_regular_file() ? ReadFile(entry.path()) : Result<std::string>("");
    parts[name] = content.value_or("");
  }
  std::vector<std::string> texts;
  for (auto& [name, text] : parts) texts.push_back(std::move(text));
  if (work_.is_one_text) {
    std::string all;
    for (const std::string& text : texts) all += text;
    texts = {all};
  }
  if (texts != work_.parts) {
    judge_->Violation(fmt::format("the output is not what it must be: {} parts, and {} are right",
                                  texts.size(), work_.parts.size()));
  }
  judge_->CheckReplay(incarnation, broker_->MessagesOf(incarnation, Topic::kJournal));
}

}  // namespace minke::sim
