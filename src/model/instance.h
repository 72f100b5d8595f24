// One running copy of one config entry of one revision.  Values.
#pragma once

#include <optional>
#include <string>

#include "base/address.h"
#include "base/clock.h"
#include "model/ids.h"

namespace hitless::model {

// Written by control alone.
//   starting ▶ ready ▶ draining ▶ stopping ▶ gone;  starting ▶ stopping;  draining ▶ ready when
//   it is wanted back;  any ▶ gone when the process ended by itself.
enum class Stage {
  starting,  // told to run; has not passed its probe
  ready,     // has passed it, and is routed as long as it keeps passing
  draining,  // chosen to leave; not in the published table
  stopping,  // told to stop
  gone,      // no process; kept for the record
};

// How it came to be gone, or is on its way there.
enum class Ending {
  none,
  retired,      // drained and stopped because the plan says so
  exited,       // its process ended by itself
  never_ready,  // its probe failed too often or its deploy timeout passed
};

struct Instance {
  InstanceId id;
  ServiceId service;
  RolloutId rollout;  // which started it; empty: a replacement outside of any
  std::string group;  // Group::key
  RevisionNumber revision = 0;
  int entry = 0;
  int ordinal = 0;  // counts from 1 per service; never used twice
  Stage stage = Stage::starting;
  Ending ending = Ending::none;
  std::string detail;  // "exit status 1", "probe: HTTP 503", for people
  Time created_at;
  Time stage_at;                  // when this stage began
  std::optional<Time> ready_at;   // first time its probe passed
  std::optional<Time> routed_at;  // first time every worker had it in its table
  Address address;                // empty until the driver gave it one
  friend bool operator==(const Instance&, const Instance&) = default;
};

std::string_view to_text(Stage stage);
Result<Stage> stage_from_text(std::string_view text);
std::string_view to_text(Ending ending);
Result<Ending> ending_from_text(std::string_view text);

}  // namespace hitless::model
