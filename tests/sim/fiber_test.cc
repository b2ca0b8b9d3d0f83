#include "fiber.h"

#include <gtest/gtest.h>
#include <stdexcept>
#include <string>
#include <vector>

namespace minke::sim {
namespace {

TEST(Fiber, GoesOnWhereItSuspended) {
  std::string trace;
  Fiber fiber([&] {
    for (const char step : {'a', 'b', 'c'}) {
      trace += step;
      Fiber::Suspend();
    }
  });
  while (!fiber.is_done()) {
    fiber.Resume();
    trace += '.';
  }
  EXPECT_EQ(trace, "a.b.c..");
}

TEST(Fiber, ManyGoOnByTurns) {
  std::vector<std::unique_ptr<Fiber>> fibers;
  std::vector<int> steps(50);
  for (size_t i = 0; i < steps.size(); ++i) {
    fibers.push_back(std::make_unique<Fiber>([&steps, i] {
      const std::vector<int> own(100, static_cast<int>(i));  // on each its own stack and heap
      for (const int value : own) {
        EXPECT_EQ(value, static_cast<int>(i));
        ++steps[i];
        Fiber::Suspend();
      }
    }));
  }
  for (int round = 0; round <= 100; ++round) {
    for (const auto& fiber : fibers) fiber->Resume();
  }
  for (size_t i = 0; i < steps.size(); ++i) {
    EXPECT_TRUE(fibers[i]->is_done());
    EXPECT_EQ(steps[i], 100);
  }
}

TEST(Fiber, ExceptionsStayInside) {
  std::string text;
  Fiber fiber([&] {
    try {
      throw std::runtime_error("inside");
    } catch (const std::exception& error) {
      text = error.what();
    }
    Fiber::Suspend();
  });
  fiber.Resume();
  EXPECT_EQ(text, "inside");
  fiber.Resume();
  EXPECT_TRUE(fiber.is_done());
}

}  // namespace
}  // namespace minke::sim
