// Thousands of clients that are slow on purpose, on one thread: each opens a connection, sends part
// of a request and then as little as keeps it open.
//
// Owner: one test.  The destructor closes them all.
#pragma once

#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "base/address.h"
#include "base/check.h"
#include "base/file.h"
#include "net/socket.h"

namespace hitless::testing {

struct SlowManner {
  std::string first;       // sent at once
  std::string drip;        // then sent again and again
  int receive_buffer = 0;  // of the socket; 0: the kernel's choice
  bool reads = true;       // takes what comes
};

class SlowCrowd {
 public:
  SlowCrowd(const Address& gateway, std::size_t size, SlowManner manner)
      : to_(*net::to_socket_address(gateway)),
        manner_(std::move(manner)),
        members_(size),
        greeted_(size) {
    rlimit limit{};
    HL_CHECK(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    HL_CHECK(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
    epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
    thread_ = std::thread([this] { run(); });
  }
  ~SlowCrowd() {
    stopping_ = true;
    thread_.join();
  }
  SlowCrowd(const SlowCrowd&) = delete;
  SlowCrowd& operator=(const SlowCrowd&) = delete;

  std::size_t opened() const { return opened_; }  // connections so far
  std::size_t ended() const { return ended_; }    // by the gateway
  std::size_t unable() const { return unable_; }  // that could not be opened
  std::size_t standing() const { return standing_; }

 private:
  static constexpr std::chrono::milliseconds k_beat{100};
  // A member sends its drip once in so many beats; one that was turned out comes back then.
  static constexpr std::size_t k_beats = 30;
  // Faster than a listener's queue of a few hundred is emptied nobody comes in.
  static constexpr std::size_t k_opened_per_beat = 1000;

  void run() {
    for (std::size_t beat = 0; !stopping_; ++beat) {
      std::size_t budget = k_opened_per_beat;
      for (std::size_t i = beat % k_beats; i < members_.size(); i += k_beats) drip(i);
      for (std::size_t i = 0; i < members_.size() && budget > 0 && beat < k_beats; ++i) {
        if (!members_[i]) budget -= open(i) ? 1 : budget;
      }
      const auto next = std::chrono::steady_clock::now() + k_beat;
      while (std::chrono::steady_clock::now() < next) take_what_comes();
    }
  }

  bool open(std::size_t i) {
    UniqueFd fd(::socket(to_.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (fd && manner_.receive_buffer != 0) {
      ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &manner_.receive_buffer,
                   sizeof manner_.receive_buffer);
    }
    const bool begun = fd && (::connect(fd.get(), &to_.any, to_.size) == 0 || errno == EINPROGRESS);
    if (!begun) {
      ++unable_;
      return false;
    }
    epoll_event event{};
    event.events = EPOLLRDHUP | EPOLLOUT | EPOLLET;
    if (manner_.reads) event.events |= EPOLLIN;
    event.data.u64 = i;
    HL_CHECK(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd.get(), &event) == 0);
    members_[i] = std::move(fd);
    greeted_[i] = false;
    ++opened_;
    ++standing_;
    return true;
  }

  void drip(std::size_t i) {
    if (!members_[i]) {
      open(i);
    } else if (greeted_[i] && !manner_.drip.empty()) {
      send(i, manner_.drip);
    }
  }

  void send(std::size_t i, const std::string& text) {
    const ssize_t sent = ::send(members_[i].get(), text.data(), text.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != ENOTCONN) end(i);
  }

  void take_what_comes() {
    std::array<epoll_event, 512> events;
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                   static_cast<int>(k_beat.count()));
    for (int at = 0; at < count; ++at) {
      const epoll_event& event = events[static_cast<std::size_t>(at)];
      const auto i = static_cast<std::size_t>(event.data.u64);
      if (!members_[i]) continue;
      if ((event.events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)) != 0) {
        end(i);
      } else if ((event.events & EPOLLIN) != 0) {
        char bytes[4096];
        while (::recv(members_[i].get(), bytes, sizeof bytes, 0) > 0) {
        }
      } else if ((event.events & EPOLLOUT) != 0) {
        if (!greeted_[i]) send(i, manner_.first);
        greeted_[i] = true;
      }
    }
  }

  void end(std::size_t i) {
    members_[i].reset();
    ++ended_;
    --standing_;
  }

  const net::SocketAddress to_;
  const SlowManner manner_;
  std::vector<UniqueFd> members_;
  std::vector<bool> greeted_;  // has sent its first bytes
  UniqueFd epoll_;
  std::atomic<bool> stopping_ = false;
  std::atomic<std::size_t> opened_ = 0;
  std::atomic<std::size_t> ended_ = 0;
  std::atomic<std::size_t> unable_ = 0;
  std::atomic<std::size_t> standing_ = 0;
  std::thread thread_;
};

}  // namespace hitless::testing
