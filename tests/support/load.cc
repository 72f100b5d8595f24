#include "tests/support/load.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/epoll.h>

#include <deque>

#include "base/check.h"
#include "tests/support/load_connection.h"

namespace hitless::tests {
namespace {

// How often deadlines and pauses are looked at.
constexpr int k_tick_millis = 5;
constexpr int k_events_max = 64;
// Waiters are woken this often; a load makes thousands a second.
constexpr std::uint64_t k_notify_each = 64;
constexpr std::size_t k_failures_kept = 12;

std::string time_of_day() {
  const auto now = std::chrono::system_clock::now();
  const auto millis =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()) % 1000;
  return fmt::format("{:%H:%M:%S}.{:03}", fmt::localtime(std::chrono::system_clock::to_time_t(now)),
                     millis.count());
}

}  // namespace

// Some of the connections, on one thread.
class LoadWorker {
 public:
  LoadWorker(Load& load, int index) : load_(load), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    const LoadOptions& options = load.options_;
    const int all = options.kept_connections + options.fresh_connections;
    for (int i = index; i < all; i += options.threads) {
      const bool fresh = i >= options.kept_connections;
      const std::uint64_t seed = options.seed * 1000 + static_cast<std::uint64_t>(i);
      connections_.push_back(std::make_unique<LoadConnection>(options, epoll_.get(), fresh, seed));
    }
  }

  void run() {
    std::deque<Ended> ended;
    for (;;) {
      const SteadyTime now = std::chrono::steady_clock::now();
      bool is_busy = false;
      for (const auto& connection : connections_) {
        if (!load_.stopping_) connection->ask(now);
        connection->on_time(now, ended);
        is_busy = is_busy || connection->is_busy();
      }
      if (load_.stopping_ && !is_busy) break;
      epoll_event events[k_events_max];
      const int count = ::epoll_wait(epoll_.get(), events, k_events_max, k_tick_millis);
      for (int i = 0; i < count; ++i) {
        static_cast<LoadConnection*>(events[i].data.ptr)->on_event(ended);
      }
      keep(ended);
    }
    keep(ended);
  }

  Outcome totals() const {
    const MutexLock lock(mutex_);
    return outcome_;
  }

 private:
  void keep(std::deque<Ended>& ended) {
    if (ended.empty()) return;
    {
      const MutexLock lock(mutex_);
      for (const Ended& end : ended) keep_one(end);
    }
    for (std::size_t i = 0; i < ended.size(); ++i) load_.count_ended();
    ended.clear();
  }

  void keep_one(const Ended& end) HL_REQUIRES(mutex_) {
    ++outcome_.requests;
    ++outcome_.by_ending[end.ending];
    outcome_.streams += end.streamed ? 1 : 0;
    if (!end.slow) outcome_.latency_us.push_back(static_cast<std::uint32_t>(end.latency.count()));
    if (end.ending == Ending::answered) ++outcome_.by_status[end.status];
    if (end.ending == Ending::answered && end.status == 200) {
      ++outcome_.good;
      ++outcome_.by_revision[{end.revision, end.version}];
    } else if (end.ending == Ending::answered && !end.version.empty() && !end.revision.empty()) {
      ++outcome_.wrong;
      ++outcome_.wrong_by_revision[{end.revision, end.version}];
    } else if (outcome_.first_failures.size() < k_failures_kept) {
      outcome_.first_failures.push_back(fmt::format("{} {} {} after {} us: {}", time_of_day(),
                                                    to_text(end.ending), end.status,
                                                    end.latency.count(), end.detail));
    }
  }

  Load& load_;
  const UniqueFd epoll_;
  std::vector<std::unique_ptr<LoadConnection>> connections_;
  mutable Mutex mutex_;
  Outcome outcome_ HL_GUARDED_BY(mutex_);
};

Load::Load(LoadOptions options) : options_(std::move(options)) {
  HL_CHECK(options_.threads > 0 && !options_.gateway.is_unix());
  for (int i = 0; i < options_.threads; ++i) {
    workers_.push_back(std::make_unique<LoadWorker>(*this, i));
  }
  for (const auto& worker : workers_) {
    threads_.emplace_back([&worker = *worker] { worker.run(); });
  }
}

Load::~Load() {
  stop();
}

void Load::count_ended() {
  if (++ended_ % k_notify_each != 0) return;
  { const MutexLock lock(mutex_); }  // not between a waiter's look and its sleep
  changed_.notify_all();
}

bool Load::wait_for(std::uint64_t ended, std::chrono::seconds within) {
  // The last few requests before a round number wake nobody; they are seen at the next tick.
  constexpr std::chrono::milliseconds k_tick(50);
  const SteadyTime deadline = std::chrono::steady_clock::now() + within;
  const MutexLock lock(mutex_);
  while (ended_ < ended) {
    const SteadyTime now = std::chrono::steady_clock::now();
    if (now >= deadline) return false;
    changed_.wait_until(mutex_, now + k_tick);
  }
  return true;
}

Outcome Load::totals() const {
  Outcome sum;
  for (const auto& worker : workers_) sum += worker->totals();
  return sum;
}

Outcome Load::stop() {
  stopping_ = true;
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
  return totals();
}

}  // namespace hitless::tests
