// The Prober asks every running instance whether it may get traffic.
//
// Owner: control.  A thread of its own says when; the threads of two clients, one for health checks
// and one for warm-up requests, bring answers.  An instance that was never ready is asked at once
// and often: every 20 ms at first, then at 2 % of its age, so that finding out never costs more
// than that share of the start.  Failures inside the initial delay do not count.  Once ready it is
// asked every `period`, or up to 5 % of it later together with others.
//
// When the health check of one that was never ready passes, it is sent its model's warm-up
// requests, one after the other, and passes when each was answered right.  A wrong answer is a
// failure like that of a health check; the next try begins with the health check and goes on with
// the request that failed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "model/ids.h"
#include "model/model_version.h"
#include "rollout/step.h"

namespace hitless::control {

struct ProbeTarget {
  model::InstanceId instance;
  Address address;
  model::HealthCheck check;
  std::shared_ptr<const model::WarmUp> warm_up;  // null: none
  std::filesystem::path package;                 // exec checks run there
  Time started;                                  // the initial delay counts from here
  bool was_ready = false;                        // re-adopted: passed before
};

struct ProbeState {
  rollout::Probe probe = rollout::Probe::unknown;
  std::string detail;  // what the last failure said
};

// Rounds of questions since it began.
struct ProbeCounts {
  std::uint64_t passed = 0;
  std::uint64_t failed = 0;
};

class Prober {
 public:
  // `on_change` is called when some instance's state changed; any thread, must not block.
  static std::unique_ptr<Prober> start(const Clock& clock, std::function<void()> on_change);
  virtual ~Prober() = default;

  // Any thread.  A target that is known already goes on as it is.
  virtual void ensure(const ProbeTarget& target) = 0;
  virtual void forget(const model::InstanceId& instance) = 0;
  // Somebody could not reach it: one that was ready is asked at once rather than in its turn, and
  // once more if it is being asked already, but not more often than k_doubt_interval says.
  virtual void doubt(const model::InstanceId& instance) = 0;
  virtual ProbeState state(const model::InstanceId& instance) const = 0;
  virtual ProbeCounts counts() const = 0;
};

}  // namespace hitless::control
