// Pretend requests: as many a second as a scenario says, divided as the route says, answered as
// the habits of the groups say.  Value; pure, in virtual time.
#pragma once

#include <map>
#include <optional>
#include <random>
#include <string>

#include "model/route.h"
#include "model/usage.h"

namespace hitless::rollout {

// How instances of a group answer.
struct Manner {
  int errors = 0;  // percent of answers that are 500
  Duration latency = std::chrono::milliseconds(20);
};

class Traffic {
 public:
  // Time passes with this route in use.
  void pass(Duration time, const model::ServiceRoute& route,
            const std::map<std::string, Manner>& manners);
  void begin_window();  // what came before counts no more

  const model::Outcomes* find(const std::string& group) const;  // in this window; nullptr: none
  model::Outcomes ever(const std::string& group) const;

  // For how long nothing has taken requests since something first did, at the longest: what a
  // request that came just then had to wait.
  Duration longest_hold() const { return longest_hold_; }
  std::uint64_t answered() const;                          // ever
  std::uint64_t answered(const std::string& group) const;  // likewise, by it

  // Requests that were held for longer than the route allows: lost.
  std::uint64_t given_up() const { return static_cast<std::uint64_t>(given_up_); }
  bool is_parked() const { return per_second > 0 && parked_ && *parked_ > Duration{}; }

  int per_second = 0;
  std::mt19937_64* random = nullptr;  // of whoever wants chance; none: all is spread evenly

 private:
  struct Count {
    double due = 0;  // requests not yet made
    std::uint64_t made = 0;
    model::Outcomes outcomes;  // in this window …
    model::Outcomes before;    // … and in those before it
  };

  void answer(Count& count, const Manner& manner) const;
  void park(Duration time, Duration hold);

  std::map<std::string, Count> counts_;
  std::optional<Duration> parked_;  // none: nothing has served yet
  Duration longest_hold_{};
  double given_up_ = 0;
};

}  // namespace hitless::rollout
