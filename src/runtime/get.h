// `minke get`: a dataset becomes an output folder, or goes to standard output.
//
// A folder is written as the output of a job is: aside, moved in one step, _SUCCESS last. What is
// read is held against the fingerprints of the manifest.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "port/store.h"
#include "task/dataset/dataset.h"
#include "task/output/output_folder.h"

namespace minke {

struct GetOptions {
  uint32_t threads = 1;
  bool overwrite = false;
  bool sync = false;
};

// All outputs of the dataset into the folder. kAlreadyExists, kOutput: as of OutputFolder;
// kCorruption: the store does not hold what was put.
Result<DatasetTotals> GetIntoFolder(Store& store, const std::string& dataset,
                                    const std::string& folder, const GetOptions& options);
// The same into one that is open, which is published with it; after an error it is the caller's to
// abandon.
Result<DatasetTotals> GetIntoFolder(Store& store, const std::string& dataset, OutputFolder& folder,
                                    const GetOptions& options);
// The bytes of the main output, part by part, to `write`.
Result<DatasetTotals> GetInOrder(Store& store, const std::string& dataset,
                                 const std::function<Status(Bytes)>& write);
// The same of a version that the caller knows.
Result<DatasetTotals> GetInOrder(Store& store, const Dataset& dataset,
                                 const std::function<Status(Bytes)>& write);

}  // namespace minke
