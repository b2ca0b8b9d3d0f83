#include "task/dataset/dataset.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "base/hash.h"
#include "control/fleet.h"
#include "control/plan.h"
#include "task/output/output_folder.h"

namespace minke {
namespace {

constexpr std::string_view kPrefix = "dataset:";
constexpr size_t kNameBytesMax = 200;

bool IsInName(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-' || c == '/';
}

}  // namespace

std::optional<std::string> DatasetNameIn(std::string_view argument) {
  if (!argument.starts_with(kPrefix)) return std::nullopt;
  return std::string(argument.substr(kPrefix.size()));
}

Status CheckDatasetName(const std::string& name) {
  if (!name.empty() && name.size() <= kNameBytesMax && std::ranges::all_of(name, IsInName)) {
    return {};
  }
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("'{}' is no name for a dataset: take up to {} letters, digits, '.', "
                           "'_', '-' and '/'",
                           name, kNameBytesMax)};
}

Error NoStoreFor(const std::string& name) {
  return Error{
      ErrorCode::kInvalidArgument,
      fmt::format("dataset:{0} needs a store: name a Cassandra with --cassandra; a file of "
                  "that name is ./dataset:{0}",
                  name)};
}

Result<proto::Manifest> LoadManifest(Store& store, Incarnation version, uint64_t checksum) {
  const std::string name = ManifestName(checksum);
  const auto bytes = store.GetBlock(version, name);
  if (!bytes && bytes.error().code != ErrorCode::kNotFound) return bytes.error();
  proto::Manifest manifest;
  if (!bytes || Hash64(*bytes) != checksum || !manifest.ParseFromString(*bytes)) {
    return Error{ErrorCode::kCorruption,
                 fmt::format("the block {} of {} does not hold the manifest that is named so", name,
                             version.Hex())};
  }
  return manifest;
}

Result<uint64_t> StoreManifest(Store& store, Incarnation version, const proto::Manifest& manifest) {
  const std::string bytes = manifest.SerializeAsString();
  const uint64_t checksum = Hash64(bytes);
  MINKE_TRY_STATUS(store.PutBlock(version, ManifestName(checksum), bytes));
  return checksum;
}

Result<Dataset> OpenDataset(Store& store, const std::string& name) {
  MINKE_TRY_STATUS(CheckDatasetName(name));
  const auto row = MINKE_TRY(store.GetDataset(name));
  if (!row || row->version == Incarnation{}) {
    return Error{ErrorCode::kInput,
                 fmt::format("there is no dataset {}; minke ls lists those that are there, minke "
                             "put makes one",
                             name)};
  }
  return Dataset{name, *row, MINKE_TRY(LoadManifest(store, row->version, row->manifest))};
}

Result<Incarnation> PublishDataset(Store& store, const std::string& name, Incarnation expected,
                                   const DatasetRow& mine) {
  const auto row = MINKE_TRY(store.GetDataset(name));
  const Incarnation current = row ? row->version : Incarnation{};
  if (current == mine.version || current != expected) return current;
  return MINKE_TRY(store.CompareAndSetDataset(name, row, mine)).version;
}

Status RemoveVersion(Store& store, Incarnation version) {
  MINKE_TRY_STATUS(store.DropDataset(version));
  return store.DropJob(version);
}

DatasetTotals TotalsOf(const proto::Manifest& manifest) {
  DatasetTotals totals;
  for (const proto::ManifestPart& part : manifest.parts()) {
    ++totals.parts;
    totals.bytes += part.file().bytes();
    if (part.file().name().empty()) totals.records += part.file().records();
  }
  return totals;
}

std::vector<const proto::ManifestPart*> MainParts(const proto::Manifest& manifest) {
  std::vector<const proto::ManifestPart*> parts;
  for (const proto::ManifestPart& part : manifest.parts()) {
    if (part.file().name().empty()) parts.push_back(&part);
  }
  std::ranges::sort(parts, {}, [](const auto* part) { return part->index(); });
  return parts;
}

DatasetFile FileOfPart(Incarnation version, const proto::ManifestPart& part) {
  return {version, FromProto(part.attempt()), part.file().name()};
}

std::vector<proto::InputFile> InputFilesOf(const Dataset& dataset) {
  const auto parts = MainParts(dataset.manifest);
  const auto count = parts.empty() ? 0 : parts.back()->index() + 1;
  std::vector<proto::InputFile> files;
  for (const proto::ManifestPart* part : parts) {
    proto::InputFile& file = files.emplace_back();
    file.set_path(part->path());
    if (part->path().empty()) {
      file.set_path(
          fmt::format("{}{}/{}", kPrefix, dataset.name, PartName("", part->index(), count)));
    }
    file.set_size(part->file().bytes());
    file.set_version(dataset.row.version.bits);
    *file.mutable_attempt() = part->attempt();
  }
  return files;
}

}  // namespace minke
