#include "bench/gateway/poller.h"

#include <sys/epoll.h>

#include <array>
#include <cerrno>

#include "base/check.h"

namespace hitless::bench {
namespace {

constexpr int k_events_max = 512;

}  // namespace

bool is_end(std::uint32_t events) {
  return (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
}

Poller::Poller() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  HL_CHECK(static_cast<bool>(epoll_));
}

void Poller::watch(int fd, Pollable& pollable) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = &pollable;
  HL_CHECK(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0);
}

void Poller::turn(std::chrono::milliseconds patience) {
  std::array<epoll_event, k_events_max> events;
  const int count =
      ::epoll_wait(epoll_.get(), events.data(), k_events_max, static_cast<int>(patience.count()));
  HL_CHECK(count >= 0 || errno == EINTR);
  for (int i = 0; i < count; ++i) {
    static_cast<Pollable*>(events[static_cast<std::size_t>(i)].data.ptr)
        ->on_ready(events[static_cast<std::size_t>(i)].events);
  }
  graves_.clear();
}

}  // namespace hitless::bench
