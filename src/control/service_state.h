// What the control loop holds about one service between two looks: a copy of what is stored, and
// what only this process needs to know.  Value; the loop's thread only.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "control/sides.h"
#include "control/traffic_book.h"
#include "model/instance.h"
#include "model/rollout.h"
#include "model/service.h"
#include "store/store.h"

namespace hitless::control {

struct ServiceState {
  // As stored.
  model::Service service;
  std::optional<model::Rollout> rollout;   // the newest, under way or ended
  std::vector<model::Instance> instances;  // by ordinal; gone ones of the newest rollout included
  int next_ordinal = 1;
  store::JournalSize journal;  // of the newest rollout

  // Of this process.
  std::map<model::InstanceId, std::string> start_errors;  // the pool refused to try
  std::map<model::InstanceId, std::string> short_of;      // … but will once there is room
  std::optional<Reading> at_start;                        // of the newest rollout
  std::optional<Reading> at_end;                          // until its report is whole
  std::optional<SideWindow> window;                       // of the rollout under way
  Time why_at;                                            // when the sentence was last written
  Time evidence_at;                                       // … and the evidence
  bool is_sampling = false;                               // the sampler has a task of its step
  std::optional<Time> wake_at;

  // The pool has no room for an instance that is to start, whatever was counted.
  bool lacks_room() const {
    return std::any_of(instances.begin(), instances.end(), [this](const model::Instance& each) {
      return each.stage == model::Stage::starting && short_of.contains(each.id);
    });
  }
  // No later than this.
  void look_by(Time at) { wake_at = std::min(wake_at.value_or(at), at); }
  bool is_rolling_out() const { return rollout && !model::is_terminal(rollout->phase); }
};

}  // namespace hitless::control
