#include "cli/open_job.h"

#include <fmt/format.h>

#include "cli/config_file.h"

namespace minke {

void AddJobFlags(CLI::App& command, JobFlags* flags) {
  AddLogFlags(command, &flags->log);
  AddStoreFlags(command, &flags->store);
  AddConfigFlag(command, &flags->config);
}

Result<OpenedJob> OpenJob(const JobFlags& flags) {
  OpenedJob job;
  job.store = MINKE_TRY(OpenStore(flags.store));
  const auto row = MINKE_TRY(job.store->GetJob(flags.name));
  if (!row) return Error{ErrorCode::kInput, fmt::format("there is no job {}", flags.name)};
  job.row = *row;
  job.log = MINKE_TRY(OpenLog(flags.log, row->incarnation));
  return job;
}

Error NoJournal(const JobFlags& flags, const JobRow& row) {
  return {row.state == JobState::kOpen ? ErrorCode::kInput : ErrorCode::kConfiguration,
          fmt::format("the job {} has no journal: {}", flags.name,
                      row.state == JobState::kFinished
                          ? "it is over, and its journal was kept for some days only"
                          : "its topic was not made, or is gone")};
}

}  // namespace minke
