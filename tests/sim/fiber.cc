#include "fiber.h"

#include <ucontext.h>
#include <utility>
#include <vector>

#include "base/check.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace minke::sim {

struct Fiber::State {
  std::function<void()> body;
  std::unique_ptr<char[]> stack;
  ucontext_t own{};
  ucontext_t caller{};
  bool has_begun = false;
  bool is_done = false;
  void* fake_stack = nullptr;  // ASan's
  const void* caller_bottom = nullptr;
  size_t caller_size = 0;
  void* tsan = nullptr;
  void* tsan_caller = nullptr;

  void Enter() {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(fake_stack, &caller_bottom, &caller_size);
#endif
  }
  // `is_last`: it will not be entered again.
  void Leave([[maybe_unused]] bool is_last) {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(is_last ? nullptr : &fake_stack, caller_bottom, caller_size);
#endif
#if defined(__SANITIZE_THREAD__)
    __tsan_switch_to_fiber(tsan_caller, 0);
#endif
  }
};

namespace {

constexpr size_t kStackBytes = size_t{512} << 10;

void* running = nullptr;  // the Fiber::State that runs; the simulator has one thread

// Stacks are used again: new ones cost page faults.
std::vector<std::unique_ptr<char[]>>& IdleStacks() {
  static std::vector<std::unique_ptr<char[]>> stacks;
  return stacks;
}

std::unique_ptr<char[]> TakeStack() {
  auto& idle = IdleStacks();
  if (idle.empty()) return std::make_unique_for_overwrite<char[]>(kStackBytes);
  auto stack = std::move(idle.back());
  idle.pop_back();
  return stack;
}

}  // namespace

Fiber::Fiber(std::function<void()> body) : state_(std::make_unique<State>()) {
  state_->body = std::move(body);
}

Fiber::~Fiber() {
  MINKE_CHECK(state_->is_done || !state_->has_begun);
#if defined(__SANITIZE_THREAD__)
  if (state_->tsan != nullptr) __tsan_destroy_fiber(state_->tsan);
#endif
  if (state_->stack != nullptr) IdleStacks().push_back(std::move(state_->stack));
}

void Fiber::Resume() {
  MINKE_CHECK(running == nullptr && !state_->is_done);
  State& state = *state_;
  if (!state.has_begun) {
    state.has_begun = true;
    state.stack = TakeStack();
    getcontext(&state.own);
    state.own.uc_stack.ss_sp = state.stack.get();
    state.own.uc_stack.ss_size = kStackBytes;
    state.own.uc_link = nullptr;
    makecontext(
        &state.own,
        [] {
          auto* self = static_cast<State*>(running);
          self->Enter();
          self->body();
          self->body = nullptr;
          self->is_done = true;
          self->Leave(true);
          setcontext(&self->caller);
        },
        0);
  }
  running = &state;
#if defined(__SANITIZE_ADDRESS__)
  void* main_fake_stack = nullptr;
  __sanitizer_start_switch_fiber(&main_fake_stack, state.stack.get(), kStackBytes);
#endif
#if defined(__SANITIZE_THREAD__)
  if (state.tsan == nullptr) state.tsan = __tsan_create_fiber(0);
  state.tsan_caller = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(state.tsan, 0);
#endif
  swapcontext(&state.caller, &state.own);
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(main_fake_stack, nullptr, nullptr);
#endif
  running = nullptr;
}

void Fiber::Suspend() {
  auto* self = static_cast<State*>(running);
  MINKE_CHECK(self != nullptr);
  self->Leave(false);
  swapcontext(&self->own, &self->caller);
  self->Enter();
}

bool Fiber::is_done() const { return state_->is_done; }

}  // namespace minke::sim
