#include "adapter/http/http_module.h"

#include <algorithm>
#include <charconv>
#include <exception>
#include <fmt/format.h>
#include <future>
#include <httplib.h>
#include <memory>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <semaphore>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <thread>
#include <utility>
#include <vector>

#include "base/version.h"

namespace minke {
namespace {

constexpr int kBacklog = 1024;  // a thousand pods ask at once
constexpr size_t kRequestBytesMax = 64 << 10;

struct Address {
  std::string host;
  int port = 0;
};

// "HOST:PORT" or "[V6]:PORT".
Result<Address> ParseAddress(std::string_view text) {
  const size_t colon = text.rfind(':');
  Address address;
  if (colon != std::string_view::npos) {
    const std::string_view port = text.substr(colon + 1);
    const auto [end, fault] = std::from_chars(port.data(), port.data() + port.size(), address.port);
    std::string_view host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    address.host = host;
    const bool is_number = fault == std::errc() && end == port.data() + port.size();
    if (is_number && !host.empty() && address.port >= 0 && address.port <= 65535) return address;
  }
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("'{}' is no address: it takes HOST:PORT, as in 127.0.0.1:8080", text)};
}

// A fixed number of threads; whoever brings more work than may wait, waits.
class BoundedPool final : public httplib::ThreadPool {
 public:
  BoundedPool(size_t threads, size_t waiting_max)
      : ThreadPool(threads), free_(static_cast<std::ptrdiff_t>(threads + waiting_max)) {}

  void enqueue(std::function<void()> work) override {
    free_.acquire();
    ThreadPool::enqueue([this, work = std::move(work)] {
      work();
      free_.release();
    });
  }

 private:
  std::counting_semaphore<> free_;
};

HttpRequest FromLibrary(const httplib::Request& request) {
  HttpRequest ours;
  ours.path = request.path;
  for (const auto& [name, value] : request.params) ours.query.emplace(name, value);
  return ours;
}

void Answer(const HttpHandler& handler, const httplib::Request& request,
            httplib::Response& response) {
  if (request.method != "GET" && request.method != "HEAD") {
    response.status = 405;
    response.set_header("Allow", "GET, HEAD");
    response.set_content("only GET and HEAD\n", "text/plain");
    return;
  }
  const HttpResponse ours = handler(FromLibrary(request));
  response.status = ours.status;
  if (ours.retry_after_s > 0) {
    response.set_header("Retry-After", std::to_string(ours.retry_after_s));
  }
  response.set_header("Cache-Control", "no-store");
  response.set_content(ours.body, ours.type);
}

class Server final : public HttpServer {
 public:
  Server(const HttpServerOptions& options, HttpHandler handler) : handler_(std::move(handler)) {
    server_.new_task_queue = [this, options] {
      is_listening_.set_value();
      return new BoundedPool(options.threads, options.waiting_max);
    };
    server_.set_keep_alive_max_count(1);
    const auto io_s = static_cast<time_t>(std::max<int64_t>(1, options.io_ms / 1000));
    server_.set_keep_alive_timeout(io_s);
    server_.set_read_timeout(io_s);
    server_.set_write_timeout(io_s);
    server_.set_payload_max_length(kRequestBytesMax);
    server_.set_tcp_nodelay(true);
    server_.set_socket_options([this](socket_t socket) {
      const int yes = 1;
      setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
      socket_ = socket;
    });
    server_.set_pre_routing_handler([this](const auto& request, auto& response) {
      Answer(handler_, request, response);
      return httplib::Server::HandlerResponse::Handled;
    });
    server_.set_exception_handler([](const auto&, auto& response, const std::exception_ptr&) {
      response.status = 500;
      response.set_content("this page could not be made\n", "text/plain");
    });
  }

  ~Server() override {
    if (!thread_.joinable()) return;
    server_.stop();
    thread_.join();
  }

  Status Begin(const Address& address, std::string_view text) {
    port_ = address.port == 0
                ? server_.bind_to_any_port(address.host)
                : (server_.bind_to_port(address.host, address.port) ? address.port : -1);
    // The library's own backlog is 5. On a socket that listens, listen only changes that.
    if (port_ <= 0 || listen(socket_, kBacklog) != 0) {
      return Error{ErrorCode::kConfiguration,
                   fmt::format("cannot listen on {}: the port is taken, or the host is not this "
                               "machine's",
                               text)};
    }
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    is_listening_.get_future().wait();
    return {};
  }

  uint16_t port() const override { return static_cast<uint16_t>(port_); }

 private:
  HttpHandler handler_;
  std::promise<void> is_listening_;  // before that the library would not hear a stop
  socket_t socket_ = INVALID_SOCKET;
  int port_ = 0;
  httplib::Server server_;
  std::thread thread_;
};

// A URL in its two parts: "http://HOST:PORT" and "/path?query".
Result<std::pair<std::string, std::string>> SplitUrl(const std::string& url) {
  constexpr std::string_view kScheme = "http://";
  const size_t slash = url.find('/', kScheme.size());
  std::string server = url.substr(0, slash);
  if (!url.starts_with(kScheme) || server.size() == kScheme.size()) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("'{}' is no URL of a master: it takes http://HOST:PORT", url)};
  }
  return std::pair(std::move(server), slash == std::string::npos ? "/" : url.substr(slash));
}

const char* ReasonOf(httplib::Error error) {
  switch (error) {
    case httplib::Error::Connection:
      return "the connection is refused, or there is no such host";
    case httplib::Error::ConnectionTimeout:
      return "no connection in time";
    case httplib::Error::Read:
      return "it closes the connection, or is silent";
    default:
      return "the connection breaks";
  }
}

Result<HttpResponse> GetFrom(const std::string& server, const std::string& path,
                             const HttpGetOptions& options) {
  httplib::Client client(server);
  const Error no_url{ErrorCode::kInvalidArgument, fmt::format("'{}' is no URL", server)};
  if (!client.is_valid()) return no_url;
  const auto seconds = static_cast<time_t>(options.timeout_ms / 1000);
  const auto micros = static_cast<time_t>(options.timeout_ms % 1000 * 1000);
  client.set_connection_timeout(seconds, micros);
  client.set_read_timeout(seconds, micros);
  client.set_write_timeout(seconds, micros);
  HttpResponse ours;
  bool is_too_long = false;
  const auto take_head = [&ours](const httplib::Response& head) {
    ours.status = head.status;
    ours.type = head.get_header_value("Content-Type");
    const std::string after = head.get_header_value("Retry-After");
    std::from_chars(after.data(), after.data() + after.size(), ours.retry_after_s);
    return true;
  };
  const auto take_body = [&](const char* data, size_t size) {
    is_too_long = ours.body.size() + size > options.body_bytes_max;
    if (!is_too_long) ours.body.append(data, size);
    return !is_too_long;
  };
  const auto result = client.Get(path, take_head, take_body);
  if (result) return ours;
  return Error{ErrorCode::kUnavailable,
               fmt::format("{} does not answer: {}", server,
                           is_too_long ? "its answer is too long" : ReasonOf(result.error()))};
}

prometheus::ClientMetric ToPrometheus(const MetricSample& sample) {
  prometheus::ClientMetric metric;
  for (const auto& [name, value] : sample.labels) metric.label.push_back({name, value});
  metric.gauge.value = metric.counter.value = sample.value;
  return metric;
}

class Library final : public HttpLibrary {
 public:
  Result<std::unique_ptr<HttpServer>> Listen(const HttpServerOptions& options,
                                             HttpHandler handler) const override {
    try {
      const Address address = MINKE_TRY(ParseAddress(options.address));
      auto server = std::make_unique<Server>(options, std::move(handler));
      MINKE_TRY_STATUS(server->Begin(address, options.address));
      return server;
    } catch (const std::exception& fault) {
      return Error{ErrorCode::kConfiguration,
                   fmt::format("cannot listen on {}: {}", options.address, fault.what())};
    }
  }

  Result<HttpResponse> Get(const std::string& url, const HttpGetOptions& options) const override {
    try {
      const auto [server, path] = MINKE_TRY(SplitUrl(url));
      return GetFrom(server, path, options);
    } catch (const std::exception& fault) {
      return Error{ErrorCode::kUnavailable, fmt::format("{}: {}", url, fault.what())};
    }
  }

  std::string MetricsText(const std::vector<MetricFamily>& families) const override {
    std::vector<prometheus::MetricFamily> theirs;
    for (const MetricFamily& family : families) {
      const bool is_gauge = family.kind == MetricFamily::Kind::kGauge;
      prometheus::MetricFamily& one = theirs.emplace_back();
      one.name = family.name;
      one.help = family.help;
      one.type = is_gauge ? prometheus::MetricType::Gauge : prometheus::MetricType::Counter;
      for (const MetricSample& sample : family.samples) {
        one.metric.push_back(ToPrometheus(sample));
      }
    }
    return prometheus::TextSerializer().Serialize(theirs);
  }
};

}  // namespace
}  // namespace minke

extern "C" [[gnu::visibility("default")]] const minke::HttpLibrary* MinkeHttpModule(
    const char* version) {
  static const minke::Library library;
  return std::string_view(version) == minke::kVersion ? &library : nullptr;
}
