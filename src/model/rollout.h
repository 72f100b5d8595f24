// A rollout: one plan being carried out, to an end that says how it went.  Values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/evidence.h"
#include "model/plan.h"
#include "model/usage.h"

namespace hitless::model {

// planned ▶ starting ▶ shifting ◀▶ baking ▶ draining ▶ succeeded
//     └────────┴──────────┴──────────┴─────────┴──────▶ rolling_back ▶ rolled_back
// any but a terminal one ▶ superseded; rolling_back ▶ failed.  The edges are data in
// rollout/phase.h.
enum class Phase {
  planned,       // recorded, nothing done yet
  starting,      // new instances start; traffic is where it was
  shifting,      // some new instances are routed
  baking,        // a step of the plan has its weight; time and judgement decide on the next
  draining,      // all traffic is on the new side; the old one empties and stops
  rolling_back,  // the old side takes over again
  succeeded,
  rolled_back,
  failed,      // not even the way back worked, or there was none; traffic stays where it is served
  superseded,  // another change took over
};

bool is_terminal(Phase phase);
std::string_view to_text(Phase phase);
Result<Phase> phase_from_text(std::string_view text);

// What the rollout did to traffic, before, during and after.
struct Window {
  Time begin, end;
  Outcomes outcomes;
};

struct PhaseTime {
  Phase phase;
  Time begin;
};

// One instance's way through the rollout; absent times did not come.
struct InstanceTimes {
  InstanceId instance;
  RevisionNumber revision = 0;
  std::optional<Time> started, ready, routed, drain_begun, told_to_stop, gone;
  std::string ending;  // how it came to be gone, for people; empty: it serves
};

// Kept for good.  Counters cover the service's every revision.
struct Report {
  std::optional<Window> before;  // up to k_report_window before the first phase
  std::optional<Window> during;
  std::optional<Window> after;  // filled once k_report_window has passed, or the next change came
  std::vector<PhaseTime> phases;
  std::vector<InstanceTimes> instances;  // started or taken out by this rollout, by ordinal
  int instances_started = 0;
  int instances_failed = 0;
  // Longest over the instances of this rollout, microseconds; 0 when there was none.
  std::int64_t ready_to_routed_us = 0;  // probe passed → adopted by every worker
  std::int64_t drain_to_stop_us = 0;    // drain begun → told to stop
  std::int64_t start_to_ready_us = 0;
};

// A time in which the clocks of a rollout stood still.
struct Pause {
  Time begin, end;
  friend bool operator==(const Pause&, const Pause&) = default;
};

// What users have asked of a rollout under way.  Level-triggered: the rollout follows it at each
// step.
struct Orders {
  std::optional<Time> paused_at;  // neither starts nor takes out anything; its clocks stand still
  std::string abort;              // turn round, and why; empty: go on
  int skip = 0;                   // bakes of steps with a lower index are over
  std::vector<Pause> pauses;      // that have ended
  friend bool operator==(const Orders&, const Orders&) = default;
};

// Ends the pause under way, if one is.
void end_pause(Orders& orders, Time now);

// What the next rollout begins with: no order but the pauses, which stopped the clocks of what it
// takes over.
Orders handed_on(Orders orders, Time now);

// The mark of a clock that stands still in a pause: later by as much of the time since as the
// rollout was paused.  Marks themselves say when things happened, and are never moved.
Time running_from(const Orders& orders, Time mark, Time now);

// How many requests were lost, by Group::key; under the empty key those that reached no revision.
using LostRequests = std::map<std::string, std::uint64_t>;

struct Rollout {
  RolloutId id;
  ServiceId service;
  Plan plan;
  Phase phase = Phase::planned;
  std::string why;     // what it waits for, or why it ended so; a sentence for the user
  std::string who;     // asked for it; empty: hitless itself
  std::string reason;  // why it turned round; empty when it did not
  Time created_at;
  Time phase_at;                  // when this phase began
  Time progress_at;               // when an instance last moved on
  std::optional<Time> ended_at;   // terminal phases only
  int step = 0;                   // of plan.steps, the one under way; their number: all are done
  std::optional<Time> baking_at;  // when the step got its weight
  Orders orders;
  std::optional<std::vector<int>> stray_shares;  // as rollout::View has it
  bool lacks_room = false;                       // the pool has none for what comes next
  std::optional<Evidence> evidence;  // the newest of this step, or what it was taken back for
  std::vector<Evidence> earlier;     // of the steps before, what each ended with
  std::optional<LostRequests> lost_before;  // since ever, when it began; none: nobody looked yet
  Report report;
};

// Everything of a rollout that changes as it goes and has no column of its own.
json::value course_to_json(const Rollout& rollout);
Result<void> read_course(const json::value& value, Rollout& rollout);

json::value to_json(const Report& report);
Result<Report> report_from_json(const json::value& value);

}  // namespace hitless::model
