#include "rollout/forecast.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/duration_text.h"
#include "rollout/bake.h"
#include "rollout/demand.h"
#include "rollout/judge.h"
#include "rollout/limits.h"
#include "rollout/prove.h"
#include "rollout/strays.h"

namespace hitless::rollout {
namespace {

int present_of(const PlanInput& input, const std::string& group) {
  int count = 0;
  for (const Present& each : *input.present) count += each.group == group ? each.count : 0;
  return count;
}

// With all of what served, and what is added to it.
Room room_beside_growth(const PlanInput& input, const model::Plan& plan) {
  std::vector<Demand> grown;
  for (const model::Slot& slot : plan.slots) {
    if (!slot.to || slot.is_replaced()) continue;
    const int there = slot.from ? slot.from->count : 0;
    grown.push_back({slot.to->needs, std::max(0, slot.to->count - there)});
  }
  return without(input.room, grown);
}

// In this slot old ones leave for new ones, or leftovers for what stays.
bool exchanges(const PlanInput& input, const model::Plan& plan, const model::Slot& slot) {
  return slot.is_replaced() || waits_for_leftovers(input, plan, slot);
}

bool exchanges(const PlanInput& input, const model::Plan& plan) {
  return std::any_of(plan.slots.begin(), plan.slots.end(),
                     [&](const model::Slot& slot) { return exchanges(input, plan, slot); });
}

// Instances that serve at the worst moment.
int lowest_of(const PlanInput& input, const model::Plan& plan, const Rehearsal& rehearsal) {
  int lowest = rehearsal.lowest;
  for (const model::Slot& slot : plan.slots) {
    if (waits_for_leftovers(input, plan, slot)) lowest -= slot.unavailable;
  }
  return std::max(0, lowest);
}

// The longest start among what comes; none as soon as one was never measured.
std::optional<Duration> longest_start(const PlanInput& input, const model::Plan& plan) {
  Duration longest{};
  for (const model::Slot& slot : plan.slots) {
    if (!exchanges(input, plan, slot)) continue;
    const auto entry = static_cast<std::size_t>(slot.to->entry);
    const auto known = input.start_times.find(input.to->config.entries[entry].model);
    if (known == input.start_times.end()) return std::nullopt;
    longest = std::max(longest, known->second);
  }
  return longest;
}

Duration shortest_timeout(const model::Plan& plan) {
  Duration shortest = Duration::max();
  for (const model::Slot& slot : plan.slots) {
    if (slot.to) shortest = std::min(shortest, slot.to->deploy_timeout);
  }
  return shortest;
}

// Where old instances leave first although the service does not allow so many to be missing: no
// request is lost by that alone, but those that remain have to carry more than its owner wants.
std::string missing_text(const PlanInput& input, const model::Plan& plan, int lowest) {
  int full = 0;
  int allowed = 0;
  for (const model::Slot& slot : plan.slots) {
    if (!slot.from || !slot.to) continue;
    full += std::min(slot.from->count, slot.to->count);
    if (!exchanges(input, plan, slot)) continue;
    const auto entry = static_cast<std::size_t>(slot.to->entry);
    allowed += resolve_allowance(input.to->config.entries[entry].knobs, slot.to->count).unavailable;
  }
  if (!exchanges(input, plan) || lowest >= full - allowed) return "";
  return fmt::format(
      "for a while {} of {} instances serve, and the service allows {} to be missing", lowest, full,
      allowed == 0 ? "none" : std::to_string(allowed));
}

// `unmeasured`: no start of what requests are parked for was ever measured.
// `missing`: what missing_text() says.
std::vector<std::string> unmet_of(const model::Plan& plan, bool holds, bool unmeasured,
                                  const std::string& missing) {
  std::vector<std::string> unmet;
  if (plan.to == 0) {
    unmet.push_back("the service stops: whoever calls it after that is refused");
  } else if (plan.from == 0) {
    unmet.push_back("nothing serves yet: calls are answered 503 until the first instance is ready");
  } else if (holds) {
    unmet.push_back(
        fmt::format("for a while nothing serves: requests are parked for up to {}, and clients "
                    "with a shorter timeout give up",
                    duration_text(plan.hold)));
    if (unmeasured) {
      unmet.push_back(
          fmt::format("a start of this version was never measured here: how long requests are "
                      "parked is not known, it may be all of {}",
                      duration_text(plan.hold)));
    }
  }
  if (!holds && !missing.empty()) unmet.push_back(missing);
  if (plan.from != 0 && plan.to != 0 && plan.drop_budget > 0 && plan.replaces()) {
    unmet.push_back(fmt::format("the service lets a change lose up to {} requests (drop_budget)",
                                plan.drop_budget));
  }
  return unmet;
}

// What a change during a change meets beside what its slots say.
void foresee_leftovers(const PlanInput& input, const model::Plan& plan, model::Forecast& forecast) {
  int all = 0;
  std::map<model::RevisionNumber, int> leftovers;
  for (const Present& each : *input.present) {
    all += each.count;
    if (is_stray(plan, each.group)) leftovers[each.revision] += each.count;
  }
  for (const auto& [revision, count] : leftovers) forecast.leftovers.push_back({revision, count});
  for (const model::Slot& slot : plan.slots) {
    if (!slot.is_kept()) continue;
    const int stay = std::min(slot.from->count, slot.to->count);
    forecast.restarts += std::max(0, stay - present_of(input, slot.from->key));
  }
  forecast.highest = std::max(forecast.highest, all);
}

// How often new instances have to rise to their full share before an old one leaves.  Where old
// ones leave first, none is left for the last of them.
int rises_of(const model::Plan& plan, const Rehearsal& rehearsal) {
  if (!plan.replaces() || plan.from == 0 || !plan.steps.empty()) return 0;
  return plan.strategy == model::Strategy::surge ? rehearsal.waves
                                                 : std::max(0, rehearsal.waves - 1);
}

model::SampleNeed needed(model::SampleNeed sample, const Passage& passage) {
  sample.requests = std::llround(passage.average);
  sample.requests_within = std::llround(passage.within);
  return sample;
}

// The faults that people ask about: an error rate of one in a hundred that is so many times larger
// as the policy wants noticed, or half of all answers wrong where nothing is called beside it.
std::vector<model::SampleNeed> samples_of(const model::Plan& plan) {
  std::vector<model::SampleNeed> samples;
  if (!plan.judgement.enabled || plan.from == 0 || plan.to == 0 || !plan.replaces()) return samples;
  const int steps = std::max(1, static_cast<int>(plan.steps.size()));
  for (int step = 0; step < steps; ++step) {
    // Without steps the new side's part grows from little to nearly all.
    const int weight = plan.steps.empty() ? 50 : step_weight(plan, step);
    model::SampleNeed sample{.step = step, .is_alone = weight >= 100 || proves_alone(plan)};
    if (sample.is_alone) {
      sample.old_rate = k_alone_rate;
      sample.new_rate = 0.5;
      samples.push_back(needed(
          sample, expected_sample_alone(plan.judgement, sample.new_rate, sample.old_rate, steps)));
    } else {
      sample.old_rate = 0.01;
      sample.new_rate = std::min(1.0, sample.old_rate * plan.judgement.error_ratio);
      samples.push_back(
          needed(sample, expected_sample(plan.judgement, sample.old_rate, weight / 100.0, steps)));
    }
  }
  return samples;
}

}  // namespace

Duration hold_for(std::optional<Duration> start, Duration deploy_timeout) {
  if (!start) return std::min(k_holds.back(), deploy_timeout);
  const Duration wanted = *start * k_hold_margin;
  const auto enough =
      std::find_if(k_holds.begin(), k_holds.end(), [&](Duration hold) { return hold >= wanted; });
  return std::min(enough == k_holds.end() ? k_holds.back() : *enough, deploy_timeout);
}

bool waits_for_leftovers(const PlanInput& input, const model::Plan& plan, const model::Slot& slot) {
  if (!input.present || !slot.is_kept()) return false;
  if (present_of(input, slot.to->key) >= std::min(slot.from->count, slot.to->count)) return false;
  const bool any = std::any_of(
      input.present->begin(), input.present->end(),
      [&](const Present& each) { return each.count > 0 && is_stray(plan, each.group); });
  return any && room_beside_growth(input, plan).fits(slot.to->needs) < 1;
}

void foresee(const PlanInput& input, const Rehearsal& rehearsal, model::Plan& plan) {
  const int lowest = lowest_of(input, plan, rehearsal);
  const bool holds = exchanges(input, plan) && lowest == 0;
  const std::optional<Duration> start = longest_start(input, plan);
  if (holds) plan.hold = hold_for(start, shortest_timeout(plan));
  model::Forecast& forecast = plan.forecast;
  forecast.lowest = lowest;
  forecast.highest = rehearsal.highest;
  forecast.longest_hold = rehearsal.longest_hold;
  if (holds && !plan.replaces()) forecast.longest_hold = start.value_or(Duration{});
  if (rehearsal.measured) {
    Duration whole = rehearsal.starting;
    for (const model::BakeStep& step : plan.steps) whole += step.bake;
    whole += rises_of(plan, rehearsal) * plan.slow_start;
    forecast.predicted = whole;
  }
  if (input.present) foresee_leftovers(input, plan, forecast);
  if (lowest > 0 || proves_alone(plan)) {
    if (proves(plan)) forecast.proof = plan.judgement.proving;
    forecast.samples = samples_of(plan);
  }
  forecast.unmet = unmet_of(plan, holds, !start, missing_text(input, plan, lowest));
  forecast.hitless = forecast.unmet.empty();
}

}  // namespace hitless::rollout
