// Clients that call over TLS without a pause: some in HTTP/1.1 on kept connections, some with a
// connection for each request, some with several streams at once in HTTP/2.  Every outcome is
// counted.
//
// Owner: a test.  A thread for each client, from its beginning to stop().
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/thread_annotations.h"
#include "tests/support/tls_socket.h"

namespace hitless::tests {

struct SecureLoadOptions {
  Address gateway;  // where TLS is spoken
  std::filesystem::path certificate;
  std::string service;  // id
  std::string token;
  int kept_clients = 3;
  int fresh_clients = 1;
  int http2_clients = 3;
  int streams = 8;           // of each of those, at once
  double slow_share = 0.02;  // answers that take slow_ms
  int slow_ms = 40;
  std::uint64_t seed = 1;
};

struct SecureOutcome {
  std::uint64_t requests = 0;  // ended, whatever way
  std::uint64_t good = 0;
  std::uint64_t http2 = 0;        // of the good ones
  std::uint64_t connections = 0;  // with a handshake
  std::uint64_t told_to_go = 0;   // by GOAWAY, or Connection: close on a kept connection
  std::uint64_t refused = 0;      // connections, or their handshakes
  std::uint64_t reset = 0;        // requests that got no answer, or not all of it
  std::uint64_t not_taken = 0;    // … of which HTTP/2 said that they were not looked at
  std::uint64_t wrong = 0;        // answers
  std::vector<std::string> first_failures;

  std::uint64_t failed() const { return requests - good; }
  SecureOutcome& operator+=(const SecureOutcome& other);
};

std::string describe(const SecureOutcome& outcome);

class SecureLoad {
 public:
  explicit SecureLoad(SecureLoadOptions options);
  ~SecureLoad();
  SecureLoad(const SecureLoad&) = delete;
  SecureLoad& operator=(const SecureLoad&) = delete;

  std::uint64_t good() const { return good_.load(); }
  bool wait_for_more(std::uint64_t good, std::chrono::seconds within = std::chrono::seconds(120));
  // Lets every request under way end, then says what became of all.  Idempotent.
  SecureOutcome stop();

 private:
  void keep(const SecureOutcome& outcome);

  const SecureLoadOptions options_;
  std::atomic<bool> stopping_ = false;
  std::atomic<std::uint64_t> good_ = 0;
  Mutex mutex_;
  SecureOutcome outcome_ HL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
};

}  // namespace hitless::tests
