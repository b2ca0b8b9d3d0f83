#include "task/dataset/chunk_stream.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <optional>
#include <utility>

#include "base/hash.h"

namespace minke {
namespace {

constexpr size_t kTrailerBytes = 8;
constexpr size_t kHeaderSample = 64;

uint64_t CheckOf(const DatasetFile& file, uint32_t sequence, Bytes block) {
  std::string covered;
  for (const uint64_t number : {file.version.bits, file.attempt.epoch, file.attempt.n,
                                uint64_t{sequence}, uint64_t{block.size()}}) {
    char bytes[8];
    StoreLe(bytes, number);
    covered.append(bytes, sizeof(bytes));
  }
  covered.append(block.substr(0, kHeaderSample));
  covered.append(file.name);
  return Hash64(covered);
}

BlockOptions ChunkBlocks(Codec codec) {
  BlockOptions options;
  options.codec = codec;
  options.target_bytes = kChunkBytes;
  options.cap_bytes = kChunkBytes + 1024;  // a chunk that does not shrink, with its head
  return options;
}

}  // namespace

ChunkOutput::ChunkOutput(std::unique_ptr<ChunkWriter> writer, DatasetFile file,
                         const ChunkOptions& options)
    : writer_(std::move(writer)),
      file_(std::move(file)),
      builder_(ChunkBlocks(options.codec)),
      sequence_(options.first) {}

Result<std::unique_ptr<ChunkOutput>> ChunkOutput::Open(Store& store, DatasetFile file,
                                                       const ChunkOptions& options) {
  auto writer = MINKE_TRY(store.WriteDataset(file));
  return std::unique_ptr<ChunkOutput>(new ChunkOutput(std::move(writer), std::move(file), options));
}

Status ChunkOutput::PutChunk(Bytes chunk) {
  builder_.Add({}, chunk);
  const Bytes block = builder_.Seal();
  std::string stored(block);
  char check[kTrailerBytes];
  StoreLe(check, CheckOf(file_, sequence_, block));
  stored.append(check, kTrailerBytes);
  return writer_->Put(sequence_++, stored);
}

Status ChunkOutput::Write(Bytes bytes) {
  while (pending_.size() + bytes.size() >= kChunkBytes) {
    const size_t taken = kChunkBytes - pending_.size();
    if (pending_.empty()) {
      MINKE_TRY_STATUS(PutChunk(bytes.substr(0, taken)));
    } else {
      pending_.append(bytes.substr(0, taken));
      MINKE_TRY_STATUS(PutChunk(pending_));
      pending_.clear();
    }
    bytes.remove_prefix(taken);
  }
  pending_.append(bytes);
  return {};
}

Status ChunkOutput::Finish() {
  if (!pending_.empty()) MINKE_TRY_STATUS(PutChunk(std::exchange(pending_, {})));
  return writer_->Finish();
}

ChunkInput::ChunkInput(Store* store, DatasetFile file, uint64_t size, uint64_t begin)
    : store_(store),
      file_(std::move(file)),
      size_(size),
      at_(std::min(begin, size)),
      sequence_(static_cast<uint32_t>(at_ / kChunkBytes)) {}

// Makes `left_` what is to be read of the next chunk.
Status ChunkInput::NextChunk() {
  if (scan_ == nullptr) scan_ = MINKE_TRY(store_->ScanDataset(file_, sequence_));
  auto chunk = MINKE_TRY(scan_->Next());
  const Error damaged{ErrorCode::kCorruption,
                      fmt::format("chunk {} of the dataset's file {} of version {} is {}; put it "
                                  "anew, or run again what made it",
                                  sequence_, file_.name, file_.version.Hex(),
                                  chunk ? "not what was written" : "missing")};
  if (!chunk || chunk->size() < kTrailerBytes) return damaged;
  stored_ = *std::move(chunk);
  const size_t size = stored_.size() - kTrailerBytes;
  const Bytes block(stored_.data(), size);
  if (LoadLe<uint64_t>(stored_.data() + size) != CheckOf(file_, sequence_, block)) return damaged;
  const auto records = decoder_.Decode(block);
  const uint64_t begin = uint64_t{sequence_} * kChunkBytes;
  const uint64_t expected = std::min<uint64_t>(kChunkBytes, size_ - begin);
  if (!records && records.error().code != ErrorCode::kCorruption) return records.error();
  if (!records || records->size() != 1 || (*records)[0].value_size != expected) return damaged;
  left_ = Bytes((*records)[0].value, (*records)[0].value_size);
  left_.remove_prefix(static_cast<size_t>(at_ - begin));
  ++sequence_;
  return {};
}

Result<size_t> ChunkInput::Read(char* to, size_t size) {
  size_t done = 0;
  while (done < size && at_ < size_) {
    if (left_.empty()) MINKE_TRY_STATUS(NextChunk());
    const size_t taken = std::min(size - done, left_.size());
    std::memcpy(to + done, left_.data(), taken);
    left_.remove_prefix(taken);
    done += taken;
    at_ += taken;
  }
  return done;
}

}  // namespace minke
