#include "task/export_task.h"

#include <fmt/format.h>
#include <map>
#include <memory>
#include <utility>

#include "task/dataset/chunk_stream.h"
#include "task/table/row_mapping.h"
#include "task/table/table.h"

namespace minke {
namespace {

constexpr size_t kReadBytes = 256 << 10;

// The part that the attempt before has left: what its report says of the main output.
Result<proto::OutputFile> PartOf(const JobContext& context, AttemptId source) {
  const std::string name = ReportName(source);
  proto::Report report;
  if (!report.ParseFromString(MINKE_TRY(context.store->GetBlock(context.incarnation, name)))) {
    return Error{ErrorCode::kCorruption, fmt::format("the block {} holds no report", name)};
  }
  for (const proto::OutputFile& file : report.outputs()) {
    if (file.name().empty()) return file;
  }
  return proto::OutputFile();
}

class Exporting {
 public:
  Exporting(const JobContext& context, Slot& slot, Table table, RowMapping mapping)
      : context_(context), slot_(slot), table_(std::move(table)), mapping_(std::move(mapping)) {}

  // Lines of `bytes` in all.
  Status Write(ChunkInput& lines, uint64_t bytes) {
    std::string text;  // begins with what is left of a line
    for (uint64_t left = bytes; left > 0;) {
      const size_t before = text.size();
      text.resize(before + std::min<uint64_t>(left, kReadBytes));
      const size_t n = MINKE_TRY(lines.Read(text.data() + before, text.size() - before));
      if (n == 0) break;
      text.resize(before + n);
      left -= n;
      const size_t used = MINKE_TRY(WriteLines(text));
      text.erase(0, used);
      report_.set_bytes_in(report_.bytes_in() + used);
      slot_.page->bytes_done.store(report_.bytes_in(), std::memory_order_relaxed);
      slot_.page->records_done.store(report_.records_in(), std::memory_order_relaxed);
    }
    if (!text.empty()) {
      return Error{ErrorCode::kCorruption, "the part to be exported ends in the middle of a line"};
    }
    return {};
  }

  Result<proto::Report> Finish() {
    for (auto& [columns, writer] : writers_) MINKE_TRY_STATUS(writer->Finish());
    report_.set_records_out(report_.records_in());
    return std::move(report_);
  }

 private:
  // All whole ones; how many bytes these are.
  Result<size_t> WriteLines(Bytes text) {
    size_t begin = 0;
    for (size_t end = text.find('\n'); end != Bytes::npos; end = text.find('\n', begin)) {
      if (slot_.cancelled.load(std::memory_order_relaxed)) {
        return Error{ErrorCode::kCancelled, "the attempt was told to stop"};
      }
      MINKE_TRY_STATUS(WriteRow(text.substr(begin, end - begin)));
      begin = end + 1;
    }
    return begin;
  }

  Status WriteRow(Bytes line) {
    const TableRow row = MINKE_TRY(mapping_.RowOf(line));
    auto& writer = writers_[row.columns];
    if (writer == nullptr) {
      const int64_t timestamp_us = context_.plan->export_unix_ms() * 1000;
      writer = MINKE_TRY(context_.store->tables()->Write(table_.name, row.columns, timestamp_us));
    }
    const std::vector<Cell> cells(row.cells.begin(), row.cells.end());
    MINKE_TRY_STATUS(writer->Put(cells));
    report_.set_records_in(report_.records_in() + 1);
    return {};
  }

  const JobContext& context_;
  Slot& slot_;
  Table table_;
  RowMapping mapping_;
  std::map<std::vector<std::string>, std::unique_ptr<RowWriter>> writers_;  // by columns
  proto::Report report_;
};

}  // namespace

Result<proto::Report> RunExportTask(const JobContext& context, const AttemptSpec& spec,
                                    Slot& slot) {
  const proto::OutputFile part = MINKE_TRY(PartOf(context, spec.source));
  Table table = MINKE_TRY(OpenTable(context.store, context.output_table));
  RowMapping mapping =
      MINKE_TRY(RowMapping::Make(table, context.job->output_key, context.job->output_value));
  Exporting exporting(context, slot, std::move(table), std::move(mapping));
  ChunkInput lines(context.store, {context.incarnation, spec.source, ""}, part.bytes(), 0);
  MINKE_TRY_STATUS(exporting.Write(lines, part.bytes()));
  return exporting.Finish();
}

}  // namespace minke
