#include "runtime/publish.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "runtime/standard_output.h"
#include "shuffle/merge.h"
#include "task/dataset/dataset.h"
#include "task/output/output_folder.h"
#include "task/output/part_output.h"
#include "task/table/table.h"

namespace minke {
namespace {

constexpr size_t kBufferBytes = 1 << 20;

// Streams one behind the other.
class Concatenation final : public RecordStream {
 public:
  explicit Concatenation(std::vector<std::unique_ptr<RecordStream>> streams)
      : streams_(std::move(streams)) {}
  Result<std::span<const minke_record>> Next() override {
    for (; at_ < streams_.size(); ++at_) {
      auto batch = streams_[at_]->Next();
      if (!batch || !batch->empty()) return batch;
      streams_[at_].reset();
    }
    return std::span<const minke_record>();
  }

 private:
  std::vector<std::unique_ptr<RecordStream>> streams_;
  size_t at_ = 0;
};

// All parts' lines in their final order. What the streams read lives as long as `kept`.
Result<std::unique_ptr<RecordStream>> OpenParts(const JobContext& context,
                                                std::vector<WinningPart> parts,
                                                std::vector<std::shared_ptr<const void>>& kept) {
  std::sort(parts.begin(), parts.end(),
            [](const WinningPart& a, const WinningPart& b) { return a.index < b.index; });
  std::vector<std::unique_ptr<RecordStream>> streams;
  for (const WinningPart& part : parts) {
    auto segment = MINKE_TRY(context.store->GetSegment(context.incarnation, part.attempt));
    const auto* ordered = static_cast<const OrderedPart*>(segment.get());
    if (ordered->run != nullptr) streams.push_back(ReadRun(ordered->run, 0));
    kept.push_back(std::move(segment));
  }
  if (context.merge_by_key) return Merge(std::move(streams));
  return std::unique_ptr<RecordStream>(std::make_unique<Concatenation>(std::move(streams)));
}

template <typename Write>
Status WriteLines(RecordStream& lines, Write write) {
  std::string buffer;
  buffer.reserve(kBufferBytes);
  for (;;) {
    const auto batch = MINKE_TRY(lines.Next());
    if (batch.empty()) break;
    for (const minke_record& record : batch) {
      const Bytes line(record.value, record.value_size);
      if (buffer.size() + line.size() > kBufferBytes) {
        MINKE_TRY_STATUS(write(buffer));
        buffer.clear();
      }
      if (line.size() > kBufferBytes) {
        MINKE_TRY_STATUS(write(line));
      } else {
        buffer.append(line);
      }
    }
  }
  return write(buffer);
}

}  // namespace

std::string AsidePath(const std::string& single_file, Incarnation incarnation) {
  return fmt::format("{}.minke-{}", single_file, incarnation.Hex());
}

Status PublishFile(const SingleFile& to, Incarnation incarnation,
                   const std::function<Status(File& file)>& fill) {
  const std::string aside = AsidePath(to.path, incarnation);
  Status status;
  {
    File file = MINKE_TRY(File::Open(aside, File::Mode::kCreate));
    status = fill(file);
    if (status && to.sync) status = file.Sync();
    if (status) status = file.Close();
  }
  // A link replaces nothing, a rename would.
  const bool moved = status && (to.overwrite ? rename(aside.c_str(), to.path.c_str()) == 0
                                             : link(aside.c_str(), to.path.c_str()) == 0);
  if (status && !moved) {
    status = Error{errno == EEXIST ? ErrorCode::kAlreadyExists : ErrorCode::kOutput,
                   fmt::format("cannot write {}: {}", to.path, std::strerror(errno))};
  }
  if (!moved || !to.overwrite) unlink(aside.c_str());
  return status;
}

Status CheckSkipped(uint64_t skipped, uint64_t skip_bad) {
  if (skipped <= skip_bad) return {};
  return Error{ErrorCode::kUserCode,
               fmt::format("{} records or groups are bad, more than the {} that --skip-bad allows",
                           skipped, skip_bad)};
}

bool IsPath(const std::string& output) {
  return !output.empty() && !DatasetNameIn(output) && !TableIn(output);
}

void RemoveAside(const RunRequest& request, Incarnation incarnation) {
  if (IsPath(request.output)) {
    (void)OutputFolder::CleanUp(request.output, incarnation);
  }
  if (!request.single_file.empty()) unlink(AsidePath(request.single_file, incarnation).c_str());
}

Result<uint64_t> PublishStored(Store& store, const std::string& output, Incarnation version,
                               const Publish& decided) {
  const auto dataset = DatasetNameIn(output);
  if (!dataset) {  // a table, and every row is there: what they came from goes
    MINKE_TRY_STATUS(store.DropDataset(version));
    return decided.mine;
  }
  const DatasetRow mine{version, decided.manifest};
  return MINKE_TRY(PublishDataset(store, *dataset, {decided.expected}, mine)).bits;
}

Result<uint64_t> PublishOutput(const JobContext& context, const Publication& publication,
                               const Publish& decided, const proto::Manifest& manifest) {
  if (context.stores_parts()) {
    return PublishStored(*context.store, context.plan->job().output(), context.incarnation,
                         decided);
  }
  std::vector<WinningPart> parts = WinningParts(manifest);
  if (context.output != nullptr) {
    MINKE_TRY_STATUS(context.output->Publish(parts));
    return decided.mine;
  }
  std::vector<std::shared_ptr<const void>> kept;
  auto lines = MINKE_TRY(OpenParts(context, std::move(parts), kept));
  if (!publication.single_file.empty()) {
    const SingleFile to{publication.single_file, publication.overwrite, context.sync_output};
    MINKE_TRY_STATUS(PublishFile(to, context.incarnation, [&](File& file) {
      return WriteLines(*lines, [&](Bytes bytes) { return file.Write(bytes); });
    }));
    return decided.mine;
  }
  StandardOutput out;
  MINKE_TRY_STATUS(WriteLines(*lines, [&](Bytes bytes) { return out.Write(bytes); }));
  return decided.mine;
}

}  // namespace minke
