/* Aggregates: values folded while they are emitted. Part of <minke/abi.h>; include that. */
#ifndef MINKE_ABI_AGGREGATE_H
#define MINKE_ABI_AGGREGATE_H

#include <minke/abi_data.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
  MINKE_AGGREGATE_NONE = 0,
  /* Values are MINKE_NONE, the finished value is a MINKE_U64. */
  MINKE_AGGREGATE_COUNT = 1,
  /* Of numbers, in their type. Integers: a sum that does not fit is an error, whatever its parts
   * were. F64: the exact sum, rounded once; infinity where it is too large, 0.0 where it is zero,
   * NaN if a NaN or infinities of both signs were among the values. */
  MINKE_AGGREGATE_SUM = 2,
  /* Of any values, as their stored bytes order: numbers numerically (-0.0 before 0.0, NaNs first or
   * last by their sign), bytes as unsigned bytes, tuples field by field. */
  MINKE_AGGREGATE_MIN = 3,
  MINKE_AGGREGATE_MAX = 4,
  MINKE_AGGREGATE_CUSTOM = 5
};

/* A state whose size may change, kept by the host; `data` is not yours to free, has no alignment
 * that you could rely on, and may be null while capacity is 0. */
typedef struct minke_growing {
  char* data;
  uint32_t size; /* at most capacity, and 256 MiB */
  uint32_t capacity;
  /* Makes capacity at least `bytes`, keeping the content; `data` moves. */
  void (*grow)(struct minke_growing*, uint32_t bytes);
  void* context;
} minke_growing;

/* A user's own aggregate: associative and commutative to the bit. A new state is a copy of
 * `initial`. States are plain bytes: they are moved with memcpy and written to disk as they are.
 * `self` is the instance. */
typedef struct minke_aggregate {
  size_t struct_size;
  uint32_t kind;
  uint32_t state_size; /* custom: 8 … 64, a multiple of 8; 0 = growing, states[i] is a
                          minke_growing* (empty when new), and only its bytes travel */
  const void* initial; /* state_size bytes */
  /* states[i] takes in pairs[i]; the same state may stand several times in one batch. */
  int (*fold)(void* self, void* const* states, const minke_pair* pairs, size_t count, minke_error*);
  /* into[i] takes in from[i], which is only read (one that grows cannot be grown); the same `into`
   * may stand several times in one batch. */
  int (*merge)(void* self, void* const* into, const void* const* from, size_t count, minke_error*);
  /* values[i].value becomes the finished value of states[i], in the type `finished`; bytes stay
   * valid until the next call. values[i].key and key_size are set on entry. */
  int (*finish)(void* self, const void* const* states, minke_pair* values, size_t count,
                minke_error*);
  minke_type finished; /* type of the finished value; built-in kinds: filled in by the host */
} minke_aggregate;

#ifdef __cplusplus
}
#endif

#endif /* MINKE_ABI_AGGREGATE_H */
