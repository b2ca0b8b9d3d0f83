#include "tcp_proxy.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cstdlib>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace minke {
namespace {

sockaddr_in AddressOf(const std::string& host, int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  inet_pton(AF_INET, host.c_str(), &address.sin_addr);
  return address;
}

bool SendAll(int socket, const char* data, size_t size) {
  while (size > 0) {
    const ssize_t sent = send(socket, data, size, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    data += sent;
    size -= static_cast<size_t>(sent);
  }
  return true;
}

}  // namespace

TcpProxy::TcpProxy(const std::string& host, const std::string& server, int port) : host_(host) {
  server_port_ = std::atoi(server.substr(server.find(':') + 1).c_str());
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = AddressOf(host, port);
  socklen_t size = sizeof(address);
  const bool listens = bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                       listen(listener_, 16) == 0 &&
                       getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  if (!listens) std::abort();
  port_ = ntohs(address.sin_port);
  accepting_ = std::jthread([this] { Accept(); });
}

TcpProxy::~TcpProxy() {
  is_over_ = true;
  shutdown(listener_, SHUT_RDWR);
  accepting_.join();
  CutAll();
  passing_.clear();
  close(listener_);
}

std::string TcpProxy::address() const { return host_ + ":" + std::to_string(port_); }

void TcpProxy::Heal() {
  loses_answers_ = false;
  CutAll();
}

void TcpProxy::CutAll() {
  const std::lock_guard lock(mutex_);
  for (const int socket : open_) shutdown(socket, SHUT_RDWR);
}

void TcpProxy::Accept() {
  while (!is_over_) {
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    const std::lock_guard lock(mutex_);
    open_.push_back(client);
    passing_.emplace_back([this, client] { Pass(client); });
  }
}

void TcpProxy::Pass(int client) {
  const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = AddressOf("127.0.0.1", server_port_);
  const bool is_connected =
      connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  std::array<char, 65536> buffer;
  std::array<pollfd, 2> ends{pollfd{client, POLLIN, 0}, pollfd{server, POLLIN, 0}};
  for (bool goes_on = is_connected; goes_on && poll(ends.data(), ends.size(), -1) > 0;) {
    for (size_t from = 0; from < ends.size() && goes_on; ++from) {
      if (ends[from].revents == 0) continue;
      const ssize_t got = recv(ends[from].fd, buffer.data(), buffer.size(), 0);
      const bool is_lost = from == 1 && loses_answers_;
      goes_on = got > 0 &&
                (is_lost || SendAll(ends[1 - from].fd, buffer.data(), static_cast<size_t>(got)));
    }
  }
  close(server);
  const std::lock_guard lock(mutex_);
  std::erase(open_, client);
  close(client);
}

}  // namespace minke
