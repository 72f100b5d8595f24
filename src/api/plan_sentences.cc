// A plan as sentences.
#include <fmt/format.h>

#include <algorithm>

#include "api/plan_answers.h"
#include "base/duration_text.h"

namespace hitless::api {
namespace {

using model::Plan;
using model::Slot;
using model::Strategy;

std::string instances(int count) {
  return count == 1 ? "1 instance" : fmt::format("{} instances", count);
}

// Of all replaced slots together.
struct Exchange {
  int old_count = 0;
  int new_count = 0;
  int surge = 0;
  int unavailable = 0;
};

Exchange exchange_of(const Plan& plan) {
  Exchange sum;
  for (const Slot& slot : plan.slots) {
    if (!slot.is_replaced()) continue;
    sum.old_count += slot.from->count;
    sum.new_count += slot.to->count;
    sum.surge += slot.surge;
    sum.unavailable += slot.unavailable;
  }
  return sum;
}

class Sentences {
 public:
  explicit Sentences(const Plan& plan) : plan_(plan), exchange_(exchange_of(plan)) {}

  std::vector<std::string> take() {
    tell_restarts();
    for (const Slot& slot : plan_.slots) tell_growth(slot);
    tell_exchange();
    const auto arrivals = static_cast<std::ptrdiff_t>(out_.size());
    for (const Slot& slot : plan_.slots) tell_departure(slot);
    tell_leftovers();
    const bool touches_none = out_.empty();
    const std::string traffic = traffic_moved();
    if (!traffic.empty()) out_.insert(out_.begin() + arrivals, traffic);
    if (touches_none) {
      out_.insert(out_.begin(), plan_.slots.empty() ? "keep it: no instance is touched"
                                                    : "publish it: no instance is touched");
    } else if (plan_.from != 0 && plan_.to != 0) {
      tell_judgement();
      tell_silence();
      tell_samples();
      out_.push_back(fmt::format("if any of this fails, go back to revision {}", plan_.from));
    }
    return std::move(out_);
  }

 private:
  template <class... Args>
  void tell(fmt::format_string<Args...> format, Args&&... args) {
    out_.push_back(fmt::format(format, std::forward<Args>(args)...));
  }

  void tell_restarts() {
    const int count = plan_.forecast.restarts;
    if (count > 0) {
      tell("start {} again that the change under way has stopped", instances(count));
    }
  }

  void tell_leftovers() {
    for (const auto& [revision, count] : plan_.forecast.leftovers) {
      tell(
          "take {} of revision {}, which the change under way has started, out of the route, let "
          "{} finish, and stop {}",
          instances(count), revision, count == 1 ? "it" : "them", count == 1 ? "it" : "them");
    }
  }

  void tell_growth(const Slot& slot) {
    if (!slot.to || slot.is_replaced()) return;
    const int more = slot.to->count - (slot.from ? slot.from->count : 0);
    if (more > 0) {
      tell("start {}{} of config[{}]", instances(more), slot.from ? " more" : "", slot.to->entry);
    }
  }

  // What each entry's weight makes of the traffic, where it moves any; an entry that leaves is told
  // of by what is left for the others.
  std::string traffic_moved() const {
    std::string shares;
    bool moves = false;
    for (const Slot& slot : plan_.slots) {
      const int before = slot.from ? slot.from->weight : 0;
      const int after = slot.to ? slot.to->weight : 0;
      moves = moves || (plan_.from != 0 && plan_.to != 0 && before != after);
      if (!slot.to) continue;
      shares +=
          fmt::format("{}{} % to config[{}]", shares.empty() ? "" : ", ", after, slot.to->entry);
      if (before != after) {
        shares += slot.from ? fmt::format(" ({} % now)", before) : std::string(" (new)");
      }
    }
    return moves ? "send " + shares : std::string();
  }

  void tell_departure(const Slot& slot) {
    if (!slot.from || slot.is_replaced()) return;
    const int fewer = slot.from->count - (slot.to ? slot.to->count : 0);
    if (fewer <= 0) return;
    tell("take {} out of the route, let {} finish what {} and stop {}", instances(fewer),
         fewer == 1 ? "it" : "them", fewer == 1 ? "it has" : "they have",
         fewer == 1 ? "it" : "them");
  }

  void tell_exchange() {
    switch (plan_.strategy) {
      case Strategy::none: return;
      case Strategy::surge:
        tell(
            "start {}, up to {} beside the old ones at once; each gets traffic when it answers "
            "its probe",
            new_instances(), exchange_.surge);
        return tell("for each that serves, let an old one finish its requests, and stop it");
      case Strategy::shrink:
        tell("take up to {} old ones at a time out of the route, let them finish, stop them",
             exchange_.unavailable);
        return tell("start {} in their places", new_instances());
      case Strategy::hold_and_swap: return tell_swap();
      case Strategy::blue_green: return tell_blue_green();
      case Strategy::canary: return tell_canary();
    }
  }

  // Old and new serve side by side at some time.
  bool has_both_sides() const {
    const bool one_by_one = plan_.strategy == Strategy::hold_and_swap && exchange_.old_count == 1;
    return exchange_.new_count > 0 && !one_by_one && plan_.forecast.lowest > 0;
  }

  void tell_judgement() {
    if (exchange_.new_count == 0) {
      if (!has_new_entry()) return tell("not judged: only weights or counts change");
      return tell("not judged: no version takes another's place, each has its share");
    }
    if (!plan_.judgement.enabled) return tell("not judged: judgement is off");
    if (plan_.hold > Duration{} && plan_.forecast.proof > Duration{}) {
      return tell(
          "judged: only what is bad by far, once nothing of revision {} is left to compare with, "
          "for "
          "up to {} if requests come",
          plan_.from, duration_text(plan_.forecast.proof));
    }
    if (!has_both_sides()) return tell("not judged: old and new never serve side by side");
    if (!plan_.steps.empty()) {
      return tell("judged: errors and latency against revision {} at each step", plan_.from);
    }
    if (plan_.judgement.proving <= Duration{}) {
      return tell("judged: errors and latency against revision {} while both serve", plan_.from);
    }
    tell(
        "judged: errors and latency against revision {} while both serve; for a verdict the last "
        "old one stays up to {} longer, if requests come",
        plan_.from, duration_text(plan_.judgement.proving));
  }

  void tell_silence() {
    const model::Judgement& policy = plan_.judgement;
    if (!policy.enabled || policy.silence == model::Silence::advance) return;
    if (!plan_.steps.empty() || exchange_.new_count == 0) return;
    tell("goes on where nobody calls: silence {} is for the bakes of steps, and there are none",
         model::to_text(policy.silence));
  }

  bool has_new_entry() const {
    return std::any_of(plan_.slots.begin(), plan_.slots.end(),
                       [](const Slot& slot) { return !slot.from && slot.to->weight > 0; });
  }

  // The first step of each kind: what the others need is of the same size.
  void tell_samples() {
    const model::Judgement& policy = plan_.judgement;
    const auto& samples = plan_.forecast.samples;
    const auto beside = std::find_if(samples.begin(), samples.end(),
                                     [](const auto& sample) { return !sample.is_alone; });
    const auto alone = std::find_if(samples.begin(), samples.end(),
                                    [](const auto& sample) { return sample.is_alone; });
    if (beside != samples.end()) {
      tell(
          "judged by about {} requests of the new version where {:g} % of its answers are wrong "
          "and {:g} % of the old one's: {:g} of 100 times {} do; an equal version is taken back "
          "{:g} of 100 times at the most",
          beside->requests, 100 * beside->new_rate, 100 * beside->old_rate, 100 * (1 - policy.miss),
          beside->requests_within, 100 * policy.false_alarm);
    }
    if (alone != samples.end()) {
      tell(
          "judged once all calls go to it: more than {:g} % of wrong answers alone; half of them "
          "wrong show in about {} requests",
          100 * alone->old_rate, alone->requests);
    }
  }

  std::string new_instances() const {
    return exchange_.new_count == 1 ? "1 new instance"
                                    : fmt::format("{} new instances", exchange_.new_count);
  }

  void tell_swap() {
    tell("take an old instance out of the route, let it finish its requests, stop it");
    if (plan_.hold > Duration{}) {
      tell("start a new one in its place; requests are parked meanwhile, for up to {}",
           duration_text(plan_.hold));
    } else {
      tell("start a new one in its place, while the others serve");
    }
    if (exchange_.new_count > 1)
      tell("so on until all {} have changed places", exchange_.new_count);
    tell("if a new one fails, an old one comes back in its place");
  }

  void tell_blue_green() {
    tell("start {} beside the old ones, without traffic", new_instances());
    tell("switch all traffic to them at once");
    const Duration bake = plan_.steps.empty() ? Duration{} : plan_.steps.back().bake;
    if (bake > Duration{}) tell("keep the old ones warm for {} and judge", duration_text(bake));
    tell("let the old ones finish their requests, and stop them");
  }

  void tell_canary() {
    for (const model::BakeStep& step : plan_.steps) {
      const std::string bake =
          step.bake > Duration{} ? fmt::format(" for {}, and judge", duration_text(step.bake)) : "";
      if (step.weight == 100) {
        tell("put all traffic on {}{}", new_instances(), bake);
        continue;
      }
      const int count = model::part_of(exchange_.new_count, step.weight);
      tell("put {} % of the traffic on {} new {}{}", step.weight, count,
           count == 1 ? "instance" : "instances", bake);
    }
    tell("let the old ones finish their requests, and stop them");
  }

  const Plan& plan_;
  const Exchange exchange_;
  std::vector<std::string> out_;
};

}  // namespace

std::vector<std::string> sentences_of(const Plan& plan) {
  return Sentences(plan).take();
}

}  // namespace hitless::api
