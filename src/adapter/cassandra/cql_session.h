// The CQL driver (cql/minke_cql.h) as C++: a session, statements, requests and results that free
// themselves. It hides the C ABI and TLS, and retries nothing. Statements and requests may outlive
// no session. Thread-safe; completions come from threads of the driver.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "adapter/cassandra/cassandra_options.h"
#include "base/bytes.h"
#include "base/result.h"

struct mcql_result;
struct mcql_request;
struct mcql_session;
struct mcql_statement;

namespace minke {

enum class CqlCode : uint8_t {
  kUnavailable,  // no node, too few replicas, or a broken connection: outcome unknown
  kTimeout,      // outcome unknown
  kOverloaded,
  kDenied,
  kTls,
  kNoTable,
  kInvalid,
  kOther,
};

struct CqlFailure {
  CqlCode code = CqlCode::kOther;
  std::string text;
};

template <typename T>
using CqlOutcome = std::expected<T, CqlFailure>;

// Whether the same request may succeed later.
bool IsWorthARetry(CqlCode code);

// Rows of one page. Cells are views of it.
class CqlResult {
 public:
  size_t rows() const;
  bool has_cell(size_t row, size_t column) const;  // it is there, and not null
  Bytes bytes(size_t row, size_t column) const;    // of a text or blob
  int32_t int32(size_t row, size_t column) const;  // of an int; 0 for null, and for other sizes
  int64_t int64(size_t row, size_t column) const;  // of a bigint
  bool is_true(size_t row, size_t column) const;   // of a boolean
  // Where the next page begins; empty: there is none.
  Bytes next_page() const;

 private:
  friend class CqlSession;
  struct Free {
    void operator()(mcql_result* result) const;
  };
  std::unique_ptr<mcql_result, Free> result_;
};

// Values for the marks of a statement, in order. Bytes are not copied: they stay the caller's.
class CqlValues {
 public:
  CqlValues& Int32(uint32_t value);
  CqlValues& Int64(uint64_t value);
  CqlValues& Text(Bytes text);  // or a blob, or any value in CQL's own encoding
  CqlValues& Null();
  CqlValues&& Done() { return std::move(*this); }

 private:
  friend class CqlStatement;
  struct Value {
    Bytes view;  // data null: the number is in `number`
    std::array<char, 8> number{};
    uint8_t number_bytes = 0;
    bool is_null = false;
  };
  std::vector<Value> values_;
};

// A statement with its values: may be sent again and again.
class CqlRequest {
 private:
  friend class CqlSession;
  friend class CqlStatement;
  struct Free {
    void operator()(mcql_request* request) const;
  };
  std::unique_ptr<mcql_request, Free> request_;
};

class CqlStatement {
 public:
  // Copies the values. page_rows 0: the whole result at once. Wrong values are a broken invariant.
  CqlRequest Bind(const CqlValues& values, int32_t page_rows = 0) const;

 private:
  friend class CqlSession;
  struct Free {
    void operator()(mcql_statement* statement) const;
  };
  std::unique_ptr<mcql_statement, Free> statement_;
};

enum class Consistency : uint8_t { kLocalQuorum, kLocalOne, kSerial };

class CqlSession {
 public:
  // Called once for a request, from a thread of the driver; must only drop it into a mailbox.
  using Completed = void (*)(void* context, uint64_t id, CqlOutcome<CqlResult> outcome);

  // Blocks, for some connect time-outs at most. kConfiguration: refused; kUnavailable: no answer.
  static Result<std::unique_ptr<CqlSession>> Connect(const CassandraOptions& options);
  // Requests under way end without Completed.
  ~CqlSession();
  CqlSession(const CqlSession&) = delete;
  CqlSession& operator=(const CqlSession&) = delete;

  size_t nodes() const;  // of the cluster, as far as is known; at least 1
  CqlOutcome<CqlStatement> Prepare(Bytes cql, Consistency consistency);  // blocks
  CqlOutcome<void> ChangeSchema(Bytes cql);                              // blocks
  // Returns at once. page empty: the first.
  void Send(const CqlRequest& request, Bytes page, uint64_t id);
  // Before the first Send.
  void OnCompleted(Completed completed, void* context);

  // What the caller's caller is told.
  Error ErrorOf(const CqlFailure& failure) const;

 private:
  explicit CqlSession(mcql_session* session, std::string addresses)
      : session_(session), addresses_(std::move(addresses)) {}
  static void Done(void* self, uint64_t id, int32_t code, Bytes text, mcql_result* result);

  mcql_session* session_;
  std::string addresses_;
  Completed completed_ = nullptr;
  void* context_ = nullptr;
};

}  // namespace minke
