// Wrong uses of the SDK, one per macro; each must fail to compile, with the advice that
// CMakeLists.txt looks for. Without a macro the file compiles, so that a failure is the misuse's
// own.
#include <minke/job.h>

using minke::Emit;
using minke::Line;
using minke::Map;
using minke::Text;
using minke::Values;
using std::string_view;

inline constexpr auto kEmitsNothing = [](const Text&, Emit<string_view>&) {};
inline constexpr auto kEmitsBytes = [](const Text&, Emit<string_view, string_view>&) {};
inline constexpr auto kEmitsNumbers = [](const Text&, Emit<string_view, int64_t>&) {};

struct BigState {
  struct State {
    char bytes[72] = {};
  };
  void Fold(State&, int64_t) const {}
  void Merge(State&, const State&) const {}
  int64_t Finish(const State&) const { return 0; }
};
struct NoMerge {
  struct State {
    int64_t sum = 0;
  };
  void Fold(State&, int64_t) const {}
  int64_t Finish(const State&) const { return 0; }
};
struct FoldsBytes {
  struct State {
    int64_t sum = 0;
  };
  void Fold(State&, string_view) const {}
  void Merge(State&, const State&) const {}
  int64_t Finish(const State&) const { return 0; }
};
struct WrongBegin {
  void Begin(int) {}
  void operator()(const Line&, Emit<string_view>&) {}
};
struct WrongEnd {
  void operator()(const Line&, Emit<string_view>&) {}
  void End(Emit<int64_t>&) {}
};

static minke::Job Misuse(const minke::Arguments&) {
#if defined(GENERIC_LAMBDA)
  return Map([](const auto&, auto& emit) { emit("x"); }).MapOnly();
#elif defined(NOT_A_FUNCTION)
  return Map(42).MapOnly();
#elif defined(UNKNOWN_INPUT)
  return Map([](const std::string&, Emit<string_view>&) {}).MapOnly();
#elif defined(EMIT_BY_VALUE)
  return Map([](const Text&, Emit<string_view>) {}).MapOnly();
#elif defined(FOURTH_PARAMETER)
  return Map([](const Text&, Emit<string_view>&, int) {}).MapOnly();
#elif defined(INT_KEY)
  return Map([](const Text&, Emit<int>&) {}).MapOnly();
#elif defined(STRING_VALUE)
  return Map([](const Text&, Emit<string_view, std::string>&) {}).MapOnly();
#elif defined(NOTHING_FOLLOWS)
  return Map(kEmitsNothing);
#elif defined(SUM_OF_BYTES)
  return Map(kEmitsBytes).Aggregate(minke::Sum());
#elif defined(MIN_OF_NOTHING)
  return Map(kEmitsNothing).Aggregate(minke::Min());
#elif defined(COUNT_OF_VALUES)
  return Map(kEmitsNumbers).Aggregate(minke::Count());
#elif defined(NO_AGGREGATE)
  return Map(kEmitsNumbers).Aggregate(17);
#elif defined(BIG_STATE)
  return Map(kEmitsNumbers).Aggregate(BigState());
#elif defined(NO_MERGE)
  return Map(kEmitsNumbers).Aggregate(NoMerge());
#elif defined(WRONG_FOLD)
  return Map(kEmitsNumbers).Aggregate(FoldsBytes());
#elif defined(OTHER_KEY)
  return Map(kEmitsNumbers).Reduce([](int64_t, Values<int64_t>&, Emit<string_view>&) {});
#elif defined(OTHER_VALUES)
  return Map(kEmitsNumbers).Reduce([](string_view, Values<string_view>&, Emit<string_view>&) {});
#elif defined(VALUES_BY_VALUE)
  return Map(kEmitsNumbers).Reduce([](string_view, Values<int64_t>, Emit<string_view>&) {});
#elif defined(NO_EMIT)
  return Map(kEmitsNumbers).Reduce([](string_view, Values<int64_t>&) {});
#elif defined(UNFINISHED_VALUES)
  return Map(kEmitsNothing)
      .Aggregate(minke::Count())
      .Reduce([](string_view, Values<minke::None>&, Emit<string_view>&) {});
#elif defined(COMBINER_CHANGES_TYPE)
  return Map(kEmitsNumbers)
      .Combine([](string_view, Values<int64_t>&, Emit<string_view, double>&) {})
      .Reduce([](string_view, Values<int64_t>&, Emit<string_view>&) {});
#elif defined(VALUES_TWICE)
  return Map(kEmitsNumbers).Reduce([](string_view, Values<int64_t>& values, Emit<string_view>&) {
    auto begin = values.begin();
    auto copy = begin;
  });
#elif defined(WRONG_PARTITION)
  return Map(kEmitsNumbers).PartitionBy([](int64_t) { return 0; }).SortByKey();
#elif defined(FIRST_FIELD_OF_BYTES)
  return Map(kEmitsNumbers).PartitionBy(minke::ByFirstField()).SortByKey();
#elif defined(FIXED_WITHOUT_RECORDS)
  return Map(kEmitsNumbers).FixedRecords(10, 1).SortByKey();
#elif defined(RAW_NUMBERS)
  return Map(kEmitsNumbers).SortByKey().RawOutput();
#elif defined(WRONG_BEGIN)
  return Map(WrongBegin()).MapOnly();
#elif defined(WRONG_END)
  return Map(WrongEnd()).MapOnly();
#else
  return Map(kEmitsNothing).MapOnly();
#endif
}

#if defined(BAD_NAME)
MINKE_JOB("Bad Name", Misuse);
#elif defined(WRONG_FUNCTION)
static int NoJob() { return static_cast<bool>(&Misuse); }
MINKE_JOB("misuse", NoJob);
#else
MINKE_JOB("misuse", Misuse);
#endif
