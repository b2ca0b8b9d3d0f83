#include "shuffle/run.h"

#include <utility>

#include "base/check.h"

namespace minke {

struct RunWriter::State {
  State(const BlockOptions& options, RunSink* run_sink) : builder(options), sink(run_sink) {}

  // Which block of a partition is its last is only known when the next one begins: one is held
  // back.
  Status Hold(Bytes block) {
    MINKE_TRY_STATUS(PutHeld(false));
    held.assign(block);
    return {};
  }
  Status PutHeld(bool last) {
    if (held.empty()) return {};
    stored_bytes += held.size();
    MINKE_TRY_STATUS(sink->Put(partition, held, last));
    held.clear();
    return {};
  }
  Status SealBlock() { return builder.empty() ? Status() : Hold(builder.Seal()); }
  Status EndPartition() {
    MINKE_TRY_STATUS(SealBlock());
    return PutHeld(true);
  }

  BlockBuilder builder;
  RunSink* sink;
  uint32_t partition = 0;
  std::string held;
  uint64_t records = 0;
  uint64_t stored_bytes = 0;
};

RunWriter::RunWriter(BlockOptions options, RunSink* sink)
    : state_(std::make_unique<State>(options, sink)) {}

RunWriter::~RunWriter() = default;

Status RunWriter::Add(uint32_t partition, Bytes key, Bytes value) {
  State& state = *state_;
  if (partition != state.partition) {
    MINKE_CHECK(partition > state.partition);
    MINKE_TRY_STATUS(state.EndPartition());
    state.partition = partition;
  }
  ++state.records;
  if (!state.builder.Fits(key.size(), value.size())) {
    MINKE_TRY_STATUS(state.SealBlock());
    if (!state.builder.Fits(key.size(), value.size())) {
      return state.builder.SealLarge(key, value,
                                     [&](Bytes block, bool) { return state.Hold(block); });
    }
  }
  state.builder.Add(key, value);
  return state.builder.is_full() ? state.SealBlock() : Status();
}

Status RunWriter::AddAll(uint32_t partition, RecordStream& records) {
  for (;;) {
    const auto batch = MINKE_TRY(records.Next());
    if (batch.empty()) return {};
    for (const minke_record& record : batch) {
      MINKE_TRY_STATUS(Add(partition, Bytes(record.key, record.key_size),
                           Bytes(record.value, record.value_size)));
    }
  }
}

Status RunWriter::Finish() { return state_->EndPartition(); }

uint64_t RunWriter::records() const { return state_->records; }

uint64_t RunWriter::stored_bytes() const { return state_->stored_bytes; }

namespace {

class RunReader final : public RecordStream {
 public:
  RunReader(std::shared_ptr<const Run> run, uint32_t partition)
      : run_(std::move(run)), source_(run_->Open(partition)) {}

  Result<std::span<const minke_record>> Next() override {
    for (;;) {
      const Bytes block = MINKE_TRY(source_->Next());
      if (block.empty()) {
        if (decoder_.is_within_record()) {
          return Error{ErrorCode::kCorruption, "a run ends within a large record"};
        }
        return std::span<const minke_record>();
      }
      const auto records = MINKE_TRY(decoder_.Decode(block));
      if (!records.empty()) return records;
    }
  }

 private:
  std::shared_ptr<const Run> run_;
  std::unique_ptr<RunSource> source_;
  BlockDecoder decoder_;
};

}  // namespace

std::unique_ptr<RecordStream> ReadRun(std::shared_ptr<const Run> run, uint32_t partition) {
  return std::make_unique<RunReader>(std::move(run), partition);
}

}  // namespace minke
