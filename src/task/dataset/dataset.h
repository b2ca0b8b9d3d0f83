// Datasets: named files in the store, of which a version never changes.
//
//   name → row {version, checksum of the manifest} → manifest → files, in chunks (chunk_stream.h)
//
// Who follows this path sees a version whole or not at all. Called from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "port/store.h"

#include "proto/minke.pb.h"

namespace minke {

struct Dataset {
  std::string name;
  DatasetRow row;
  proto::Manifest manifest;
};

// The name in "dataset:NAME"; nothing if it is a path.
std::optional<std::string> DatasetNameIn(std::string_view argument);
// kInvalidArgument: not letters, digits, '.', '_', '-' and '/', or longer than 200 bytes.
Status CheckDatasetName(const std::string& name);

// What to say where there is no store.
Error NoStoreFor(const std::string& name);

// As the journal or a dataset's row names it. kCorruption: it is not there, or is another.
Result<proto::Manifest> LoadManifest(Store& store, Incarnation version, uint64_t checksum);
// Returns its checksum.
Result<uint64_t> StoreManifest(Store& store, Incarnation version, const proto::Manifest& manifest);

// The version that the name stands for now. kInput: none.
Result<Dataset> OpenDataset(Store& store, const std::string& name);
// Makes the name stand for `mine`, if it stands for `expected` (0: none) now. Returns the version
// that it stands for afterwards; may be called again, whatever became of it.
Result<Incarnation> PublishDataset(Store& store, const std::string& name, Incarnation expected,
                                   const DatasetRow& mine);

// The bytes of a version, its manifest, and whatever else its maker left; the name is another's
// business.
Status RemoveVersion(Store& store, Incarnation version);

struct DatasetTotals {
  uint64_t parts = 0;
  uint64_t records = 0;  // of the main output
  uint64_t bytes = 0;    // of all
};
DatasetTotals TotalsOf(const proto::Manifest& manifest);
// The parts of the main output in their order; valid as long as the manifest.
std::vector<const proto::ManifestPart*> MainParts(const proto::Manifest& manifest);
// Where the bytes of a part lie.
DatasetFile FileOfPart(Incarnation version, const proto::ManifestPart& part);
// The parts of the main output as input files, in their order.
std::vector<proto::InputFile> InputFilesOf(const Dataset& dataset);

}  // namespace minke
