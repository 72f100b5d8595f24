#include "net/worker_threads.h"

#include <optional>
#include <utility>

#include "base/check.h"

namespace hitless::net {

WorkerThreads::WorkerThreads(std::size_t threads, std::size_t queue_max) : queue_max_(queue_max) {
  HL_CHECK(threads > 0);
  threads_.reserve(threads);
  for (std::size_t made = 0; made < threads; ++made) threads_.emplace_back([this] { run(); });
}

void WorkerThreads::finish() {
  discard_waiting();
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

bool WorkerThreads::try_submit(Job job) {
  {
    const MutexLock lock(mutex_);
    if (waiting_.size() >= queue_max_ + idle_) return false;
    waiting_.push_back(std::move(job));
  }
  wake_.notify_one();
  return true;
}

void WorkerThreads::discard_waiting() {
  std::deque<Job> dropped;  // destroyed without the lock: jobs own things
  const MutexLock lock(mutex_);
  dropped.swap(waiting_);
}

void WorkerThreads::run() {
  while (true) {
    Job job;
    {
      const MutexLock lock(mutex_);
      ++idle_;
      while (waiting_.empty() && !stopping_) wake_.wait(mutex_);
      --idle_;
      if (waiting_.empty()) return;
      job = std::move(waiting_.front());
      waiting_.pop_front();
    }
    job();
  }
}

}  // namespace hitless::net
