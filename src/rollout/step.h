// rollout/: what a change will do (plan.h) and how it goes on from here (this header).
//
// Owns:      the classes of change, the phases and their edges (phase.h), the arithmetic of slots,
//            weights, verdicts and back-off, the sentences that say why, and a pretend world to
//            run it all in (sim/sim.h).
// May touch: base, model.  Never a clock, a file, a socket, a log, a random number.
// Promises:  step() and tend() are pure and total.  Same view, same decision.  A decision never
//            takes a slot's routed-ready instances below its floor, never starts one beyond its
//            ceiling or the pool's room, routes only to what has passed its probe, tells nobody to
//            stop while requests are in flight before the drain budget's end, and follows an edge.
// Not here:  ids of rollouts, times of records, retries of actions, probing: control's.
//
// The loop: control is woken, builds a View from the store, the pool, its prober and the gateway;
// calls step(), records the decision in one transaction, performs it, and looks again.  Killed
// between any two of these, it does the same from the start.  For that, performing is level-
// triggered: whatever the record says is done again if it does not show yet,
//   starting             → ensure_running        stopping → ensure_stopped with grace_of()
//   route of a decision  → published if it differs from the table in use
// A decision is recorded only if it changes something; wake_at == now asks for the next step at
// once.
//
// A plan with steps (canary, blue/green) goes through them: `step` has its weight when as many new
// instances as that share of the count are routed-ready; it bakes; then the next one comes, or the
// old side leaves.  Until the last step nothing that is warm leaves but for want of room.
// Blue/green is one step of 100.  Rolling back knows no steps.
//
// While it waits the share of a step's new side stays within what is ready of both sides, each
// against its own count (split.h); old instances that end by themselves are replaced as far as the
// step's weight needs them.  A bake ends by time, with as many requests as the judgement asks for.
// Control looks again whenever the counters of a judged rollout have moved.
//
// A plan without steps that is judged keeps its last old instance until the new side has proved
// itself (prove.h): that is a bake too, as long as the policy's proving time, and over as soon as
// there is a verdict or nobody calls.
//
// Orders.  Paused: nothing starts or leaves unless what serves falls below its floor (then what
// leaves is replaced first), weights and phases stay, and the clocks of starts, progress, bake and
// proof stand still (model::running_from).  A bad verdict, dropped requests and
// an abort still turn it round, and a way back knows no pause.  Abort turns it round.  Skip ends a
// bake.
//
// Stages: starting ▶ ready when the probe passes; ready ▶ draining when it is chosen to leave;
// draining ▶ stopping when no worker uses it and nothing is in flight, or the budget has ended and
// no worker uses it; draining ▶ ready when a turn-round wants it back; stopping ▶ gone when its
// process is; starting ▶ stopping when it will never be ready or is not wanted any more; any ▶
// gone when the process ended by itself.  `starting` with an absent process is not a failure: it
// may have been recorded and not yet performed.  Any later stage with an absent process is.
//
// A slot goes from its `from` group to its `to` group; rolling back is the same machine with the
// two exchanged.  An instance whose group is in no slot (a superseded plan started it) is a stray
// (strays.h).  It counts toward the floor of the slot at its entry while it is routed, but never
// gets more of the traffic than it had, and leaves before the old side of that slot: at the latest
// when the others carry what the slot carried before.
//
// Weights turn once, for all slots in one route: when every slot's goal has its count routed-ready.
// From then on what leaves drains.
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "model/evidence.h"
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
  model::Resources needs;  // what it takes of the pool
  friend bool operator==(const InstanceView&, const InstanceView&) = default;
};
// The prober asks draining instances too: a turn-round takes back only what passes.

// What a pool can still take.  Members without a limit stand at k_unlimited.
struct Room {
  static constexpr std::int64_t k_unlimited = std::numeric_limits<std::int64_t>::max();
  std::int64_t cpu_millis = k_unlimited;
  std::int64_t memory_mib = k_unlimited;
  std::int64_t gpus = k_unlimited;
  std::int64_t ports = k_unlimited;
  std::int64_t instances = k_unlimited;  // whatever each takes one of

  int fits(const model::Resources& needs) const;  // how many more of these
  void take(const model::Resources& needs);
  void give_back(const model::Resources& needs);
  friend bool operator==(const Room&, const Room&) = default;
};

struct View {
  Time now;
  model::Plan plan;
  model::RolloutId rollout;  // the one under way, or the last one for tend: whose starts are judged
  model::Phase phase = model::Phase::planned;
  std::string reason;  // why it turned round, once it has
  Time phase_at;
  Time progress_at;
  int step = 0;                   // of plan.steps; their number: all are done (1: prove.h)
  std::optional<Time> baking_at;  // since when the step has its weight; none: not yet
  model::Orders orders;
  // By slot, what of the traffic went to instances of neither side (strays.h) when this began;
  // none: nobody knows.
  std::optional<std::vector<int>> stray_shares;
  // What came in since the step began (without steps: since the rollout), on the groups that leave
  // and on those that come, in the same window.
  model::Outcomes old_side, new_side;
  std::optional<Time> requests_at;          // when they last moved; none: not since it began
  std::optional<model::Evidence> evidence;  // the one before: limits once fixed stay
  bool samples_done = false;  // of wants_samples(): all were answered, or there are none to send
  std::uint64_t dropped = 0;  // requests lost since the rollout began, not owed to the old side
  // All of the service, ordered by ordinal; of the `gone` ones those of this rollout, and for tend
  // those that ended within k_exit_window (limits.h): they count toward the back-off.
  std::vector<InstanceView> instances;
  int next_ordinal = 1;  // above every ordinal ever used by the service
  // What the pool has left.  Every recorded instance that is not gone takes its part, whether its
  // process is up yet or not: memory is free when the process is gone.
  Room room;
  // Since when control has been watching without a break.  Deadlines of starts and of progress do
  // not run while nobody looks: a control that was away for an hour must not find all of it late.
  Time watched_since;
  // Every worker uses the route that was decided last.  A rollout ends only then.
  bool adopted = true;
  friend bool operator==(const View&, const View&) = default;
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
  int step = 0;
  std::optional<Time> baking_at;
  std::optional<model::Evidence> evidence;
  std::string why;     // a sentence: what it waits for, or how it ended
  std::string reason;  // why it turned round
  std::vector<MoveInstance> moves;
  std::vector<StartInstance> starts;
  model::ServiceRoute route;    // what shall be published once the moves are recorded
  std::optional<Time> wake_at;  // when to look again even if nothing happens
  int percent = 0;              // of the way, for progress bars
  bool lacks_room = false;  // what it starts next does not fit into the pool, and nothing leaves
  friend bool operator==(const Decision&, const Decision&) = default;
};

// Carries a plan one step on.  A terminal phase gives no moves and no starts.
Decision step(const View& view);

// Whether the sides are compared now.  Once they are not any more, evidence is what was found.
bool is_judged_in(const model::Plan& plan, model::Phase phase, int step);

// Whether nothing of the old side serves any more where requests were parked for it to change
// places with the new one.  Then old_side shall be all that it ever did: in the rollout's own
// window it has done next to nothing.
bool is_judged_by_past(const View& view);

// The step's bake is over, its new side had too few requests to be judged by, and the policy has
// the model's warm-up requests sent as samples: control sends them, they are counted like any
// other request, and samples_done ends the wait when they do not suffice.
bool wants_samples(const View& view);

// Keeps a service as its revision wants it when no rollout is under way: replaces what ended,
// takes what fails its probe out of the route.  `plan` is the last plan; `served` says which side
// of it stands (`to` after success, `from` after a rollback).
enum class Side { from, to };
Decision tend(const View& view, Side served);

// SIGTERM to SIGKILL for an instance of this group, also when the plan does not know the group.
Duration grace_of(const model::Plan& plan, const std::string& group);

}  // namespace hitless::rollout
