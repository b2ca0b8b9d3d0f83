// A job that is over begins anew under its name: a new incarnation, with the spec that it had.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "port/log.h"
#include "port/store.h"

namespace minke {

// The logs of jobs, from outside.
struct JobLogs {
  std::function<Result<std::unique_ptr<Log>>(Incarnation job)> open;
  std::function<Status(Incarnation job)> remove;  // all of its topics; none there is fine
};

// Returns the new incarnation. The old one's topics go; what it has stored is for sweep, or is a
// dataset by now. Also of a job that was accepted and whose journal is gone: nothing else helps it.
// kInput: no such job; kAlreadyExists: it is still open; kUnavailable: the row was changed
// meanwhile.
Result<Incarnation> RerunJob(Store& store, const JobLogs& logs, const std::string& job_name);

}  // namespace minke
