// The gate over HTTP: what is asked, what is said, and how both are written.
//
//   GET /v1/gate/mapper?job=J&asker=HEX[&incarnation=HEX][&hash=HEX]
//
// A 200 holds the whole GateAnswer as JSON (docs/PROTOCOL.md has the fields; numbers of 64 bits are
// text, so that no reader rounds them), 410 means over, 409 that the asker is of another job, 503
// not yet.
#pragma once

#include <cstdint>
#include <string>

#include "adapter/http/http.h"
#include "base/ids.h"
#include "base/result.h"
#include "control/gate.h"

#include "proto/minke.pb.h"

namespace minke {

struct GateQuestion {
  std::string job_name;
  proto::PhaseKind role = proto::PHASE_MAP;  // PHASE_MAP: a mapper, PHASE_REDUCE: a reducer
  Incarnation incarnation;                   // 0: whichever it is
  uint64_t job_hash = 0;                     // of the job file; 0: not told
  uint64_t asker = 0;                        // random, the same as long as it waits
};

struct GateReply {
  GateAnswer answer;             // with the incarnation, where open or over
  uint64_t in_flight_bytes = 0;  // kOpen: what the asker may have under way to the store
  int64_t retry_after_ms = 0;    // kClosed: ask again then
  std::string text;              // kClosed: what the job is at
};

// Of "mapper" or "reducer". kInvalidArgument: no such role.
Result<proto::PhaseKind> RoleNamed(const std::string& name);

// Path and query of the question, and back.
std::string GatePath(const GateQuestion& question);
Result<GateQuestion> ParseGateQuestion(const HttpRequest& request);

HttpResponse ToHttp(const GateReply& reply);
// The answer to who is of another job: 409.
HttpResponse ToRefusal(const std::string& text);
// kConfiguration: refused; kUnavailable: this is no answer of a gate, which is told.
Result<GateReply> ParseGateReply(const HttpResponse& response);

}  // namespace minke
