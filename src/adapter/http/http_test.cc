#include "adapter/http/http.h"

#include <atomic>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <latch>
#include <string>
#include <thread>
#include <vector>

namespace minke {
namespace {

const HttpLibrary& Http() {
  static const auto library = LoadHttpLibrary();
  EXPECT_TRUE(library) << library.error().text;
  return **library;
}

std::string UrlOf(const HttpServer& server, const std::string& path) {
  return fmt::format("http://127.0.0.1:{}{}", server.port(), path);
}

bool IsMapped(const std::string& library) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.find(library) != std::string::npos) return true;
  }
  return false;
}

TEST(Http, LoadsItsLibrariesOnlyWhenUsed) {
  EXPECT_FALSE(IsMapped("libcpp-httplib"));
  Http();
  EXPECT_TRUE(IsMapped("libcpp-httplib"));
}

TEST(Http, HandlerSeesPathAndQueryAndItsAnswerComesBack) {
  const auto server = Http().Listen({}, [](const HttpRequest& request) {
    return HttpResponse{
        503, "application/json",
        request.path + "|" + request.parameter("job") + "|" + request.parameter("none"), 7};
  });
  ASSERT_TRUE(server) << server.error().text;
  const std::string path = "/v1/gate/mapper?job=" + UrlEncoded("a b&c=d/ü%");
  const auto got = Http().Get(UrlOf(**server, path), {});
  ASSERT_TRUE(got) << got.error().text;
  EXPECT_EQ(got->status, 503);
  EXPECT_EQ(got->type, "application/json");
  EXPECT_EQ(got->body, "/v1/gate/mapper|a b&c=d/ü%|");
  EXPECT_EQ(got->retry_after_s, 7);
}

TEST(Http, AThousandQuestionsAreAllAnsweredByAFewThreads) {
  std::atomic<int> at_once{0}, most{0};
  HttpServerOptions options;
  options.threads = 3;
  const auto server = Http().Listen(options, [&](const HttpRequest&) {
    most = std::max(most.load(), ++at_once);
    --at_once;
    return HttpResponse{};
  });
  ASSERT_TRUE(server) << server.error().text;
  constexpr int kAskers = 50;
  std::atomic<int> answered{0};
  std::latch begin(kAskers);
  std::vector<std::jthread> askers;
  for (int i = 0; i < kAskers; ++i) {
    askers.emplace_back([&] {
      begin.arrive_and_wait();
      for (int k = 0; k < 20; ++k) {
        answered += Http().Get(UrlOf(**server, "/"), {.timeout_ms = 60'000}).has_value() ? 1 : 0;
      }
    });
  }
  askers.clear();
  EXPECT_EQ(answered, kAskers * 20);
  EXPECT_LE(most, 3);
}

TEST(Http, NobodyThereIsUnavailableAndNamesTheAddress) {
  uint16_t port = 0;
  {
    const auto server = Http().Listen({}, [](const HttpRequest&) { return HttpResponse{}; });
    ASSERT_TRUE(server);
    port = (*server)->port();
  }
  const auto got = Http().Get(fmt::format("http://127.0.0.1:{}/", port), {});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(got.error().text.find(std::to_string(port)), std::string::npos) << got.error().text;
}

TEST(Http, AnAnswerThatIsTooLongIsNone) {
  const auto server = Http().Listen({}, [](const HttpRequest&) {
    return HttpResponse{200, "text/plain", std::string(1000, 'x')};
  });
  ASSERT_TRUE(server);
  const auto fits = Http().Get(UrlOf(**server, "/"), {.body_bytes_max = 1000});
  ASSERT_TRUE(fits) << fits.error().text;
  EXPECT_EQ(fits->body.size(), 1000u);
  const auto got = Http().Get(UrlOf(**server, "/"), {.body_bytes_max = 999});
  ASSERT_FALSE(got);
  EXPECT_NE(got.error().text.find("too long"), std::string::npos) << got.error().text;
}

TEST(Http, APortThatIsTakenIsRefused) {
  const auto first = Http().Listen({}, [](const HttpRequest&) { return HttpResponse{}; });
  ASSERT_TRUE(first);
  HttpServerOptions options;
  options.address = fmt::format("127.0.0.1:{}", (*first)->port());
  const auto second = Http().Listen(options, [](const HttpRequest&) { return HttpResponse{}; });
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kConfiguration);
  EXPECT_NE(second.error().text.find(options.address), std::string::npos) << second.error().text;
}

TEST(Http, WhatIsNoAddressOrUrlIsSaid) {
  for (const char* address : {"", "127.0.0.1", ":80", "127.0.0.1:", "127.0.0.1:x", "h:70000"}) {
    HttpServerOptions options;
    options.address = address;
    const auto server = Http().Listen(options, [](const HttpRequest&) { return HttpResponse{}; });
    ASSERT_FALSE(server) << address;
    EXPECT_EQ(server.error().code, ErrorCode::kInvalidArgument) << address;
  }
  for (const char* url : {"", "master:80", "https://master:80", "http://", "http:///v1"}) {
    const auto got = Http().Get(url, {});
    ASSERT_FALSE(got) << url;
    EXPECT_EQ(got.error().code, ErrorCode::kInvalidArgument) << url;
  }
}

TEST(Http, MetricsAreInPrometheusText) {
  const std::string text = Http().MetricsText(
      {{"minke_tasks",
        "Tasks of the job.",
        MetricFamily::Kind::kGauge,
        {{{{"kind", "map"}, {"state", "done"}}, 3}}},
       {"minke_failures_total", "Failed attempts.", MetricFamily::Kind::kCounter, {{{}, 2}}}});
  EXPECT_EQ(text,
            "# HELP minke_tasks Tasks of the job.\n"
            "# TYPE minke_tasks gauge\n"
            "minke_tasks{kind=\"map\",state=\"done\"} 3\n"
            "# HELP minke_failures_total Failed attempts.\n"
            "# TYPE minke_failures_total counter\n"
            "minke_failures_total 2\n");
}

}  // namespace
}  // namespace minke
