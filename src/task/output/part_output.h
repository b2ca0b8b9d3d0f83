// Where the output records of one attempt go: a part file aside in the output folder, or, when the
// user asked for one global order, a run of lines that the store keeps until publishing merges the
// winners' runs. Used by one thread.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>

#include <minke/abi.h>

#include "base/bytes.h"
#include "base/result.h"
#include "shuffle/run.h"
#include "task/attempt.h"
#include "task/job/emitter.h"
#include "task/scratch.h"

#include "proto/minke.pb.h"

namespace minke {

// Side outputs of the engine's own, which --skip-bad fills: records whose map failed, and keys of
// groups whose reduce did.
inline constexpr const char* kBadRecords = "bad-records";
inline constexpr const char* kBadGroups = "bad-groups";

class PartOutput {
 public:
  // `name` is empty for the main output; key and value are the types of its records.
  static Result<std::unique_ptr<PartOutput>> Open(const JobContext& context,
                                                  const AttemptSpec& spec, const std::string& name,
                                                  minke_type key, minke_type value);
  virtual ~PartOutput() = default;
  virtual Status Write(std::span<const minke_pair> pairs) = 0;
  virtual Status Write(std::span<const minke_record> records) = 0;
  // The records that follow belong to the group of `key`, which places them in the global order.
  virtual void SetGroup(Bytes key) = 0;
  // Ends the part; afterwards only the attempt's id leads to it.
  virtual Result<proto::OutputFile> Finish() = 0;
};

// The named side outputs of one attempt, each opened at its first record.
class SideOutputs {
 public:
  SideOutputs(const JobContext& context, const AttemptSpec& spec)
      : context_(context), spec_(spec) {}

  // Hands pairs to a declared output.
  Result<Emitter::Sink> Sink(const minke_output& output);
  // Writes a key, in its stored form, to an output of the engine's own.
  Status WriteKey(const std::string& name, minke_type type, Bytes key);
  Status Finish(proto::Report& report);

 private:
  Result<PartOutput*> Open(const std::string& name, minke_type key, minke_type value);

  const JobContext& context_;
  const AttemptSpec& spec_;
  std::map<std::string, std::unique_ptr<PartOutput>> parts_;
};

// What an attempt leaves in the store when parts are ordered: lines as values, group keys as keys.
struct OrderedPart {
  std::shared_ptr<ScratchSpace> scratch;
  std::shared_ptr<const Run> run;  // of partition 0; null: no records
};

}  // namespace minke
