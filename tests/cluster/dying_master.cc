// A master that dies by SIGKILL at a chosen message of its own: the very RunMaster, over a log that
// counts what it reads back.
//
//   dying_master JOB_ID LISTEN MESSAGES read|acted OUTPUT JOB INPUT [NAME=VALUE …]
//
// Behind its claim it writes messages 1, 2, 3 …; it dies when it reads back the message MESSAGES,
// or (acted) when it is about to write the next one. The services are named by the environment.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/service_flags.h"
#include "runtime/cluster/master_process.h"

#include "proto/minke.pb.h"

namespace minke {
namespace {

struct Death {
  int messages = 0;
  bool has_acted = false;
  bool has_claimed = false;
  int read = 0;  // behind the claim

  bool IsDue() const { return has_claimed && read >= messages; }
  [[noreturn]] static void Now() {
    std::raise(SIGKILL);
    std::abort();
  }
};

class DyingReader final : public LogReader {
 public:
  // The claim comes behind what is there now.
  DyingReader(std::unique_ptr<LogReader> reader, int64_t end, Death* death)
      : reader_(std::move(reader)), end_(end), death_(death) {}
  Result<std::vector<LogMessage>> Poll(size_t bytes_max) override {
    auto batch = reader_->Poll(bytes_max);
    if (!batch) return batch;
    for (const LogMessage& message : *batch) {
      if (message.offset < end_) continue;
      death_->read += death_->has_claimed ? 1 : 0;
      death_->has_claimed = true;
    }
    if (!death_->has_acted && death_->IsDue()) Death::Now();
    return batch;
  }
  int64_t position() const override { return reader_->position(); }
  bool is_at_end() const override { return reader_->is_at_end(); }

 private:
  std::unique_ptr<LogReader> reader_;
  int64_t end_;
  Death* death_;
};

class DyingLog final : public Log {
 public:
  DyingLog(std::unique_ptr<Log> log, Death* death) : log_(std::move(log)), death_(death) {}
  Status Create() override { return log_->Create(); }
  Status Append(Topic topic, std::string bytes) override {
    if (topic == Topic::kJournal && death_->IsDue()) Death::Now();
    return log_->Append(topic, std::move(bytes));
  }
  Result<std::pair<int64_t, int64_t>> Range(Topic topic) override { return log_->Range(topic); }
  Result<std::unique_ptr<LogReader>> Read(Topic topic, int64_t from) override {
    if (topic != Topic::kJournal) return log_->Read(topic, from);
    const auto [first, end] = MINKE_TRY(log_->Range(topic));
    auto reader = MINKE_TRY(log_->Read(topic, from));
    return std::unique_ptr<LogReader>(
        std::make_unique<DyingReader>(std::move(reader), end, death_));
  }
  Status Close() override { return log_->Close(); }
  void OnReady(std::function<void()> ready) override { log_->OnReady(std::move(ready)); }

 private:
  std::unique_ptr<Log> log_;
  Death* death_;
};

int Main(int argc, char** argv) {
  if (argc < 8) return 64;
  Death death{std::atoi(argv[3]), std::string(argv[4]) == "acted"};
  MasterRequest request;
  request.job_name = argv[1];
  request.listen = argv[2];
  request.lease_ms = 5'000;
  request.run.output = argv[5];
  request.run.job = argv[6];
  request.run.inputs = {argv[7]};
  request.run.partitions = 5;
  request.run.split_bytes = 500;
  for (int i = 8; i < argc; ++i) {
    const std::string word = argv[i];
    const size_t equals = word.find('=');
    request.run.arguments.emplace_back(word.substr(0, equals), word.substr(equals + 1));
  }
  ServiceFlags flags;
  CLI::App app;
  AddServiceFlags(app, &flags);
  app.parse("");  // the environment
  ClusterServices services = ServicesOf(flags);
  services.open_log = [&,
                       open = services.open_log](Incarnation job) -> Result<std::unique_ptr<Log>> {
    auto log = open(job);
    if (!log) return log;
    return std::unique_ptr<Log>(std::make_unique<DyingLog>(*std::move(log), &death));
  };
  return RunMaster(request, services);
}

}  // namespace
}  // namespace minke

int main(int argc, char** argv) { return minke::Main(argc, argv); }
