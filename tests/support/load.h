// A load client of its own: keep-alive connections and connections for one request, bodies of any
// size, some chunked, some pipelined, some slow to answer; every outcome counted.  Shares no code
// with the product but base/.
//
// Owner: a test.  Its threads start with it and end with stop().
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/address.h"
#include "base/thread_annotations.h"
#include "tests/support/load_outcome.h"

namespace hitless::tests {

struct LoadOptions {
  Address gateway;
  std::string service;  // id
  std::string token;
  int threads = 2;
  int kept_connections = 14;  // keep-alive
  int fresh_connections = 2;  // one request each; half of them GET
  double chunked_share = 0.2;
  double pipelined_share = 0.05;  // two requests sent at once
  double slow_share = 0.01;       // answers that take slow_ms; their latency is not kept
  int slow_ms = 40;
  double stream_share = 0;  // answers that come piece by piece, over stream_ms; as with slow ones
  int stream_ms = 40;
  double bad_share = 0;                    // requests that are wrong: whoever answers them says 422
  std::size_t body_bytes_max = 32 * 1024;  // of question and answer; most are far smaller
  std::chrono::milliseconds patience = std::chrono::seconds(30);  // for one answer
  std::chrono::milliseconds pause{0};                // between an answer and the next question
  std::chrono::milliseconds pause_after_failure{5};  // so that an outage is not counted by millions
  std::uint64_t seed = 1;
};

class LoadWorker;

class Load {
 public:
  explicit Load(LoadOptions options);
  ~Load();
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  // Requests that have ended so far.
  std::uint64_t ended() const { return ended_.load(); }

  // Waits until that many have ended; false when `within` passes first.
  bool wait_for(std::uint64_t ended, std::chrono::seconds within = std::chrono::seconds(120));
  // Waits for so many more.
  bool wait_for_more(std::uint64_t more) { return wait_for(ended() + more); }

  // As of now.
  Outcome totals() const;

  // Lets every request under way end, then says what became of all.  Idempotent.
  Outcome stop();

 private:
  friend class LoadWorker;
  void count_ended();

  const LoadOptions options_;
  std::atomic<bool> stopping_ = false;
  std::atomic<std::uint64_t> ended_ = 0;
  Mutex mutex_;
  ConditionVariable changed_;
  std::vector<std::unique_ptr<LoadWorker>> workers_;
  std::vector<std::thread> threads_;
};

}  // namespace hitless::tests
