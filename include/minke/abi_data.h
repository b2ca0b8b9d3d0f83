/* What passes the door in batches: pairs, records, input batches, the emitter, groups. Part of
 * <minke/abi.h>; include that. */
#ifndef MINKE_ABI_DATA_H
#define MINKE_ABI_DATA_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MINKE_ABI_VERSION 1u
#define MINKE_READABLE_BEYOND 64u

typedef struct minke_bytes {
  const char* data;
  size_t size;
} minke_bytes;

typedef struct minke_error {
  char text[1008]; /* one line, zero-terminated, cut if longer */
} minke_error;

/* ---- types of keys and values ---- */

/* A type is up to 16 fields of 4 bits, the first in the lowest; one field is a scalar, several are
 * a tuple. */
typedef uint64_t minke_type;
enum {
  MINKE_NONE = 0,  /* no value: nothing is stored or printed */
  MINKE_BYTES = 1, /* any bytes, printed as they are */
  MINKE_I64 = 2,   /* 8 bytes, big-endian, sign flipped; printed in decimal */
  MINKE_U64 = 3,   /* 8 bytes, big-endian; printed in decimal */
  MINKE_F64 = 4    /* 8 bytes, order-preserving; printed as the shortest decimal that reads back */
};

/* One emitted pair. The value is the number itself where the declared value type is one of the
 * three scalars, else `bytes` and value_size. A key of a scalar type is already in its 8-byte form.
 */
typedef struct minke_pair {
  const char* key;
  union {
    const char* bytes;
    int64_t i64;
    uint64_t u64;
    double f64;
  } value;
  uint32_t key_size;
  uint32_t value_size;
} minke_pair;

/* One record on its way to a map (record inputs) or to a reduce. Values are in stored form
 * (scalars: 8 bytes). */
typedef struct minke_record {
  const char* key;
  const char* value;
  uint32_t key_size;
  uint32_t value_size;
} minke_record;

/* ---- what a map reads ---- */

enum {
  MINKE_TEXT = 0,  /* `data` is whole lines; every line but the last of a file ends with \n (and may
                      have \r before) */
  MINKE_FIXED = 1, /* `data` is whole records of `record_size` bytes; the key is the first
                      `key_size` of them */
  MINKE_RECORDS = 2 /* `records` */
};

typedef struct minke_batch {
  size_t struct_size;
  uint32_t kind;
  uint32_t record_size; /* MINKE_FIXED */
  uint32_t key_size;    /* MINKE_FIXED */
  uint32_t reserved;
  const char* data;
  size_t size;
  const minke_record* records;
  size_t record_count;
  uint64_t offset;  /* of `data` in its file, bytes (after decompression); for records the number of
                       the first */
  minke_bytes path; /* as the user named it */
  minke_bytes tag;  /* `left` of left=PATH; empty without */
} minke_batch;

/* ---- what user code emits ---- */

/* Filled inline by user code; `flush` hands the batch over and makes room. A key or value that lies
 * inside the window (the current input batch) may stay a view; any other must be copied into the
 * scratch first. After `flush` the scratch is empty. When handing over fails (a full disk, a record
 * over the limit), `failed` is set, later batches are dropped, and the attempt ends after the call
 * returns. */
typedef struct minke_emitter {
  size_t struct_size;
  minke_pair* pairs;
  uint32_t count;
  uint32_t capacity;
  const char* window;
  size_t window_size;
  char* scratch;
  size_t scratch_used;
  size_t scratch_capacity; /* usable bytes; MINKE_READABLE_BEYOND more are readable */
  void (*flush)(struct minke_emitter*);
  /* Flushes, then makes room for at least `bytes` in the scratch. */
  void (*reserve)(struct minke_emitter*, size_t bytes);
  uint32_t failed;
  minke_type key_type;
  minke_type value_type;
} minke_emitter;

/* ---- what a reduce reads ---- */

/* The records of one partition in key order, read once, front to back. records[next .. count) are
 * at hand; those with index in `starts` … are found by `first`: first[i] is 1 where records[i]
 * begins a new group. When all are used, call `refill`: 1 = more records (old pointers are void,
 * but for a group that goes on, whose records keep an equal key), 0 = the end or a failure that the
 * engine already knows. */
typedef struct minke_groups {
  size_t struct_size;
  const minke_record* records;
  const uint8_t* first;
  size_t next;
  size_t count;
  int (*refill)(struct minke_groups*);
} minke_groups;

#ifdef __cplusplus
}
#endif

#endif /* MINKE_ABI_DATA_H */
