// A TCP proxy on loopback for tests: passes on what it gets, and can lose what the server says.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace minke {

class TcpProxy {
 public:
  // Listens on `host` ("127.0.0.2") for `server` ("127.0.0.1:9042"); on a port that is free, if
  // none is named.
  TcpProxy(const std::string& host, const std::string& server, int port = 0);
  ~TcpProxy();
  TcpProxy(const TcpProxy&) = delete;
  TcpProxy& operator=(const TcpProxy&) = delete;

  std::string address() const;  // "127.0.0.2:12345"
  int port() const { return port_; }
  // From now on what the server says is lost; what it is told, is not.
  void LoseAnswers() { loses_answers_ = true; }
  // Passes all on again, on connections that are made from now on; those that stand are cut.
  void Heal();

 private:
  void Accept();
  void Pass(int client);
  void CutAll();

  std::string host_;
  int server_port_ = 0;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> loses_answers_ = false;
  std::atomic<bool> is_over_ = false;
  std::mutex mutex_;  // guards the two below
  std::vector<int> open_;
  std::vector<std::jthread> passing_;
  std::jthread accepting_;
};

}  // namespace minke
