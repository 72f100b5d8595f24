#include "rollout/verdict.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/duration_text.h"
#include "rollout/bake.h"
#include "rollout/judge.h"
#include "rollout/limits.h"
#include "rollout/prove.h"
#include "rollout/why.h"

namespace hitless::rollout {
namespace {

using model::Ending;

// Started by this rollout, since it goes in this direction, for this group.
bool is_judged(const Scene& scene, const Seat& seat, const model::Group& group) {
  const model::Instance& recorded = seat.seen->recorded;
  return recorded.group == group.key && recorded.rollout == scene.view->rollout &&
         recorded.created_at >= scene.since;
}

std::optional<std::string> find_broken(const Scene& scene, const model::Group& group) {
  int exits = 0;
  const Seat* last = nullptr;
  for (const Seat& seat : scene.seats) {
    if (!is_judged(scene, seat, group)) continue;
    if (seat.ending == Ending::never_ready) {
      return fmt::format("{} never became ready: {}", seat.seen->recorded.id.text(), seat.detail);
    }
    if (seat.is_gone() && seat.ending == Ending::exited) {
      ++exits;
      last = &seat;
    }
  }
  if (exits < k_exits_max) return std::nullopt;
  return fmt::format("{} instances of revision {} exited, the last one ({}) with {}", exits,
                     group.revision, last->seen->recorded.id.text(), last->detail);
}

// Nothing has served for longer than a request may be parked.
bool has_held_too_long(const View& view) {
  const Duration hold = view.plan.hold;
  if (hold == Duration{} || view.phase != model::Phase::starting) return false;
  const bool serves =
      std::any_of(view.instances.begin(), view.instances.end(), [](const InstanceView& seen) {
        return seen.recorded.stage == model::Stage::ready && seen.probe != Probe::failing;
      });
  return !serves && view.now >= view.phase_at + hold;
}

std::string lost_text(const View& view) {
  const std::string lost =
      view.dropped == 1 ? "1 request was" : fmt::format("{} requests were", view.dropped);
  std::string text = fmt::format("{} lost, {} may be", lost, view.plan.drop_budget);
  if (!has_held_too_long(view)) return text;
  return text + fmt::format(": nothing serves yet, and requests are parked for no longer than {}",
                            duration_text(view.plan.hold));
}

// While both are there: by the weights of the step under way, or everyone that is.
model::Called called_in(const View& view) {
  if (!is_stepped(view.plan)) return model::Called::both;
  const int weight = weight_in(view.plan, view.step, view.phase);
  if (weight <= 0) return model::Called::old_side;
  return weight >= 100 ? model::Called::new_side : model::Called::both;
}

bool has_way_back(const model::Plan& plan) {
  return plan.from != 0 && plan.to != 0 && !keeps_instances(plan);
}

}  // namespace

bool keeps_instances(const model::Plan& plan) {
  return std::all_of(plan.slots.begin(), plan.slots.end(), [](const model::Slot& slot) {
    return slot.is_kept() && slot.from->count == slot.to->count;
  });
}

bool changes_weights_alone(const Scene& scene) {
  return keeps_instances(scene.view->plan) &&
         std::all_of(scene.seats.begin(), scene.seats.end(),
                     [](const Seat& seat) { return seat.is_gone() || seat.goal; });
}

bool is_judged_in(const model::Plan& plan, model::Phase phase, int step) {
  const bool beside = phase == model::Phase::shifting || phase == model::Phase::baking;
  const bool proved = proves(plan) && step > 0;
  return beside && !proved && plan.judgement.enabled;
}

std::optional<model::Evidence> look(const Scene& scene) {
  const View& view = *scene.view;
  if (!is_judged_in(view.plan, view.phase, view.step)) return view.evidence;
  if (!scene.has_new_side()) {
    std::optional<model::Evidence> kept = view.evidence;
    if (kept) kept->called = model::Called::old_side;  // what comes now is of no window
    return kept;
  }
  // An old side that answers no probe takes no traffic, and shows nothing to compare with.
  const model::Called called = scene.old_routable() > 0 ? called_in(view) : model::Called::new_side;
  return judge({.policy = view.plan.judgement,
                .old_side = view.old_side,
                .new_side = view.new_side,
                .step = view.step,
                .steps = std::max(1, static_cast<int>(view.plan.steps.size())),
                .before = view.evidence,
                .called = called,
                .is_steady = view.evidence && view.evidence->called == called,
                .old_revision = view.plan.from,
                .new_revision = view.plan.to});
}

bool is_mostly_wrong(const std::optional<model::Evidence>& evidence) {
  if (!evidence) return false;
  const auto mostly = [](const model::Measure& measure) {
    const std::uint64_t events = measure.new_events + measure.apart.new_events;
    return is_of_errors(measure) && measure.verdict == model::Verdict::bad &&
           2 * events > measure.new_total + measure.apart.new_total;
  };
  return std::any_of(evidence->measures.begin(), evidence->measures.end(), mostly);
}

std::optional<std::string> find_unwanted(const View& view,
                                         const std::optional<model::Evidence>& evidence) {
  if (!view.orders.abort.empty()) return view.orders.abort;
  if (!has_way_back(view.plan)) return std::nullopt;
  if (view.dropped > view.plan.drop_budget) {
    return lost_text(view);
  }
  if (evidence && evidence->verdict == model::Verdict::bad) return evidence->text;
  return std::nullopt;
}

std::optional<std::string> find_broken(const Scene& scene) {
  for (const Place& place : scene.places) {
    if (place.goal == nullptr) continue;
    if (auto broken = find_broken(scene, *place.goal)) return broken;
  }
  return std::nullopt;
}

std::optional<Time> stall_deadline(const Scene& scene, const Settled& settled) {
  if (scene.is_complete() || settled.waits_for_proof || settled.waits_for_share)
    return std::nullopt;
  const bool waits_for_room =
      std::any_of(settled.shortfalls.begin(), settled.shortfalls.end(),
                  [](const Shortfall& shortfall) { return shortfall.no_room; });
  if (waits_for_room && scene.frees_room()) return std::nullopt;
  Duration longest{};
  for (const Place& place : scene.places) {
    if (place.goal != nullptr) longest = std::max(longest, place.goal->deploy_timeout);
  }
  const View& view = *scene.view;
  const Time begin = std::max({view.progress_at, view.phase_at, view.watched_since, scene.since});
  return model::running_from(view.orders, begin, view.now) + longest;
}

std::optional<std::string> find_stalled(const Scene& scene, const Settled& settled) {
  const std::optional<Time> deadline = stall_deadline(scene, settled);
  if (!deadline || scene.view->now < *deadline) return std::nullopt;
  const bool moves = std::any_of(scene.seats.begin(), scene.seats.end(),
                                 [](const Seat& seat) { return seat.is_moved(); });
  if (moves || !settled.starts.empty()) return std::nullopt;
  return lack_of(scene, settled);
}

}  // namespace hitless::rollout
