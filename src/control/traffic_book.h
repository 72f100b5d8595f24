// The TrafficBook adds up what gateways counted: totals since a service was made, whatever gateway
// process counted them, and recent readings to look back on.
//
// Owner: control.  Any thread.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <tuple>

#include "base/clock.h"
#include "base/thread_annotations.h"
#include "model/rollout.h"
#include "model/usage.h"

namespace hitless::control {

// A service's totals at one moment.
struct Reading {
  Time at;
  model::Outcomes total;
};

// Totals of one service by Group::key; under the empty key what reached no revision.
using GroupCounts = std::map<std::string, model::Outcomes>;

class TrafficBook {
 public:
  // The newest reading of the attached gateway; one without a gateway's id is ignored.
  void take(const model::Usage& usage, Time now);

  Reading reading(const model::ServiceId& service, Time now) const;

  // Looks at every counter of the service: for those under way alone.
  GroupCounts groups(const model::ServiceId& service) const;

  // The same, and kept to be looked back on: a moment that something begins or ends with.
  Reading mark(const model::ServiceId& service, Time now);

  // The oldest reading kept that is not older than k_report_window.
  std::optional<Reading> earlier(const model::ServiceId& service, Time now) const;

  void forget(const model::ServiceId& service);

  // What a restart needs to go on from; true once per change.
  bool take_changed();
  json::value to_json() const;
  Result<void> restore(const json::value& value);

 private:
  using Key = std::tuple<model::ServiceId, model::RevisionNumber, std::string>;
  using Counts = std::map<Key, model::Outcomes>;
  static json::array rows_of(const Counts& counts);
  static Result<void> read_rows(const json::object& from, std::string_view name, Counts& counts);

  model::Outcomes total_of(const model::ServiceId& service) const HL_REQUIRES(mutex_);
  void sample(Time now) HL_REQUIRES(mutex_);
  void keep(const model::ServiceId& service, Time now) HL_REQUIRES(mutex_);

  mutable Mutex mutex_;
  std::string gateway_ HL_GUARDED_BY(mutex_);
  Counts base_ HL_GUARDED_BY(mutex_);  // by gateways that are gone
  Counts now_ HL_GUARDED_BY(mutex_);   // by the present one
  std::map<model::ServiceId, std::deque<Reading>> recent_ HL_GUARDED_BY(mutex_);
  Time sampled_at_ HL_GUARDED_BY(mutex_);
  bool changed_ HL_GUARDED_BY(mutex_) = false;
};

}  // namespace hitless::control
