// clang's thread-safety analysis in short words, and the mutex that carries it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define HL_ANNOTATE(x) __attribute__((x))
#else
#define HL_ANNOTATE(x)
#endif

#define HL_GUARDED_BY(mutex) HL_ANNOTATE(guarded_by(mutex))
#define HL_REQUIRES(...) HL_ANNOTATE(requires_capability(__VA_ARGS__))
#define HL_EXCLUDES(...) HL_ANNOTATE(locks_excluded(__VA_ARGS__))

namespace hitless {

class HL_ANNOTATE(capability("mutex")) Mutex {
 public:
  void lock() HL_ANNOTATE(acquire_capability()) { mutex_.lock(); }
  void unlock() HL_ANNOTATE(release_capability()) { mutex_.unlock(); }
  std::mutex& native() { return mutex_; }

 private:
  std::mutex mutex_;
};

class HL_ANNOTATE(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) HL_ANNOTATE(acquire_capability(mutex)) : mutex_(mutex) {
    mutex_.lock();
  }
  ~MutexLock() HL_ANNOTATE(release_capability()) { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// std::condition_variable_any over a Mutex; wait() releases and retakes the caller's lock.
class ConditionVariable {
 public:
  void notify_one() { condition_.notify_one(); }
  void notify_all() { condition_.notify_all(); }
  void wait(Mutex& mutex) HL_REQUIRES(mutex) { condition_.wait(mutex); }
  template <class Clock, class Instant>
  std::cv_status wait_until(Mutex& mutex, const std::chrono::time_point<Clock, Instant>& until)
      HL_REQUIRES(mutex) {
    return condition_.wait_until(mutex, until);
  }

 private:
  std::condition_variable_any condition_;
};

}  // namespace hitless
