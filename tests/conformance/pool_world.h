// What a pool driver must bring to be tested by the conformance suite.
//
// A world is one place that instances run in.  It outlives the drivers opened on it, one at a time,
// as state outlives serve.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/thread_annotations.h"
#include "pools/driver.h"

namespace hitless::pools {

class PoolWorld {
 public:
  virtual ~PoolWorld() = default;

  virtual Result<std::unique_ptr<PoolDriver>> open(std::function<void()> on_change) = 0;

  // An instance of tests/support/instance_program with these flags.
  virtual InstanceSpec spec(const std::string& id, std::vector<std::string> flags) = 0;

  // What is left of all instances once they are forgotten, for people; empty: nothing.
  virtual std::vector<std::string> leftovers() = 0;
};

using MakeWorld = std::function<std::unique_ptr<PoolWorld>()>;

// Waits for something to become true that a driver's on_change announces.  Any thread.
class Changes {
 public:
  void notify() {
    const MutexLock hold(mutex_);
    ++count_;
    changed_.notify_all();
  }

  // Looks after every change, and now and then for what is not announced (a log's content).
  bool wait_for(const std::function<bool()>& holds) {
    using std::chrono::steady_clock;
    const auto deadline = steady_clock::now() + k_patience;
    for (;;) {
      std::uint64_t seen = 0;
      {
        const MutexLock hold(mutex_);
        seen = count_;
      }
      if (holds()) return true;
      if (steady_clock::now() > deadline) return false;
      const MutexLock hold(mutex_);
      const auto again = steady_clock::now() + std::chrono::milliseconds(5);
      while (count_ == seen && changed_.wait_until(mutex_, again) == std::cv_status::no_timeout) {
      }
    }
  }

 private:
  static constexpr auto k_patience = std::chrono::seconds(20);  // a loaded machine with sanitizers
  Mutex mutex_;
  ConditionVariable changed_;
  std::uint64_t count_ HL_GUARDED_BY(mutex_) = 0;
};

}  // namespace hitless::pools
