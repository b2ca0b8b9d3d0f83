// `minke jobs [NAME]`: what jobs there are, and how each is used.
#include <algorithm>
#include <cstdio>
#include <fmt/format.h>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "cli/commands.h"
#include "runtime/http/json.h"
#include "task/job/job_file.h"

namespace minke {
namespace {

struct JobsFlags {
  std::string name;
  bool json = false;
};

const char* TypeName(uint32_t type) {
  switch (type) {
    case MINKE_ARGUMENT_INTEGER:
      return "integer";
    case MINKE_ARGUMENT_FLOAT:
      return "number";
    case MINKE_ARGUMENT_BOOL:
      return "true or false";
    default:
      return "text";
  }
}

std::string DefaultText(const minke_argument& argument) {
  if (argument.required != 0) return "required";
  if (argument.default_value == nullptr) return "optional";
  return fmt::format("default {}", argument.default_value);
}

nlohmann::json ToJson(const minke_job_entry& entry) {
  nlohmann::json arguments = nlohmann::json::array();
  for (size_t i = 0; i < entry.argument_count; ++i) {
    const minke_argument& argument = entry.arguments[i];
    nlohmann::json one = {{"name", argument.name},
                          {"type", TypeName(argument.type)},
                          {"required", argument.required != 0},
                          {"help", argument.help}};
    if (argument.default_value != nullptr) one["default"] = argument.default_value;
    arguments.push_back(std::move(one));
  }
  return {{"name", entry.name},     {"summary", entry.summary}, {"input", entry.input},
          {"output", entry.output}, {"example", entry.example}, {"arguments", arguments}};
}

void PrintOne(const minke_job_entry& entry) {
  fmt::print("{}: {}\n\n  input    {}\n  output   {}\n", entry.name, entry.summary, entry.input,
             entry.output);
  for (size_t i = 0; i < entry.argument_count; ++i) {
    const minke_argument& argument = entry.arguments[i];
    fmt::print("  --arg {}=   {} ({}; {})\n", argument.name, argument.help, TypeName(argument.type),
               DefaultText(argument));
  }
  fmt::print("\n  {}\n", entry.example);
}

void PrintAll(const std::vector<JobFile>& jobs) {
  size_t width = 0;
  for (const JobFile& job : jobs) width = std::max(width, job.name().size());
  for (const JobFile& job : jobs) {
    fmt::print("{:<{}}  {}\n", job.name(), width, job.entry().summary);
  }
}

int Fail(const Error& error) {
  fmt::print(stderr, "minke jobs: {}\n", error.text);
  return ExitCodeOf(error.code);
}

// A built-in job, one of a file, or all of a file.
Result<std::vector<JobFile>> FindJobs(const std::string& name) {
  if (name.ends_with(".so")) return JobFile::Load(name);
  return std::vector{MINKE_TRY(JobFile::Find(name))};
}

int ShowJobs(const JobsFlags& flags) {
  std::vector<JobFile> jobs;
  if (flags.name.empty()) {
    jobs = JobFile::BuiltIn();
  } else {
    auto found = FindJobs(flags.name);
    if (!found) return Fail(found.error());
    jobs = *std::move(found);
  }
  const bool is_list = flags.name.empty() || jobs.size() > 1;
  if (flags.json) {
    nlohmann::json all = nlohmann::json::array();
    for (const JobFile& job : jobs) all.push_back(ToJson(job.entry()));
    fmt::print("{}\n", JsonText(is_list ? all : all[0], 2));
  } else if (is_list) {
    PrintAll(jobs);
  } else {
    PrintOne(jobs[0].entry());
  }
  return 0;
}

}  // namespace

void AddJobsCommand(CLI::App& app, int* exit_code) {
  auto flags = std::make_shared<JobsFlags>();
  CLI::App* command = app.add_subcommand("jobs", "List the built-in jobs, or show how one is used");
  command->add_option("NAME", flags->name, "A built-in job, or a job file (x.so, x.so:name)");
  command->add_flag("--json", flags->json, "Print JSON");
  command->footer("Examples:\n  minke jobs\n  minke jobs join\n  minke jobs ./my_job.so");
  command->callback([flags, exit_code] { *exit_code = ShowJobs(*flags); });
}

}  // namespace minke
