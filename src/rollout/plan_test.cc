#include "rollout/plan.h"

#include <gtest/gtest.h>

#include "rollout/limits.h"
#include "rollout/phase.h"

namespace hitless::rollout {
namespace {

using model::ChangeClass;
using model::ConfigEntry;

ConfigEntry entry(const std::string& model, int count = 2, int weight = 100) {
  ConfigEntry made;
  made.model = model::ModelId(model);
  made.instance_count = count;
  made.weight = weight;
  return made;
}

model::Revision revision(model::RevisionNumber number, std::vector<ConfigEntry> entries) {
  model::Revision made;
  made.number = number;
  made.config.entries = std::move(entries);
  return made;
}

Result<model::Plan> plan(std::optional<model::Revision> from, std::optional<model::Revision> to) {
  PlanInput input;
  input.service = model::ServiceId("5e3d1c7a-0000");
  input.from = std::move(from);
  input.to = std::move(to);
  return plan_change(input);
}

TEST(Allowance, IsANumberOrAShareOfTheCount) {
  struct Row {
    const char* name;
    double surge, unavailable;
    int count;
    int want_surge, want_unavailable;
  };
  const Row rows[] = {
      {"defaults", 1, 0, 4, 1, 0},
      {"exactly one is a number", 1, 1, 4, 1, 1},
      {"a number above the count", 9, 9, 4, 9, 9},
      {"a broken number is cut", 2.7, 1.9, 4, 2, 1},
      {"a share of surge is rounded up", 0.25, 0, 5, 2, 0},
      {"a share of unavailable is rounded down", 0.25, 0.25, 5, 2, 1},
      {"an exact share stays", 0.5, 0.5, 4, 2, 2},
      {"a tenth of ten is one", 0.1, 0.1, 10, 1, 1},
      {"seven hundredths of a hundred are seven", 0.07, 0.07, 100, 7, 7},
      {"the smallest share surges by one", 0.001, 0, 1, 1, 0},
      {"a small share of unavailable is none", 0, 0.3, 3, 1, 0},
      {"both nothing surges by one", 0, 0, 3, 1, 0},
      {"shrink alone", 0, 1, 3, 0, 1},
  };
  for (const Row& row : rows) {
    model::Knobs knobs;
    knobs.max_surge = row.surge;
    knobs.max_unavailable = row.unavailable;
    const Allowance allowance = resolve_allowance(knobs, row.count);
    EXPECT_EQ(allowance.surge, row.want_surge) << row.name;
    EXPECT_EQ(allowance.unavailable, row.want_unavailable) << row.name;
  }
}

TEST(Allowance, LetsEveryCountGoOn) {
  for (int count = 1; count <= 20; ++count) {
    for (int surge = 0; surge <= 30; ++surge) {
      for (int unavailable = 0; unavailable <= 30; ++unavailable) {
        model::Knobs knobs;
        knobs.max_surge = surge / 10.0;
        knobs.max_unavailable = unavailable / 10.0;
        const Allowance allowance = resolve_allowance(knobs, count);
        EXPECT_GT(allowance.surge + allowance.unavailable, 0);
        EXPECT_GE(allowance.surge, 0);
        EXPECT_LE(allowance.unavailable, std::max(count, unavailable / 10));
      }
    }
  }
}

TEST(Plan, GivesEveryFieldItsClass) {
  struct Row {
    const char* field;
    ChangeClass change_class;
    void (*change)(ConfigEntry&);
  };
  const Row rows[] = {
      {"config[0].model_id", ChangeClass::replace,
       [](ConfigEntry& it) { it.model = model::ModelId("other"); }},
      {"config[0].specification", ChangeClass::replace,
       [](ConfigEntry& it) { it.specification = "large"; }},
      {"config[0].custom_spec", ChangeClass::replace,
       [](ConfigEntry& it) { it.resources.memory_mib = 512; }},
      {"config[0].envs.LEVEL", ChangeClass::replace,
       [](ConfigEntry& it) { it.envs["LEVEL"] = "2"; }},
      {"config[0].pool_name", ChangeClass::replace, [](ConfigEntry& it) { it.pool = "gpu"; }},
      {"config[0].termination_grace_period_seconds", ChangeClass::replace,
       [](ConfigEntry& it) { it.knobs.grace = std::chrono::seconds(5); }},
      {"config[0].instance_count", ChangeClass::scale,
       [](ConfigEntry& it) { it.instance_count = 5; }},
      {"config[0].max_surge", ChangeClass::note, [](ConfigEntry& it) { it.knobs.max_surge = 3; }},
      {"config[0].max_unavailable", ChangeClass::note,
       [](ConfigEntry& it) { it.knobs.max_unavailable = 1; }},
      {"config[0].deploy_timeout_in_seconds", ChangeClass::note,
       [](ConfigEntry& it) { it.knobs.deploy_timeout = std::chrono::seconds(200); }},
  };
  for (const Row& row : rows) {
    ConfigEntry changed = entry("a");
    row.change(changed);
    const auto made = plan(revision(1, {entry("a")}), revision(2, {changed}));
    ASSERT_TRUE(made) << row.field;
    ASSERT_EQ(made->changes.size(), 1u) << row.field;
    EXPECT_EQ(made->changes[0].field, row.field);
    EXPECT_EQ(made->changes[0].change_class, row.change_class) << row.field;
    EXPECT_NE(made->changes[0].from, made->changes[0].to) << row.field;
    const bool replaces = made->slots[0].from->key != made->slots[0].to->key;
    EXPECT_EQ(replaces, row.change_class == ChangeClass::replace) << row.field;
    EXPECT_EQ(made->strategy, replaces ? model::Strategy::surge : model::Strategy::none)
        << row.field;
  }
}

TEST(Plan, ShiftsWeightsAndPolicyInTheRouteAlone) {
  model::Revision from = revision(1, {entry("a", 2, 90), entry("b", 1, 10)});
  model::Revision to = revision(2, {entry("a", 2, 50), entry("b", 1, 50)});
  to.config.balance = model::Balance::source_ip;
  const auto made = plan(from, to);
  ASSERT_TRUE(made);
  ASSERT_EQ(made->changes.size(), 3u);
  for (const model::Change& change : made->changes) {
    EXPECT_EQ(change.change_class, ChangeClass::route) << change.field;
  }
  EXPECT_EQ(made->balance, model::Balance::source_ip);
  EXPECT_EQ(made->balance_from, model::Balance::round_robin);
}

TEST(Plan, ChangesTheTrafficPolicyInTheRouteAlone) {
  model::Revision from = revision(1, {entry("a", 2)});
  from.config.traffic.concurrency = 5;
  model::Revision to = revision(2, {entry("a", 2)});
  to.config.traffic = {.rate = {.requests = 10, .seconds = 60, .burst = 20},
                       .sticky = {model::Sticky::By::header, "X-Session"},
                       .breaker = {.failures = 3, .open = std::chrono::milliseconds(1500)},
                       .stream_drain = std::chrono::seconds(30)};
  const auto made = plan(from, to);
  ASSERT_TRUE(made);
  const std::vector<model::Change> expected = {
      {ChangeClass::route, "traffic_policy.rate_limit", "", "10 in 60 s, burst 20"},
      {ChangeClass::route, "traffic_policy.concurrency_limit", "5", ""},
      {ChangeClass::route, "traffic_policy.sticky", "", "header X-Session"},
      {ChangeClass::route, "traffic_policy.circuit_breaker", "", "3 failures, 1.5 s"},
      {ChangeClass::route, "traffic_policy.stream_drain_seconds", "", "30"},
  };
  EXPECT_EQ(made->changes, expected);
  EXPECT_EQ(made->strategy, model::Strategy::none);
  EXPECT_EQ(made->traffic, to.config.traffic);
  EXPECT_EQ(made->traffic_from, from.config.traffic);
}

// The gateway ends streams politely before their instance is stopped, whichever side's budget they
// have; other requests keep theirs.
TEST(Plan, InstancesDrainForLongerThanStreamsMayLast) {
  using std::chrono::hours;
  using std::chrono::seconds;
  const auto budget = [](Duration before, Duration after) {
    model::Revision from = revision(1, {entry("a", 2)});
    from.config.traffic.stream_drain = before;
    model::Revision to = revision(2, {entry("b", 2)});
    to.config.traffic.stream_drain = after;
    return plan(from, to).value().drain_budget;
  };
  EXPECT_GT(budget(hours(2), seconds(1)), hours(2));
  EXPECT_GT(budget(seconds(1), hours(3)), hours(3));
  EXPECT_EQ(budget(seconds(1), seconds(1)), k_drain_budget);
}

TEST(Plan, OfNoChangeHasNone) {
  const auto made = plan(revision(1, {entry("a")}), revision(2, {entry("a")}));
  ASSERT_TRUE(made);
  EXPECT_TRUE(made->changes.empty());
  EXPECT_EQ(made->slots.size(), 1u);
}

TEST(Plan, PairsEntriesByTemplateThenModelThenPlace) {
  struct Row {
    const char* name;
    std::vector<ConfigEntry> from, to;
    std::vector<std::pair<int, int>> want;  // entries of each slot; -1: none
  };
  ConfigEntry tuned = entry("a", 2, 50);
  tuned.envs["LEVEL"] = "2";
  const Row rows[] = {
      {"deploy", {}, {entry("a", 1, 50), entry("b", 1, 50)}, {{-1, 0}, {-1, 1}}},
      {"stop", {entry("a")}, {}, {{0, -1}}},
      {"reordered entries stay",
       {entry("a", 1, 50), entry("b", 1, 50)},
       {entry("b", 1, 50), entry("a", 1, 50)},
       {{1, 0}, {0, 1}}},
      {"entries of one model stay with their templates",
       {entry("a", 2, 50), tuned},
       {tuned, entry("a", 2, 50)},
       {{1, 0}, {0, 1}}},
      {"one replaced, one kept",
       {entry("a", 1, 50), entry("b", 1, 50)},
       {entry("c", 1, 50), entry("b", 1, 50)},
       {{0, 0}, {1, 1}}},
      {"the same model in another place is replaced there",
       {entry("a", 2, 50), entry("b", 2, 50)},
       {entry("c", 2, 50), tuned},
       {{1, 0}, {0, 1}}},
      {"first dropped, second kept",
       {entry("a", 1, 50), entry("b", 1, 50)},
       {entry("b")},
       {{1, 0}, {0, -1}}},
      {"added", {entry("a")}, {entry("b", 1, 50), entry("a", 1, 50)}, {{-1, 0}, {0, 1}}},
  };
  for (const Row& row : rows) {
    const auto side = [](model::RevisionNumber number, const std::vector<ConfigEntry>& entries) {
      return entries.empty() ? std::nullopt : std::optional(revision(number, entries));
    };
    const auto made = plan(side(1, row.from), side(2, row.to));
    ASSERT_TRUE(made) << row.name;
    std::vector<std::pair<int, int>> pairs;
    for (const model::Slot& slot : made->slots) {
      pairs.emplace_back(slot.from ? slot.from->entry : -1, slot.to ? slot.to->entry : -1);
    }
    EXPECT_EQ(pairs, row.want) << row.name;
  }
}

TEST(Plan, GivesEqualEntriesGroupsOfTheirOwn) {
  const auto made = plan(std::nullopt, revision(1, {entry("a", 1, 50), entry("a", 1, 50)}));
  ASSERT_TRUE(made);
  EXPECT_EQ(made->slots[1].to->key, made->slots[0].to->key + "#2");
}

TEST(Plan, HasAHashOverAllOfIt) {
  const auto one = plan(revision(1, {entry("a")}), revision(2, {entry("b")}));
  const auto same = plan(revision(1, {entry("a")}), revision(2, {entry("b")}));
  const auto other = plan(revision(1, {entry("a")}), revision(2, {entry("b", 3)}));
  ASSERT_TRUE(one && same && other);
  EXPECT_EQ(one->hash.size(), 64u);
  EXPECT_EQ(one->hash, same->hash);
  EXPECT_NE(one->hash, other->hash);
}

TEST(Plan, RefusesWhatCanNeverBeCarriedOutAndNamesTheField) {
  struct Row {
    const char* field;
    void (*change)(ConfigEntry&);
  };
  const Row rows[] = {
      {"config[0].instance_count", [](ConfigEntry& it) { it.instance_count = 0; }},
      {"config[0].weight", [](ConfigEntry& it) { it.weight = -1; }},
      {"config[].weight", [](ConfigEntry& it) { it.weight = 99; }},
      {"config[0].max_surge", [](ConfigEntry& it) { it.knobs.max_surge = -1; }},
      {"config[0].max_unavailable", [](ConfigEntry& it) { it.knobs.max_unavailable = -0.5; }},
      {"config[0].deploy_timeout_in_seconds",
       [](ConfigEntry& it) { it.knobs.deploy_timeout = Duration{}; }},
  };
  for (const Row& row : rows) {
    ConfigEntry changed = entry("a");
    row.change(changed);
    const auto made = plan(std::nullopt, revision(1, {changed}));
    ASSERT_FALSE(made) << row.field;
    EXPECT_EQ(made.error().code(), Code::invalid) << row.field;
    EXPECT_NE(made.error().text().find(row.field), std::string::npos) << made.error().text();
  }
}

TEST(Plan, StartsFromWhatServesWhenAnotherIsUnderWay) {
  struct Row {
    const char* name;
    model::RevisionNumber from;
    model::Phase phase;
    model::Stage stage;
    model::RevisionNumber of, want;
  };
  const Row rows[] = {
      {"an update goes back to what it started from", 1, model::Phase::shifting,
       model::Stage::ready, 2, 1},
      {"a first deployment that serves", 0, model::Phase::starting, model::Stage::ready, 2, 2},
      {"one that only starts", 0, model::Phase::starting, model::Stage::starting, 2, 0},
      {"one that lets go of it", 0, model::Phase::starting, model::Stage::draining, 2, 0},
      {"one that failed", 0, model::Phase::rolling_back, model::Stage::ready, 2, 0},
      {"instances of another one", 0, model::Phase::starting, model::Stage::ready, 1, 0},
  };
  for (const Row& row : rows) {
    model::Plan under_way;
    under_way.from = row.from;
    under_way.to = 2;
    model::Instance instance;
    instance.revision = row.of;
    instance.stage = row.stage;
    EXPECT_EQ(base_of(under_way, row.phase, {instance}), row.want) << row.name;
  }
}

TEST(Phases, PictureShowsEveryEdge) {
  const std::string picture = phase_picture();
  for (const Edge& edge : k_edges) {
    EXPECT_NE(picture.find(edge.when), std::string::npos) << edge.when;
  }
  EXPECT_TRUE(may_follow(model::Phase::draining, model::Phase::rolling_back));
  EXPECT_FALSE(may_follow(model::Phase::succeeded, model::Phase::rolling_back));
  EXPECT_FALSE(may_follow(model::Phase::rolling_back, model::Phase::succeeded));
  for (const model::Phase phase : k_phases) EXPECT_EQ(is_end(phase), model::is_terminal(phase));
}

}  // namespace
}  // namespace hitless::rollout
