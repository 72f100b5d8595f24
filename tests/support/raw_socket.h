// Plain blocking sockets for tests that speak HTTP byte by byte, each step with a deadline.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <string>
#include <string_view>

#include "base/address.h"
#include "base/check.h"
#include "base/file.h"

namespace hitless::tests {

// Long enough for the slowest sanitizer build; a test that meets it has failed.
constexpr int k_patience_millis = 20'000;

class RawSocket {
 public:
  explicit RawSocket(UniqueFd fd) : fd_(std::move(fd)) {}

  static RawSocket connect(const Address& to) {
    const int family = to.is_unix()                             ? AF_UNIX
                       : to.host.find(':') != std::string::npos ? AF_INET6
                                                                : AF_INET;
    UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    HL_CHECK(fd.get() >= 0);
    sockaddr_storage name{};
    name.ss_family = static_cast<sa_family_t>(family);
    auto* local = reinterpret_cast<sockaddr_un*>(&name);
    auto* v4 = reinterpret_cast<sockaddr_in*>(&name);
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&name);
    socklen_t size = sizeof *local;
    if (family == AF_UNIX) {
      std::memcpy(local->sun_path, to.path.data(), to.path.size());
    } else if (family == AF_INET) {
      v4->sin_port = htons(to.port);
      ::inet_pton(AF_INET, to.host.c_str(), &v4->sin_addr);
      size = sizeof *v4;
    } else {
      v6->sin6_port = htons(to.port);
      ::inet_pton(AF_INET6, to.host.c_str(), &v6->sin6_addr);
      size = sizeof *v6;
    }
    HL_CHECK(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&name), size) == 0);
    return RawSocket(std::move(fd));
  }

  // The next client of a listening socket.
  static RawSocket accept(int listen_fd) {
    HL_CHECK(wait_readable(listen_fd));
    UniqueFd fd(::accept4(listen_fd, nullptr, nullptr, SOCK_CLOEXEC));
    HL_CHECK(fd.get() >= 0);
    return RawSocket(std::move(fd));
  }

  int fd() const { return fd_.get(); }
  void close() { fd_.reset(); }

  // False when the other side has gone.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  // Reads up to and with `mark`; what came before the end when it never comes.
  std::string read_until(std::string_view mark) {
    std::size_t at = read_.find(mark);
    while (at == std::string::npos && read_more()) at = read_.find(mark);
    return take(at == std::string::npos ? read_.size() : at + mark.size());
  }

  std::string read_bytes(std::size_t count) {
    while (read_.size() < count && read_more()) {
    }
    return take(std::min(count, read_.size()));
  }

  std::string read_to_end() {
    while (read_more()) {
    }
    return take(read_.size());
  }

  // Head and body of one answer with a Content-Length.
  std::string read_answer() {
    std::string answer = read_until("\r\n\r\n");
    constexpr std::string_view k_length = "Content-Length: ";
    const std::size_t at = answer.find(k_length);
    if (at == std::string::npos) return answer;
    return answer + read_bytes(std::stoul(answer.substr(at + k_length.size())));
  }

 private:
  static bool wait_readable(int fd) {
    pollfd waited{.fd = fd, .events = POLLIN, .revents = 0};
    return ::poll(&waited, 1, k_patience_millis) == 1;
  }

  // False at the end, after a reset, or when patience is over.
  bool read_more() {
    char bytes[64 * 1024];
    if (!wait_readable(fd_.get())) return false;
    const ssize_t got = ::recv(fd_.get(), bytes, sizeof bytes, 0);
    if (got <= 0) return false;
    read_.append(bytes, static_cast<std::size_t>(got));
    return true;
  }

  std::string take(std::size_t count) {
    std::string taken = read_.substr(0, count);
    read_.erase(0, count);
    return taken;
  }

  UniqueFd fd_;
  std::string read_;
};

}  // namespace hitless::tests
