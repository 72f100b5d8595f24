#include "rollout/why.h"

#include <fmt/format.h>

#include <algorithm>

#include "rollout/verdict.h"

namespace hitless::rollout {
namespace {

using model::Stage;

std::string instances_text(int count) {
  return count == 1 ? "1 instance" : fmt::format("{} instances", count);
}

std::string with_detail(std::string text, const std::string& detail) {
  return detail.empty() ? text : std::move(text) + ": " + detail;
}

template <class Wanted>
std::vector<const Seat*> find_seats(const Scene& scene, Wanted wanted) {
  std::vector<const Seat*> found;
  for (const Seat& seat : scene.seats) {
    if (wanted(seat)) found.push_back(&seat);
  }
  return found;
}

int wanted_in_all(const Scene& scene) {
  int wanted = 0;
  for (const Place& place : scene.places) wanted += place.wanted;
  return wanted;
}

// The last goal instance that ended by itself or never got ready.
const Seat* last_failure(const Scene& scene, int slot) {
  const Seat* last = nullptr;
  for (const Seat& seat : scene.seats) {
    const bool failed =
        seat.ending == model::Ending::exited || seat.ending == model::Ending::never_ready;
    if (seat.slot == slot && seat.goal && seat.is_gone() && failed) last = &seat;
  }
  return last;
}

std::string shortfall_text(const Scene& scene, const Shortfall& shortfall) {
  const std::string missing = instances_text(shortfall.missing);
  if (shortfall.backoff_till) {
    const Seat* failed = last_failure(scene, shortfall.slot);
    const std::string who =
        failed == nullptr
            ? "an instance ended"
            : fmt::format("{} ended with {}", failed->seen->recorded.id.text(), failed->detail);
    return fmt::format("{}, next try in {}", who,
                       time_left(scene.view->now, *shortfall.backoff_till));
  }
  const Seat* gone = scene.just_gone();
  if (shortfall.no_room && gone != nullptr) {
    return fmt::format("{} to come, {}in the place of {}", missing,
                       shortfall.missing == 1 ? "" : "the first ", gone->seen->recorded.id.text());
  }
  if (shortfall.no_room) {
    return fmt::format("no room in the pool for {}",
                       shortfall.missing == 1
                           ? std::string("one more instance")
                           : fmt::format("{} more instances", shortfall.missing));
  }
  return fmt::format("{} to come once others have made way", missing);
}

std::string starting_text(const Scene& scene, const std::vector<const Seat*>& starting) {
  std::string detail;
  std::optional<Time> deadline;
  for (const Seat* seat : starting) {
    const model::Instance& recorded = seat->seen->recorded;
    if (detail.empty()) detail = seat->seen->probe_detail;
    const Time till = start_deadline(*scene.view, recorded);
    deadline = deadline ? std::min(*deadline, till) : till;
  }
  return with_detail(fmt::format("waiting for {} of {} instances to pass the probe, {} left",
                                 starting.size(), wanted_in_all(scene),
                                 time_left(scene.view->now, deadline.value_or(scene.view->now))),
                     detail);
}

std::string drain_text(const Scene& scene, const Seat& seat) {
  const std::string& id = seat.seen->recorded.id.text();
  if (seat.stage == Stage::stopping) return fmt::format("waiting for {} to stop", id);
  const Time began = seat.is_moved() ? scene.view->now : seat.seen->recorded.stage_at;
  if (seat.seen->in_flight > 0) {
    return fmt::format(
        "waiting for {} on {} to end, {} left",
        seat.seen->in_flight == 1 ? "1 request" : fmt::format("{} requests", seat.seen->in_flight),
        id, time_left(scene.view->now, began + scene.view->plan.drain_budget));
  }
  return fmt::format("waiting for the gateway to let go of {}", id);
}

std::string leaving_text(const Scene& scene) {
  const Seat* longest = nullptr;
  for (const Seat& seat : scene.seats) {
    if (!seat.is_leaving()) continue;
    if (longest == nullptr || seat.seen->in_flight > longest->seen->in_flight) longest = &seat;
  }
  if (longest == nullptr) return "";
  const int others = scene.leaving_count() - 1;
  const std::string text = drain_text(scene, *longest);
  return others == 0 ? text : fmt::format("{} ({} more leaving)", text, others);
}

// ", unjudged: 9 of 50 requests came".
std::string unjudged_text(const model::Plan& plan, const std::optional<model::Evidence>& evidence) {
  if (plan.judgement.enabled && plan.from != 0 && plan.replaces() && !evidence) {
    return ", unjudged: nothing was compared";
  }
  if (!evidence || evidence->measures.empty()) return "";
  const model::Measure& errors = evidence->measures.front();
  const std::uint64_t came = errors.steps_total + errors.new_total + errors.apart.new_total;
  const std::uint64_t least = plan.judgement.requests_min;
  if (evidence->verdict != model::Verdict::undecided || came >= least) return "";
  if (came == 0) return ", unjudged: nobody called";
  return fmt::format(", unjudged: {} of {} requests came", came, least);
}

}  // namespace

// A countdown: with its digits fixed, what is recorded of it (control's record.cc) does not change
// but for them.
std::string time_left(Time now, Time deadline) {
  const auto left = std::max(Duration{}, deadline - now);
  const double seconds = std::chrono::duration<double>(left).count();
  if (seconds < 10) return fmt::format("{:.1f} s", seconds);
  return fmt::format("{:.0f} s", seconds);
}

std::string lack_of(const Scene& scene, const Settled& settled) {
  if (scene.is_complete()) return "";
  const auto failing = find_seats(scene, [](const Seat& seat) {
    return seat.goal && seat.stage == Stage::ready && seat.seen->probe == Probe::failing;
  });
  if (!failing.empty()) {
    return with_detail(fmt::format("{} fails its probe", failing[0]->seen->recorded.id.text()),
                       failing[0]->seen->probe_detail);
  }
  const auto starting = find_seats(
      scene, [](const Seat& seat) { return seat.goal && seat.stage == Stage::starting; });
  if (!starting.empty()) return starting_text(scene, starting);
  const auto unadopted = find_seats(scene, [](const Seat& seat) {
    return seat.goal && seat.stage == Stage::ready && !seat.is_routed_ready();
  });
  if (!unadopted.empty()) {
    const InstanceView& seen = *unadopted[0]->seen;
    const bool passes = seen.probe == Probe::passing;
    return fmt::format("waiting for {} {}", passes ? "the gateway to adopt" : "the next probe of",
                       seen.recorded.id.text());
  }
  if (!settled.shortfalls.empty()) return shortfall_text(scene, settled.shortfalls[0]);
  return settled.starts.empty() ? "waiting" : "starting";
}

std::string wait_of(const Scene& scene, const Settled& settled) {
  if (!settled.starts.empty()) {
    return fmt::format("starting {}", instances_text(static_cast<int>(settled.starts.size())));
  }
  const std::string leaving = leaving_text(scene);
  const std::string lack = lack_of(scene, settled);
  if (lack.empty()) return leaving;
  const std::optional<Time> deadline = stall_deadline(scene, settled);
  const bool says_when = lack.find(" left") != std::string::npos;
  std::string text = lack;
  if (deadline && !says_when) {
    text += fmt::format(", {} left", time_left(scene.view->now, *deadline));
  }
  return leaving.empty() || says_when ? text : text + "; " + leaving;
}

std::string tend_text(const Scene& scene, const Settled& settled) {
  if (scene.is_complete()) return leaving_text(scene);
  int ready = 0;
  for (std::size_t slot = 0; slot < scene.places.size(); ++slot) {
    ready += std::min(scene.places[slot].wanted, scene.routed_ready(static_cast<int>(slot), true));
  }
  return fmt::format("{} of {} instances ready: {}", ready, wanted_in_all(scene),
                     lack_of(scene, settled));
}

std::string end_of(const model::Plan& plan, model::Phase phase, const std::string& reason,
                   const std::optional<model::Evidence>& evidence) {
  switch (phase) {
    case model::Phase::succeeded:
      return plan.to == 0
                 ? "stopped"
                 : fmt::format("revision {} serves", plan.to) + unjudged_text(plan, evidence);
    case model::Phase::rolled_back:
      return with_detail(fmt::format("rolled back to revision {}", plan.from), reason);
    case model::Phase::failed:
      return with_detail(plan.from == 0 ? "there was nothing to go back to"
                                        : "the way back failed, what serves was left alone",
                         reason);
    case model::Phase::superseded: return "another change took over";
    default: return "";
  }
}

}  // namespace hitless::rollout
