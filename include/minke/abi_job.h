/* What a job declares. Part of <minke/abi.h>; include that. */
#ifndef MINKE_ABI_JOB_H
#define MINKE_ABI_JOB_H

#include <minke/abi_aggregate.h>
#include <minke/abi_data.h>
#include <minke/abi_host.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { MINKE_PARTITION_HASH = 0, MINKE_PARTITION_RANGE = 1, MINKE_PARTITION_CUSTOM = 2 };

typedef struct minke_output {
  const char* name;
  minke_type key;
  minke_type value;
} minke_output;

/* One job, declared for given arguments. */
typedef struct minke_job {
  size_t struct_size;
  uint32_t abi_version;
  uint32_t input_kind;      /* MINKE_TEXT, MINKE_FIXED or MINKE_RECORDS */
  uint32_t record_size;     /* MINKE_FIXED */
  uint32_t record_key_size; /* MINKE_FIXED */
  uint32_t partitioner;     /* MINKE_PARTITION_… */
  uint32_t partitions;  /* 0: by input size, or the user's --partitions; else the job needs just so
                           many */
  uint32_t sort_values; /* 1: the values of a group come in byte order of their stored form */
  uint32_t map_only;    /* 1: what a map emits is the output */
  uint32_t raw_output;  /* 1: the output is the value alone, without separator or newline (fixed
                           records) */
  uint32_t reserved;
  minke_type input_key, input_value; /* MINKE_RECORDS */
  minke_type key, value;             /* what map emits */
  minke_type output_key, output_value;
  const minke_aggregate* aggregate; /* or NULL */
  const minke_output* outputs;      /* named side outputs */
  size_t output_count;
  const minke_bytes*
      tags; /* input tags that must be given, each at least once; none: tags are refused */
  size_t tag_count;

  void* user; /* the declaration's own; handed to open */
  /* An instance for one attempt, or NULL and an error. */
  void* (*open)(void* user, const minke_host*, minke_error*);
  void (*close)(void* instance);
  int (*map)(void* instance, const minke_batch*, minke_emitter*, minke_error*);
  int (*map_end)(void* instance, minke_emitter*,
                 minke_error*); /* after the last batch; may be NULL */
  /* NULL: the sorted records, or the finished aggregates, are the output as they are. With an
   * aggregate, it reads each key once, with the finished value. */
  int (*reduce)(void* instance, minke_groups*, minke_emitter*, minke_error*);
  int (*reduce_end)(void* instance, minke_emitter*, minke_error*); /* may be NULL */
  /* Runs on sorted groups when a run is made: never, once or often. It keeps the key. May be NULL.
   */
  int (*combine)(void* instance, minke_groups*, minke_emitter*, minke_error*);
  /* MINKE_PARTITION_CUSTOM: partition[i] of keys[i], below `partitions`. */
  int (*partition)(void* instance, const minke_pair* keys, size_t count, uint32_t partitions,
                   uint32_t* partition, minke_error*);
} minke_job;

enum {
  MINKE_ARGUMENT_STRING = 0,
  MINKE_ARGUMENT_INTEGER = 1,
  MINKE_ARGUMENT_FLOAT = 2,
  MINKE_ARGUMENT_BOOL = 3
};

typedef struct minke_argument {
  const char* name;
  uint32_t type;
  uint32_t required;
  const char* default_value; /* as the user would write it; NULL where required or absent */
  const char* help;
} minke_argument;

/* What the user gave, checked against the declaration: names with values, defaults filled in. */
typedef struct minke_argument_value {
  minke_bytes name;
  minke_bytes value;
} minke_argument_value;

/* One entry of a job file: what `minke jobs` shows, and how to declare the job for given arguments.
 */
typedef struct minke_job_entry {
  size_t struct_size;
  const char* name;
  const char* summary;
  const char* input;   /* one line: what the input is */
  const char* output;  /* one line: what an output line is */
  const char* example; /* a command line */
  const minke_argument* arguments;
  size_t argument_count;
  void* user;
  /* The declaration, valid until `destroy`; NULL and an error where the arguments make no sense. */
  minke_job* (*create)(void* user, const minke_argument_value* values, size_t count, minke_error*);
  void (*destroy)(minke_job*);
} minke_job_entry;

typedef struct minke_module {
  size_t struct_size;
  uint32_t abi_version;
  uint32_t reserved;
  const minke_job_entry* const* entries;
  size_t entry_count;
} minke_module;

typedef const minke_module* (*minke_module_function)(void);

#ifdef __cplusplus
}
#endif

#endif /* MINKE_ABI_JOB_H */
