// Numbers that follow from a seed (splitmix64).
#pragma once

#include <cstdint>
#include <vector>

namespace minke::sim {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  uint64_t Below(uint64_t bound) { return Next() % bound; }
  int64_t Between(int64_t first, int64_t last) {  // both may come
    return first + static_cast<int64_t>(Below(static_cast<uint64_t>(last - first + 1)));
  }
  bool Chance(uint64_t per_mille) { return Below(1000) < per_mille; }
  template <typename T>
  const T& Of(const std::vector<T>& all) {
    return all[Below(all.size())];
  }
  // One that goes its own way: what it is asked changes nothing here.
  Random Branch() { return Random(Next()); }

 private:
  uint64_t state_;
};

}  // namespace minke::sim
