// Threads that run jobs which may block, fed from one bounded queue, first come first served.
//
// Owner: HttpServer.  submit and discard: any thread.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "base/thread_annotations.h"

namespace hitless::net {

class WorkerThreads {
 public:
  using Job = std::function<void()>;  // must not throw

  // `queue_max`: jobs that wait while every thread is busy.
  WorkerThreads(std::size_t threads, std::size_t queue_max);
  ~WorkerThreads() { finish(); }

  bool try_submit(Job job);  // false: the queue is full; the job is dropped

  void discard_waiting();

  // Drops what waits and returns when the running jobs have ended.  Idempotent; owner only.
  void finish();

 private:
  void run();

  const std::size_t queue_max_;
  Mutex mutex_;
  ConditionVariable wake_;
  std::deque<Job> waiting_ HL_GUARDED_BY(mutex_);
  std::size_t idle_ HL_GUARDED_BY(mutex_) = 0;
  bool stopping_ HL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace hitless::net
