#include "rollout/sim/course.h"

#include <fmt/format.h>

#include "rollout/phase.h"
#include "rollout/sim/invariants.h"
#include "rollout/sim/stray_check.h"
#include "rollout/sim/unwell_check.h"

namespace hitless::rollout {

using model::Phase;

bool Course::Turn::ended() const {
  return is_end(after) && !is_end(before);
}

Course::Turn Course::round() {
  const Turn turn = decide();
  world.perform();
  check_processes();
  return turn;
}

Course::Turn Course::round_killed_after(int actions) {
  Turn turn = decide();
  turn.performed = world.perform(actions);
  world.restart_control();
  tell(fmt::format("control is killed after {} actions", actions));
  check_processes();
  return turn;
}

std::optional<Time> Course::due_at() const {
  const std::optional<Time> event = world.next_event();
  return !event || (wake_at_ && *wake_at_ < *event) ? wake_at_ : event;
}

bool Course::advance() {
  const std::optional<Time> till = due_at();
  world.advance(till ? std::max(Duration{}, *till - world.now()) : std::chrono::seconds(1));
  return till.has_value();
}

void Course::tell(const std::string& text) const {
  if (!tells_) return;
  const double now = std::chrono::duration<double>(world.now().time_since_epoch()).count();
  fmt::print("{:>9.3f}s {}\n", now, text);
}

void Course::fail(const std::string& text) {
  tell("FAILED: " + text);
  failures_.push_back(text);
}

Course::Turn Course::decide() {
  world.look(seen_.view);
  const View& view = seen_.view;
  const Decision decision = decide(view);
  ++steps_;
  show(view, decision);
  const bool over = is_end(view.phase);
  for (const std::string& broken : over ? check_tend(view, decision) : check_step(view, decision)) {
    fail(broken);
  }
  for (const std::string& broken : check_strays(view, decision, world.route_before())) fail(broken);
  for (const std::string& broken : check_unwell(view, decision)) fail(broken);
  Turn turn{.before = view.phase, .after = decision.phase};
  if (turn.ended()) {
    for (const std::string& broken : check_end(view, decision)) fail(broken);
  }
  turn.changed = !decision.moves.empty() || !decision.starts.empty() ||
                 decision.phase != view.phase || !(decision.route == last_route_);
  last_route_ = decision.route;
  why_ = decision.why;
  wake_at_ = decision.wake_at;
  world.record(decision);
  check_recorded(decision);
  return turn;
}

// At the end step's rest must emit nothing; tend goes on from there.
Decision Course::decide(const View& view) {
  if (!is_end(view.phase)) return step(view);
  const Decision nothing = step(view);
  for (const std::string& broken : check_step(view, nothing)) fail(broken);
  Decision tended = tend(view, view.phase == Phase::succeeded ? Side::to : Side::from);
  if (tended.moves.empty() && tended.starts.empty() && !(tended.route == nothing.route))
    fail("what is at rest is routed otherwise than what is tended");
  return tended;
}

// Recorded and not performed: the same view but for the record asks for nothing twice.
void Course::check_recorded(const Decision& decision) {
  if (is_end(decision.phase) || decision.starts.empty()) return;
  world.look(seen_.view);
  for (const StartInstance& start : step(seen_.view).starts) {
    for (const StartInstance& before : decision.starts) {
      if (start.id == before.id) fail(start.id.text() + " would be started twice");
    }
  }
}

// What workers may send to was up when it was last heard of, unless the world ended it.
void Course::check_processes() {
  for (const model::ServiceRoute* route : {&world.adopted_route(), &world.published_route()}) {
    for (const model::Share& share : route->shares) {
      for (const model::Endpoint& endpoint : share.endpoints) {
        const SimInstance* instance = world.find(endpoint.instance.text());
        if (instance == nullptr || instance->was_told_to_stop)
          fail(endpoint.instance.text() + " was told to stop while workers may use it");
      }
    }
  }
}

void Course::show(const View& view, const Decision& decision) const {
  if (!tells_) return;
  for (const InstanceView& seen : view.instances) {
    if (seen.recorded.stage == model::Stage::gone) continue;
    tell(fmt::format("    {} {} {} process {} probe {} routing {} in flight {}",
                     seen.recorded.id.text(), seen.recorded.group.substr(0, 6),
                     model::to_text(seen.recorded.stage), static_cast<int>(seen.process),
                     static_cast<int>(seen.probe), static_cast<int>(seen.routing), seen.in_flight));
  }
  tell(fmt::format("{} → {} ({}) {}", model::to_text(view.phase), model::to_text(decision.phase),
                   decision.why, decision.reason));
  for (const MoveInstance& move : decision.moves) {
    tell(fmt::format("  {} → {} {}", move.id.text(), model::to_text(move.stage), move.detail));
  }
  for (const StartInstance& start : decision.starts) tell("  start " + start.id.text());
  for (const model::Share& share : decision.route.shares) {
    tell(fmt::format("  share r{} weight {} endpoints {}", share.revision, share.weight,
                     share.endpoints.size()));
  }
}

}  // namespace hitless::rollout
