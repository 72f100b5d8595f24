// The connected TCP sockets of this process, as its own descriptors show them.
#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace hitless::tests {

struct OpenSocket {
  std::uint16_t port = 0;
  std::uint16_t peer_port = 0;
  bool no_delay = false;  // what is written leaves at once
};

inline std::vector<OpenSocket> connected_tcp_sockets() {
  std::vector<OpenSocket> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const int fd = std::stoi(entry.path().filename());
    sockaddr_in own{}, peer{};
    socklen_t size = sizeof own;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &size) != 0) continue;
    if (own.sin_family != AF_INET) continue;
    size = sizeof peer;
    if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0) continue;
    int no_delay = 0;
    size = sizeof no_delay;
    if (::getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &no_delay, &size) != 0) continue;
    found.push_back({.port = ntohs(own.sin_port),
                     .peer_port = ntohs(peer.sin_port),
                     .no_delay = no_delay != 0});
  }
  return found;
}

}  // namespace hitless::tests
