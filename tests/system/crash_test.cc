// serve dies right after a write to its store and before it can act on it: after each write of a
// rollout once, and in every life again.  The same plan goes on.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/support/write_limit.h"
#include "tests/system/under_load.h"

namespace hitless::tests {
namespace {

struct Course {
  const char* name;
  const char* ends;
  int count;
  int starts;  // instances that the rollout starts, however often serve dies
  std::vector<std::string> new_flags;
  json::object policy;
  std::string pool_mib;  // empty: as the machine says
  // Given one after the other to a change that bakes; serve dies from the first of them on.
  std::vector<std::string> orders;
  bool supersedes = false;  // a change that bakes; serve dies from the superseding PUT on
};

void PrintTo(const Course& course, std::ostream* out) {
  *out << course.name;
}

// More than any course takes; whoever gets there writes without end.
constexpr int k_writes_max = 60;
// Lives that only begin to look cost more than they write.
constexpr int k_lives_max = 200;
// Each life needs one write for itself: generations of route tables are reserved by it.  And a life
// may note what it sees before the order comes: one more write for every so many lives, or an order
// that is slower than the first look would never be taken.
constexpr int k_writes_of_a_life = 2;
constexpr int k_lives_of_a_write = 10;
// The last writes follow what shows that a rollout has ended.
constexpr std::chrono::milliseconds k_after_the_end{150};

class Crash : public UnderLoad, public ::testing::WithParamInterface<Course> {
 protected:
  void SetUp() override {
    const Course& course = GetParam();
    ProcessOptions options{.launcher = limit_.launcher()};
    if (!course.pool_mib.empty()) options.serve_flags = {"--pool-memory", course.pool_mib};
    hitless_ = HitlessProcess::start(options);
    const std::vector<std::string> quick{"--start-delay-ms", "20"};
    models_[0] = import("v1", quick);
    if (course.supersedes) models_[k_between] = import("between", quick);
    models_[1] =
        import_model(hitless(), {.version = "v2",
                                 .flags = course.new_flags.empty() ? quick : course.new_flags,
                                 .failures_max = course.new_flags.empty() ? 3 : 1,
                                 .initial_delay_seconds = course.new_flags.empty() ? 30 : 0});
    LoadOptions light;
    light.threads = 1;
    light.kept_connections = 3;
    light.fresh_connections = 1;
    light.pause = std::chrono::milliseconds(10);
    light.body_bytes_max = 1024;
    start({entry(0)}, light);
    for (const json::value& each : instances()) remember(each.as_object());
  }

  static Entry entry_of(const std::string& model) {
    return {.model_id = model, .count = GetParam().count, .grace_seconds = 1};
  }
  Entry entry(int which) const { return entry_of(models_[which]); }

  json::array instances() {
    const ApiAnswer all = hitless().get(service().path() + "/instances");
    return all.object().at("instances").as_array();
  }

  // What there has ever been: no id and no ordinal comes twice.
  void remember(const json::object& instance) {
    const std::string id(instance.at("instance_id").as_string());
    const auto ordinal = instance.at("ordinal").to_number<int>();
    const auto [known, is_new] = ordinals_.try_emplace(id, ordinal);
    EXPECT_EQ(known->second, ordinal) << id;
    if (!is_new) return;
    EXPECT_TRUE(taken_.insert(ordinal).second) << ordinal << " was there before";
  }

  json::object body() const {
    json::object made{{"config", to_config({entry(next_)})}};
    if (!GetParam().policy.empty()) made["rollout_policy"] = GetParam().policy;
    return made;
  }

  // The change that comes next, planned; its hash is asked for again when a PUT was in vain.
  void plan() {
    if (GetParam().supersedes) {
      service().update({entry(k_between)}, canary({{50, k_long_bake}}));
      ASSERT_TRUE(service().wait_for_phase(service().newest_rollout(), "baking"));
    }
    before_ = service().newest_rollout();
    const ApiAnswer plan = hitless().api("POST", service().path() + "/plan", body());
    ASSERT_EQ(plan.status, 200) << plan.text;
    hash_ = plan.object().at("plan_hash").as_string();
    to_revision_ = plan.object().at("to_revision").to_number<int>();
    rollouts_ = service().rollouts().size();
  }

  // True: serve answered.
  bool put() {
    json::object change = body();
    change["plan_hash"] = hash_;
    const ApiAnswer answer = hitless().api("PUT", service().path(), change);
    EXPECT_TRUE(answer.status == 200 || answer.status == 0) << answer.text;
    return answer.status == 200;
  }

  // The first write that serve may die of comes after this.
  void prepare() {
    plan();
    obeyed_ = 0;
    if (GetParam().orders.empty()) return;
    ASSERT_TRUE(put());
    find_rollout();
    ASSERT_TRUE(service().wait_for_phase(last_rollout_, "baking"));
  }

  void begin() {
    if (GetParam().orders.empty()) put();
  }

  static bool is_obeyed(const std::string& verb, const json::object& rollout) {
    if (verb == "pause") return rollout.at("paused").as_bool();
    if (verb == "resume") return !rollout.at("paused").as_bool();
    return rollout.contains(verb == "abort" ? "abort" : "skipped_steps");
  }

  // Each until the rollout shows that it was taken, by a serve that may die of it.
  void order_on(const json::object& rollout) {
    const std::vector<std::string>& orders = GetParam().orders;
    while (obeyed_ < orders.size() && is_obeyed(orders[obeyed_], rollout)) ++obeyed_;
    if (obeyed_ == orders.size()) return;
    const ApiAnswer answer = order(last_rollout_, orders[obeyed_]);
    EXPECT_TRUE(answer.status == 200 || answer.status == 0) << answer.text;
  }

  // The change that was put, also by a serve that died before it could say so.
  void find_rollout() {
    last_rollout_ = service().newest_rollout();
    if (last_rollout_ != before_) return;
    ASSERT_TRUE(put());
    last_rollout_ = service().newest_rollout();
    ASSERT_NE(last_rollout_, before_);
  }

  // The change's rollout, of a serve that may die while it is asked; null: there is none, or no
  // answer.
  json::value rollout_if_any() {
    const std::string path = service().path() + "/rollouts";
    const ApiAnswer all = hitless().get(path);
    if (all.status != 200) return nullptr;
    const json::array& rows = all.object().at("rollouts").as_array();
    const std::string newest(rows.front().as_object().at("rollout_id").as_string());
    return newest == before_ ? nullptr : hitless().get(path + "/" + newest).body;
  }

  // Until the rollout has its end and its report, or serve is dead.
  void watch() {
    json::value last;
    const bool over = eventually([&] {
      if (hitless().has_serve_ended()) return true;
      last = rollout_if_any();
      const json::object* rollout = last.if_object();
      if (rollout != nullptr) order_on(*rollout);
      return rollout != nullptr && rollout->contains("report") &&
             rollout->at("report").as_object().contains("during");
    });
    EXPECT_TRUE(over) << to_json_text(last);
  }

  // Waits for the limit or for the end of the rollout; true: serve died of the limit.
  bool dies() {
    watch();
    eventually([this] { return hitless().has_serve_ended(); }, k_after_the_end);
    if (limit_.lift() != 0) return false;
    hitless().expect_serve_ends();
    return true;
  }

  // Once: in the first life alone, after this many writes.
  bool change_dying_once(int writes) {
    prepare();
    limit_.set(writes);
    begin();
    const bool died = dies();
    if (died) hitless().start_serve();
    find_rollout();
    watch();
    return died;
  }

  // In every life, until one has nothing left to write; how many lives it took.
  int change_dying_always() {
    prepare();
    limit_.set(1);
    begin();
    int lives = 1;
    for (; dies() && lives < k_lives_max; ++lives) {
      limit_.set(k_writes_of_a_life + lives / k_lives_of_a_write);
      hitless().try_start_serve();
      if (HasFailure()) break;
    }
    if (lives == k_lives_max) {
      ADD_FAILURE() << "no end after " << lives << " lives";
      hitless().start_serve();
    }
    find_rollout();
    return lives;
  }

  void expect_same_plan() {
    EXPECT_EQ(service().wait_for_end(last_rollout_), GetParam().ends);
    const json::object rollout = service().rollout(last_rollout_);
    EXPECT_EQ(rollout.at("plan").as_object().at("plan_hash").as_string(), hash_);
    EXPECT_EQ(rollout.at("to_revision").to_number<int>(), to_revision_);
    EXPECT_EQ(service().rollouts().size(), rollouts_ + 1);
    const json::object& report = rollout.at("report").as_object();
    EXPECT_EQ(report.at("instances_started").to_number<int>(), GetParam().starts)
        << to_json_text(rollout);
    EXPECT_EQ(obeyed_, GetParam().orders.size());
    if (GetParam().supersedes) {
      EXPECT_EQ(service().phase(before_), "superseded");
    }
  }

  // Every instance that is recorded runs, under a shim of its own, and nothing else does.
  void expect_all_accounted_for() {
    expect_settled(last_rollout_, static_cast<std::size_t>(GetParam().count));
    EXPECT_TRUE(eventually([this] { return shims() == GetParam().count; })) << shims() << " shims";
    for (const json::value& each : instances()) remember(each.as_object());
    EXPECT_TRUE(eventually([this] { return pids_recorded() == pids_running(); }));
  }

  int shims() const {
    int count = 0;
    for (const OwnedProcess& each : hitless_->processes()) {
      count += each.command.find(" shim ") != std::string::npos || each.command.starts_with("shim ")
                   ? 1
                   : 0;
    }
    return count;
  }

  std::set<pid_t> pids_recorded() {
    std::set<pid_t> pids;
    for (const json::value& each : service().live_instances()) {
      const json::value* pid = each.as_object().if_contains("pid");
      pids.insert(pid == nullptr ? 0 : pid->to_number<pid_t>());
    }
    return pids;
  }

  std::set<pid_t> pids_running() {
    std::set<pid_t> pids;
    const std::string program = hitless().model_server().string() + " ";
    for (const OwnedProcess& each : hitless().processes()) {
      if (each.command.starts_with(program)) pids.insert(each.pid);
    }
    return pids;
  }

  void expect_changed() {
    expect_same_plan();
    expect_all_accounted_for();
    if (std::string(GetParam().ends) == "succeeded") next_ = 1 - next_;
  }

  void expect_load_unharmed() {
    const Outcome outcome = load().stop();
    EXPECT_EQ(outcome.failed(), 0U) << describe(outcome);
    fmt::print("{} requests, {} failed, longest {} ms\n", outcome.requests, outcome.failed(),
               outcome.percentile(1).count() / 1000);
  }

  const std::filesystem::path limits_ = make_limits_folder();
  WriteLimit limit_{limits_ / "writes-left"};

  static std::filesystem::path make_limits_folder() {
    std::string name = ::testing::TempDir() + "/writes-XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    return name;
  }
  void TearDown() override {
    UnderLoad::TearDown();
    std::filesystem::remove_all(limits_);
  }

  static constexpr int k_between = 2;
  std::string models_[3];
  int next_ = 1;            // the model that the next change goes to
  std::size_t obeyed_ = 0;  // orders
  std::string before_, hash_;
  int to_revision_ = 0;
  std::size_t rollouts_ = 0;
  std::map<std::string, int> ordinals_;
  std::set<int> taken_;
};

TEST_P(Crash, AfterAnyOneWriteGoesOnWithTheSamePlan) {
  int writes = 1;
  for (; writes < k_writes_max; ++writes) {
    SCOPED_TRACE(fmt::format("killed after write {}", writes));
    const bool died = change_dying_once(writes);
    expect_changed();
    if (HasFailure()) return;
    if (!died) break;
  }
  EXPECT_LT(writes, k_writes_max);
  EXPECT_GT(writes, GetParam().starts * 3) << "each instance is recorded three times at least";
  fmt::print("killed after each of {} writes\n", writes - 1);
  expect_load_unharmed();
}

TEST_P(Crash, AfterEveryWriteGetsThereAllTheSame) {
  const int lives = change_dying_always();
  expect_changed();
  EXPECT_GT(lives, GetParam().starts * 3);
  fmt::print("{} lives\n", lives);
  // What comes after the end comes seconds after it, and in the same way whatever the course was.
  if (GetParam().name == std::string("AnUpgrade")) service().wait_for_report(last_rollout_);
  expect_load_unharmed();
}

INSTANTIATE_TEST_SUITE_P(
    Of, Crash,
    ::testing::Values(
        // The load is light: the new version would be watched for the whole usual time, each time.
        Course{.name = "AnUpgrade",
               .ends = "succeeded",
               .count = 2,
               .starts = 2,
               .policy = {{"judgement", {{"proving_seconds", 0.2}}}}},
        Course{.name = "ARollback",
               .ends = "rolled_back",
               .count = 2,
               .starts = 1,
               .new_flags = {"--ready-after-ms", "-1"}},
        Course{
            .name = "HoldAndSwap", .ends = "succeeded", .count = 1, .starts = 1, .pool_mib = "256"},
        Course{.name = "ACanary",
               .ends = "succeeded",
               .count = 2,
               .starts = 2,
               .policy = {{"strategy", "canary"},
                          {"judgement", {{"silence", "advance"}}},
                          {"steps", {{{"weight", 50}, {"bake_seconds", 0.3}}}}}},
        Course{.name = "BlueGreen",
               .ends = "succeeded",
               .count = 1,
               .starts = 1,
               .policy = {{"strategy", "blue_green"},
                          {"bake_seconds", 0.2},
                          {"judgement", {{"silence", "advance"}}}}},
        Course{.name = "ASupersedingChange",
               .ends = "succeeded",
               .count = 1,
               .starts = 1,
               .policy = {{"strategy", "surge"}, {"judgement", {{"proving_seconds", 0.2}}}},
               .supersedes = true},
        Course{.name = "AnAbort",
               .ends = "rolled_back",
               .count = 1,
               .starts = 1,
               .policy = canary({{50, k_long_bake}}),
               .orders = {"abort"}},
        Course{.name = "PauseAndResume",
               .ends = "succeeded",
               .count = 1,
               .starts = 1,
               .policy = canary({{50, k_long_bake}}),
               .orders = {"pause", "resume", "skip"}}),
    [](const auto& course) { return std::string(course.param.name); });

}  // namespace
}  // namespace hitless::tests
