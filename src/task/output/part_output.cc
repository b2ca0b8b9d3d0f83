#include "task/output/part_output.h"

#include <fmt/format.h>
#include <utility>

#include "task/dataset/chunk_stream.h"

namespace minke {
namespace {

LineOptions LinesOf(const JobContext& context, minke_type key, minke_type value, bool is_main) {
  LineOptions options;
  options.format = context.format;
  if (is_main && context.job->raw_output != 0 && context.format == OutputFormat::kText) {
    options.format = OutputFormat::kRaw;
  }
  options.key = key;
  options.value = value;
  return options;
}

proto::OutputFile ToProto(const std::string& name, const PartTotals& totals) {
  proto::OutputFile file;
  file.set_name(name);
  file.set_records(totals.records);
  file.set_bytes(totals.bytes);
  file.set_fingerprint(totals.fingerprint);
  file.set_raw(totals.is_raw);
  file.set_record_bytes(totals.record_bytes);
  return file;
}

// A file of the dataset that the job puts out.
class StoredFile final : public PartFile {
 public:
  explicit StoredFile(std::unique_ptr<ChunkOutput> chunks) : chunks_(std::move(chunks)) {}
  Status Write(Bytes bytes) override { return chunks_->Write(bytes); }
  Status Finish(bool) override { return chunks_->Finish(); }

 private:
  std::unique_ptr<ChunkOutput> chunks_;
};

class FilePart final : public PartOutput {
 public:
  FilePart(std::string name, std::unique_ptr<PartWriter> writer, bool sync)
      : name_(std::move(name)), writer_(std::move(writer)), sync_(sync) {}

  Status Write(std::span<const minke_pair> pairs) override { return writer_->Write(pairs); }
  Status Write(std::span<const minke_record> records) override { return writer_->Write(records); }
  void SetGroup(Bytes) override {}
  Result<proto::OutputFile> Finish() override {
    return ToProto(name_, MINKE_TRY(writer_->Finish(sync_)));
  }

 private:
  std::string name_;
  std::unique_ptr<PartWriter> writer_;
  bool sync_;
};

class LineRun final : public PartOutput {
 public:
  LineRun(const JobContext& context, AttemptId attempt, LineOptions options)
      : context_(context), attempt_(attempt), lines_([&] {
          options.keep_ends = true;
          return LineFormatter(options);
        }()) {
    part_.scratch = std::make_shared<ScratchSpace>(context.spill);
  }

  Status Write(std::span<const minke_pair> pairs) override {
    lines_.Clear();
    MINKE_TRY_STATUS(lines_.Append(pairs));
    return AddLines([this](size_t) { return Bytes(group_); });
  }

  Status Write(std::span<const minke_record> records) override {
    lines_.Clear();
    MINKE_TRY_STATUS(lines_.Append(records));
    return AddLines([this, records](size_t i) {
      return context_.merge_by_key ? Bytes(records[i].key, records[i].key_size) : Bytes();
    });
  }

  void SetGroup(Bytes key) override {
    if (context_.merge_by_key) group_.assign(key);
  }

  Result<proto::OutputFile> Finish() override {
    if (writer_ != nullptr) {
      MINKE_TRY_STATUS(writer_->Finish());
      part_.run = MINKE_TRY(part_.scratch->Seal());
    }
    MINKE_TRY_STATUS(context_.store->PutSegment(context_.incarnation, attempt_,
                                                std::make_shared<OrderedPart>(part_)));
    return ToProto("", {lines_.records(), bytes_, lines_.fingerprint()});
  }

 private:
  template <typename KeyOf>
  Status AddLines(KeyOf key_of) {
    if (writer_ == nullptr) {  // many a map task of a selective job has no line: it makes no file
      writer_ = std::make_unique<RunWriter>(context_.block, MINKE_TRY(part_.scratch->Begin()));
    }
    size_t begin = 0;
    size_t i = 0;
    for (const size_t end : lines_.ends()) {
      const Bytes line = lines_.bytes().substr(begin, end - begin);
      MINKE_TRY_STATUS(writer_->Add(0, key_of(i++), line));
      bytes_ += line.size();
      begin = end;
    }
    return {};
  }

  const JobContext& context_;
  AttemptId attempt_;
  LineFormatter lines_;
  OrderedPart part_;
  std::unique_ptr<RunWriter> writer_;
  std::string group_;
  uint64_t bytes_ = 0;
};

}  // namespace

Result<std::unique_ptr<PartOutput>> PartOutput::Open(const JobContext& context,
                                                     const AttemptSpec& spec,
                                                     const std::string& name, minke_type key,
                                                     minke_type value) {
  const LineOptions lines = LinesOf(context, key, value, name.empty());
  if (context.stores_parts()) {
    auto chunks = MINKE_TRY(ChunkOutput::Open(*context.store, {context.incarnation, spec.id, name},
                                              {.codec = context.block.codec}));
    auto writer =
        std::make_unique<PartWriter>(std::make_unique<StoredFile>(std::move(chunks)), lines);
    return std::unique_ptr<PartOutput>(std::make_unique<FilePart>(name, std::move(writer), true));
  }
  if (context.output != nullptr) {
    const std::string path = context.output->AttemptPath(name, spec.task.index, spec.id);
    auto writer = MINKE_TRY(PartWriter::Create(path, lines));
    return std::unique_ptr<PartOutput>(
        std::make_unique<FilePart>(name, std::move(writer), context.sync_output));
  }
  if (!name.empty()) {
    return Error{
        ErrorCode::kInvalidArgument,
        fmt::format("the job writes the side output '{}': name an output folder with -o", name)};
  }
  return std::unique_ptr<PartOutput>(std::make_unique<LineRun>(context, spec.id, lines));
}

Result<PartOutput*> SideOutputs::Open(const std::string& name, minke_type key, minke_type value) {
  auto found = parts_.find(name);
  if (found == parts_.end()) {
    auto part = MINKE_TRY(PartOutput::Open(context_, spec_, name, key, value));
    found = parts_.emplace(name, std::move(part)).first;
  }
  return found->second.get();
}

Result<Emitter::Sink> SideOutputs::Sink(const minke_output& output) {
  PartOutput* part = MINKE_TRY(Open(output.name, output.key, output.value));
  return Emitter::Sink([part](std::span<const minke_pair> pairs) { return part->Write(pairs); });
}

Status SideOutputs::WriteKey(const std::string& name, minke_type type, Bytes key) {
  PartOutput* part = MINKE_TRY(Open(name, type, MINKE_NONE));
  std::string room(key);  // wherever the key comes from, formatting it may read beyond its end
  room.append(MINKE_READABLE_BEYOND, '\0');
  minke_pair pair{};
  pair.key = room.data();
  pair.key_size = static_cast<uint32_t>(key.size());
  return part->Write({&pair, 1});
}

Status SideOutputs::Finish(proto::Report& report) {
  for (auto& [name, part] : parts_) *report.add_outputs() = MINKE_TRY(part->Finish());
  return {};
}

}  // namespace minke
