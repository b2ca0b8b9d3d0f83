// A block, all numbers little-endian:
//
//    0  u32 magic "MKB1"
//    4  u8  version, 1
//    5  u8  codec: 0 none, 1 LZ4, 2 zstd
//    6  u16 flags: 1 = a piece of one large record, 2 = its last piece
//    8  u32 records (0 in a piece)
//   12  u32 raw bytes
//   16  u32 stored bytes, of the payload
//   20  u32 zero
//   24  u64 XXH3 of bytes 0 … 24 and the payload
//   32  payload: the raw bytes, compressed
//
// Raw bytes of records: varint shared (with the key before, 0 in the first), varint rest, varint
// value size, the rest of the key, the value. Pieces, put together: varint key size, varint value
// size, key, value.
#include "shuffle/block.h"

#include <algorithm>
#include <cstring>
#include <lz4.h>
#include <zstd.h>

#include "base/check.h"
#include "base/hash.h"

namespace minke {
namespace {

constexpr uint32_t kMagic = 0x31424b4d;
constexpr uint8_t kVersion = 1;
constexpr uint16_t kPiece = 1;
constexpr uint16_t kLastPiece = 2;
constexpr size_t kHeaderBytes = 32;
constexpr size_t kChecksumAt = 24;
constexpr size_t kVarintsMax = 15;               // three varints of 32 bits
constexpr uint32_t kRawMax = uint32_t{1} << 30;  // no block claims more
constexpr uint64_t kLargeMax = uint64_t{1} << 30;
constexpr double kGrowthMax = 4;

uint64_t ChecksumOf(Bytes block) {
  char both[16];
  StoreLe(both, Hash64(block.substr(0, kChecksumAt)));
  StoreLe(both + 8, Hash64(block.substr(kHeaderBytes)));
  return Hash64(Bytes(both, sizeof(both)));
}

size_t SharedPrefix(Bytes a, Bytes b) {
  const size_t size = std::min(a.size(), b.size());
  return static_cast<size_t>(
      std::mismatch(a.begin(), a.begin() + static_cast<ptrdiff_t>(size), b.begin()).first -
      a.begin());
}

Error Corrupt(const char* what) {
  return Error{ErrorCode::kCorruption, std::string("a block is corrupt: ") + what};
}

// Appends the compressed `raw` to `stored`, or `raw` itself where that is not smaller; returns the
// codec used.
Codec Compress(Codec codec, Bytes raw, std::string& stored) {
  const size_t begin = stored.size();
  size_t size = 0;
  if (codec == Codec::kLz4) {
    const int bound = LZ4_compressBound(static_cast<int>(raw.size()));
    stored.resize(begin + static_cast<size_t>(bound));
    size = static_cast<size_t>(LZ4_compress_default(raw.data(), stored.data() + begin,
                                                    static_cast<int>(raw.size()), bound));
  } else if (codec == Codec::kZstd) {
    stored.resize(begin + ZSTD_compressBound(raw.size()));
    size = ZSTD_compress(stored.data() + begin, stored.size() - begin, raw.data(), raw.size(), 1);
    if (ZSTD_isError(size) != 0) size = 0;
  }
  if (size == 0 || size >= raw.size()) {
    stored.resize(begin);
    stored.append(raw);
    return Codec::kNone;
  }
  stored.resize(begin + size);
  return codec;
}

}  // namespace

bool BlockBuilder::Fits(size_t key_size, size_t value_size) const {
  return raw_.size() + key_size + value_size + kVarintsMax + kHeaderBytes <= options_.cap_bytes;
}

void BlockBuilder::Add(Bytes key, Bytes value) {
  const size_t shared = records_ == 0 ? 0 : SharedPrefix(last_key_, key);
  char varints[3 * 10];
  size_t size = StoreVarint(varints, shared);
  size += StoreVarint(varints + size, key.size() - shared);
  size += StoreVarint(varints + size, value.size());
  raw_.append(varints, size);
  raw_.append(key.substr(shared));
  raw_.append(value);
  last_key_.resize(shared);
  last_key_.append(key.substr(shared));
  ++records_;
}

Bytes BlockBuilder::Seal() {
  const Bytes block = Encode(raw_, records_, 0);
  // How well this block was compressed says how much raw data the next one may take.
  const double ratio = static_cast<double>(raw_.size()) /
                       static_cast<double>(std::max<size_t>(1, block.size() - kHeaderBytes));
  const double target = static_cast<double>(options_.target_bytes) * std::min(ratio, kGrowthMax);
  raw_target_ = std::min(static_cast<size_t>(target), options_.cap_bytes);
  raw_.clear();
  records_ = 0;
  return block;
}

Bytes BlockBuilder::Encode(Bytes raw, uint32_t records, uint16_t flags) {
  stored_.assign(kHeaderBytes, '\0');
  const Codec codec = Compress(options_.codec, raw, stored_);
  char* header = stored_.data();
  StoreLe(header, kMagic);
  StoreLe(header + 4, kVersion);
  StoreLe(header + 5, static_cast<uint8_t>(codec));
  StoreLe(header + 6, flags);
  StoreLe(header + 8, records);
  StoreLe(header + 12, static_cast<uint32_t>(raw.size()));
  StoreLe(header + 16, static_cast<uint32_t>(stored_.size() - kHeaderBytes));
  StoreLe(header + kChecksumAt, ChecksumOf(stored_));
  return stored_;
}

void BlockBuilder::StartLarge(Bytes key, Bytes value) {
  large_.clear();
  AppendVarint(large_, key.size());
  AppendVarint(large_, value.size());
  large_.append(key);
  large_.append(value);
  large_left_ = large_;
}

Bytes BlockBuilder::SealPiece() {
  const size_t room = std::max(options_.cap_bytes, 2 * kHeaderBytes) - kHeaderBytes;
  const Bytes piece = large_left_.substr(0, std::min(room, large_left_.size()));
  large_left_.remove_prefix(piece.size());
  const auto flags = static_cast<uint16_t>(large_left_.empty() ? kPiece | kLastPiece : kPiece);
  return Encode(piece, 0, flags);
}

Status CheckBlock(Bytes block) {
  if (block.size() < kHeaderBytes) return Corrupt("it is shorter than a header");
  const char* header = block.data();
  if (LoadLe<uint32_t>(header) != kMagic) return Corrupt("it does not begin with MKB1");
  if (LoadLe<uint8_t>(header + 4) != kVersion) {
    return Error{ErrorCode::kConfiguration, "a block was written by a newer version of minke"};
  }
  if (LoadLe<uint32_t>(header + 16) != block.size() - kHeaderBytes) {
    return Corrupt("its length is wrong");
  }
  if (LoadLe<uint64_t>(header + kChecksumAt) != ChecksumOf(block)) {
    return Corrupt("its checksum is wrong");
  }
  return {};
}

// Checks the block; its raw bytes are then in raw_, with room to read beyond.
Status BlockDecoder::Unpack(Bytes block) {
  MINKE_TRY_STATUS(CheckBlock(block));
  const auto codec = LoadLe<uint8_t>(block.data() + 5);
  const auto raw_size = LoadLe<uint32_t>(block.data() + 12);
  const Bytes payload = block.substr(kHeaderBytes);
  if (raw_size > kRawMax) return Corrupt("it claims too many bytes");
  raw_.resize(size_t{raw_size} + MINKE_READABLE_BEYOND);
  bool is_whole = false;
  if (codec == static_cast<uint8_t>(Codec::kNone)) {
    is_whole = payload.size() == raw_size;
    if (is_whole) std::memcpy(raw_.data(), payload.data(), payload.size());
  } else if (codec == static_cast<uint8_t>(Codec::kLz4)) {
    is_whole = LZ4_decompress_safe(payload.data(), raw_.data(), static_cast<int>(payload.size()),
                                   static_cast<int>(raw_size)) == static_cast<int>(raw_size);
  } else if (codec == static_cast<uint8_t>(Codec::kZstd)) {
    is_whole = ZSTD_decompress(raw_.data(), raw_size, payload.data(), payload.size()) == raw_size;
  }
  if (!is_whole) return Corrupt("it cannot be unpacked");
  return {};
}

Result<std::span<const minke_record>> BlockDecoder::Decode(Bytes block) {
  records_.clear();
  const bool was_within = is_within_record();
  MINKE_TRY_STATUS(Unpack(block));
  const auto flags = LoadLe<uint16_t>(block.data() + 6);
  if ((flags & kPiece) != 0) {
    MINKE_TRY_STATUS(TakePiece(flags));
  } else if (was_within) {
    return Corrupt("a large record lacks its end");
  } else {
    MINKE_TRY_STATUS(Parse(LoadLe<uint32_t>(block.data() + 8)));
  }
  return std::span<const minke_record>(records_);
}

Status BlockDecoder::Parse(uint32_t records) {
  const size_t raw_size = raw_.size() - MINKE_READABLE_BEYOND;
  if (records > raw_size / 3) return Corrupt("it claims too many records");
  const char* at = raw_.data();
  const char* const end = at + raw_size;
  // First all sizes and places: keys_ moves while it grows.
  keys_.clear();
  records_.reserve(records);
  size_t last_size = 0;
  for (uint32_t i = 0; i < records; ++i) {
    uint64_t shared = 0;
    uint64_t rest = 0;
    uint64_t value_size = 0;
    if (!LoadVarint(&at, end, &shared) || !LoadVarint(&at, end, &rest) ||
        !LoadVarint(&at, end, &value_size)) {
      return Corrupt("a record is cut off");
    }
    const auto left = static_cast<uint64_t>(end - at);
    if (shared > last_size || rest > left || value_size > left - rest ||
        keys_.size() + shared + rest > kLargeMax) {
      return Corrupt("a record's sizes are wrong");
    }
    const size_t before = keys_.size() - last_size;
    const size_t begin = keys_.size();
    keys_.resize(begin + shared + rest);
    std::memcpy(keys_.data() + begin, keys_.data() + before, shared);
    std::memcpy(keys_.data() + begin + shared, at, rest);
    last_size = shared + rest;
    records_.push_back(
        {nullptr, at + rest, static_cast<uint32_t>(last_size), static_cast<uint32_t>(value_size)});
    at += rest + value_size;
  }
  if (at != end) return Corrupt("bytes are left behind its last record");
  keys_.resize(keys_.size() + MINKE_READABLE_BEYOND);
  const char* key = keys_.data();
  for (minke_record& record : records_) {
    record.key = key;
    key += record.key_size;
  }
  return {};
}

Status BlockDecoder::TakePiece(uint16_t flags) {
  const size_t size = raw_.size() - MINKE_READABLE_BEYOND;
  if (large_.size() + size > kLargeMax) return Corrupt("a large record is too large");
  large_.append(raw_.data(), size);
  if ((flags & kLastPiece) == 0) return {};
  keys_.swap(large_);
  large_.clear();
  const char* at = keys_.data();
  const char* const end = at + keys_.size();
  uint64_t key_size = 0;
  uint64_t value_size = 0;
  if (!LoadVarint(&at, end, &key_size) || !LoadVarint(&at, end, &value_size) ||
      key_size > static_cast<uint64_t>(end - at) ||
      value_size != static_cast<uint64_t>(end - at) - key_size) {
    return Corrupt("a large record's sizes are wrong");
  }
  const auto key_at = static_cast<size_t>(at - keys_.data());
  keys_.resize(keys_.size() + MINKE_READABLE_BEYOND);
  records_.push_back({keys_.data() + key_at, keys_.data() + key_at + key_size,
                      static_cast<uint32_t>(key_size), static_cast<uint32_t>(value_size)});
  return {};
}

}  // namespace minke
