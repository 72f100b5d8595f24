// The Sampler sends warm-up requests through the gateway to both sides of a rollout's step that
// has too few requests to be judged by.  The gateway counts them like any other; what it cannot
// see, an answer with the right status and a wrong content, is counted here.
//
// Old and new side are asked in turn, one request at a time for each service, so that neither has
// more samples than the other and both answer under the same load.
//
// Owner: control.  The HTTP client's thread sends the next request when an answer came.  What is
// left undone when serve dies is begun anew by the next one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "model/ids.h"
#include "model/warm_up.h"

namespace hitless::control {

// Equal instances and what they are asked.
struct SampleStream {
  std::vector<model::InstanceId> instances;       // routed; one after the other
  std::shared_ptr<const model::WarmUp> requests;  // one after the other
  // The requests are those of the other side's version: this one need not know them.  Only the
  // status of its answers counts, and when the first is not as expected it is asked no more.
  bool borrowed = false;
};

struct SampleTask {
  model::RolloutId rollout;
  int step = 0;
  model::ServiceId service;
  Address gateway;
  std::string token;  // that the gateway accepts
  std::vector<SampleStream> old_side, new_side;
  std::uint64_t wanted = 0;  // on each side, from the task's beginning on
};

struct SampleState {
  std::uint64_t answered = 0;  // on both sides
  // Wrong answers that the gateway counted as right.
  std::uint64_t unseen_old = 0, unseen_new = 0;
  std::optional<Time> done_at;
};

class Sampler {
 public:
  // `on_change` is called when a task is done; any thread, must not block.
  static std::unique_ptr<Sampler> start(const Clock& clock, std::function<void()> on_change);
  virtual ~Sampler() = default;

  // Any thread.  The task of a step that is under way goes on, with these instances and this
  // gateway; one that stood still because the gateway did not answer is tried again.
  virtual void ensure(const SampleTask& task) = 0;
  virtual void forget(const model::ServiceId& service) = 0;

  // Of the service's present task.
  virtual SampleState state(const model::ServiceId& service) const = 0;
};

}  // namespace hitless::control
