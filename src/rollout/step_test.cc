// Claims about single views that a random world would rarely hit exactly.
#include "rollout/step.h"

#include <gtest/gtest.h>

#include <numeric>

#include "rollout/limits.h"

namespace hitless::rollout {
namespace {

using model::Group;
using model::Phase;
using model::Stage;
using std::chrono::seconds;

Group group(const std::string& key, model::RevisionNumber revision, int count, int weight) {
  Group made;
  made.key = key;
  made.revision = revision;
  made.count = count;
  made.weight = weight;
  made.grace = seconds(7);
  made.deploy_timeout = seconds(60);
  return made;
}

InstanceView instance(const Group& of, int ordinal, Stage stage) {
  InstanceView made;
  made.recorded.id = model::InstanceId(of.key + "-" + std::to_string(ordinal));
  made.recorded.group = of.key;
  made.recorded.revision = of.revision;
  made.recorded.entry = of.entry;
  made.recorded.ordinal = ordinal;
  made.recorded.stage = stage;
  made.process = Process::running;
  if (stage != Stage::ready) return made;
  made.recorded.ready_at = Time{};
  made.probe = Probe::passing;
  made.routing = Routing::full;
  return made;
}

View replacing(const Group& from, const Group& to) {
  View view;
  view.now = Time(seconds(1000));
  view.plan.service = model::ServiceId("5e3d1c7a-0000");
  view.plan.from = from.revision;
  view.plan.to = to.revision;
  view.plan.slots = {{from, to, 1, 0}};
  view.plan.drain_budget = seconds(10);
  view.phase = Phase::starting;
  view.phase_at = view.progress_at = view.now;
  view.next_ordinal = 100;
  view.room.instances = 10;
  return view;
}

TEST(Step, SaysThatThePoolHasNoRoomUnlessSomeIsBeingMade) {
  const Group old_group = group("old", 1, 2, 100);
  View view = replacing(old_group, group("new", 2, 2, 100));
  view.instances = {instance(old_group, 1, Stage::ready), instance(old_group, 2, Stage::ready)};
  EXPECT_FALSE(step(view).lacks_room);
  view.room.instances = 0;
  EXPECT_TRUE(step(view).lacks_room);
  view.instances.push_back(instance(group("stray", 1, 1, 0), 3, Stage::stopping));
  EXPECT_FALSE(step(view).lacks_room);
}

// The room of what is found gone now is in the next view.
TEST(Step, DoesNotSayThatRoomLacksInTheDecisionThatFindsTheOldOneGone) {
  const Group old_group = group("old", 1, 2, 100);
  View view = replacing(old_group, group("new", 2, 2, 100));
  view.plan.slots[0].unavailable = 1;
  view.room.instances = 0;
  InstanceView leaves = instance(old_group, 2, Stage::stopping);
  leaves.process = Process::exited;
  view.instances = {instance(old_group, 1, Stage::ready), leaves};
  const Decision found = step(view);
  EXPECT_FALSE(found.lacks_room);
  EXPECT_EQ(found.why, "2 instances to come, the first in the place of old-2");
  view.instances[1].recorded.stage = Stage::gone;
  EXPECT_TRUE(step(view).lacks_room) << "somebody else has taken it";
}

TEST(Step, KeepsWeightsWithinWhatTheGatewayLaysOut) {
  View view = replacing(group("a", 1, 17, 33), group("b", 2, 17, 33));
  view.plan.slots.push_back({group("c", 1, 13, 33), group("d", 2, 13, 33), 1, 0});
  view.plan.slots.push_back({group("e", 1, 11, 34), group("f", 2, 11, 34), 1, 0});
  view.room.instances = 0;
  int ordinal = 0;
  for (const auto& [from, to, surge, unavailable] : view.plan.slots) {
    for (int index = 0; index + 1 < from->count; ++index) {
      view.instances.push_back(instance(*from, ++ordinal, Stage::ready));
    }
    view.instances.push_back(instance(*to, ++ordinal, Stage::ready));
  }
  const model::ServiceRoute route = step(view).route;
  ASSERT_EQ(route.shares.size(), 6u);
  double total = 0;
  for (const model::Share& share : route.shares) {
    EXPECT_GT(share.weight, 0u);
    EXPECT_LE(share.weight, model::k_weight_max);
    total += share.weight;
  }
  for (const model::Share& share : route.shares) {
    if (share.endpoints.size() != 16) continue;  // 16 of 17 instances have 33 %
    EXPECT_NEAR(share.weight / total, 0.33 * 16 / 17, 0.001);
  }
}

TEST(Step, SplitsASlotsWeightByReadyInstances) {
  struct Row {
    const char* name;
    int old_ready, new_ready;
    std::vector<std::uint32_t> want;  // new first, as goal
  };
  const Row rows[] = {
      {"old alone", 3, 0, {1}},
      {"two to one", 2, 1, {1, 2}},
      {"one to two", 1, 2, {2, 1}},
      {"new alone", 0, 2, {1}},
  };
  for (const Row& row : rows) {
    const Group from = group("a", 1, 3, 100);
    const Group to = group("b", 2, 3, 100);
    View view = replacing(from, to);
    view.room.instances = 0;
    int ordinal = 0;
    for (int index = 0; index < row.old_ready; ++index)
      view.instances.push_back(instance(from, ++ordinal, Stage::ready));
    for (int index = 0; index < row.new_ready; ++index)
      view.instances.push_back(instance(to, ++ordinal, Stage::ready));
    std::vector<std::uint32_t> weights;
    std::vector<std::uint32_t> ready;
    for (const model::Share& share : step(view).route.shares) {
      ready.push_back(static_cast<std::uint32_t>(share.endpoints.size()));
      weights.push_back(share.weight);
    }
    std::sort(weights.begin(), weights.end());
    std::vector<std::uint32_t> want = row.want;
    std::sort(want.begin(), want.end());
    EXPECT_EQ(weights, want) << row.name;
    // Every instance of the slot gets the same: weight and number of endpoints go together.
    const auto divisor = std::accumulate(ready.begin(), ready.end(), 0u, [](auto left, auto right) {
      return std::gcd(left, right);
    });
    for (auto& count : ready) count /= divisor;
    std::sort(ready.begin(), ready.end());
    EXPECT_EQ(ready, weights) << row.name;
  }
}

TEST(Step, KeepsRoutingWhatWasReadyWhileNothingHasBeenProbedYet) {
  const Group from = group("a", 1, 2, 100);
  View view = replacing(from, group("b", 2, 2, 100));
  view.instances = {instance(from, 1, Stage::ready), instance(from, 2, Stage::ready)};
  for (InstanceView& seen : view.instances) seen.probe = Probe::unknown;
  const Decision decision = step(view);
  ASSERT_EQ(decision.route.shares.size(), 1u);
  EXPECT_EQ(decision.route.shares[0].endpoints.size(), 2u);
  EXPECT_TRUE(decision.moves.empty());
}

TEST(Step, ServesWhatIsReadyWhenWhatHasWeightDied) {
  const Group heavy = group("a", 1, 1, 100);
  const Group light = group("b", 1, 1, 0);
  View view = replacing(heavy, group("c", 2, 1, 100));
  view.plan.slots.push_back({light, light, 1, 0});
  view.instances = {instance(light, 1, Stage::ready)};
  const Decision decision = step(view);
  EXPECT_EQ(decision.route.standing, model::Standing::serving);
  ASSERT_EQ(decision.route.shares.size(), 1u);
  EXPECT_GT(decision.route.shares[0].weight, 0u);
}

TEST(Step, DoesNotCountTheTimeControlWasAway) {
  const Group from = group("a", 1, 1, 100);
  const Group to = group("b", 2, 1, 100);
  View view = replacing(from, to);
  view.phase_at = view.progress_at = Time{};
  view.instances = {instance(from, 1, Stage::ready), instance(to, 2, Stage::starting)};
  view.watched_since = view.now - seconds(1);
  EXPECT_EQ(step(view).phase, Phase::starting);
  view.watched_since = view.now - seconds(60);
  EXPECT_EQ(step(view).phase, Phase::rolling_back);
}

TEST(Step, DoesNotTakeARecordedStartForAFailure) {
  const Group from = group("a", 1, 1, 100);
  const Group to = group("b", 2, 1, 100);
  View view = replacing(from, to);
  view.instances = {instance(from, 1, Stage::ready), instance(to, 2, Stage::starting)};
  view.instances[1].recorded.created_at = view.now;
  view.instances[1].process = Process::absent;
  const Decision decision = step(view);
  EXPECT_TRUE(decision.moves.empty());
  EXPECT_TRUE(decision.starts.empty());
  EXPECT_EQ(decision.wake_at, view.now + seconds(60));
}

TEST(Step, StopsADrainedInstanceWithItsGroupsGrace) {
  const Group from = group("a", 1, 1, 100);
  const Group to = group("b", 2, 1, 100);
  View view = replacing(from, to);
  view.phase = Phase::draining;
  view.instances = {instance(from, 1, Stage::draining), instance(to, 2, Stage::ready)};
  view.instances[0].recorded.stage_at = view.now;
  view.instances[0].in_flight = 1;
  EXPECT_TRUE(step(view).moves.empty());
  EXPECT_EQ(step(view).wake_at, view.now + seconds(10));
  view.instances[0].in_flight = 0;
  const Decision decision = step(view);
  ASSERT_EQ(decision.moves.size(), 1u);
  EXPECT_EQ(decision.moves[0].stage, Stage::stopping);
  EXPECT_EQ(decision.moves[0].ending, model::Ending::retired);
  EXPECT_EQ(decision.moves[0].grace, seconds(7));
  EXPECT_EQ(grace_of(view.plan, "unknown"), k_grace_unknown);
}

TEST(Step, LeavesWhatServesWhenTheWayBackFailsToo) {
  const Group from = group("a", 1, 1, 100);
  const Group to = group("b", 2, 1, 100);
  View view = replacing(from, to);
  view.phase = Phase::rolling_back;
  view.reason = "it is slow";
  view.instances = {instance(to, 1, Stage::ready), instance(from, 2, Stage::gone)};
  view.instances[1].process = Process::exited;
  view.instances[1].recorded.created_at = view.now;
  view.instances[1].recorded.ending = model::Ending::never_ready;
  view.instances[1].recorded.detail = "HTTP 500";
  const Decision decision = step(view);
  EXPECT_EQ(decision.phase, Phase::failed);
  EXPECT_TRUE(decision.moves.empty());
  EXPECT_EQ(decision.route.standing, model::Standing::serving);
  EXPECT_NE(decision.reason.find("it is slow"), std::string::npos);
  EXPECT_NE(decision.reason.find("HTTP 500"), std::string::npos);
}

// Otherwise starts would follow starts on a way that leads nowhere.
TEST(Step, StartsNothingOnAWayBackThatIsBrokenAndLetsGoWhatStarts) {
  const Group from = group("a", 1, 3, 100);
  const Group to = group("b", 2, 1, 100);
  View view = replacing(from, to);
  view.phase = Phase::rolling_back;
  view.reason = "it is slow";
  view.instances = {instance(to, 1, Stage::ready), instance(from, 2, Stage::starting),
                    instance(from, 3, Stage::gone)};
  view.instances[1].recorded.created_at = view.instances[2].recorded.created_at = view.now;
  const Decision goes_on = step(view);
  EXPECT_EQ(goes_on.starts.size(), 2u) << "as long as it is not broken";
  EXPECT_TRUE(goes_on.moves.empty());
  view.instances[2].recorded.ending = model::Ending::never_ready;
  const Decision given_up = step(view);
  EXPECT_TRUE(given_up.starts.empty());
  ASSERT_EQ(given_up.moves.size(), 1u);
  EXPECT_EQ(given_up.moves[0].id, view.instances[1].recorded.id);
  EXPECT_EQ(given_up.moves[0].stage, Stage::stopping);
  EXPECT_EQ(to_text(given_up.phase), to_text(Phase::rolling_back)) << "it has not settled down yet";
}

// What is found gone now has made room, though only the next view has it.
TEST(Step, LetsNobodyGoForRoomThatIsComingAnyway) {
  const Group from = group("a", 1, 2, 100);
  View view = replacing(from, group("b", 2, 1, 100));
  view.plan.slots[0] = {from, group("b", 2, 1, 100), 0, 1};
  view.room.instances = 0;
  view.instances = {instance(from, 1, Stage::ready), instance(from, 2, Stage::stopping)};
  view.instances[1].process = Process::exited;
  const Decision decision = step(view);
  ASSERT_EQ(decision.moves.size(), 1u);
  EXPECT_EQ(decision.moves[0].stage, Stage::gone);
}

TEST(Step, AsksThoseThatAnsweredBeforeWhereNobodyAnswersAProbe) {
  const Group from = group("a", 1, 2, 100);
  const Group to = group("b", 2, 2, 100);
  View view = replacing(from, to);
  view.instances = {instance(from, 1, Stage::ready), instance(from, 2, Stage::ready),
                    instance(to, 3, Stage::starting)};
  view.instances[0].probe = Probe::failing;
  const auto routed = [&] {
    std::vector<std::string> ids;
    for (const model::Share& share : step(view).route.shares) {
      for (const model::Endpoint& each : share.endpoints) ids.push_back(each.instance.text());
    }
    return ids;
  };
  using Ids = std::vector<std::string>;
  EXPECT_EQ(routed(), Ids{"a-2"});
  view.instances[1].probe = Probe::failing;
  EXPECT_EQ(routed(), (Ids{"a-1", "a-2"})) << "and never one that was not ready";
  EXPECT_EQ(step(view).route.standing, model::Standing::serving);
  view.plan.strategy = model::Strategy::hold_and_swap;
  EXPECT_EQ(routed(), Ids{}) << "their requests are parked";
}

// Both new instances serve, and one old one: nothing else is left to exchange.
View proving() {
  const Group from = group("old", 1, 2, 100);
  const Group to = group("new", 2, 2, 100);
  View view = replacing(from, to);
  view.phase = Phase::baking;
  view.baking_at = view.now - seconds(4);
  view.requests_at = view.now;
  view.adopted = true;
  view.instances = {instance(from, 1, Stage::ready), instance(to, 2, Stage::ready),
                    instance(to, 3, Stage::ready)};
  return view;
}

TEST(Step, ProvesBeforeTheLastOldInstanceLeaves) {
  struct Row {
    const char* name;
    void (*change)(View&);
    Phase want;
    std::optional<Duration> wake_in;
  };
  const auto good = [](View& view) { view.evidence.emplace().verdict = model::Verdict::good; };
  const auto bad = [](View& view) {
    view.evidence.emplace().called = model::Called::both;
    view.old_side.requests = view.new_side.requests = 100;
    view.new_side.by_class[5] = 50;
  };
  const auto quiet = [](View& view) { view.requests_at = view.now - k_quiet; };
  const Row rows[] = {
      {"begins", [](View& view) { view.phase = Phase::shifting, view.baking_at.reset(); },
       Phase::baking, Duration{}},
      {"goes on until nobody calls any more", [](View&) {}, Phase::baking, k_quiet},
      {"goes on to its end while the new side still answers",
       [](View& view) {
         view.requests_at = view.now - k_quiet;
         view.instances[1].in_flight = 1;
       },
       Phase::baking, seconds(6)},
      {"is no silence where the old side alone still answers",
       [](View& view) {
         view.requests_at = view.now - k_quiet;
         view.instances[0].in_flight = 1;
       },
       Phase::draining,
       {}},
      {"ends where nobody calls", quiet, Phase::draining, {}},
      {"ends with its time",
       [](View& view) { view.baking_at = view.now - view.plan.judgement.proving; },
       Phase::draining,
       {}},
      {"ends with a good verdict", good, Phase::draining, {}},
      {"ends when it is skipped", [](View& view) { view.orders.skip = 1; }, Phase::draining, {}},
      {"turns round with a bad verdict", bad, Phase::rolling_back, {}},
      {"turns round with what came in at its end",
       [](View& view) {
         view.evidence.emplace().called = model::Called::both;
         view.old_side.requests = view.new_side.requests = 100;
         view.new_side.by_class[5] = 50;
         view.baking_at = view.now - view.plan.judgement.proving;
       },
       Phase::rolling_back,
       {}},
      {"is not for what is not judged",
       [](View& view) { view.plan.judgement.enabled = false; },
       Phase::draining,
       {}},
      {"is not with no time for it",
       [](View& view) { view.plan.judgement.proving = Duration{}; },
       Phase::draining,
       {}},
      {"is not where it is over", [](View& view) { view.step = 1; }, Phase::draining, {}},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    View view = proving();
    row.change(view);
    const Decision decision = step(view);
    EXPECT_EQ(to_text(decision.phase), to_text(row.want)) << decision.why;
    if (row.want != Phase::baking) continue;
    EXPECT_TRUE(decision.moves.empty()) << "the old one stays";
    EXPECT_EQ(decision.wake_at, view.now + *row.wake_in);
  }
}

TEST(Tend, KeepsAnInstanceThatFailsItsProbeOutOfTheRoute) {
  const Group served = group("a", 1, 2, 100);
  View view = replacing(served, served);
  view.phase = Phase::succeeded;
  view.instances = {instance(served, 1, Stage::ready), instance(served, 2, Stage::ready)};
  view.instances[1].probe = Probe::failing;
  view.instances[1].probe_detail = "HTTP 503 from /health";
  const Decision decision = tend(view, Side::to);
  EXPECT_TRUE(decision.moves.empty());
  EXPECT_TRUE(decision.starts.empty());
  ASSERT_EQ(decision.route.shares.size(), 1u);
  EXPECT_EQ(decision.route.shares[0].endpoints.size(), 1u);
  EXPECT_EQ(decision.why, "1 of 2 instances ready: a-2 fails its probe: HTTP 503 from /health");
}

TEST(Tend, WaitsLongerWithEveryExitUpToACap) {
  const Group served = group("a", 1, 1, 100);
  Duration before{};
  for (int exits = 1; exits <= 12; ++exits) {
    View view = replacing(served, served);
    view.phase = Phase::succeeded;
    for (int index = 1; index <= exits; ++index) {
      InstanceView ended = instance(served, index, Stage::gone);
      ended.process = Process::exited;
      ended.recorded.ending = model::Ending::exited;
      ended.recorded.stage_at = view.now;
      view.instances.push_back(ended);
    }
    const Decision decision = tend(view, Side::to);
    ASSERT_TRUE(decision.wake_at) << exits;
    const Duration wait = *decision.wake_at - view.now;
    EXPECT_EQ(wait, exits == 1 ? k_backoff_first : std::min(2 * before, k_backoff_max)) << exits;
    before = wait;
    view.now = *decision.wake_at;
    EXPECT_EQ(tend(view, Side::to).starts.size(), 1u) << exits;
  }
  EXPECT_EQ(before, k_backoff_max);
}

}  // namespace
}  // namespace hitless::rollout
