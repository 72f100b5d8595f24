// step() is the whole rollout: a pure, total function from what is seen to what shall be done.
//
// control calls it whenever it is woken, records the decision in one transaction, performs the
// actions, and looks at the world again.  Actions say "ensure": the same view twice gives the same
// actions, and doing one twice is harmless.  Time is an input.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/instance.h"
#include "model/plan.h"
#include "model/rollout.h"
#include "model/route.h"

namespace hitless::rollout {

// What the pool says about the process behind an instance.
enum class Process {
  absent,  // the pool does not know it: not started yet, or forgotten
  running,
  exited,
};

// What the probe says.
enum class Probe {
  unknown,  // not asked yet, or neither passed nor failed often enough
  passing,
  failing,  // failed failure_threshold times in a row, after the initial delay
};

// Where an instance stands in the tables that workers may be using.
enum class Routing {
  none,    // in no table that any worker still uses: nothing new can come
  partly,  // publishing or retiring is under way
  full,    // in every table that any worker uses
};

struct InstanceView {
  model::Instance recorded;  // what the store says; `gone` ones of this rollout are included
  Process process = Process::absent;
  std::string process_detail;  // "exit status 1", "killed by signal 9"
  Probe probe = Probe::unknown;
  std::string probe_detail;  // "HTTP 503 from /health"
  Routing routing = Routing::none;
  std::uint64_t in_flight = 0;
};

struct View {
  Time now;
  model::Plan plan;
  model::Phase phase = model::Phase::planned;
  std::string reason;  // why it turned round, once it has
  Time phase_at;
  Time progress_at;
  std::vector<InstanceView> instances;  // all of the service, ordered by ordinal
  int next_ordinal = 1;                 // above every ordinal ever used by the service
  int room = 0;                         // how many more instances the pool can hold now
};

// Tell the pool to run this new instance.
struct StartInstance {
  model::InstanceId id;
  std::string group;
  model::RevisionNumber revision = 0;
  int entry = 0;
  int ordinal = 0;
  friend bool operator==(const StartInstance&, const StartInstance&) = default;
};

// Record that an instance is now in this stage.  For `stopping` control also tells the pool to
// stop it, with this grace.
struct MoveInstance {
  model::InstanceId id;
  model::Stage stage = model::Stage::ready;
  model::Ending ending = model::Ending::none;
  std::string detail;
  Duration grace{};
  friend bool operator==(const MoveInstance&, const MoveInstance&) = default;
};

struct Decision {
  model::Phase phase = model::Phase::planned;
  std::string why;     // a sentence: what it waits for, or how it ended
  std::string reason;  // why it turned round
  std::vector<MoveInstance> moves;
  std::vector<StartInstance> starts;
  model::ServiceRoute route;    // what shall be published after the moves are recorded
  std::optional<Time> wake_at;  // when to look again even if nothing happens
  int percent = 0;              // of the way, for progress bars
};

// Carries a plan one step on.  A terminal phase gives no moves and no starts.
Decision step(const View& view);

// Keeps a service as its revision wants it when no rollout is under way: replaces what ended,
// takes what fails its probe out of the route.  `plan` is the last plan; `served` says which side
// of it stands (`to` after success, `from` after a rollback).
enum class Side { from, to };
Decision tend(const View& view, Side served);

}  // namespace hitless::rollout
