#include "shuffle/double_sum.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <utility>
#include <vector>

namespace minke {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kLargest = std::numeric_limits<double>::max();
constexpr double kSmallest = std::numeric_limits<double>::denorm_min();

uint64_t BitsOf(double value) { return std::bit_cast<uint64_t>(value); }

// Both forms of a sum, as whoever keeps sums uses them: a window while it does, then all words.
struct Sum {
  WindowSum window = WindowSum::Empty();
  FullSum full = FullSum::Zero();
  bool is_full = false;

  void Widen() {
    if (!is_full) full.Add(window);
    is_full = true;
  }
  void Add(double value) {
    if (!is_full && !window.TryAdd(value) && !window.AddAny(value)) Widen();
    if (is_full) full.Add(value);
  }
  void Add(const Sum& other) {
    if (is_full || other.is_full || !window.Add(other.window)) Widen();
    if (is_full) other.is_full ? full.Add(other.full) : full.Add(other.window);
  }
  double Value() const { return is_full ? Rounded(full) : Rounded(window); }
};

// Shewchuk's partial sums, as math.fsum has them (Adaptive Precision Floating-Point Arithmetic and
// Fast Robust Geometric Predicates, 1997): another algorithm, for sums that nowhere overflow.
double ExpectedSum(const std::vector<double>& values) {
  std::vector<double> partials;
  for (double x : values) {
    size_t kept = 0;
    for (double y : partials) {
      if (std::fabs(x) < std::fabs(y)) std::swap(x, y);
      const double high = x + y;
      const double low = y - (high - x);
      if (low != 0) partials[kept++] = low;
      x = high;
    }
    partials.resize(kept);
    partials.push_back(x);
  }
  size_t n = partials.size();
  if (n == 0) return 0.0;
  double high = partials[--n];
  double low = 0;
  while (n > 0) {
    const double x = high;
    const double y = partials[--n];
    high = x + y;
    low = y - (high - x);
    if (low != 0) break;
  }
  // Half-way cases are decided by the partials below.
  if (n > 0 && ((low < 0 && partials[n - 1] < 0) || (low > 0 && partials[n - 1] > 0))) {
    const double y = low * 2;
    const double x = high + y;
    if (y == x - high) high = x;
  }
  return high == 0 ? 0.0 : high;
}

// Adds the values in a random order, in random parts that are merged at random.
double SumInAnyOrder(std::vector<double> values, std::mt19937& random) {
  std::shuffle(values.begin(), values.end(), random);
  std::vector<Sum> parts(1 + random() % 5);
  for (const double value : values) parts[random() % parts.size()].Add(value);
  if (random() % 3 == 0) parts[0].Widen();
  while (parts.size() > 1) {
    const Sum last = parts.back();
    parts.pop_back();
    parts[random() % parts.size()].Add(last);
  }
  return parts[0].Value();
}

void ExpectSum(const std::vector<double>& values, double expected) {
  std::mt19937 random(1);
  for (int round = 0; round < 20; ++round) {
    const double sum = SumInAnyOrder(values, random);
    if (std::isnan(expected)) {
      EXPECT_EQ(BitsOf(sum), BitsOf(std::numeric_limits<double>::quiet_NaN()));
    } else {
      EXPECT_EQ(BitsOf(sum), BitsOf(expected)) << sum << " is not " << expected;
    }
  }
}

TEST(DoubleSum, IsExactBeforeItIsRounded) {
  ExpectSum({}, 0.0);
  ExpectSum({0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1}, 1.0);
  ExpectSum({1e16, 1.0, -1e16}, 1.0);
  ExpectSum({1e300, 1.0, -1e300, 1e-300}, 1.0);
  ExpectSum({1e100, 1.0, -1e100, kSmallest, -1.0}, kSmallest);
}

TEST(DoubleSum, TiesGoToTheEvenNeighbourAndNoBitBelowIsForgotten) {
  const double half = std::ldexp(1.0, -53);
  ExpectSum({1.0, half}, 1.0);
  ExpectSum({1.0, half, kSmallest}, 1.0 + 2 * half);
  ExpectSum({1.0, half, -kSmallest}, 1.0);
  ExpectSum({1.0 + 2 * half, half}, 1.0 + 4 * half);
  ExpectSum({-1.0, -half, -kSmallest}, -1.0 - 2 * half);
}

TEST(DoubleSum, DenormalsAndTheirBorder) {
  const double normal = std::numeric_limits<double>::min();
  ExpectSum({kSmallest, kSmallest}, 2 * kSmallest);
  ExpectSum({normal, -kSmallest}, normal - kSmallest);
  ExpectSum({normal - kSmallest, kSmallest}, normal);
  ExpectSum({kSmallest, -kSmallest}, 0.0);
}

TEST(DoubleSum, OnlyTheSumMayOverflowAndIsThenInfinite) {
  ExpectSum({kLargest, kLargest, -kLargest}, kLargest);
  ExpectSum({kLargest, kLargest}, kInfinity);
  ExpectSum({-kLargest, -kLargest}, -kInfinity);
  const double last = std::ldexp(1.0, 970);  // half the distance to what would be 2^1024
  ExpectSum({kLargest, last}, kInfinity);
  ExpectSum({kLargest, last, -kSmallest}, kLargest);
  ExpectSum({kLargest, last, -kLargest, -last, 2.0}, 2.0);
}

TEST(DoubleSum, InfinitiesNansAndZeros) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  ExpectSum({kInfinity, -1e308, kInfinity}, kInfinity);
  ExpectSum({-kInfinity, 1e308, 1e308}, -kInfinity);
  ExpectSum({kInfinity, -kInfinity}, nan);
  ExpectSum({1.0, -nan, kInfinity}, nan);
  ExpectSum({-0.0, -0.0}, 0.0);
  ExpectSum({5.0, -5.0, -0.0}, 0.0);
}

TEST(DoubleSum, RandomSumsEqualShewchuksInAnyOrder) {
  std::mt19937 random(2);
  // From numbers as people have them, which a window must hold, to all that there are.
  for (const int spread : {1, 8, 40, 70, 200, 1000}) {
    for (int round = 0; round < 400; ++round) {
      const int middle = static_cast<int>(random() % 1000) - 500;
      std::vector<double> values(random() % 60);
      for (double& value : values) {
        const int exponent = middle / (spread > 400 ? 40 : 1) +
                             static_cast<int>(random() % static_cast<unsigned>(2 * spread + 1)) -
                             spread;
        const double mantissa = static_cast<double>(random()) + std::ldexp(random(), -32);
        value = std::ldexp(random() % 2 == 0 ? mantissa : -mantissa, exponent - 40);
        if (random() % 16 == 0) value = static_cast<double>(random() % 100);
        if (random() % 8 == 0 && &value != values.data()) value = -values[0];
      }
      const double expected = ExpectedSum(values);
      const double sum = SumInAnyOrder(values, random);
      ASSERT_EQ(BitsOf(sum), BitsOf(expected)) << "spread " << spread << " round " << round;
    }
  }
}

TEST(DoubleSum, MoneyStaysInItsWindow) {
  std::mt19937 random(3);
  WindowSum sum = WindowSum::Empty();
  for (int i = 0; i < 100'000; ++i) {
    const double value = static_cast<double>(random() % 100'000'000) / 100;
    ASSERT_TRUE(sum.TryAdd(value) || sum.AddAny(value));
  }
}

}  // namespace
}  // namespace minke
