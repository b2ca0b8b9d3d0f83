#include "runtime/http/job_pages.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <fmt/format.h>
#include <limits>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/http/gate_askers.h"
#include "runtime/http/gate_reply.h"
#include "runtime/http/job_history.h"
#include "runtime/http/job_metrics.h"
#include "runtime/http/json.h"
#include "runtime/http/task_rows.h"
#include "runtime/journal/record_json.h"

namespace minke {
namespace {

constexpr int64_t kViewMs = 100;      // between views while the journal goes on
constexpr int64_t kQuietMs = 1'000;   // between views while it does not
constexpr int64_t kDetailsMs = 250;   // between tasks and events, and …
constexpr int64_t kDetailsCost = 50;  // … this times what the last ones took
constexpr size_t kListMax = 1'000;    // tasks or events of one answer
constexpr uint64_t kInFlightBytesANode = 64 << 20;
constexpr uint64_t kInFlightBytesMax = 4 << 20;
constexpr int64_t kRetryMsMin = 200;
constexpr int64_t kRetryMsMax = 5'000;
constexpr int64_t kRetryMsEach = 5;  // who waits: so that all of them ask 200 times a second
constexpr const char* kJson = "application/json";

// What grows with the job.
struct Details {
  std::vector<TaskRow> tasks;
  JobHistory::Events events;
};

// What HTTP threads see; never changed once it was handed over.
struct Snapshot {
  bool is_in_charge = false;
  GateAnswer mapper, reducer;
  std::shared_ptr<const JobView> view = std::make_shared<JobView>();
  std::shared_ptr<const Details> details = std::make_shared<Details>();
  uint64_t journal_messages = 0, journal_bytes = 0;
};

// When something was made last, and how far the journal was read then.
struct Made {
  uint64_t messages = 0;
  int64_t at_ms = 0;
};

HttpResponse Json(const nlohmann::json& value) { return {200, kJson, JsonBody(value)}; }

HttpResponse Text(int status, std::string text) {
  HttpResponse response;
  response.status = status;
  response.body = std::move(text) + "\n";
  return response;
}

// A parameter that is a number; `otherwise` where there is none.
int64_t NumberOf(const HttpRequest& request, const std::string& name, int64_t otherwise) {
  const std::string text = request.parameter(name);
  int64_t number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  return fault == std::errc() && end == text.data() + text.size() ? number : otherwise;
}

}  // namespace

struct JobPages::State {
  explicit State(JobPagesOptions given) : options(std::move(given)) {}

  JobPagesOptions options;
  const HttpLibrary* http = nullptr;

  // ---- control thread
  JobHistory history;
  Made made_view, made_details;
  int64_t details_pause_ms = 0;

  // ---- any thread
  GateAskers askers;
  std::atomic<uint64_t> retries{0};
  mutable std::mutex mutex;  // guards what follows
  std::shared_ptr<const Snapshot> shown = std::make_shared<Snapshot>();
  std::map<std::pair<std::string, int>, uint64_t> gate_answers;

  std::unique_ptr<HttpServer> server;  // last: its threads use what is above

  std::shared_ptr<const Snapshot> Current() const {
    const std::lock_guard lock(mutex);
    return shown;
  }
  int64_t ViewDueMs() const;
  int64_t DetailsDueMs() const;
  std::shared_ptr<const Details> MakeDetails(const Job& job);

  HttpResponse Answer(const HttpRequest& request);
  HttpResponse Gate(const HttpRequest& request);
  HttpResponse AnswerAtGate(const GateQuestion& question, const Snapshot& now);
  std::string Objection(const GateQuestion& question, const Snapshot& now) const;
  HttpResponse Tasks(const HttpRequest& request) const;
  HttpResponse Events(const HttpRequest& request) const;
  HttpResponse Metrics() const;
  JobView WithAskers(const JobView& view) const;
  int64_t RetryMs();
};

int64_t JobPages::State::ViewDueMs() const {
  return made_view.at_ms + (made_view.messages == history.messages() ? kQuietMs : kViewMs);
}

int64_t JobPages::State::DetailsDueMs() const {
  if (made_details.messages == history.messages()) return std::numeric_limits<int64_t>::max();
  return made_details.at_ms + details_pause_ms;
}

std::shared_ptr<const Details> JobPages::State::MakeDetails(const Job& job) {
  return std::make_shared<Details>(MakeTaskRows(job, history), history.LatestEvents(job));
}

HttpResponse JobPages::State::Answer(const HttpRequest& request) {
  const std::string& path = request.path;
  if (path.starts_with("/v1/gate/")) return Gate(request);
  if (path == "/livez") return Text(200, "ok");
  if (path == "/readyz") {
    return Current()->is_in_charge ? Text(200, "ok") : Text(503, "the journal is not claimed yet");
  }
  if (path == "/metrics") return Metrics();
  if (path == "/v1/job") return Json(ToJson(WithAskers(*Current()->view)));
  if (path == "/v1/tasks") return Tasks(request);
  if (path == "/v1/events") return Events(request);
  return Text(404,
              "there are: /v1/job /v1/tasks /v1/events /v1/gate/mapper /v1/gate/reducer /metrics "
              "/livez /readyz");
}

HttpResponse JobPages::State::Gate(const HttpRequest& request) {
  const auto question = ParseGateQuestion(request);
  if (!question) return Text(400, question.error().text);
  HttpResponse response = AnswerAtGate(*question, *Current());
  const std::lock_guard lock(mutex);
  ++gate_answers[{RoleName(question->role), response.status}];
  return response;
}

HttpResponse JobPages::State::AnswerAtGate(const GateQuestion& question, const Snapshot& now) {
  GateReply reply;
  const std::string objection = Objection(question, now);
  const bool is_reducer = question.role == proto::PHASE_REDUCE;
  reply.answer = is_reducer ? now.reducer : now.mapper;
  if (objection.empty() && reply.answer.state == GateState::kClosed) {
    reply.text = now.is_in_charge ? fmt::format("the job is {}", now.view->state)
                                  : "the master is about to begin";
    reply.retry_after_ms = RetryMs();
    askers.Waits(question.role, question.asker, options.clock->NowMs(), reply.retry_after_ms);
    return ToHttp(reply);
  }
  askers.Leaves(question.role, question.asker);
  if (!objection.empty()) return ToRefusal(objection);
  const uint32_t sharers = std::max(1u, is_reducer ? options.reducers : options.mappers);
  reply.in_flight_bytes = std::min(kInFlightBytesMax, kInFlightBytesANode / sharers);
  return ToHttp(reply);
}

// Why the asker is of another job; empty: it is not.
std::string JobPages::State::Objection(const GateQuestion& question, const Snapshot& now) const {
  if (question.job_name != options.job_name) {
    return fmt::format("this is the master of the job {}, not of {}: look at --master and --job-id",
                       options.job_name, question.job_name);
  }
  const Incarnation ours = now.view->incarnation;
  if (now.is_in_charge && question.incarnation.bits != 0 && question.incarnation != ours) {
    return fmt::format("the job {} was begun anew: it is {} now, not {}", options.job_name,
                       ours.Hex(), question.incarnation.Hex());
  }
  if (options.job_hash != 0 && question.job_hash != 0 && question.job_hash != options.job_hash) {
    return fmt::format("the master of the job {} runs another job file: give all of them the same",
                       options.job_name);
  }
  return {};
}

// Longer the more wait, and another time for each.
int64_t JobPages::State::RetryMs() {
  const int64_t middle_ms =
      std::clamp(kRetryMsEach * int64_t{askers.waiting()}, kRetryMsMin, kRetryMsMax);
  const uint64_t bits = (options.seed + retries.fetch_add(1) + 1) * 0x9e3779b97f4a7c15u;
  return middle_ms / 2 + middle_ms * static_cast<int64_t>(bits >> 54) / 1024;
}

JobView JobPages::State::WithAskers(const JobView& view) const {
  JobView with = view;
  for (const auto role : {proto::PHASE_MAP, proto::PHASE_REDUCE}) {
    with.workers[role].waiting += askers.waiting(role, options.clock->NowMs());
  }
  return with;
}

HttpResponse JobPages::State::Tasks(const HttpRequest& request) const {
  const auto details = Current()->details;
  const auto all = static_cast<int64_t>(details->tasks.size());
  const int64_t from = std::clamp<int64_t>(NumberOf(request, "from", 0), 0, all);
  const int64_t end = std::min<int64_t>(all, from + static_cast<int64_t>(kListMax));
  nlohmann::json list = nlohmann::json::array();
  for (int64_t i = from; i < end; ++i) {
    list.push_back(ToJson(details->tasks[static_cast<size_t>(i)]));
  }
  nlohmann::json object = {{"all", all}, {"from", from}, {"tasks", std::move(list)}};
  if (end < all) object["next"] = end;
  return Json(object);
}

HttpResponse JobPages::State::Events(const HttpRequest& request) const {
  const auto details = Current()->details;
  const auto& events = details->events;
  const int64_t since = NumberOf(request, "since", 0);
  auto at =
      std::ranges::lower_bound(events, since, {}, [](const auto& event) { return event->offset; });
  nlohmann::json list = nlohmann::json::array();
  int64_t next = since;
  // The records of one message stay together.
  for (; at != events.end() && (list.size() < kListMax || (*at)->offset < next); ++at) {
    nlohmann::json event = JsonOf((*at)->record);
    event["offset"] = (*at)->offset;
    event["unix_ms"] = (*at)->unix_ms;
    event["epoch"] = (*at)->epoch;
    list.push_back(std::move(event));
    next = (*at)->offset + 1;
  }
  return Json({{"events", std::move(list)},
               {"next", next},
               {"first", events.empty() ? 0 : events.front()->offset}});
}

HttpResponse JobPages::State::Metrics() const {
  const auto now = Current();
  MasterCounts counts;
  counts.journal_messages = now->journal_messages;
  counts.journal_bytes = now->journal_bytes;
  {
    const std::lock_guard lock(mutex);
    counts.gate_answers = gate_answers;
  }
  HttpResponse response;
  response.type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = http->MetricsText(JobMetrics(WithAskers(*now->view), counts));
  return response;
}

JobPages::JobPages(std::unique_ptr<State> state) : state_(std::move(state)) {}
JobPages::~JobPages() = default;

Result<std::unique_ptr<JobPages>> JobPages::Serve(JobPagesOptions options) {
  auto state = std::make_unique<State>(std::move(options));
  state->http = MINKE_TRY(LoadHttpLibrary());
  HttpServerOptions server;
  server.address = state->options.listen;
  state->server = MINKE_TRY(state->http->Listen(
      server, [at = state.get()](const HttpRequest& request) { return at->Answer(request); }));
  return std::unique_ptr<JobPages>(new JobPages(std::move(state)));
}

void JobPages::Read(const LogMessage& message) { state_->history.Read(message); }

void JobPages::Show(const MasterBrain& brain) {
  State& state = *state_;
  const auto former = state.Current();
  auto next = std::make_shared<Snapshot>(*former);
  next->is_in_charge = brain.is_in_charge();
  next->mapper = brain.Gate(proto::PHASE_MAP);
  next->reducer = brain.Gate(proto::PHASE_REDUCE);
  next->journal_messages = state.history.messages();
  next->journal_bytes = state.history.bytes();
  const int64_t now_ms = state.options.clock->NowMs();
  if (now_ms >= state.ViewDueMs() || next->is_in_charge != former->is_in_charge) {
    next->view = std::make_shared<JobView>(brain.View());
    state.made_view = {state.history.messages(), now_ms};
  }
  if (now_ms >= state.DetailsDueMs()) {
    next->details = state.MakeDetails(brain.job());
    const int64_t took_ms = state.options.clock->NowMs() - now_ms;
    state.made_details = {state.history.messages(), now_ms};
    state.details_pause_ms = std::max(kDetailsMs, kDetailsCost * took_ms);
  }
  const std::lock_guard lock(state.mutex);
  state.shown = std::move(next);
}

int64_t JobPages::wake_at_ms() const {
  return std::min(state_->ViewDueMs(), state_->DetailsDueMs());
}

JobView JobPages::View() const { return state_->WithAskers(*state_->Current()->view); }

std::string JobPages::url() const {
  const std::string& listen = state_->options.listen;
  return fmt::format("http://{}:{}", listen.substr(0, listen.rfind(':')), state_->server->port());
}

}  // namespace minke
