#include "shuffle/key_lookup.h"

#include <algorithm>
#include <array>
#include <bit>

namespace minke {
namespace {

// Odd constants of evenly mixed bits.
constexpr uint64_t kMix[] = {0x9e3779b97f4a7c15u, 0xd6e8feb86659fd93u, 0xa0761d6478bd642fu,
                             0xe7037ed1a0b428dbu, 0x8ebc6af09c88c6e3u};

// Where the parts of a short key lie, by its size: looked up, since sizes vary from key to key and
// a branch on them would be foretold badly.
struct alignas(32) ShortKey {
  uint8_t head[16];    // ones where the head holds size and key, zeros behind the key's end
  uint64_t tail_from;  // the last 8 bytes, where they go beyond the head
  uint64_t tail;       // ones if they do
};

constexpr auto kShortKeys = [] {
  std::array<ShortKey, kShortKeyBytes + 1> keys{};
  for (uint32_t size = 0; size <= kShortKeyBytes; ++size) {
    ShortKey& key = keys[size];
    std::fill_n(key.head, sizeof(uint32_t) + std::min(size, kHeadKeyBytes), uint8_t{0xff});
    key.tail_from = size > kHeadKeyBytes ? size - 8 : 0;
    key.tail = size > kHeadKeyBytes ? ~uint64_t{0} : 0;
  }
  return keys;
}();

// `row` is the size, at most kShortKeyBytes.
[[gnu::always_inline]] inline __m128i LoadHead(const char* key, uint32_t size, uint32_t row) {
  const __m128i bytes =
      _mm_slli_si128(_mm_loadu_si128(reinterpret_cast<const __m128i*>(key)), sizeof(uint32_t));
  const __m128i mask = _mm_load_si128(reinterpret_cast<const __m128i*>(kShortKeys[row].head));
  return _mm_insert_epi32(_mm_and_si128(bytes, mask), static_cast<int>(size), 0);
}

[[gnu::always_inline]] inline uint64_t LoadTail(const char* key, uint32_t size) {
  const ShortKey& parts = kShortKeys[size];
  return LoadLe<uint64_t>(key + parts.tail_from) & parts.tail;
}

inline uint64_t FoldedProduct(uint64_t a, uint64_t b) {
  const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

// Of a short key, by products.
[[gnu::always_inline]] inline uint32_t HashV2(__m128i head, uint64_t tail, uint64_t seed) {
  const auto low = static_cast<uint64_t>(_mm_cvtsi128_si64(head));
  const auto high = static_cast<uint64_t>(_mm_extract_epi64(head, 1));
  const uint64_t hash = FoldedProduct(low ^ seed, high ^ kMix[1]) ^ tail;
  return static_cast<uint32_t>(FoldedProduct(hash, kMix[2]) >> 32);
}

// By rounds of AES: after two of them, each bit of the first depends on each that went in.
MINKE_X86_V3 inline uint32_t HashV3(__m128i head, uint64_t tail, __m128i seed) {
  const __m128i end = _mm_cvtsi64_si128(static_cast<int64_t>(tail));
  const __m128i mixed = _mm_aesenc_si128(_mm_xor_si128(head, seed), end);
  return static_cast<uint32_t>(
      _mm_cvtsi128_si32(_mm_aesenc_si128(_mm_aesenc_si128(mixed, seed), seed)));
}

// Takes in all that lies behind the head. The same on every processor.
[[gnu::noinline]] uint32_t HashLongKey(const char* key, uint32_t size, uint64_t seed) {
  uint64_t hash = FoldedProduct(LoadLe<uint64_t>(key) ^ seed,
                                (LoadLe<uint32_t>(key + 8) + (uint64_t{size} << 32)) ^ kMix[1]);
  const char* at = key + kHeadKeyBytes;
  for (uint32_t left = size - kHeadKeyBytes; left > 16; at += 16, left -= 16) {
    hash = FoldedProduct(LoadLe<uint64_t>(at) ^ hash, LoadLe<uint64_t>(at + 8) ^ kMix[3]);
  }
  const char* end = key + size;
  hash = FoldedProduct(LoadLe<uint64_t>(end - 16) ^ hash, kMix[4]) ^ LoadLe<uint64_t>(end - 8);
  return static_cast<uint32_t>(FoldedProduct(hash, kMix[2]) >> 32);
}

template <typename Key>
void FindV2(std::span<const Key> keys, const SlotIndex& index, const char* entries, uint64_t seed,
            KeyLook* looks) {
  for (size_t i = 0; i < keys.size(); ++i) {
    const char* key = keys[i].key;
    const uint32_t size = keys[i].key_size;
    const bool is_long = size > kShortKeyBytes;
    looks[i].head = LoadHead(key, size, is_long ? kShortKeyBytes : size);
    looks[i].hash =
        is_long ? HashLongKey(key, size, seed) : HashV2(looks[i].head, LoadTail(key, size), seed);
    __builtin_prefetch(index.Home(looks[i].hash));
  }
  for (size_t i = 0; i < keys.size(); ++i) {
    looks[i].candidate = index.Home(looks[i].hash)->PlaceOf(looks[i].hash);
    __builtin_prefetch(entries + looks[i].candidate * kPlaceBytes, 1);
  }
}

// The place beside the first hash in the group that is `hash`, or 0: eight slots at once.
MINKE_X86_V3 inline uint32_t PlaceOfV3(const SlotGroup& group, uint32_t hash) {
  const __m256i hashes = _mm256_load_si256(reinterpret_cast<const __m256i*>(group.hashes));
  const __m256i found = _mm256_cmpeq_epi32(hashes, _mm256_set1_epi32(static_cast<int>(hash)));
  const auto bits = static_cast<uint32_t>(_mm256_movemask_ps(_mm256_castsi256_ps(found)));
  return bits == 0 ? 0 : group.places[_tzcnt_u32(bits)];
}

template <typename Key>
MINKE_X86_V3 void FindV3(std::span<const Key> keys, const SlotIndex& index, const char* entries,
                         uint64_t seed, KeyLook* looks) {
  const __m128i seeds =
      _mm_set_epi64x(static_cast<int64_t>(seed ^ kMix[1]), static_cast<int64_t>(seed));
  const SlotIndex at = index;  // a copy, so that it stays in registers
  for (size_t i = 0; i < keys.size(); ++i) {
    const char* key = keys[i].key;
    const uint32_t size = keys[i].key_size;
    if (size > kShortKeyBytes) [[unlikely]] {
      looks[i].head = LoadHead(key, size, kShortKeyBytes);
      looks[i].hash = HashLongKey(key, size, seed);
    } else {
      const __m128i head = LoadHead(key, size, size);
      looks[i].head = head;
      looks[i].hash = HashV3(head, LoadTail(key, size), seeds);
    }
    __builtin_prefetch(at.Home(looks[i].hash));
  }
  for (size_t i = 0; i < keys.size(); ++i) {
    const uint32_t place = PlaceOfV3(*at.Home(looks[i].hash), looks[i].hash);
    looks[i].candidate = place;
    __builtin_prefetch(entries + place * kPlaceBytes, 1);
  }
}

}  // namespace

void KeyLookup::Find(std::span<const minke_pair> keys, const SlotIndex& index, const char* entries,
                     KeyLook* looks) const {
  is_v3_ ? FindV3(keys, index, entries, seed_, looks) : FindV2(keys, index, entries, seed_, looks);
}

void KeyLookup::Find(std::span<const minke_record> keys, const SlotIndex& index,
                     const char* entries, KeyLook* looks) const {
  is_v3_ ? FindV3(keys, index, entries, seed_, looks) : FindV2(keys, index, entries, seed_, looks);
}

}  // namespace minke
