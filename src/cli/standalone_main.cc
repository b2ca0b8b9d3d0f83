// main() of a program that is one job of its own (minke::main): the flags of `minke run`, inputs as
// arguments. A debugger or a sanitizer then sees user code and engine in one executable.
#include <fmt/format.h>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "task/job/job_file.h"

int main(int argc, char** argv) {
  const std::vector<minke::JobFile> jobs = minke::JobFile::BuiltIn();
  if (jobs.empty()) {
    fmt::print(stderr, "{}: no job is linked in: register one with MINKE_JOB\n", argv[0]);
    return 64;
  }
  // One job: it is the program. Several: the first word names one, as in `minke run`.
  const bool is_one = jobs.size() == 1;
  CLI::App app{is_one ? std::string(jobs[0].entry().summary) : "Runs a job on this machine",
               argv[0]};
  int exit_code = 0;
  minke::AddRunFlags(app, is_one ? std::string(jobs[0].name()) : "", &exit_code);
  return minke::ParseAndRun(app, argc, argv, &exit_code);
}
