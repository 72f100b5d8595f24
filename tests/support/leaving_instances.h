// Real instance processes that are replaced again and again, and have a habit of losing requests
// when they are (tests/support/leaving_instance.cc).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/address.h"

namespace hitless::tests {

inline constexpr const char* k_closes_idle = "closes_idle";
inline constexpr const char* k_stops_accepting = "stops_accepting";
inline constexpr const char* k_exits_at_once = "exits_at_once";
inline constexpr const char* k_habits[] = {k_closes_idle, k_stops_accepting, k_exits_at_once};

// One process; killed at the end if it has not been stopped.
class LeavingInstance {
 public:
  // Waits until it can be called.
  LeavingInstance(const std::string& habit, std::string name, const std::filesystem::path& folder);
  LeavingInstance(const LeavingInstance&) = delete;
  LeavingInstance& operator=(const LeavingInstance&) = delete;
  ~LeavingInstance();

  const std::string& name() const { return name_; }
  const Address& address() const { return address_; }
  void ask_to_end() const;  // SIGTERM
  bool wait_for_end();      // false: it is still there

 private:
  const std::string name_;
  Address address_;
  pid_t pid_ = 0;
};

// Some at a time, of one habit, and a new one for the oldest at each replacement.
//
// Owner: a test or a benchmark; one thread, which outlives the processes.
class LeavingInstances {
 public:
  using Routed = std::vector<const LeavingInstance*>;

  LeavingInstances(std::string habit, std::filesystem::path folder, std::size_t count = 2);

  Routed routed() const;

  // Starts the next one, has traffic sent to those in the first argument and no more to the second,
  // and ends that one as soon as `reroute` returns.  False: a process did not end.
  using Reroute = std::function<void(const Routed&, const LeavingInstance& leaving)>;
  bool replace_oldest(const Reroute& reroute);

  // Ends all; nobody calls them any more.
  bool end();

  std::uint64_t taken() const;  // requests that any of them has begun to answer
  std::size_t replaced() const { return replaced_; }

 private:
  void start_next();

  const std::string habit_;
  const std::filesystem::path folder_;
  std::deque<std::unique_ptr<LeavingInstance>> running_;
  std::size_t started_ = 0;
  std::size_t replaced_ = 0;
};

}  // namespace hitless::tests
