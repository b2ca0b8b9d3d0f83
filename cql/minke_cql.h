/* A narrow C ABI over the CQL driver of the Rust crate `scylla`: connect, prepare, bind, send.
 *
 * It hides the driver, its threads, TLS and the protocol. It retries nothing: what failed is said
 * with a code, and who sends decides. Bytes passed in are copied before a call returns; those that
 * are handed out live until their result is freed. Texts never hold the password. Values are in
 * CQL's own encoding (big-endian integers, raw text and blobs).
 *
 * All calls may be made from any thread. connect, prepare and query block, within their time-outs;
 * the others return at once. A panic in here ends the process. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mcql_session mcql_session;
typedef struct mcql_statement mcql_statement;
typedef struct mcql_request mcql_request;
typedef struct mcql_result mcql_result;

/* data NULL: nothing; as a value, CQL's null. */
typedef struct {
  const uint8_t* data;
  size_t size;
} mcql_bytes;

typedef struct {
  mcql_bytes addresses;  /* host:port of some nodes, with commas between; port 9042 if left out */
  mcql_bytes user;       /* nothing: no log-in */
  mcql_bytes password;
  mcql_bytes ca_pem;     /* certificates that are trusted; nothing: no TLS */
  mcql_bytes datacenter; /* nothing: any */
  mcql_bytes keyspace;   /* whose replication routes requests */
  uint8_t check_host;    /* a node's certificate is for its address, or a host of `addresses` */
  uint32_t connections;  /* per node */
  uint32_t threads;      /* of the driver */
  uint32_t connect_timeout_ms; /* of one connection, and of connect and prepare as a whole */
  uint32_t request_timeout_ms; /* of one request */
} mcql_options;

/* Why a request failed. */
enum mcql_code {
  MCQL_OK = 0,
  MCQL_UNAVAILABLE = 1, /* no node, too few replicas, or a connection that broke: outcome unknown */
  MCQL_TIMEOUT = 2,     /* outcome unknown */
  MCQL_OVERLOADED = 3,
  MCQL_DENIED = 4,   /* wrong user or password, or no permission */
  MCQL_TLS = 5,      /* a certificate that is not trusted, or no TLS at all */
  MCQL_NO_TABLE = 6, /* the table or its keyspace does not exist */
  MCQL_INVALID = 7,  /* the statement, its values or an option is wrong */
  MCQL_OTHER = 8
};

enum mcql_consistency { MCQL_LOCAL_QUORUM = 0, MCQL_LOCAL_ONE = 1, MCQL_SERIAL = 2 };

/* Where a call that can fail leaves why: a code, and a text that is cut to fit and ends in zero. */
typedef struct {
  int32_t code;
  char text[1020];
} mcql_error;

/* Called once for a request, from a thread of the driver, with `id` as it was sent: must not block,
 * nor unwind. `text` lives during the call; `result` is the callee's, NULL on failure. */
typedef void (*mcql_done)(void* context, uint64_t id, int32_t code, mcql_bytes text,
                          mcql_result* result);

/* NULL on failure. */
mcql_session* mcql_connect(const mcql_options* options, mcql_error* error);
/* Waits for the driver's threads; requests under way end without mcql_done. Statements and requests
 * are to be freed before. */
void mcql_close(mcql_session* session);

/* How many nodes the cluster has, as far as the driver knows. */
size_t mcql_nodes(const mcql_session* session);

/* NULL on failure. Conditions (IF) are decided at SERIAL. */
mcql_statement* mcql_prepare(mcql_session* session, mcql_bytes cql, uint8_t consistency,
                             mcql_error* error);
void mcql_statement_free(mcql_statement* statement);
/* Changes the schema, and waits until the nodes agree on it. Returns the code. */
int32_t mcql_query(mcql_session* session, mcql_bytes cql, mcql_error* error);

/* page_rows 0: the whole result at once. NULL on failure. May be sent again and again. */
mcql_request* mcql_bind(const mcql_statement* statement, const mcql_bytes* values, size_t count,
                        int32_t page_rows, mcql_error* error);
void mcql_request_free(mcql_request* request);
/* page_state nothing: the first page. The request may be freed at once. */
void mcql_send(mcql_session* session, const mcql_request* request, mcql_bytes page_state,
               mcql_done done, void* context, uint64_t id);

size_t mcql_rows(const mcql_result* result);
/* Nothing: null, or no such cell. */
mcql_bytes mcql_cell(const mcql_result* result, size_t row, size_t column);
/* Nothing: that was the last page. */
mcql_bytes mcql_page_state(const mcql_result* result);
void mcql_result_free(mcql_result* result);

#ifdef __cplusplus
}
#endif
