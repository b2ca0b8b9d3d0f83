#include "task/dataset/chunk_stream.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>
#include <string>

#include "adapter/memory_store.h"

namespace minke {
namespace {

const DatasetFile kFile{{7}, {1, 2}, "part"};

std::string RandomBytes(size_t size, bool shrinks) {
  std::mt19937 random(static_cast<unsigned>(size));
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(shrinks ? 'a' + random() % 4 : random());
  return bytes;
}

void Put(Store& store, const DatasetFile& file, const std::string& bytes, size_t step) {
  const auto output = ChunkOutput::Open(store, file, {}).value();
  for (size_t at = 0; at < bytes.size(); at += step) {
    ASSERT_TRUE(output->Write(Bytes(bytes).substr(at, step)));
  }
  ASSERT_TRUE(output->Finish());
}

Result<std::string> Get(Store& store, const DatasetFile& file, uint64_t size, uint64_t begin,
                        size_t step) {
  ChunkInput input(&store, file, size, begin);
  std::string all;
  std::string buffer(step, '\0');
  for (;;) {
    const size_t n = MINKE_TRY(input.Read(buffer.data(), step));
    all.append(buffer, 0, n);
    if (n < step) return all;
  }
}

TEST(ChunkStream, BytesComeBackFromAnyPlaceInAnySteps) {
  MemoryStore store;
  uint64_t attempt = 0;
  for (const size_t size : {size_t{0}, size_t{1}, kChunkBytes - 1, kChunkBytes, kChunkBytes + 1,
                            3 * kChunkBytes, 5 * kChunkBytes + 77}) {
    for (const bool shrinks : {true, false}) {
      const std::string bytes = RandomBytes(size, shrinks);
      for (const size_t step : {size_t{1000}, kChunkBytes, 2 * kChunkBytes + 3}) {
        const DatasetFile file{{7}, {1, ++attempt}, "part"};
        Put(store, file, bytes, step);
        for (const size_t begin : {size_t{0}, size_t{1}, kChunkBytes - 1, kChunkBytes, size}) {
          if (begin > size) continue;
          EXPECT_TRUE(Get(store, file, size, begin, step + 7).value() == bytes.substr(begin))
              << size << " from " << begin << " by " << step;
        }
      }
    }
  }
}

// A store that gives the chunks of its only file to whoever asks.
class Chunks final : public MemoryStore {
 public:
  Result<std::unique_ptr<ChunkScan>> ScanDataset(const DatasetFile&, uint32_t first) override {
    class Scan final : public ChunkScan {
     public:
      Scan(const std::vector<std::string>& chunks, size_t next) : chunks_(chunks), next_(next) {}
      Result<std::optional<std::string>> Next() override {
        if (next_ >= chunks_.size()) return std::optional<std::string>();
        return std::optional(chunks_[next_++]);
      }

     private:
      const std::vector<std::string>& chunks_;
      size_t next_;
    };
    return std::unique_ptr<ChunkScan>(std::make_unique<Scan>(chunks, first));
  }
  std::vector<std::string> chunks;
};

class DamagedChunks : public testing::Test {
 protected:
  void SetUp() override {
    MemoryStore store;
    Put(store, kFile, bytes_, 10'000);
    const auto scan = store.ScanDataset(kFile, 0).value();
    while (auto chunk = scan->Next().value()) store_.chunks.push_back(*chunk);
    ASSERT_EQ(store_.chunks.size(), 2u);
  }
  ErrorCode CodeOf(const DatasetFile& file) {
    const auto read = Get(store_, file, bytes_.size(), 0, 4096);
    return read ? ErrorCode::kInternal : read.error().code;
  }

  const std::string bytes_ = RandomBytes(kChunkBytes + 200, true);
  Chunks store_;
};

TEST_F(DamagedChunks, EveryFlippedByteIsFound) {
  ASSERT_TRUE(Get(store_, kFile, bytes_.size(), 0, 4096).value() == bytes_);
  std::string& chunk = store_.chunks[1];
  for (char& byte : chunk) {
    byte = static_cast<char>(byte ^ 0x20);
    ASSERT_EQ(CodeOf(kFile), ErrorCode::kCorruption);
    byte = static_cast<char>(byte ^ 0x20);
  }
}

TEST_F(DamagedChunks, AMissingCutOrMisplacedOneIsFound) {
  const auto whole = store_.chunks;
  store_.chunks.pop_back();
  EXPECT_EQ(CodeOf(kFile), ErrorCode::kCorruption);
  for (size_t size = 0; size < whole[1].size(); ++size) {
    store_.chunks = {whole[0], whole[1].substr(0, size)};
    ASSERT_EQ(CodeOf(kFile), ErrorCode::kCorruption) << size;
  }
  store_.chunks = {whole[1], whole[0]};
  EXPECT_EQ(CodeOf(kFile), ErrorCode::kCorruption);
}

TEST_F(DamagedChunks, ThoseOfAnotherFileAreNotTaken) {
  for (const DatasetFile& other :
       {DatasetFile{{8}, {1, 2}, "part"}, DatasetFile{{7}, {1, 3}, "part"},
        DatasetFile{{7}, {2, 2}, "part"}, DatasetFile{{7}, {1, 2}, "x"}}) {
    EXPECT_EQ(CodeOf(other), ErrorCode::kCorruption);
  }
}

}  // namespace
}  // namespace minke
