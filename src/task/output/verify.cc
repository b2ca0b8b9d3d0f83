#include "task/output/verify.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/file.h"
#include "base/hash.h"
#include "task/input/input_files.h"
#include "task/input/input_reader.h"
#include "task/output/output_folder.h"
#include "task/output/success_file.h"

namespace minke {
namespace {

constexpr const char* kMainName = "part";

// "side-00012" → "side"; anything else is the main output.
std::string OutputNameOf(const std::string& path) {
  const std::string name = path.substr(path.rfind('/') + 1);
  const size_t number = NumberInPartName(name);
  return number > 0 ? name.substr(0, number - 1) : kMainName;
}

// One output while its files are read.
struct Reading {
  VerifiedOutput output;
  std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> in_order{XXH3_createState(),
                                                                           XXH3_freeState};
};

void AddRecord(VerifiedOutput& output, Bytes record) {
  ++output.records;
  output.fingerprint += Hash64(record);
}

void AddBatch(Reading& reading, const minke_batch& batch) {
  Bytes left(batch.data, batch.size);
  XXH3_64bits_update(reading.in_order.get(), left.data(), left.size());
  reading.output.bytes += left.size();
  const size_t record_bytes = batch.record_size;
  while (!left.empty()) {
    const size_t end = record_bytes > 0 ? record_bytes : std::min(left.find('\n'), left.size());
    AddRecord(reading.output, left.substr(0, end));
    left.remove_prefix(std::min(left.size(), end + (record_bytes > 0 ? 0 : 1)));
  }
}

Status ReadFileInto(const proto::InputFile& file, uint64_t record_bytes, Reading& reading) {
  proto::Plan plan;
  *plan.add_files() = file;
  proto::Split split;
  split.add_pieces()->set_end(file.size());
  split.mutable_pieces(0)->set_whole(file.compression() != 0);
  ReaderOptions options;
  options.count_records = false;
  if (record_bytes > 0) {
    options.kind = MINKE_FIXED;
    options.record_size = static_cast<uint32_t>(record_bytes);
  }
  InputReader reader(&plan, &split, options);
  while (const minke_batch* batch = MINKE_TRY(reader.Next())) AddBatch(reading, *batch);
  return {};
}

// What _SUCCESS says, if `path` is a folder that has one; an unfinished output is an error.
Result<std::optional<SuccessFile>> FindSuccess(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) return std::optional<SuccessFile>();
  const std::string name = path + "/_SUCCESS";
  auto text = ReadFile(name);
  if (text) {
    auto success = ParseSuccess(*text);
    if (!success) return std::move(success).error().Within(name);
    return std::optional(*std::move(success));
  }
  if (text.error().code != ErrorCode::kNotFound) return std::move(text).error();
  for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
    if (!entry.path().filename().string().starts_with(".minke-")) continue;
    return Error{ErrorCode::kInput,
                 fmt::format("{} is an unfinished output: a run is writing to it, or was killed; "
                             "wait, or run the job again",
                             path)};
  }
  return std::optional<SuccessFile>();
}

const OutputSummary* SummaryOf(const SuccessFile& success, const std::string& name) {
  if (name == kMainName) return &success.main;
  const auto found = success.side_outputs.find(name);
  return found == success.side_outputs.end() ? nullptr : &found->second;
}

// Raw records of several sizes cannot be told apart again, so nothing can be said of them.
Status CheckAgainst(const SuccessFile& success, const std::string& path,
                    const std::vector<VerifiedOutput>& outputs) {
  for (const VerifiedOutput& output : outputs) {
    const OutputSummary* said = SummaryOf(success, output.name);
    if (said != nullptr && said->record_bytes == 0) continue;
    const bool is_same = said != nullptr && said->records == output.records &&
                         said->fingerprint == output.fingerprint;
    if (!is_same) {
      return Error{ErrorCode::kCorruption,
                   fmt::format("the {} files in {} are not what their _SUCCESS says ({} records, "
                               "fingerprint {:016x}): they were changed; run the job again",
                               output.name, path, output.records, output.fingerprint)};
    }
  }
  return {};
}

}  // namespace

Result<std::vector<VerifiedOutput>> VerifyOutput(const std::string& path, uint64_t record_bytes) {
  const std::optional<SuccessFile> success = MINKE_TRY(FindSuccess(path));
  InputFileOptions options;
  const InputFiles found = MINKE_TRY(FindInputFiles(std::span(&path, 1), options));
  std::map<std::string, Reading> readings;
  readings[kMainName];  // there, if only with no records
  for (const proto::InputFile& file : found.files) readings[OutputNameOf(file.path())];
  for (auto& [name, reading] : readings) {
    reading.output.name = name;
    XXH3_64bits_reset(reading.in_order.get());
  }
  for (const proto::InputFile& file : found.files) {
    Reading& reading = readings[OutputNameOf(file.path())];
    const OutputSummary* said = success ? SummaryOf(*success, reading.output.name) : nullptr;
    reading.output.record_bytes = said != nullptr ? said->record_bytes.value_or(0) : record_bytes;
    MINKE_TRY_STATUS(ReadFileInto(file, reading.output.record_bytes, reading));
  }
  std::vector<VerifiedOutput> outputs;
  for (auto& [name, reading] : readings) {
    reading.output.in_order = XXH3_64bits_digest(reading.in_order.get());
    outputs.push_back(reading.output);
  }
  if (success) MINKE_TRY_STATUS(CheckAgainst(*success, path, outputs));
  return outputs;
}

}  // namespace minke
