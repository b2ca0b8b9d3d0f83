#include "runtime/cluster/side_files.h"

#include <fmt/format.h>
#include <utility>

#include "runtime/get.h"
#include "task/dataset/dataset.h"

namespace minke {

Result<SideFiles> FetchSideFiles(Store& store, const proto::JobSpec& job,
                                 const std::string& spill_folder) {
  SideFiles fetched;
  for (const proto::SideFile& side : job.side_files()) {
    Dataset dataset;
    dataset.name = side.path();
    dataset.row = {Incarnation{side.version()}, side.manifest()};
    dataset.manifest = MINKE_TRY(LoadManifest(store, dataset.row.version, dataset.row.manifest));
    File file = MINKE_TRY(File::Open(spill_folder, File::Mode::kScratch));
    MINKE_TRY(GetInOrder(store, dataset, [&](Bytes bytes) { return file.Write(bytes); }));
    fetched.paths[side.name()] = fmt::format("/proc/self/fd/{}", file.fd());
    fetched.files.push_back(std::move(file));
  }
  return fetched;
}

}  // namespace minke
