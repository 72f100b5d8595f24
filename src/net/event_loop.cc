#include "net/event_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>

namespace hitless::net {
namespace {

// More events than this wait for the next turn; a turn stays short.
constexpr int k_events_per_turn = 256;

Ready ready_of(std::uint32_t events) {
  return Ready{.readable = (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0,
               .writable = (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0,
               .half_closed = (events & EPOLLRDHUP) != 0,
               .broken = (events & (EPOLLHUP | EPOLLERR)) != 0};
}

}  // namespace

// The descriptor by which other threads interrupt the wait.
class EventLoop::Wake final : public Handler {
 public:
  explicit Wake(EventLoop& loop) : loop_(loop), fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

  int fd() const { return fd_.get(); }
  void signal() {
    const std::uint64_t one = 1;
    // It can only fail when the counter is full, and then the wait is interrupted as well.
    [[maybe_unused]] const ssize_t written = ::write(fd_.get(), &one, sizeof one);
  }
  void on_ready(Ready) override {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(fd_.get(), &count, sizeof count);
    loop_.run_messages();
  }

 private:
  EventLoop& loop_;
  const UniqueFd fd_;
};

Timer::~Timer() {
  loop_.unlink(*this);
}

void Timer::set(Instant deadline) {
  deadline_ = deadline;
  if (deadline == k_never) return;
  if (link_ != nullptr) {
    const std::int64_t wanted = deadline.time_since_epoch().count() / EventLoop::k_tick_micros + 1;
    if (wanted >= tick_) return;  // its slot comes first and will look at the deadline
    loop_.unlink(*this);
  }
  loop_.link(*this);
}

EventLoop::EventLoop(UniqueFd epoll)
    : epoll_(std::move(epoll)),
      buffer_(std::make_unique_for_overwrite<char[]>(k_receive_bytes)),
      turn_(monotonic_now()),
      tick_(turn_.time_since_epoch().count() / k_tick_micros) {
  wake_ = std::make_unique<Wake>(*this);
}

EventLoop::~EventLoop() {
  for (Timer* timer : slots_) {
    while (timer != nullptr) {
      Timer* const next = timer->next_;
      timer->link_ = nullptr;
      timer = next;
    }
  }
}

Result<std::unique_ptr<EventLoop>> EventLoop::make() {
  UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return system_error("epoll_create1", "event loop", errno);
  std::unique_ptr<EventLoop> loop(new EventLoop(std::move(epoll)));
  if (loop->wake_->fd() < 0) return system_error("eventfd", "event loop", errno);
  HL_TRY(loop->control(EPOLL_CTL_ADD, loop->wake_->fd(), *loop->wake_, EPOLLIN | EPOLLET));
  return loop;
}

void EventLoop::run() {
  std::array<epoll_event, k_events_per_turn> events;
  while (!stopping_) {
    const int count = ::epoll_wait(epoll_.get(), events.data(), k_events_per_turn, wait_millis());
    HL_CHECK(count >= 0 || errno == EINTR);
    turn_ = monotonic_now();
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      static_cast<Handler*>(event.data.ptr)->on_ready(ready_of(event.events));
    }
    run_due();
    end_turn();
  }
  run_messages();
  end_turn();
}

// Those that ask again are called again: nobody who asked is buried before it was called.
void EventLoop::end_turn() {
  for (std::size_t i = 0; i < turn_ends_.size(); ++i) turn_ends_[i]->on_turn_end();
  turn_ends_.clear();
  graves_.clear();
}

void EventLoop::stop() {
  post([this] { stopping_ = true; });
}

void EventLoop::post(std::function<void()> message) {
  bool first = false;
  {
    const MutexLock lock(mutex_);
    first = messages_.empty();
    messages_.push_back(std::move(message));
  }
  if (first) wake_->signal();
}

void EventLoop::run_messages() {
  std::vector<std::function<void()>> messages;
  {
    const MutexLock lock(mutex_);
    messages.swap(messages_);
  }
  for (const auto& message : messages) message();
}

Result<void> EventLoop::control(int operation, int fd, Handler& handler, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &handler;
  if (::epoll_ctl(epoll_.get(), operation, fd, &event) != 0) {
    return system_error("epoll_ctl", "descriptor " + std::to_string(fd), errno);
  }
  return {};
}

Result<void> EventLoop::watch(int fd, Handler& handler, Interest interest) {
  std::uint32_t events = EPOLLIN | EPOLLRDHUP | EPOLLET;
  if (interest == Interest::read_write) events |= EPOLLOUT;
  return control(EPOLL_CTL_ADD, fd, handler, events);
}

void EventLoop::watch_writing(int fd, Handler& handler) {
  const auto changed =
      control(EPOLL_CTL_MOD, fd, handler, EPOLLIN | EPOLLRDHUP | EPOLLET | EPOLLOUT);
  HL_CHECK(changed);
}

Result<void> EventLoop::watch_listener(int fd, Handler& handler) {
  return control(EPOLL_CTL_ADD, fd, handler, EPOLLIN);
}

void EventLoop::forget(int fd) {
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

void EventLoop::close(UniqueFd& fd) {
  if (!fd) return;
  forget(fd.get());
  fd.reset();
}

void EventLoop::link(Timer& timer) {
  const std::int64_t wanted = timer.deadline_.time_since_epoch().count() / k_tick_micros + 1;
  timer.tick_ = std::clamp(wanted, tick_, tick_ + k_slots - 1);
  const auto slot = static_cast<std::size_t>(timer.tick_ % k_slots);
  timer.next_ = slots_[slot];
  timer.link_ = &slots_[slot];
  if (timer.next_ != nullptr) timer.next_->link_ = &timer.next_;
  slots_[slot] = &timer;
  occupied_[slot / 64] |= std::uint64_t{1} << (slot % 64);
}

void EventLoop::unlink(Timer& timer) {
  if (timer.link_ == nullptr) return;
  *timer.link_ = timer.next_;
  if (timer.next_ != nullptr) timer.next_->link_ = timer.link_;
  timer.link_ = nullptr;
}

void EventLoop::run_due() {
  const std::int64_t until = turn_.time_since_epoch().count() / k_tick_micros;
  if (until < tick_) return;
  // After a long pause every slot is run once; none needs to be run twice.
  std::int64_t tick = std::max(tick_, until - k_slots + 1);
  for (; tick <= until; ++tick) {
    tick_ = tick + 1;
    run_slot(tick);
  }
}

void EventLoop::run_slot(std::int64_t tick) {
  const auto slot = static_cast<std::size_t>(tick % k_slots);
  occupied_[slot / 64] &= ~(std::uint64_t{1} << (slot % 64));
  // The list is taken out whole: callbacks link, unlink and destroy timers while we go.
  Timer* due = slots_[slot];
  slots_[slot] = nullptr;
  if (due != nullptr) due->link_ = &due;
  while (due != nullptr) {
    Timer& timer = *due;
    unlink(timer);
    if (timer.deadline_ == k_never) continue;
    if (timer.deadline_ > turn_) {
      link(timer);
      continue;
    }
    timer.deadline_ = k_never;
    timer.owner_.on_timer(timer);
  }
}

int EventLoop::wait_millis() const {
  if (!graves_.empty()) return 0;
  for (std::int64_t ahead = 0; ahead < k_slots;) {
    const auto slot = static_cast<std::size_t>((tick_ + ahead) % k_slots);
    const std::uint64_t bits = occupied_[slot / 64] >> (slot % 64);
    if (bits == 0) {
      ahead += 64 - static_cast<std::int64_t>(slot % 64);
      continue;
    }
    ahead += std::countr_zero(bits);
    const std::int64_t at = (tick_ + ahead) * k_tick_micros;
    const std::int64_t left = at - turn_.time_since_epoch().count();
    return static_cast<int>(std::clamp<std::int64_t>(left / 1000 + 1, 0, 8'400));
  }
  return -1;
}

}  // namespace hitless::net
