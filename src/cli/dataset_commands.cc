// `minke setup`, `put`, `get`, `ls`, `rm`: datasets in the store.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fmt/format.h>
#include <functional>
#include <memory>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/machine.h"
#include "base/result.h"
#include "cli/commands.h"
#include "cli/config_file.h"
#include "cli/store_flags.h"
#include "runtime/get.h"
#include "runtime/http/json.h"
#include "runtime/prepare.h"
#include "runtime/put.h"
#include "runtime/standard_output.h"
#include "runtime/stop_signals.h"
#include "task/dataset/dataset.h"

namespace minke {
namespace {

std::atomic<int> stop_signal{0};

void OnSignal(int signal) { stop_signal.store(signal); }

struct DatasetFlags {
  StoreFlags store;
  std::string config, dataset;
  std::vector<std::string> files, datasets;
  std::string output, spill = "/tmp";
  uint32_t record_bytes = 0, threads = 0, replicas = 0;
  bool overwrite = false, sync = false, json = false, quiet = false;
};

using Flags = std::shared_ptr<DatasetFlags>;
// What a command does, once its flags are read.
using Body = std::function<Status(Store& store, const DatasetFlags& flags)>;

// With or without "dataset:" in front.
std::string NameOf(const std::string& word) { return DatasetNameIn(word).value_or(word); }

uint32_t Threads(const DatasetFlags& flags) {
  return flags.threads != 0 ? flags.threads : static_cast<uint32_t>(UsableCpus());
}

Result<int> WithStore(const char* command, const DatasetFlags& flags, const Body& body) {
  const auto store = MINKE_TRY(OpenStore(flags.store));
  const Status done = body(*store, flags);
  if (done) return 0;
  const bool is_terminated =
      done.error().code == ErrorCode::kCancelled && stop_signal.load() == SIGTERM;
  const int code = Told(command, done);
  return is_terminated ? ExitCodeOfSignal(SIGTERM) : code;
}

CLI::App* AddCommand(CLI::App& app, int* exit_code, const char* name, const char* what,
                     const Flags& flags, const Body& body) {
  CLI::App* command = app.add_subcommand(name, what);
  AddStoreFlags(*command, &flags->store);
  AddConfigFlag(*command, &flags->config);
  WhenChosen(*command, &flags->config, exit_code,
             [flags, body, name] { return WithStore(name, *flags, body); });
  return command;
}

std::string Megabytes(uint64_t bytes) {
  return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
}

// ---- put

Status Put(Store& store, const DatasetFlags& flags) {
  for (const int signal : {SIGINT, SIGTERM}) std::signal(signal, OnSignal);
  PutOptions options;
  options.threads = Threads(flags);
  options.record_bytes = flags.record_bytes;
  options.spill_folder = flags.spill;
  options.stop = &stop_signal;
  const bool shows = !flags.quiet && !flags.json && isatty(STDERR_FILENO) == 1;
  if (shows) {
    options.on_progress = [](const PutProgress& progress) {
      fmt::print(stderr, "\r\x1b[Kput  {} of {}", Megabytes(progress.bytes_done),
                 Megabytes(progress.bytes));
      std::fflush(stderr);
    };
  }
  const auto begin = std::chrono::steady_clock::now();
  const std::string name = NameOf(flags.dataset);
  auto done = PutFiles(store, name, flags.files, options);
  if (shows) fmt::print(stderr, "\r\x1b[K");
  if (!done) return std::move(done).error();
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (flags.json) {
    fmt::print("{}\n", JsonText({{"dataset", name},
                                 {"version", done->version.Hex()},
                                 {"files", done->files},
                                 {"records", done->records},
                                 {"bytes", done->bytes},
                                 {"was_there", done->was_there},
                                 {"wall_s", seconds}}));
  } else if (!flags.quiet) {
    fmt::print(stderr, "dataset:{}  {} files  {} records  {}{}\n", name, done->files, done->records,
               Megabytes(done->bytes),
               done->was_there ? "  (was there already)" : fmt::format("  in {:.1f} s", seconds));
  }
  return {};
}

void AddPut(CLI::App& app, int* exit_code) {
  const auto flags = std::make_shared<DatasetFlags>();
  CLI::App* command =
      AddCommand(app, exit_code, "put", "Put files into a dataset, as its new version", flags, Put);
  command->add_option("DATASET", flags->dataset, "Name of the dataset")->required();
  command->add_option("FILE", flags->files, "Files, folders, globs or -; gzip and zstd unpacked")
      ->required();
  command->add_option("--record-bytes", flags->record_bytes,
                      "The files hold records of this length; default: text");
  command->add_option("--threads", flags->threads, "Default: the CPUs at hand")
      ->check(CLI::Range(1u, 4096u))
      ->envname("MINKE_THREADS");
  command->add_option("--spill", flags->spill, "Folder for what comes through pipes")
      ->envname("MINKE_SPILL")
      ->capture_default_str();
  command->add_flag("--json", flags->json, "Print JSON");
  command->add_flag("-q,--quiet", flags->quiet, "No progress line and no summary");
  command->footer(
      "Examples:\n  minke put books books/*.txt\n  zcat logs.gz | minke put logs -\n\n"
      "What was interrupted goes on when the same command is given again. Files that were put and\n"
      "have not changed are not put again. Readers see the old version until the new one is "
      "whole.\n\n"
      "Exit codes: 0 done, 64 usage, 65 bad input, 75 try again, 78 configuration, 130 "
      "interrupted.");
}

// ---- get

Status Get(Store& store, const DatasetFlags& flags) {
  const std::string name = NameOf(flags.dataset);
  if (flags.output.empty() || flags.output == "-") {
    std::signal(SIGPIPE, SIG_IGN);
    StandardOutput out;
    const Error closed{ErrorCode::kCancelled, "standard output was closed"};
    auto got = GetInOrder(store, name, [&](Bytes bytes) -> Status {
      MINKE_TRY_STATUS(out.Write(bytes));
      if (out.is_closed()) return closed;
      return {};
    });
    if (!got && !out.is_closed()) return std::move(got).error();
    return {};
  }
  GetOptions options;
  options.threads = Threads(flags);
  options.overwrite = flags.overwrite;
  options.sync = flags.sync;
  const DatasetTotals done = MINKE_TRY(GetIntoFolder(store, name, flags.output, options));
  if (flags.json) {
    fmt::print("{}\n", JsonText({{"dataset", name},
                                 {"parts", done.parts},
                                 {"records", done.records},
                                 {"bytes", done.bytes}}));
  } else if (!flags.quiet) {
    fmt::print(stderr, "{}  {} parts  {} records  {}\n", flags.output, done.parts, done.records,
               Megabytes(done.bytes));
  }
  return {};
}

void AddGet(CLI::App& app, int* exit_code) {
  const auto flags = std::make_shared<DatasetFlags>();
  CLI::App* command = AddCommand(app, exit_code, "get",
                                 "Get a dataset as an output folder, or print it", flags, Get);
  command->add_option("DATASET", flags->dataset, "Name of the dataset")->required();
  command->add_option("-o,--output", flags->output,
                      "Output folder; without it, or with '-', standard output");
  command->add_option("--threads", flags->threads, "Default: the CPUs at hand")
      ->check(CLI::Range(1u, 4096u))
      ->envname("MINKE_THREADS");
  command->add_flag("--overwrite", flags->overwrite, "Replace an output that exists");
  command->add_flag("--sync", flags->sync, "Sync the files to disk before they count")
      ->envname("MINKE_SYNC");
  command->add_flag("--json", flags->json, "Print JSON");
  command->add_flag("-q,--quiet", flags->quiet, "No summary");
  command->footer(
      "Examples:\n  minke get counts -o counts/\n  minke get counts | head\n\n"
      "Exit codes: 0 done, 64 usage or an output that exists, 65 no such dataset, 71 damaged, 74\n"
      "output, 75 try again, 78 configuration.");
}

// ---- ls

Status List(Store& store, const DatasetFlags& flags) {
  std::vector<std::string> names = MINKE_TRY(store.ListDatasets());
  if (!flags.datasets.empty()) {
    names.clear();
    for (const std::string& word : flags.datasets) names.push_back(NameOf(word));
  }
  nlohmann::json all = nlohmann::json::array();
  for (const std::string& name : names) {
    auto dataset = OpenDataset(store, name);
    // Removed, or being removed; who was named must be there.
    if (!dataset && dataset.error().code == ErrorCode::kInput && flags.datasets.empty()) continue;
    if (!dataset) return std::move(dataset).error();
    const auto [parts, records, bytes] = TotalsOf(dataset->manifest);
    if (flags.json) {
      all.push_back({{"dataset", name},
                     {"version", dataset->row.version.Hex()},
                     {"parts", parts},
                     {"records", records},
                     {"bytes", bytes}});
    } else {
      fmt::print("{:>6} parts  {:>12} records  {:>14} bytes  {}\n", parts, records, bytes, name);
    }
  }
  if (flags.json) fmt::print("{}\n", JsonText(all, 2));
  return {};
}

void AddList(CLI::App& app, int* exit_code) {
  const auto flags = std::make_shared<DatasetFlags>();
  CLI::App* command = AddCommand(app, exit_code, "ls", "List datasets", flags, List);
  command->add_option("DATASET", flags->datasets, "Only these");
  command->add_flag("--json", flags->json, "Print JSON");
  command->footer("Examples:\n  minke ls\n  minke ls books --json");
}

// ---- rm

// A job that was begun may read what is removed: then only the name goes.
Result<bool> HasOpenJob(Store& store) {
  for (const std::string& name : MINKE_TRY(store.ListJobs())) {
    if (IsPutRow(name)) continue;
    const auto row = MINKE_TRY(store.GetJob(name));
    if (row && row->state != JobState::kFinished) return true;
  }
  return false;
}

Status Remove(Store& store, const DatasetFlags& flags) {
  for (const std::string& word : flags.datasets) {
    const std::string name = NameOf(word);
    const Dataset dataset = MINKE_TRY(OpenDataset(store, name));
    MINKE_TRY_STATUS(RetireVersion(store, name, dataset.row.version));
    if (MINKE_TRY(HasOpenJob(store))) continue;
    MINKE_TRY_STATUS(RemoveVersion(store, dataset.row.version));
  }
  return {};
}

void AddRemove(CLI::App& app, int* exit_code) {
  const auto flags = std::make_shared<DatasetFlags>();
  CLI::App* command = AddCommand(app, exit_code, "rm", "Remove datasets", flags, Remove);
  command->add_option("DATASET", flags->datasets, "Names of datasets")->required();
  command->footer(
      "Examples:\n  minke rm books\n\n"
      "While a job is open, what it may be reading keeps its bytes; the name goes at once.");
}

// ---- setup

void AddSetup(CLI::App& app, int* exit_code) {
  const auto flags = std::make_shared<DatasetFlags>();
  CLI::App* command =
      app.add_subcommand("setup", "Make the keyspace and the tables that all jobs share");
  AddStoreFlags(*command, &flags->store);
  AddConfigFlag(*command, &flags->config);
  command->add_option("--replicas", flags->replicas,
                      "Copies of every row; default: three, or as many as there are nodes");
  command->footer(
      "Examples:\n  minke setup --cassandra 127.0.0.1:9042\n\n"
      "Once, by whoever may make keyspaces. What is there stays as it is.");
  WhenChosen(*command, &flags->config, exit_code, [flags]() -> Result<int> {
    MINKE_TRY_STATUS(SetUpStore(flags->store, flags->replicas));
    return 0;
  });
}

}  // namespace

void AddDatasetCommands(CLI::App& app, int* exit_code) {
  AddSetup(app, exit_code);
  AddPut(app, exit_code);
  AddGet(app, exit_code);
  AddList(app, exit_code);
  AddRemove(app, exit_code);
}

}  // namespace minke
