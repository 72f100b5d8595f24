// The Reporter fills a rollout's report: what happened to requests before, during and after it.
// What the store refuses to write is due until it does.
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

  // It has ended: the second reading, once the requests that it parked are answered.
  Result<void> end(ServiceState& state, Time now);

  // When there is something to be read at the latest; nullopt when the report is whole.
  std::optional<Time> due(const ServiceState& state) const;

  // Looks at what came after the end; the report is whole then.  Due, or the next change has come.
  Result<void> complete(ServiceState& state, Time now);

  // For a rollout that is new here: its readings, if an earlier serve began them; and if they are
  // those of the one before, which was superseded, the report of that one ends.
  Result<void> restore(ServiceState& state, Time now);

 private:
  bool awaits_held(const ServiceState& state, Time now) const;
  Result<void> finish_superseded(const model::RolloutId& id, const Reading& start, Time now);
  Result<void> keep(ServiceState& state, model::Report report);
  Result<void> save(const ServiceState& state);

  store::Store& store_;
  TrafficBook& traffic_;
};

}  // namespace hitless::control
