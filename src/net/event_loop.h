// One thread's event loop on epoll, and the timers and messages that go with it.
//
// Narrow on purpose: what is ready, what is due, what another thread says.  Reading and writing
// are the handlers' own, so another mechanism can take epoll's place behind the same interface.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/result.h"
#include "base/thread_annotations.h"

namespace hitless::net {

// A point on the monotonic clock.
using Instant = std::chrono::time_point<std::chrono::steady_clock, Duration>;
inline constexpr Instant k_never = Instant(Duration(std::numeric_limits<std::int64_t>::max()));

inline Instant monotonic_now() {
  return std::chrono::floor<Duration>(std::chrono::steady_clock::now());
}

// What the kernel said about one descriptor.
struct Ready {
  bool readable = false;
  bool writable = false;
  bool half_closed = false;  // the peer will send no more; what it sent is still readable
  bool broken = false;       // error or closed in both directions
};

class EventLoop;
class Timer;

// Something that may have to outlive the call in which it ends; see EventLoop::bury().
class Mortal {
 public:
  virtual ~Mortal() = default;
};

// Something that the loop calls.  Lives on the loop's thread.
class Handler : public Mortal {
 public:
  virtual void on_ready(Ready ready) = 0;
  virtual void on_timer(Timer&) {}
  virtual void on_turn_end() {}
};

// A deadline that its owner moves freely: setting a later one costs a store.  Belongs to one
// handler on the loop's thread and calls its on_timer() once when due, up to one tick late.
class Timer {
 public:
  Timer(EventLoop& loop, Handler& owner) : loop_(loop), owner_(owner) {}
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  void set(Instant deadline);
  void clear() { deadline_ = k_never; }
  Instant deadline() const { return deadline_; }

 private:
  friend class EventLoop;
  EventLoop& loop_;
  Handler& owner_;
  Instant deadline_ = k_never;
  std::int64_t tick_ = 0;  // of the slot it is linked in; may be earlier than the deadline
  Timer* next_ = nullptr;
  Timer** link_ = nullptr;  // what points at us; null when in no slot
};

// Owner: whoever runs its thread.  All but post() and stop() belong to that thread (or to the time
// before run()).
//
// Descriptors are watched edge-triggered and registered once.  A handler must therefore read until
// a short read (or remember that it did not), and write until the kernel refuses.
class EventLoop {
 public:
  // One receive buffer serves every connection of a loop: large bodies want few large reads, and
  // waiting connections need none.
  static constexpr std::size_t k_receive_bytes = 256 * 1024;

  static Result<std::unique_ptr<EventLoop>> make();
  ~EventLoop();

  // Calls handlers until stop().  Messages posted before stop() are still run.
  void run();
  void stop();                               // any thread
  void post(std::function<void()> message);  // any thread; runs on the loop's, in order

  enum class Interest { read, read_write };
  Result<void> watch(int fd, Handler& handler, Interest interest);
  // For descriptors watched for `read`: from now on also tell when writing goes on.
  void watch_writing(int fd, Handler& handler);
  // A listening descriptor: level-triggered, so that accepting may stop early.
  Result<void> watch_listener(int fd, Handler& handler);
  void forget(int fd);
  // Forgets it and closes it.  Closing alone is not enough in a process that starts others: a child
  // on its way to its program holds a copy, and for as long the kernel tells of the descriptor.
  void close(UniqueFd& fd);

  // Deletes it at the end of the turn.  Until then a handler may still be told of what the kernel
  // had said before, so it must ignore calls after it has closed its descriptor.
  void bury(std::unique_ptr<Mortal> mortal) { graves_.push_back(std::move(mortal)); }

  // Calls its on_turn_end() when all that was ready has been handled: what many events have to say
  // to one peer goes out in one piece.
  void at_turn_end(Handler& handler) { turn_ends_.push_back(&handler); }

  // The time this turn began; now() is exact but costs a clock reading.
  Instant turn() const { return turn_; }
  Instant now() const { return monotonic_now(); }

  // Valid until the handler returns or reads again.
  std::span<char> receive_buffer() { return {buffer_.get(), k_receive_bytes}; }

 private:
  friend class Timer;
  class Wake;

  // A wheel: 512 slots of 16 ms.  Deadlines beyond its 8 s wait in the last slot and are looked at
  // again then, so each timer costs a glance every 8 s.
  static constexpr std::int64_t k_slots = 512;
  static constexpr std::int64_t k_tick_micros = 16'384;

  explicit EventLoop(UniqueFd epoll);
  Result<void> control(int operation, int fd, Handler& handler, std::uint32_t events);
  void link(Timer& timer);
  void unlink(Timer& timer);
  void run_due();
  void run_slot(std::int64_t tick);
  int wait_millis() const;
  void run_messages();
  void end_turn();

  const UniqueFd epoll_;
  std::unique_ptr<Wake> wake_;
  const std::unique_ptr<char[]> buffer_;
  std::vector<Handler*> turn_ends_;
  std::vector<std::unique_ptr<Mortal>> graves_;
  Instant turn_;
  bool stopping_ = false;

  std::array<Timer*, k_slots> slots_{};
  std::array<std::uint64_t, k_slots / 64> occupied_{};  // a bit per slot; may be set when empty
  std::int64_t tick_ = 0;                               // all slots before it have been run

  Mutex mutex_;
  std::vector<std::function<void()>> messages_ HL_GUARDED_BY(mutex_);
};

}  // namespace hitless::net
