#include "task/output/part_writer.h"

#include <algorithm>
#include <fmt/format.h>
#include <unistd.h>
#include <utility>

#include "base/file.h"

namespace minke {
namespace {

constexpr size_t kBufferBytes = 256 << 10;
// So many records are formatted before the buffer is looked at again.
constexpr size_t kStretch = 16;

Error Explained(Error error) {
  error.code = ErrorCode::kOutput;
  error.text += "; make room or name another output folder, and run again";
  return error;
}

class DiskFile final : public PartFile {
 public:
  explicit DiskFile(File file) : file_(std::move(file)) {}
  ~DiskFile() override {
    if (!is_finished_) unlink(file_.path().c_str());
  }

  Status Write(Bytes bytes) override {
    auto written = file_.Write(bytes);
    if (!written) return Explained(std::move(written).error());
    return {};
  }

  Status Finish(bool sync) override {
    if (sync) {
      auto synced = file_.Sync();
      if (!synced) return Explained(std::move(synced).error());
    }
    auto closed = file_.Close();
    if (!closed) return Explained(std::move(closed).error());
    is_finished_ = true;
    return {};
  }

 private:
  File file_;
  bool is_finished_ = false;
};

}  // namespace

Result<std::unique_ptr<PartWriter>> PartWriter::Create(const std::string& path,
                                                       const LineOptions& options) {
  auto file = File::Open(path, File::Mode::kCreate);
  if (!file) return Explained(std::move(file).error());
  return std::make_unique<PartWriter>(std::make_unique<DiskFile>(*std::move(file)), options);
}

PartWriter::PartWriter(std::unique_ptr<PartFile> file, const LineOptions& options)
    : file_(std::move(file)), formatter_(options), is_raw_(options.format == OutputFormat::kRaw) {}

PartWriter::~PartWriter() = default;

template <typename Record>
Status PartWriter::WriteBatch(std::span<const Record> batch) {
  while (!batch.empty()) {
    const size_t count = std::min(batch.size(), kStretch);
    MINKE_TRY_STATUS(formatter_.Append(batch.first(count)));
    batch = batch.subspan(count);
    if (formatter_.bytes().size() >= kBufferBytes) MINKE_TRY_STATUS(WriteOut());
  }
  return {};
}

Status PartWriter::Write(std::span<const minke_pair> pairs) { return WriteBatch(pairs); }
Status PartWriter::Write(std::span<const minke_record> records) { return WriteBatch(records); }

Status PartWriter::WriteOut() {
  bytes_ += formatter_.bytes().size();
  MINKE_TRY_STATUS(file_->Write(formatter_.bytes()));
  formatter_.Clear();
  return {};
}

Result<PartTotals> PartWriter::Finish(bool sync) {
  MINKE_TRY_STATUS(WriteOut());
  MINKE_TRY_STATUS(file_->Finish(sync));
  return PartTotals{formatter_.records(), bytes_, formatter_.fingerprint(), is_raw_,
                    formatter_.record_bytes()};
}

}  // namespace minke
