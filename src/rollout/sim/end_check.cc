// check_end() of invariants.h.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "rollout/sim/invariants.h"
#include "rollout/verdict.h"

namespace hitless::rollout {
namespace {

using model::Phase;
using model::Stage;

class EndChecker {
 public:
  EndChecker(const View& view, const Decision& decision) : view_(view), decision_(decision) {
    for (const MoveInstance& move : decision.moves) moves_.emplace(move.id, move.stage);
  }

  // Exactly the side that serves, all of it ready.
  void end(bool to_side) {
    const bool may_lack = keeps_instances(view_.plan);
    std::map<std::string, int> alive;
    for (const InstanceView& seen : view_.instances) {
      const Stage stage = stage_after(seen);
      if (stage == Stage::gone) continue;
      const bool heals = may_lack && stage == Stage::starting;
      if (stage != Stage::ready && !heals) fail("{} is left behind", seen.recorded.id.text());
      ++alive[seen.recorded.group];
    }
    std::map<std::string, int> wanted;
    for (const model::Slot& slot : view_.plan.slots) {
      const auto& group = to_side ? slot.to : slot.from;
      if (group) wanted[group->key] = group->count;
    }
    if (may_lack) {
      for (const auto& [key, count] : alive) {
        if (!wanted.contains(key)) fail("an instance of neither side is left");
      }
      return;
    }
    if (alive != wanted) fail("the instances are not those of the side that serves");
  }

  // Given up: what is ready stays, and nothing is on its way any more.
  void settled() {
    for (const InstanceView& seen : view_.instances) {
      const Stage stage = stage_after(seen);
      if (stage != Stage::ready && stage != Stage::gone)
        fail("{} is {} where it failed", seen.recorded.id.text(), model::to_text(stage));
    }
    if (!decision_.starts.empty()) fail("it starts something where it failed");
  }

  // Each group that serves has its count in the route, and its part of the weight.
  void shares(bool to_side) {
    std::map<std::string, double> weights;
    std::map<std::string, std::size_t> endpoints;
    double whole = 0;
    for (const model::Share& share : decision_.route.shares) {
      weights[share.group] += share.weight;
      endpoints[share.group] += share.endpoints.size();
      whole += share.weight;
    }
    double parts = 0;
    for (const model::Slot& slot : view_.plan.slots) {
      const auto& group = to_side ? slot.to : slot.from;
      if (!group) continue;
      // What does not answer is tended, and meanwhile the others carry it.
      if (endpoints[group->key] != static_cast<std::size_t>(group->count)) return;
      parts += group->weight;
    }
    for (const model::Slot& slot : view_.plan.slots) {
      const auto& group = to_side ? slot.to : slot.from;
      if (!group || parts == 0 || whole == 0) continue;
      const double share = weights[group->key] / whole;
      if (std::abs(share - group->weight / parts) > k_hair)
        fail("a group ends with {:.3f} of the traffic and should have {} of {}", share,
             group->weight, parts);
    }
  }

  void labels(bool to_side) {
    const model::RevisionNumber revision = to_side ? view_.plan.to : view_.plan.from;
    for (const model::Share& share : decision_.route.shares) {
      if (share.revision != revision) fail("a share is labelled {}", share.revision);
    }
  }

  std::vector<std::string> take() { return std::move(failures_); }

 private:
  // Weights are rounded where many parts divide one (model::k_weight_max).
  static constexpr double k_hair = 0.01;

  Stage stage_after(const InstanceView& seen) const {
    const auto found = moves_.find(seen.recorded.id);
    return found == moves_.end() ? seen.recorded.stage : found->second;
  }

  template <class... Args>
  void fail(fmt::format_string<Args...> format, Args&&... args) {
    failures_.push_back(fmt::format(format, std::forward<Args>(args)...));
  }

  const View& view_;
  const Decision& decision_;
  std::map<model::InstanceId, Stage> moves_;
  std::vector<std::string> failures_;
};

}  // namespace

std::vector<std::string> check_end(const View& view, const Decision& decision) {
  EndChecker checker(view, decision);
  if (decision.phase == Phase::failed) {
    checker.settled();
  } else if (decision.phase == Phase::succeeded || decision.phase == Phase::rolled_back) {
    const bool to_side = decision.phase == Phase::succeeded;
    checker.end(to_side);
    checker.labels(to_side);
    checker.shares(to_side);
  }
  return checker.take();
}

}  // namespace hitless::rollout
