#include "adapter/cassandra/cql_session.h"

#include <algorithm>
#include <fmt/format.h>
#include <minke_cql.h>
#include <utility>

#include "base/check.h"
#include "base/file.h"

namespace minke {
namespace {

mcql_bytes Of(Bytes bytes) {
  return {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
}

// Nothing, where it is empty.
mcql_bytes IfAny(Bytes bytes) { return bytes.empty() ? mcql_bytes{nullptr, 0} : Of(bytes); }

Bytes Of(mcql_bytes bytes) { return {reinterpret_cast<const char*>(bytes.data), bytes.size}; }

CqlCode CodeOf(int32_t code) {
  switch (code) {
    case MCQL_UNAVAILABLE:
      return CqlCode::kUnavailable;
    case MCQL_TIMEOUT:
      return CqlCode::kTimeout;
    case MCQL_OVERLOADED:
      return CqlCode::kOverloaded;
    case MCQL_DENIED:
      return CqlCode::kDenied;
    case MCQL_TLS:
      return CqlCode::kTls;
    case MCQL_NO_TABLE:
      return CqlCode::kNoTable;
    case MCQL_INVALID:
      return CqlCode::kInvalid;
    default:
      return CqlCode::kOther;
  }
}

CqlFailure FailureOf(const mcql_error& error) { return {CodeOf(error.code), error.text}; }

Error ErrorOfFailure(const CqlFailure& failure, const std::string& addresses) {
  const auto text = [&](std::string_view what) {
    return fmt::format("Cassandra at {} {}: {}", addresses, what, failure.text);
  };
  switch (failure.code) {
    case CqlCode::kUnavailable:
    case CqlCode::kTimeout:
    case CqlCode::kOverloaded:
      return {ErrorCode::kUnavailable, text("does not answer")};
    case CqlCode::kDenied:
      return {ErrorCode::kConfiguration, text("refuses this user or password")};
    case CqlCode::kTls:
      return {ErrorCode::kConfiguration, text("cannot be trusted")};
    case CqlCode::kNoTable:
      return {ErrorCode::kNotFound, text("has no such table")};
    default:
      return {ErrorCode::kInternal, text("refuses a request")};
  }
}

// A file that a setting names, whole. Its content is in no text.
Result<std::string> ReadSetting(const char* what, const std::string& path) {
  auto read = ReadFile(path);
  if (read) return read;
  return Error{ErrorCode::kConfiguration,
               fmt::format("cannot read Cassandra's {}: {}", what, read.error().text)};
}

bool IsKeyspaceName(Bytes name) {
  constexpr size_t kBytesMax = 48;
  return !name.empty() && name.size() <= kBytesMax && name.front() >= 'a' && name.front() <= 'z' &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == Bytes::npos;
}

}  // namespace

bool IsWorthARetry(CqlCode code) {
  return code == CqlCode::kUnavailable || code == CqlCode::kTimeout ||
         code == CqlCode::kOverloaded || code == CqlCode::kOther;
}

// ---- results

void CqlResult::Free::operator()(mcql_result* result) const { mcql_result_free(result); }

size_t CqlResult::rows() const { return result_ == nullptr ? 0 : mcql_rows(result_.get()); }

bool CqlResult::has_cell(size_t row, size_t column) const {
  return mcql_cell(result_.get(), row, column).data != nullptr;
}

Bytes CqlResult::bytes(size_t row, size_t column) const {
  return Of(mcql_cell(result_.get(), row, column));
}

int32_t CqlResult::int32(size_t row, size_t column) const {
  const Bytes cell = bytes(row, column);
  if (cell.size() != sizeof(int32_t)) return 0;
  return static_cast<int32_t>(__builtin_bswap32(LoadLe<uint32_t>(cell.data())));
}

int64_t CqlResult::int64(size_t row, size_t column) const {
  const Bytes cell = bytes(row, column);
  return cell.size() == sizeof(int64_t) ? static_cast<int64_t>(LoadBe64(cell.data())) : 0;
}

bool CqlResult::is_true(size_t row, size_t column) const {
  const Bytes cell = bytes(row, column);
  return cell.size() == 1 && cell[0] != 0;
}

Bytes CqlResult::next_page() const {
  return result_ == nullptr ? Bytes() : Of(mcql_page_state(result_.get()));
}

// ---- requests

CqlValues& CqlValues::Int32(uint32_t value) {
  Value& added = values_.emplace_back();
  StoreLe(added.number.data(), __builtin_bswap32(value));
  added.number_bytes = sizeof(value);
  return *this;
}

CqlValues& CqlValues::Int64(uint64_t value) {
  Value& added = values_.emplace_back();
  StoreBe64(added.number.data(), value);
  added.number_bytes = sizeof(value);
  return *this;
}

CqlValues& CqlValues::Text(Bytes text) {
  values_.emplace_back().view = text;
  return *this;
}

CqlValues& CqlValues::Null() {
  values_.emplace_back().is_null = true;
  return *this;
}

void CqlRequest::Free::operator()(mcql_request* request) const { mcql_request_free(request); }

void CqlStatement::Free::operator()(mcql_statement* statement) const {
  mcql_statement_free(statement);
}

CqlRequest CqlStatement::Bind(const CqlValues& values, int32_t page_rows) const {
  static constexpr uint8_t kEmpty = 0;  // an empty text is not null
  std::vector<mcql_bytes> bound;
  bound.reserve(values.values_.size());
  for (const CqlValues::Value& value : values.values_) {
    if (value.is_null) {
      bound.push_back({nullptr, 0});
    } else if (value.number_bytes > 0) {
      bound.push_back(Of(Bytes(value.number.data(), value.number_bytes)));
    } else {
      bound.push_back(value.view.empty() ? mcql_bytes{&kEmpty, 0} : Of(value.view));
    }
  }
  mcql_error error;
  CqlRequest request;
  request.request_.reset(
      mcql_bind(statement_.get(), bound.data(), bound.size(), page_rows, &error));
  MINKE_CHECK(request.request_ != nullptr);
  return request;
}

// ---- the session

Result<std::unique_ptr<CqlSession>> CqlSession::Connect(const CassandraOptions& options) {
  if (!IsKeyspaceName(options.keyspace)) {
    return Error{ErrorCode::kConfiguration,
                 fmt::format("'{}' cannot be a keyspace: small letters, digits and _, beginning "
                             "with a letter, 48 at most",
                             options.keyspace)};
  }
  std::string password;
  std::string ca_pem;
  if (!options.password_file.empty()) {
    password = MINKE_TRY(ReadSetting("password file", options.password_file));
    password.erase(std::min(password.size(), password.find_first_of("\r\n")));
  }
  if (!options.ca_file.empty()) ca_pem = MINKE_TRY(ReadSetting("CA file", options.ca_file));
  mcql_options given{};
  given.addresses = Of(options.addresses);
  given.user = IfAny(options.user);
  given.password = Of(password);
  if (!options.ca_file.empty()) given.ca_pem = Of(ca_pem);
  given.datacenter = IfAny(options.datacenter);
  given.keyspace = Of(options.keyspace);
  given.check_host = options.check_host ? 1 : 0;
  given.connections = options.connections;
  given.threads = 2;
  given.connect_timeout_ms = static_cast<uint32_t>(options.connect_timeout_ms);
  given.request_timeout_ms = static_cast<uint32_t>(options.request_timeout_ms);
  mcql_error error;
  mcql_session* const session = mcql_connect(&given, &error);
  explicit_bzero(password.data(), password.size());
  if (session == nullptr) return ErrorOfFailure(FailureOf(error), options.addresses);
  return std::unique_ptr<CqlSession>(new CqlSession(session, options.addresses));
}

CqlSession::~CqlSession() { mcql_close(session_); }

size_t CqlSession::nodes() const { return std::max<size_t>(1, mcql_nodes(session_)); }

CqlOutcome<CqlStatement> CqlSession::Prepare(Bytes cql, Consistency consistency) {
  mcql_error error;
  CqlStatement statement;
  statement.statement_.reset(
      mcql_prepare(session_, Of(cql), static_cast<uint8_t>(consistency), &error));
  if (statement.statement_ == nullptr) return std::unexpected(FailureOf(error));
  return statement;
}

CqlOutcome<void> CqlSession::ChangeSchema(Bytes cql) {
  mcql_error error;
  if (mcql_query(session_, Of(cql), &error) == MCQL_OK) return {};
  return std::unexpected(FailureOf(error));
}

void CqlSession::OnCompleted(Completed completed, void* context) {
  completed_ = completed;
  context_ = context;
}

void CqlSession::Send(const CqlRequest& request, Bytes page, uint64_t id) {
  mcql_send(
      session_, request.request_.get(), IfAny(page),
      [](void* self, uint64_t sent, int32_t code, mcql_bytes text, mcql_result* result) {
        Done(self, sent, code, Of(text), result);
      },
      this, id);
}

void CqlSession::Done(void* self, uint64_t id, int32_t code, Bytes text, mcql_result* result) {
  auto* const session = static_cast<CqlSession*>(self);
  CqlResult owned;
  owned.result_.reset(result);
  if (code == MCQL_OK) {
    session->completed_(session->context_, id, std::move(owned));
  } else {
    session->completed_(session->context_, id,
                        std::unexpected(CqlFailure{CodeOf(code), std::string(text)}));
  }
}

Error CqlSession::ErrorOf(const CqlFailure& failure) const {
  return ErrorOfFailure(failure, addresses_);
}

}  // namespace minke
