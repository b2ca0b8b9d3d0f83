/* What the engine offers to user code. Part of <minke/abi.h>; include that. */
#ifndef MINKE_ABI_HOST_H
#define MINKE_ABI_HOST_H

#include <minke/abi_data.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- services of the host ---- */

enum { MINKE_LOG_DEBUG = 0, MINKE_LOG_INFO = 1, MINKE_LOG_WARNING = 2, MINKE_LOG_ERROR = 3 };

typedef struct minke_host {
  size_t struct_size;
  uint32_t abi_version;
  uint32_t reserved;
  void* context;
  /* 1 when the attempt should end soon; cheap enough for every few thousand records. */
  int (*cancelled)(void* context);
  /* Says that user code is alive, for code that works longer than the task time-out on one batch.
   */
  void (*progress)(void* context);
  void (*log)(void* context, int level, const char* text, size_t size);
  /* The counter of that name, to be added to directly; valid until `close`. NULL past the limit of
   * names. */
  uint64_t* (*counter)(void* context, const char* name, size_t size);
  /* The emitter of a declared side output; NULL if none has that name. */
  minke_emitter* (*output)(void* context, const char* name, size_t size);
  /* The local path of a side file given with --file NAME=PATH; {NULL, 0} if none has that name. */
  minke_bytes (*file)(void* context, const char* name, size_t size);
  /* Splits data at runs of space \t \n \v \f \r: writes up to `capacity` words as views and returns
   * how many; *consumed says how many bytes are done with. Call again with the rest until all are
   * consumed. */
  size_t (*split_words)(const char* data, size_t size, minke_bytes* words, size_t capacity,
                        size_t* consumed);
  /* The same for lines, without their \n and one \r before it. */
  size_t (*split_lines)(const char* data, size_t size, minke_bytes* lines, size_t capacity,
                        size_t* consumed);
} minke_host;

#ifdef __cplusplus
}
#endif

#endif /* MINKE_ABI_HOST_H */
