// The manifest: what a job has put out, as the winners' reports say. Written to the store before
// the journal says that it is published, so that from then on no report is needed any more. Pure.
#pragma once

#include "control/job.h"
#include "control/tally.h"

#include "proto/minke.pb.h"

namespace minke {

// Every task has a winner, and every winner's report is in. A side output that both phases write
// has the map tasks' parts first.
proto::Manifest MakeManifest(const Job& job, const Tally& reports);

}  // namespace minke
