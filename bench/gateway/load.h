// A saturating load: clients and the instance they ask for, in one thread, with the proxy under
// test in between.
//
// It spins, unless its clients pause: a load that sleeps has the proxy pay for waking it up, more
// on one proxy than on another, and its core has nothing else to do. Everything is as cheap as it
// can be made, so that the proxy's core is the one that is full: texts made beforehand, one read
// buffer, and bodies taken off TCP sockets without being copied.
//
// Owner: the benchmark.  One thread, pinned by whoever runs it.  Order: make, start the proxy with
// upstream() behind it, connect(), run…() as often as liked, disconnect().
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "bench/gateway/poller.h"

namespace hitless::bench {

using Clock = std::chrono::steady_clock;

// What one client asks and gets.
struct Shape {
  std::size_t request_bytes = 64;  // of the request's body
  std::size_t answer_bytes = 200;  // of the answer's body
  bool is_fresh = false;           // a connection for each request
  bool is_stream = false;          // answers are events without an end
  bool is_unanswered = false;      // requests wait until their clients leave
  bool is_unix = false;            // the instance listens on a Unix socket
  // Streams: each gets an event this often; all at the same moment, as a model that works in
  // batches says a word to everyone, or one after the other.
  std::chrono::microseconds interval = std::chrono::milliseconds(5);
  bool is_spread = false;
  // Clients pause so long after an answer.
  std::chrono::microseconds pause{0};
};

// What was done while a run…() lasted.
struct Window {
  std::uint64_t units = 0;  // requests, or events of streams
  double seconds = 0;
  std::vector<float> latency_us;         // of each unit
  std::vector<float> first_byte_us;      // of each request
  std::vector<Clock::time_point> ended;  // of each unit, when it is asked for
};

class LoadUpstream;
class LoadClient;

class Load {
 public:
  // `folder` is for the Unix socket.
  Load(const Shape& shape, const std::filesystem::path& folder);
  ~Load();
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  Address upstream() const;

  // Opens that many more clients, which do not ask yet.
  void connect(const Address& proxy, std::size_t clients);
  void disconnect();  // all of them

  // All clients ask and ask again; the window is cut from that.  Both return early when failed().
  Window run_for(std::chrono::milliseconds time);
  // Exactly so many units (all that are asked are answered), or requests that wait at the instance.
  Window run_units(std::uint64_t units);
  // Until each client has had an answer, or a stream its first event.
  Window run_each_once();
  // Runs until `holds` says so; it is asked now and then.
  template <typename Condition>
  Window run_until(Condition holds) {
    begin_window();
    while (!failed() && !holds()) turn_often();
    return end_window();
  }
  void keep_times(bool keep) { keeps_times_ = keep; }  // fills Window::ended

  // Something was not as it must be: a connection that broke, another status than 200.  Nothing
  // that was measured then counts.
  bool failed() const { return !failure_.empty(); }
  const std::string& failure() const { return failure_; }

  // For clients and the instance.
  const Shape& shape() const { return shape_; }
  Poller& poller() { return poller_; }
  std::string_view request() const { return request_; }
  std::string_view answer() const { return answer_; }
  char* buffer() { return buffer_.get(); }
  bool may_ask();  // counts it
  void arrived() { ++arrived_; }
  void unit_ended(Clock::time_point began, Clock::time_point now);
  void first_byte(Clock::time_point began, Clock::time_point now);
  void fail(std::string what);

  static constexpr std::size_t k_buffer_bytes = 1024 * 1024;

 private:
  static constexpr std::uint64_t k_no_limit = std::numeric_limits<std::uint64_t>::max();

  void begin_window();
  Window end_window();
  void turn();
  void turn_often();
  void set_out(std::uint64_t units);  // lets the clients ask so often

  const Shape shape_;
  std::string request_;
  std::string answer_;
  Poller poller_;
  const std::unique_ptr<char[]> buffer_;
  std::unique_ptr<LoadUpstream> upstream_;
  std::vector<std::unique_ptr<LoadClient>> clients_;
  std::uint64_t may_ask_ = 0;
  std::uint64_t arrived_ = 0;  // requests, at the instance
  std::uint64_t ended_ = 0;    // units
  bool keeps_times_ = false;
  Clock::time_point window_began_;
  Window window_;
  std::string failure_;
};

}  // namespace hitless::bench
