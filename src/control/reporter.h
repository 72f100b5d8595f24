// The Reporter fills a rollout's report: what happened to requests before, during and after it.
//
// Owner: the control loop; its thread only.  What it needs across a crash of serve is kept in the
// store, under one setting a service.
#pragma once

#include "control/service_state.h"
#include "control/traffic_book.h"
#include "store/store.h"

namespace hitless::control {

class Reporter {
 public:
  Reporter(store::Store& store, TrafficBook& traffic) : store_(store), traffic_(traffic) {}

  // A rollout that has just begun: looks back, and takes the first reading.
  Result<void> begin(ServiceState& state, Time now);

  // It has just ended: the second reading.
  Result<void> end(ServiceState& state, Time now);

  // When the report becomes whole; nullopt when it is.
  std::optional<Time> due(const ServiceState& state) const;

  // Looks at what came after the end; the report is whole then.  Due, or the next change has come.
  Result<void> complete(ServiceState& state, Time now);

  // Finds the readings of a rollout that an earlier serve began.
  Result<void> restore(ServiceState& state);

 private:
  Result<void> save(const ServiceState& state);

  store::Store& store_;
  TrafficBook& traffic_;
};

}  // namespace hitless::control
