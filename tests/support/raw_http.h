// Two ends of HTTP for tests of what lies between them: a client and a server that send exactly
// the bytes a test gives them and see exactly the bytes that come.
//
// Blocking sockets with a deadline on every read, so that a test fails instead of hanging.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/address.h"
#include "base/check.h"
#include "base/file.h"
#include "net/socket.h"

namespace hitless::testing {

inline constexpr int k_read_seconds = 20;

// One message as it came.
struct RawMessage {
  std::string head;  // with the empty line
  std::string body;  // without chunk framing
  std::string wire;  // all of it
  bool whole = false;

  std::string start_line() const { return head.substr(0, head.find("\r\n")); }
  int status() const { return head.size() > 12 ? std::atoi(head.substr(9, 3).c_str()) : 0; }
  std::string field(std::string_view name) const {
    const auto lower = [](std::string text) {
      std::transform(text.begin(), text.end(), text.begin(),
                     [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      return text;
    };
    const std::string wanted = "\r\n" + lower(std::string(name)) + ":";
    const std::size_t at = lower(head).find(wanted);
    if (at == std::string::npos) return "";
    std::size_t begin = at + wanted.size();
    while (head[begin] == ' ') ++begin;
    return head.substr(begin, head.find("\r\n", begin) - begin);
  }
};

// A connected blocking socket.
class RawConnection {
 public:
  explicit RawConnection(int fd) : fd_(fd) {
    const timeval limit{.tv_sec = k_read_seconds, .tv_usec = 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    const int one = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  }

  static RawConnection connect(const Address& address, int receive_buffer = 0) {
    const net::SocketAddress to = *net::to_socket_address(address);
    const int fd = ::socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_buffer != 0) {
      ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    }
    HL_CHECK(::connect(fd, &to.any, to.size) == 0);
    return RawConnection(fd);
  }

  int fd() const { return fd_.get(); }

  bool write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  // More bytes into buffered(); false at the end, with last_error() 0 when it was orderly.
  bool read_more() {
    char buffer[65536];
    const ssize_t got = ::recv(fd_.get(), buffer, sizeof buffer, 0);
    if (got > 0) buffered_.append(buffer, static_cast<std::size_t>(got));
    last_error_ = got < 0 ? errno : 0;
    return got > 0;
  }
  std::string& buffered() { return buffered_; }
  int last_error() const { return last_error_; }

  bool read_until(std::string_view text) {
    while (buffered_.find(text) == std::string::npos) {
      if (!read_more()) return false;
    }
    return true;
  }

  // Everything up to the end of the connection.
  std::string read_all() {
    while (read_more()) {
    }
    return std::exchange(buffered_, {});
  }

  // The next message, by its own framing; `bodiless` for answers to HEAD.
  RawMessage read_message(bool bodiless = false) {
    RawMessage message;
    if (!read_until("\r\n\r\n")) {
      message.wire = std::exchange(buffered_, {});
      return message;
    }
    const std::size_t head_end = buffered_.find("\r\n\r\n") + 4;
    message.head = buffered_.substr(0, head_end);
    buffered_.erase(0, head_end);
    message.wire = message.head;
    const int status = message.head.starts_with("HTTP/") ? message.status() : 0;
    const bool no_body = bodiless || status / 100 == 1 || status == 204 || status == 304;
    if (no_body) {
      message.whole = true;
    } else if (message.field("transfer-encoding") == "chunked") {
      message.whole = read_chunks(message);
    } else if (!message.field("content-length").empty()) {
      message.whole = read_bytes(std::stoul(message.field("content-length")), message);
    } else if (status != 0) {
      message.body = read_all();
      message.whole = last_error_ == 0;
    } else {
      message.whole = true;
    }
    return message;
  }

  void shut_writing() { ::shutdown(fd_.get(), SHUT_WR); }
  void close() { fd_.reset(); }
  void reset() {
    const linger now{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    fd_.reset();
  }

 private:
  bool read_bytes(std::size_t count, RawMessage& message) {
    while (buffered_.size() < count) {
      if (!read_more()) {
        message.body.append(std::exchange(buffered_, {}));
        return false;
      }
    }
    message.body.append(buffered_, 0, count);
    message.wire.append(buffered_, 0, count);
    buffered_.erase(0, count);
    return true;
  }
  bool read_chunks(RawMessage& message) {
    for (;;) {
      if (!read_until("\r\n")) return false;
      const std::size_t line_end = buffered_.find("\r\n") + 2;
      const std::size_t size = std::stoul(buffered_.substr(0, line_end), nullptr, 16);
      message.wire.append(buffered_, 0, line_end);
      buffered_.erase(0, line_end);
      if (size == 0) break;
      if (!read_bytes(size, message) || !read_until("\r\n")) return false;
      message.wire.append(buffered_, 0, 2);
      buffered_.erase(0, 2);
    }
    for (;;) {  // trailers
      if (!read_until("\r\n")) return false;
      const std::size_t line_end = buffered_.find("\r\n") + 2;
      message.wire.append(buffered_, 0, line_end);
      buffered_.erase(0, line_end);
      if (line_end == 2) return true;
    }
  }

  UniqueFd fd_;
  std::string buffered_;
  int last_error_ = 0;
};

// An address where nobody listens, and nobody else can for as long as it lives.
class Nowhere {
 public:
  Nowhere() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const Address any{.host = "127.0.0.1", .port = 0, .path = {}};
    const net::SocketAddress at = *net::to_socket_address(any);
    HL_CHECK(::bind(fd_.get(), &at.any, at.size) == 0);
    address_ = *net::local_address(fd_.get(), any);
  }

  const Address& address() const { return address_; }

 private:
  UniqueFd fd_;
  Address address_;
};

// A server whose connections each run a script on a thread of their own.
class RawUpstream {
 public:
  using Script = std::function<void(RawConnection&)>;

  explicit RawUpstream(Script script, Address at = {.host = "127.0.0.1", .port = 0, .path = {}})
      : script_(std::move(script)) {
    listener_ = std::move(net::listen_on(at)).value();
    address_ = *net::local_address(listener_.get(), at);
    ::fcntl(listener_.get(), F_SETFL, 0);  // blocking
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ~RawUpstream() { stop(); }

  // Refuses new connections and ends those there are.
  void stop() {
    if (!acceptor_.joinable()) return;
    stopping_ = true;
    ::shutdown(listener_.get(), SHUT_RDWR);
    acceptor_.join();
    listener_.reset();
    std::list<std::thread> threads;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
      threads.swap(threads_);
    }
    for (std::thread& thread : threads) thread.join();
  }

  const Address& address() const { return address_; }
  int connections() const { return connections_; }
  int requests() const { return requests_; }
  void count_request() { ++requests_; }

  // Answers each request on each connection with what `answer` makes of it.
  static Script answering(std::function<std::string(const RawMessage&)> answer,
                          std::atomic<int>* count = nullptr) {
    return [answer = std::move(answer), count](RawConnection& connection) {
      for (;;) {
        const RawMessage request = connection.read_message();
        if (!request.whole) return;
        if (count != nullptr) ++*count;
        if (!connection.write(answer(request))) return;
      }
    };
  }
  static std::string ok(std::string_view body) {
    return "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
  }

 private:
  void accept_all() {
    for (;;) {
      const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0 && errno == EINTR) continue;
      if (fd < 0) return;
      ++connections_;
      const std::lock_guard<std::mutex> lock(mutex_);
      open_.push_back(fd);
      threads_.emplace_back([this, fd] {
        RawConnection connection(fd);
        script_(connection);
        const std::lock_guard<std::mutex> inner(mutex_);
        std::erase(open_, fd);
        connection.close();
      });
    }
  }

  const Script script_;
  UniqueFd listener_;
  Address address_;
  std::thread acceptor_;
  std::mutex mutex_;
  std::list<std::thread> threads_;
  std::vector<int> open_;
  std::atomic<int> connections_ = 0;
  std::atomic<int> requests_ = 0;
  std::atomic<bool> stopping_ = false;
};

}  // namespace hitless::testing
