// HTTP, server and client, and the text in which metrics are told: one door for all of it.
//
// It hides cpp-httplib and prometheus-cpp, which stand, with OpenSSL and brotli behind them, in a
// module of ours, libminke_http.so. That is opened when it is first used: a run that serves nothing
// does not pay for loading it. Plain HTTP/1.1, a connection per request, GET and HEAD only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace minke {

struct HttpRequest {
  std::string path;                          // decoded, without the query
  std::map<std::string, std::string> query;  // decoded; of a name that comes twice, the first

  // Empty: it is not there.
  std::string parameter(const std::string& name) const;
};

struct HttpResponse {
  int status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
  int retry_after_s = 0;  // 0: none
};

// Called by several threads at once.
using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

struct HttpServerOptions {
  std::string address = "127.0.0.1:0";  // HOST:PORT, [V6]:PORT; port 0: one that is free
  size_t threads = 4;
  size_t waiting_max = 16;  // connections taken beyond those served; the kernel keeps others
  int64_t io_ms = 2'000;    // silence after which a peer is given up
};

// Serves until destroyed, which ends what is under way: at most some io_ms.
class HttpServer {
 public:
  virtual ~HttpServer() = default;
  virtual uint16_t port() const = 0;
};

struct HttpGetOptions {
  int64_t timeout_ms = 3'000;  // of the connection, and of each silence behind it
  size_t body_bytes_max = 4u << 20;
};

struct MetricSample {
  std::vector<std::pair<std::string, std::string>> labels;
  double value = 0;
};

struct MetricFamily {
  enum class Kind : uint8_t { kGauge, kCounter };
  std::string name;
  std::string help;
  Kind kind = Kind::kGauge;
  std::vector<MetricSample> samples;
};

class HttpLibrary {
 public:
  virtual ~HttpLibrary() = default;

  // kInvalidArgument: the address is none; kConfiguration: it cannot be listened on.
  virtual Result<std::unique_ptr<HttpServer>> Listen(const HttpServerOptions& options,
                                                     HttpHandler handler) const = 0;
  // The answer, whatever its status. kInvalidArgument: not an http:// URL; kUnavailable: there is
  // no answer, or it is too long.
  virtual Result<HttpResponse> Get(const std::string& url, const HttpGetOptions& options) const = 0;
  // In Prometheus' text format.
  virtual std::string MetricsText(const std::vector<MetricFamily>& families) const = 0;
};

// Opens the module, once per process; any thread. kConfiguration: it is not there, or another's.
Result<const HttpLibrary*> LoadHttpLibrary();

// Text as it may stand in a URL's path or query.
std::string UrlEncoded(std::string_view text);

}  // namespace minke
