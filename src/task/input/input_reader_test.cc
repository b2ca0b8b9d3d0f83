#include "task/input/input_reader.h"

#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>
#include <zlib.h>
#include <zstd.h>

#include "task/input/input_files.h"

namespace minke {
namespace {

namespace fs = std::filesystem;

std::string Gzip(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY);
  std::string packed(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

std::string Zstd(const std::string& text) {
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), 3));
  return packed;
}

class InputReaderTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = fs::temp_directory_path() / "reader-test-XXXXXX";
    folder_ = mkdtemp(name.data());
  }
  void TearDown() override { fs::remove_all(folder_); }

  // Writes a file and takes it into the plan; returns its index.
  uint32_t Add(const std::string& content, Compression compression = Compression::kNone) {
    const std::string path = folder_ + "/" + std::to_string(plan_.files_size());
    Write(path, content);
    proto::InputFile* file = plan_.add_files();
    file->set_path(path);
    file->set_compression(static_cast<uint32_t>(compression));
    struct stat info{};
    EXPECT_EQ(stat(path.c_str(), &info), 0);
    file->set_size(static_cast<uint64_t>(info.st_size));
    file->set_inode(info.st_ino);
    file->set_modified_ns(info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec);
    return static_cast<uint32_t>(plan_.files_size() - 1);
  }
  static void Write(const std::string& path, const std::string& content) {
    std::ofstream(path, std::ios::binary) << content;
  }
  static proto::Split Piece(uint32_t file, uint64_t begin, uint64_t end) {
    proto::Split split;
    proto::SplitPiece* piece = split.add_pieces();
    piece->set_file(file);
    piece->set_begin(begin);
    piece->set_end(end);
    return split;
  }
  static proto::Split Whole(uint32_t file) {
    proto::Split split;
    split.add_pieces()->set_file(file);
    split.mutable_pieces(0)->set_whole(true);
    return split;
  }

  // All batches, each checked: never empty, 64 bytes readable behind it, offsets that follow.
  Result<std::vector<std::string>> Batches(const proto::Split& split,
                                           const ReaderOptions& options) const {
    InputReader reader(&plan_, &split, options);
    std::vector<std::string> batches;
    uint64_t sum = 0;
    while (true) {
      const minke_batch* batch = MINKE_TRY(reader.Next());
      if (batch == nullptr) break;
      EXPECT_GT(batch->size, 0u);
      for (size_t i = 0; i < MINKE_READABLE_BEYOND; ++i) {
        sum += static_cast<uint8_t>(batch->data[batch->size + i]);
      }
      batches.emplace_back(batch->data, batch->size);
      const proto::InputFile& file = plan_.files(static_cast<int>(reader.file()));
      EXPECT_EQ(std::string(batch->path.data, batch->path.size), file.path());
    }
    EXPECT_LT(sum, UINT64_MAX);
    return batches;
  }
  Result<std::string> ReadAll(const proto::Split& split, const ReaderOptions& options) const {
    std::string all;
    for (const std::string& batch : MINKE_TRY(Batches(split, options))) all += batch;
    return all;
  }
  std::string ErrorOf(const proto::Split& split, const ReaderOptions& options) const {
    const auto read = ReadAll(split, options);
    if (read) return "no error";
    EXPECT_EQ(read.error().code, ErrorCode::kInput) << read.error().text;
    return read.error().text;
  }

  std::string folder_;
  proto::Plan plan_;
};

ReaderOptions Small(size_t batch_bytes) {
  ReaderOptions options;
  options.batch_bytes = batch_bytes;
  return options;
}

const char* const kTexts[] = {
    "",     "\n",         "a",     "a\n",        "\na",
    "\n\n", "one\ntwo\n", "a\r\n", "a\r\nb\r\n", "one\n\nthree is longer\r\nfour",
};

TEST_F(InputReaderTest, SplitsAtEveryByteGiveEachLineOnceAndInOrder) {
  for (const std::string text : kTexts) {
    const uint32_t file = Add(text);
    for (const size_t batch : {1u, 2u, 3u, 7u, 4096u}) {
      for (uint64_t cut = 0; cut <= text.size(); ++cut) {
        const auto first = Batches(Piece(file, 0, cut), Small(batch));
        const auto second = Batches(Piece(file, cut, text.size()), Small(batch));
        ASSERT_TRUE(first && second);
        std::string all;
        for (const auto& part : {*first, *second}) {
          for (const std::string& bytes : part) {
            all += bytes;
            EXPECT_TRUE(bytes.ends_with('\n') || all == text) << "a line was cut";
          }
        }
        ASSERT_EQ(all, text) << "cut at " << cut << ", batches of " << batch;
      }
    }
  }
}

TEST_F(InputReaderTest, PiecesOfOneByteGiveEachLineToThePieceInWhichItBegins) {
  const std::string text = "one\n\nthree is longer\r\nfour";
  const uint32_t file = Add(text);
  for (uint64_t at = 0; at < text.size(); ++at) {
    const bool begins = at == 0 || text[at - 1] == '\n';
    const size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
    EXPECT_EQ(*ReadAll(Piece(file, at, at + 1), Small(4)), begins ? text.substr(at, end - at) : "");
  }
}

TEST_F(InputReaderTest, RandomSplitsAndBatchesGiveTheSameBytes) {
  std::mt19937 random(42);
  for (int round = 0; round < 60; ++round) {
    std::string text;
    const size_t longest = size_t{1} << (random() % 15);
    while (text.size() < 60'000) text += std::string(random() % longest, 'x') + "\n";
    if (round % 2 == 0) text.pop_back();
    const uint32_t file = Add(text);
    const size_t batch = 1 + random() % 9000;
    std::string all;
    uint64_t records = 0;
    for (uint64_t at = 0; at < text.size();) {
      const uint64_t end = std::min<uint64_t>(text.size(), at + 1 + random() % 20'000);
      const proto::Split split = Piece(file, at, end);
      InputReader reader(&plan_, &split, Small(batch));
      while (const minke_batch* bytes = *reader.Next()) {
        EXPECT_EQ(bytes->offset, all.size());
        all.append(bytes->data, bytes->size);
      }
      records += reader.records_done();
      at = end;
    }
    ASSERT_EQ(all, text);
    const auto line_ends = static_cast<uint64_t>(std::count(text.begin(), text.end(), '\n'));
    EXPECT_EQ(records, line_ends + (text.ends_with('\n') ? 0 : 1));
  }
}

TEST_F(InputReaderTest, ABatchIsAboutAsLargeAsAskedFor) {
  std::string text;
  while (text.size() < 1'000'000) text += "a line of some length\n";
  const uint32_t file = Add(text);
  const auto batches = Batches(Piece(file, 0, text.size()), Small(100'000));
  ASSERT_TRUE(batches);
  EXPECT_EQ(batches->size(), 11u);
  for (const std::string& batch : *batches) EXPECT_LE(batch.size(), 100'100u);
}

TEST_F(InputReaderTest, ALineLongerThanTheBufferComesWhole) {
  const std::string text = "a\n" + std::string(3'000'000, 'l') + "\nb\n" + std::string(70'000, 'm');
  const uint32_t file = Add(text);
  for (const size_t batch : {1000u, 65'536u, 4'000'000u}) {
    EXPECT_EQ(*ReadAll(Piece(file, 0, text.size()), Small(batch)), text);
    EXPECT_EQ(*ReadAll(Piece(file, 0, 3), Small(batch)), text.substr(0, 3'000'003));
    EXPECT_EQ(*ReadAll(Piece(file, 3, 3'000'003), Small(batch)), "");
  }
}

TEST_F(InputReaderTest, ALineOverTheLimitIsAnErrorThatNamesTheLimitAndThePlace) {
  for (const bool has_end : {true, false}) {
    const std::string line(1001, 'x');
    const uint32_t file = Add("ok\n" + line + (has_end ? "\nz\n" : ""));
    const proto::Split split = Piece(file, 0, 2000);
    for (const size_t batch : {10u, 300u, 1000u, 100'000u}) {
      ReaderOptions options = Small(batch);
      options.record_bytes_max = 1000;
      const std::string error = ErrorOf(split, options);
      EXPECT_NE(error.find("at byte 3"), std::string::npos) << error;
      EXPECT_NE(error.find("longer than 1000 bytes"), std::string::npos) << error;
      options.record_bytes_max = 1001;
      EXPECT_TRUE(ReadAll(split, options));
    }
  }
}

TEST_F(InputReaderTest, SmallFilesShareASplitAndNeverABatch) {
  proto::Split split;
  for (const char* text : {"a\nb", "", "c\n", "d"}) {
    const uint32_t file = Add(text);
    *split.add_pieces() = Piece(file, 0, std::string_view(text).size()).pieces(0);
  }
  plan_.mutable_files(2)->set_tag("left");
  const auto batches = Batches(split, ReaderOptions{});
  ASSERT_TRUE(batches);
  EXPECT_EQ(*batches, (std::vector<std::string>{"a\nb", "c\n", "d"}));
  InputReader reader(&plan_, &split, ReaderOptions{});
  ASSERT_TRUE(reader.Next());
  const minke_batch* batch = *reader.Next();
  EXPECT_EQ(std::string_view(batch->tag.data, batch->tag.size), "left");
  EXPECT_EQ(reader.file(), 2u);
  EXPECT_EQ(batch->offset, 0u);
}

TEST_F(InputReaderTest, CarefulModeGivesOneRecordAtATime) {
  const std::string text = "one\n\nthree\r\nfour";
  const uint32_t file = Add(text);
  for (const size_t batch : {1u, 5u, 1000u}) {
    ReaderOptions options = Small(batch);
    options.careful = true;
    const auto batches = Batches(Piece(file, 0, text.size()), options);
    EXPECT_EQ(*batches, (std::vector<std::string>{"one\n", "\n", "three\r\n", "four"}));
  }
}

TEST_F(InputReaderTest, SkipsToARecordByItsNumber) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += std::to_string(i) + "\n";
  const uint32_t file = Add(text);
  const proto::Split split = Piece(file, 0, text.size());
  for (const bool careful : {true, false}) {
    for (const uint64_t number : {0u, 1u, 17u, 999u}) {
      ReaderOptions options = Small(64);
      options.careful = careful;
      InputReader reader(&plan_, &split, options);
      ASSERT_TRUE(reader.SkipTo(number));
      EXPECT_EQ(reader.records_done(), number);
      const minke_batch* batch = *reader.Next();
      const std::string want = std::to_string(number) + "\n";
      EXPECT_EQ(std::string(batch->data, want.size()), want);
      EXPECT_EQ(batch->offset, text.find("\n" + want) + (number == 0 ? 0 : 1) + (number == 0));
    }
    InputReader reader(&plan_, &split, ReaderOptions{});
    ASSERT_TRUE(reader.SkipTo(5000));
    EXPECT_EQ(reader.records_done(), 1000u);
    EXPECT_EQ(*reader.Next(), nullptr);
  }
}

TEST_F(InputReaderTest, FixedRecordsBelongToThePieceInWhichTheyBegin) {
  std::string data;
  for (int i = 0; i < 100; ++i) data += std::string(7, static_cast<char>('\n' + i));
  const uint32_t file = Add(data);
  for (const size_t batch : {1u, 7u, 20u, 1000u}) {
    ReaderOptions options = Small(batch);
    options.kind = MINKE_FIXED;
    options.record_size = 7;
    for (uint64_t cut = 0; cut <= data.size(); ++cut) {
      const auto first = ReadAll(Piece(file, 0, cut), options);
      const auto second = ReadAll(Piece(file, cut, data.size()), options);
      ASSERT_TRUE(first && second);
      EXPECT_EQ(first->size(), (cut + 6) / 7 * 7);
      ASSERT_EQ(*first + *second, data);
    }
    options.careful = true;
    EXPECT_EQ(Batches(Piece(file, 0, data.size()), options)->size(), 100u);
  }
}

TEST_F(InputReaderTest, AFileThatIsNoMultipleOfTheRecordSizeIsRefused) {
  ReaderOptions options;
  options.kind = MINKE_FIXED;
  options.record_size = 7;
  const std::string error = ErrorOf(Piece(Add("12345678"), 0, 8), options);
  EXPECT_NE(error.find("8 bytes, is not a multiple of the record size, 7"), std::string::npos);
  const std::string packed = ErrorOf(Whole(Add(Gzip("12345678"), Compression::kGzip)), options);
  EXPECT_NE(packed.find("1 bytes are left, less than a record of 7"), std::string::npos) << packed;
  EXPECT_EQ(*ReadAll(Whole(Add(Gzip("1234567"), Compression::kGzip)), options), "1234567");
}

class PackedTest : public InputReaderTest, public testing::WithParamInterface<Compression> {
 protected:
  static std::string Pack(const std::string& text) {
    return GetParam() == Compression::kGzip ? Gzip(text) : Zstd(text);
  }
};

TEST_P(PackedTest, GivesAllMembers) {
  std::string text;
  for (int i = 0; i < 50'000; ++i) text += std::to_string(i * 7919) + " words\n";
  const std::string packed = Pack("first\n") + Pack("") + Pack(text) + Pack("last");
  const uint32_t file = Add(packed, GetParam());
  for (const size_t batch : {1000u, 100'000u, 10'000'000u}) {
    EXPECT_EQ(*ReadAll(Whole(file), Small(batch)), "first\n" + text + "last");
  }
  const proto::Split split = Whole(file);
  InputReader reader(&plan_, &split, ReaderOptions{});
  while (*reader.Next() != nullptr) {
  }
  EXPECT_EQ(reader.stored_bytes_done(), packed.size());
  EXPECT_EQ(reader.bytes_done(), text.size() + 10);
  EXPECT_EQ(reader.records_done(), 50'002u);
}

TEST_P(PackedTest, CutOffAnywhereIsAnErrorThatSaysSo) {
  std::string text;
  for (int i = 0; i < 200; ++i) text += std::to_string(i * i) + "\n";
  const std::string packed = Pack(text);
  for (size_t size = 0; size < packed.size(); ++size) {
    const std::string error = ErrorOf(Whole(Add(packed.substr(0, size), GetParam())), Small(100));
    ASSERT_NE(error.find("cut off"), std::string::npos) << size << ": " << error;
  }
  // In the second member, too.
  for (size_t size = 1; size < packed.size(); size += 7) {
    const auto file = Add(packed + packed.substr(0, size), GetParam());
    ASSERT_NE(ErrorOf(Whole(file), Small(100)), "no error") << size;
  }
}

TEST_P(PackedTest, ADamagedByteIsNeverAWrongAnswer) {
  std::string text;
  for (int i = 0; i < 200; ++i) text += std::to_string(i * i) + "\n";
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  if (GetParam() == Compression::kGzip) {
    packed = Gzip(text);
  } else {
    ZSTD_CCtx* context = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
    packed.resize(ZSTD_compress2(context, packed.data(), packed.size(), text.data(), text.size()));
    ZSTD_freeCCtx(context);
  }
  for (size_t at = 0; at < packed.size(); ++at) {
    std::string damaged = packed;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x20);
    const auto read = ReadAll(Whole(Add(damaged, GetParam())), ReaderOptions{});
    // Some header fields do not matter.
    EXPECT_EQ(read.value_or(text), text) << "byte " << at;
  }
}

TEST_P(PackedTest, BytesBehindTheEndAreRefused) {
  for (const std::string rest : {"x", "garbage of some length", "\x1f\x8bgarbage", "\x28"}) {
    const auto file = Add(Pack("text\n") + rest, GetParam());
    EXPECT_NE(ErrorOf(Whole(file), ReaderOptions{}), "no error") << rest;
  }
  const auto file = Add(Pack("text\n") + std::string(8, '\0'), GetParam());
  const std::string error = ErrorOf(Whole(file), ReaderOptions{});
  EXPECT_NE(error.find("holds other bytes"), std::string::npos) << error;
}

INSTANTIATE_TEST_SUITE_P(All, PackedTest, testing::Values(Compression::kGzip, Compression::kZstd));

TEST_F(InputReaderTest, ZstdFramesOfOverlargeWindowsAreRefusedWithAdvice) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, 28);
  const std::string text = "some text\n";
  std::string packed(1000, '\0');
  ZSTD_outBuffer out{packed.data(), packed.size(), 0};
  ZSTD_inBuffer in{text.data(), text.size(), 0};
  ZSTD_compressStream2(context, &out, &in, ZSTD_e_flush);  // the size is not known yet
  ZSTD_compressStream2(context, &out, &in, ZSTD_e_end);
  ZSTD_freeCCtx(context);
  packed.resize(out.pos);
  const std::string error = ErrorOf(Whole(Add(packed, Compression::kZstd)), ReaderOptions{});
  EXPECT_NE(error.find("--long"), std::string::npos) << error;
}

TEST_F(InputReaderTest, AFileThatChangedSinceThePlanIsRefused) {
  const std::string text = "one\ntwo\n";
  const auto refused = [&](auto change) {
    const uint32_t file = Add(text);
    change(plan_.files(static_cast<int>(file)).path());
    return ErrorOf(Piece(file, 0, text.size()), ReaderOptions{});
  };
  EXPECT_NE(refused([](const std::string& path) {
              Write(path, "one\ntwo\nthree\n");
            }).find("changed while the job ran"),
            std::string::npos);
  EXPECT_NE(refused([](const std::string& path) {
              const timespec times[2] = {{1, 0}, {1, 0}};
              utimensat(AT_FDCWD, path.c_str(), times, 0);
            }).find("changed while the job ran"),
            std::string::npos);
  EXPECT_NE(refused([](const std::string& path) {
              fs::copy_file(path, path + ".copy");
              fs::last_write_time(path + ".copy", fs::last_write_time(path));
              fs::rename(path + ".copy", path);
            }).find("changed while the job ran"),
            std::string::npos);
  EXPECT_NE(refused([](const std::string& path) { fs::remove(path); }).find("cannot open"),
            std::string::npos);
}

TEST_F(InputReaderTest, AFileThatChangesWhileItIsReadIsRefused) {
  std::string text;
  while (text.size() < 10'000) text += "line\n";
  for (const bool shorter : {true, false}) {
    const uint32_t file = Add(text);
    const proto::Split split = Piece(file, 0, text.size());
    InputReader reader(&plan_, &split, Small(100));
    ASSERT_TRUE(reader.Next());
    const std::string path = plan_.files(static_cast<int>(file)).path();
    fs::resize_file(path, shorter ? 1000 : 20'000);
    std::string error;
    for (int i = 0; i < 1000 && error.empty(); ++i) {
      const auto batch = reader.Next();
      if (!batch) error = batch.error().text;
      if (batch && *batch == nullptr) error = "no error";
    }
    EXPECT_NE(error.find(shorter ? "was cut while the job ran" : "changed while the job ran"),
              std::string::npos)
        << error;
  }
}

TEST_F(InputReaderTest, TellsTheGrantOfItsBuffersAndGivesThemBack) {
  const std::string text = std::string(5'000'000, 'l') + "\n" + std::string(100'000, '\n');
  const uint32_t file = Add(text);
  const proto::Split split = Piece(file, 0, text.size());
  MemoryAccountant accountant(1000);
  MemoryGrant grant(&accountant, 1000);
  {
    ReaderOptions options = Small(10'000);
    options.memory = &grant;
    InputReader reader(&plan_, &split, options);
    ASSERT_TRUE(reader.Next());
    EXPECT_GE(grant.taken_bytes(), 5'000'000u);
    while (*reader.Next() != nullptr) {
    }
    EXPECT_LT(grant.taken_bytes(), 100'000u) << "the large buffer was kept";
    EXPECT_GT(grant.taken_bytes(), 0u);
  }
  EXPECT_EQ(grant.taken_bytes(), 0u);
}

}  // namespace
}  // namespace minke
