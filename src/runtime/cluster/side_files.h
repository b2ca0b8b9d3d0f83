// Side files of a job whose plan names them in the store: fetched once per process, into unnamed
// files of the spill folder.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "port/store.h"

#include "proto/minke.pb.h"

namespace minke {

struct SideFiles {
  std::map<std::string, std::string, std::less<>> paths;  // by name
  std::vector<File> files;                                // keep them as long as the paths are used
};

// kCorruption: a dataset is not the one that the plan names.
Result<SideFiles> FetchSideFiles(Store& store, const proto::JobSpec& job,
                                 const std::string& spill_folder);

}  // namespace minke
