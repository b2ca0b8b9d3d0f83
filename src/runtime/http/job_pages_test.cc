// Pages of a real master, asked over HTTP, whose worker is the test.
#include "runtime/http/job_pages.h"

#include <fmt/format.h>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "adapter/http/http.h"
#include "adapter/memory_log.h"
#include "adapter/memory_store.h"
#include "control/plan.h"
#include "runtime/http/gate_reply.h"
#include "runtime/master.h"
#include "task/attempt.h"

namespace minke {
namespace {

class TestClock final : public Clock {
 public:
  int64_t NowMs() const override { return now_ms; }
  int64_t UnixMs() const override { return 1'700'000'000'000 + now_ms; }
  int64_t now_ms = 1;
};

// A job of two map tasks and a reduce task.
class JobPagesTest : public testing::Test {
 protected:
  JobPagesTest() {
    JobPagesOptions options;
    options.job_name = "books";
    options.job_hash = 0xabc;
    options.mappers = 2;
    options.reducers = 64;
    options.clock = &clock_;
    auto pages = JobPages::Serve(options);
    EXPECT_TRUE(pages) << pages.error().text;
    pages_ = std::move(*pages);
    http_ = LoadHttpLibrary().value();
    question_.job_name = "books";
    question_.asker = 1;
  }

  void BeginMaster() {
    MasterPorts ports;
    ports.open_log = [this](Incarnation) { return std::make_unique<MemoryLog>(log_); };
    ports.store = &store_;
    ports.clock = &clock_;
    ports.random_bits = [this] { return ++ids_; };
    ports.on_journal = [this](const LogMessage& message) { pages_->Read(message); };
    MasterDuties duties;
    duties.make_plan = []() -> Result<proto::Plan> {
      proto::Plan plan;
      plan.set_partitions(1);
      plan.set_attempts_max(4);
      plan.set_job_hash(0xabc);
      plan.add_files()->set_size(1'000);
      for (const auto kind : {proto::PHASE_MAP, proto::PHASE_REDUCE}) {
        proto::Step* step = plan.add_steps();
        step->set_kind(kind);
        step->set_tasks(kind == proto::PHASE_MAP ? 2 : 1);
      }
      return plan;
    };
    duties.publish = [](const Publish& publish, const proto::Manifest&) -> Result<uint64_t> {
      return publish.mine;
    };
    MasterOptions options;
    options.job_name = "books";
    options.uuid = ++ids_;
    options.fresh_incarnation = Incarnation{0xffff'ffff'ffff'fff1};
    master_ = std::make_unique<Master>(std::move(ports), std::move(duties), options);
    Settle();
  }

  // Until nothing happens any more; then a second goes by.
  void Settle() {
    for (int turns = 0; master_->RunOnce(); ++turns) ASSERT_LT(turns, 10'000);
    clock_.now_ms += 1'000;
    pages_->Show(master_->brain());
  }

  void Tell(const std::function<void(proto::Fact&)>& fill) {
    proto::InboxMessage message;
    fill(*message.add_facts());
    ASSERT_TRUE(log_.Append(Topic::kInbox, message.SerializeAsString()));
  }

  void Join(uint64_t worker, proto::PhaseKind role) {
    Tell([&](proto::Fact& fact) {
      proto::WorkerJoined* joined = fact.mutable_worker_joined();
      joined->set_worker_id(worker);
      joined->set_slots(1);
      joined->set_role(role);
      joined->set_job_hash(0xabc);
      joined->set_as_of(static_cast<uint64_t>(log_.Range(Topic::kJournal).value().second - 1));
    });
    Settle();
  }

  // All attempts that are assigned end well.
  void End() {
    for (const auto& [attempt, live] : master_->brain().job().live()) {
      proto::Report report;
      report.set_records_in(10);
      report.set_bytes_in(500);
      proto::Counter* counter = report.add_counters();
      counter->set_name("lines \"long\"");
      counter->set_value(5);
      ASSERT_TRUE(store_.PutBlock(master_->brain().incarnation(), ReportName(attempt),
                                  report.SerializeAsString()));
      Tell([&](proto::Fact& fact) {
        ToProto(attempt, fact.mutable_task_done()->mutable_attempt());
      });
    }
    Settle();
  }

  HttpResponse Get(const std::string& path) {
    auto got = http_->Get(pages_->url() + path, {});
    EXPECT_TRUE(got) << got.error().text;
    return *got;
  }
  nlohmann::json GetJson(const std::string& path) {
    const HttpResponse got = Get(path);
    EXPECT_EQ(got.status, 200) << got.body;
    return nlohmann::json::parse(got.body, nullptr, false);
  }
  HttpResponse AskGate(proto::PhaseKind role, uint64_t asker = 1) {
    question_.role = role;
    question_.asker = asker;
    return Get(GatePath(question_));
  }

  TestClock clock_;
  MemoryLog log_{&clock_};
  MemoryStore store_;
  uint64_t ids_ = 0;
  std::unique_ptr<JobPages> pages_;
  std::unique_ptr<Master> master_;
  const HttpLibrary* http_ = nullptr;
  GateQuestion question_;
};

TEST_F(JobPagesTest, BeforeTheClaimItLivesIsNotReadyAndLetsNobodyIn) {
  EXPECT_EQ(Get("/livez").status, 200);
  EXPECT_EQ(Get("/readyz").status, 503);
  const HttpResponse gate = AskGate(proto::PHASE_MAP);
  EXPECT_EQ(gate.status, 503);
  EXPECT_GE(gate.retry_after_s, 1);
  BeginMaster();
  EXPECT_EQ(Get("/readyz").status, 200);
}

TEST_F(JobPagesTest, TheGateOpensWithThePhaseAndIsOverBehindIt) {
  BeginMaster();
  auto mapper = ParseGateReply(AskGate(proto::PHASE_MAP));
  ASSERT_TRUE(mapper) << mapper.error().text;
  const GateAnswer expected = master_->brain().Gate(proto::PHASE_MAP);
  EXPECT_EQ(mapper->answer.state, GateState::kOpen);
  EXPECT_EQ(mapper->answer.incarnation.bits, 0xffff'ffff'ffff'fff1);
  EXPECT_EQ(mapper->answer.position, expected.position);
  EXPECT_EQ(mapper->answer.phase_offset, expected.phase_offset);
  EXPECT_EQ(mapper->in_flight_bytes, 4u << 20);
  EXPECT_EQ(AskGate(proto::PHASE_REDUCE).status, 503);
  Join(70, proto::PHASE_MAP);
  End();
  EXPECT_EQ(AskGate(proto::PHASE_MAP).status, 410);
  const auto reducer = ParseGateReply(AskGate(proto::PHASE_REDUCE));
  ASSERT_TRUE(reducer) << reducer.error().text;
  EXPECT_EQ(reducer->answer.state, GateState::kOpen);
  EXPECT_EQ(reducer->in_flight_bytes, 1u << 20) << "64 of them share what a node takes";
  End();
  ASSERT_TRUE(master_->exit());
  EXPECT_EQ(AskGate(proto::PHASE_REDUCE).status, 410);
}

TEST_F(JobPagesTest, WhoIsOfAnotherJobIsRefusedAndToldWhy) {
  BeginMaster();
  const auto refused = [this](const std::string& why) {
    const HttpResponse response = AskGate(proto::PHASE_MAP);
    EXPECT_EQ(response.status, 409);
    EXPECT_NE(response.body.find(why), std::string::npos) << response.body;
  };
  question_.job_name = "bokos";
  refused("bokos");
  question_.job_name = "books";
  question_.incarnation.bits = 1;
  refused("0000000000000001");
  question_.incarnation.bits = 0xffff'ffff'ffff'fff1;
  question_.job_hash = 0xabd;
  refused("job file");
  question_.job_hash = 0xabc;
  EXPECT_EQ(AskGate(proto::PHASE_MAP).status, 200);
  EXPECT_EQ(Get("/v1/gate/cook?job=books").status, 400);
}

TEST_F(JobPagesTest, WorkersAreCountedByRoleThoseAtTheGateToo) {
  BeginMaster();
  for (int i = 0; i < 3; ++i) {
    AskGate(proto::PHASE_REDUCE, 1);
    AskGate(proto::PHASE_REDUCE, 2);
  }
  Join(70, proto::PHASE_MAP);
  Join(71, proto::PHASE_MAP);
  Tell([](proto::Fact& fact) {
    fact.mutable_worker_leaving()->set_worker_id(71);
    fact.mutable_worker_leaving()->set_asked(true);
  });
  Settle();
  const auto workers = GetJson("/v1/job")["workers"];
  EXPECT_EQ(workers["mapper"].dump(), R"({"finished":1,"lost":0,"waiting":0,"working":1})");
  EXPECT_EQ(workers["reducer"].dump(), R"({"finished":0,"lost":0,"waiting":2,"working":0})");
  EXPECT_EQ(WorkersText(pages_->View()),
            "mappers: 0 waiting, 1 working, 1 finished; reducers: 2 waiting, 0 working, 0 "
            "finished");
  clock_.now_ms += 60'000;
  EXPECT_EQ(GetJson("/v1/job")["workers"]["reducer"]["waiting"], 0) << "they have given up";
}

TEST_F(JobPagesTest, TheJobItsTasksAndItsEventsAreShown) {
  BeginMaster();
  Join(70, proto::PHASE_MAP);
  auto tasks = GetJson("/v1/tasks");
  ASSERT_EQ(tasks["all"], 3);
  EXPECT_EQ(tasks["tasks"][0]["state"], "running");
  EXPECT_EQ(tasks["tasks"][0]["attempts"][0]["worker"], "0000000000000046");
  EXPECT_EQ(tasks["tasks"][2]["state"], "waiting");
  End();
  tasks = GetJson("/v1/tasks");
  const auto done = tasks["tasks"][0];
  EXPECT_EQ(done["kind"], "map");
  EXPECT_EQ(done["state"], "done");
  EXPECT_EQ(done["attempts"][0]["attempt"], "0-1");
  EXPECT_GT(done["attempts"][0]["ended_unix_ms"], done["attempts"][0]["assigned_unix_ms"]);
  const auto job = GetJson("/v1/job");
  EXPECT_EQ(job["job"], "books");
  EXPECT_EQ(job["state"], "reducing");
  EXPECT_EQ(job["phases"][0]["done"], 2);
  EXPECT_EQ(job["input_bytes"], 1'000);
  const auto events = GetJson("/v1/events");
  EXPECT_EQ(events["events"][0]["kind"], "MasterClaimed");
  EXPECT_EQ(events["events"][1]["kind"], "JobAccepted");
  const int64_t next = events["next"];
  EXPECT_EQ(next, log_.Range(Topic::kJournal).value().second);
  EXPECT_TRUE(GetJson(fmt::format("/v1/events?since={}", next))["events"].empty());
  End();
  const auto later = GetJson(fmt::format("/v1/events?since={}", next));
  EXPECT_GE(later["events"][0]["offset"], next);
  EXPECT_GT(later["next"], next);
}

TEST_F(JobPagesTest, MetricsTellOfTasksWorkersAndTheGate) {
  BeginMaster();
  AskGate(proto::PHASE_REDUCE);
  Join(70, proto::PHASE_MAP);
  End();
  const std::string text = Get("/metrics").body;
  for (const char* line :
       {"minke_tasks{kind=\"map\",state=\"done\"} 2\n", "minke_attempts_total 3\n",
        "minke_workers{role=\"mapper\",state=\"working\"} 1\n",
        "minke_workers{role=\"reducer\",state=\"waiting\"} 1\n", "minke_read_bytes 1000\n",
        "minke_job_counter{name=\"lines \\\"long\\\"\"} 10\n",
        "minke_gate_answers_total{role=\"reducer\",status=\"503\"} 1\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  }
}

TEST_F(JobPagesTest, WhatIsNoPageIsNotFound) {
  EXPECT_EQ(Get("/v1/jobs").status, 404);
  EXPECT_NE(Get("/").body.find("/v1/job"), std::string::npos);
}

TEST_F(JobPagesTest, ViewsAreMadeAnewWhenTimeHasGoneByOrTheJobHasGoneOn) {
  BeginMaster();
  EXPECT_EQ(pages_->wake_at_ms(), clock_.now_ms + 1'000);
  const int64_t elapsed_ms = pages_->View().elapsed_ms;
  clock_.now_ms += 500;
  master_->RunOnce();
  pages_->Show(master_->brain());
  EXPECT_EQ(pages_->View().elapsed_ms, elapsed_ms) << "nothing new";
  clock_.now_ms += 500;
  master_->RunOnce();
  pages_->Show(master_->brain());
  EXPECT_EQ(pages_->View().elapsed_ms, elapsed_ms + 2'000);
}

}  // namespace
}  // namespace minke
