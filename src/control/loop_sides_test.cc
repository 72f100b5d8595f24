// What a rollout's sides did to traffic, through the loop and over the lives of serve.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "control/limits.h"
#include "control/loop.h"
#include "net/http_server.h"
#include "tests/support/store_values.h"

namespace hitless::control {
namespace {

class PretendPool final : public pools::PoolDriver {
 public:
  Result<void> ensure_running(const pools::InstanceSpec&) override { return {}; }
  Result<void> ensure_stopped(const model::InstanceId&, Duration) override { return {}; }
  Result<void> forget(const model::InstanceId&) override { return {}; }
  std::vector<pools::Observed> observe() override {
    ++looks;
    return running;
  }
  Result<std::string> logs(const model::InstanceId&, std::size_t) override { return std::string(); }
  pools::PoolStatus status() override { return {}; }

  std::vector<pools::Observed> running;  // set before a loop starts
  std::atomic<int> looks = 0;
};

// A gateway that outlives each serve and counts what a test tells it to.
class PretendGateway final : public gateway::GatewayClient {
 public:
  void publish(model::RouteTable table) override {
    const MutexLock lock(mutex_);
    usage_.adopted = table.generation;
  }
  model::Usage usage() const override {
    const MutexLock lock(mutex_);
    return is_attached_ ? usage_ : model::Usage();
  }
  model::Generation adopted() const override { return usage().adopted; }
  std::optional<gateway::GatewayHello> attached() const override {
    return gateway::GatewayHello{.gateway = "g", .version = "", .listen = {}};
  }
  void shut_down(Duration) override {}

  void attach(bool attached) {
    const MutexLock lock(mutex_);
    is_attached_ = attached;
  }
  // So many connections to it failed by now.
  void refuse(const model::InstanceId& instance, std::uint64_t times) {
    const MutexLock lock(mutex_);
    usage_.instances = {{.instance = instance, .connect_failures = times}};
  }
  void count(const std::string& group, std::uint64_t requests, std::uint64_t failed) {
    const MutexLock lock(mutex_);
    model::RevisionUsage row{.service = model::ServiceId("s"), .revision = 2, .group = group};
    row.outcomes.requests = requests;
    row.outcomes.failed = failed;
    std::erase_if(usage_.revisions, [&](const auto& old) { return old.group == group; });
    usage_.revisions.push_back(row);
  }

 private:
  mutable Mutex mutex_;
  bool is_attached_ HL_GUARDED_BY(mutex_) = true;
  model::Usage usage_ HL_GUARDED_BY(mutex_) = {
      .gateway = "g", .adopted = 0, .instances = {}, .revisions = {}};
};

model::Group group(const std::string& key, model::RevisionNumber revision) {
  model::Group made;
  made.key = key;
  made.revision = revision;
  made.count = 1;
  made.weight = 100;
  made.deploy_timeout = std::chrono::seconds(60);
  return made;
}

// A rollout from "old", which serves, to "new", of which one instance starts and never answers.
class LoopSides : public store::StoreTest {
 protected:
  void SetUp() override {
    const model::Service before = add("s", "speech");
    end_first(before.rollout);
    model::Service after = before;
    after.revision = 2;
    after.rollout = model::RolloutId("r");
    model::Rollout rollout = store::some_rollout("r", before.id, 1, 2);
    rollout.plan.slots = {{group("old", 1), group("new", 2), 1, 0}};
    rollout.plan.drop_budget = 2;
    adjust(rollout.plan);
    ASSERT_TRUE(store().accept_change({.expected = before,
                                       .service = after,
                                       .revision = store::some_revision(before.id, 2, "m2"),
                                       .rollout = rollout,
                                       .superseded = std::nullopt,
                                       .events = {}}));
    model::Instance old = store::some_instance(before.id, 1);
    old.group = "old";
    old.stage = model::Stage::ready;
    old.ready_at = store::at(2);
    store::DecisionRecord rows;
    rows.instances.push_back(old);
    ASSERT_TRUE(store().record(rows));
    pool_.running = {{.id = old.id, .state = pools::ProcessState::running}};
  }

  virtual void adjust(model::Plan&) {}

  static json::value reading_at(int seconds) {
    return {{"at", to_micros(store::at(seconds))}, {"total", to_json(model::Outcomes())}};
  }

  void end_first(const model::RolloutId& id) {
    model::Rollout first = store().find_rollout(id).value();
    first.phase = model::Phase::succeeded;
    ASSERT_TRUE(store().update_rollout(first));
  }

  model::Rollout rollout() { return store().find_rollout(model::RolloutId("r")).value(); }

  // What the newest decision was made from.
  json::object last_view() {
    const auto rows = store().list_journal(model::RolloutId("r")).value();
    return rows.empty() ? json::object() : parse_json(rows.back().view)->as_object();
  }

  static ControlOptions options() { return {.token_digests = {}, .capacity = {}, .engines = {}}; }
  ControlParts parts() {
    return {.store = store(),
            .pool = pool_,
            .gateway = gateway_,
            .packages = packages_,
            .clock = clock_};
  }

  // One life of serve, until the rollout is as wanted.
  void live(const std::function<bool()>& is_as_wanted) {
    TrafficBook traffic;
    Loop loop(options(), parts(), traffic);
    ASSERT_TRUE(loop.start());
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!is_as_wanted() && std::chrono::steady_clock::now() < deadline) {
      loop.wake();
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    EXPECT_TRUE(is_as_wanted()) << to_text(rollout().phase) << ": " << rollout().why;
    loop.stop();
  }

  // True when the loop has not looked for so long, within a time that is long enough for that.
  bool rests_for(Duration rest) {
    const auto now = [] { return std::chrono::steady_clock::now(); };
    const auto deadline = now() + std::chrono::seconds(20);
    int looks = pool_.looks;
    for (auto since = now(); now() - since < rest; std::this_thread::yield()) {
      if (now() > deadline) return false;
      if (pool_.looks != looks) since = now();
      looks = pool_.looks;
    }
    return true;
  }

  const SystemClock clock_{};
  PretendPool pool_;
  PretendGateway gateway_;
  const objects::PackageCache packages_ =
      objects::PackageCache::open(folder_.path() / "packages").value();
};

TEST_F(LoopSides, CountWhatWasLostOverTheLivesOfServe) {
  gateway_.count("new", 100, 5);
  live([&] { return rollout().lost_before.has_value(); });
  EXPECT_EQ(rollout().lost_before->at("new"), 5U);
  EXPECT_EQ(rollout().phase, model::Phase::starting);

  gateway_.count("new", 110, 7);  // while there is no serve: as many as the budget allows
  live([&] {
    return last_view().contains("dropped") && last_view()["dropped"].to_number<int>() == 2;
  });
  EXPECT_EQ(rollout().phase, model::Phase::starting);
  EXPECT_EQ(rollout().lost_before->at("new"), 5U);

  gateway_.count("new", 111, 8);
  live([&] { return rollout().phase == model::Phase::rolling_back; });
  EXPECT_NE(rollout().reason.find("lost"), std::string::npos) << rollout().reason;
}

TEST_F(LoopSides, AreNotLookedAtBeforeTheGatewayHasToldOfItsCounters) {
  gateway_.count("new", 100, 5);
  gateway_.attach(false);
  live([&] { return rollout().phase == model::Phase::starting; });
  EXPECT_FALSE(rollout().lost_before) << "what the gateway counted before is not this rollout's";
  gateway_.attach(true);
  live([&] { return rollout().lost_before.has_value(); });
  EXPECT_EQ(rollout().lost_before->at("new"), 5U);
}

TEST_F(LoopSides, KeepTheirEvidenceWhenTheNextServeFindsThemJudged) {
  model::Rollout judged = rollout();
  judged.phase = model::Phase::draining;
  judged.step = 1;
  model::Evidence& evidence = judged.evidence.emplace();
  evidence.verdict = model::Verdict::good;
  evidence.text = "errors: 1 of 200 on revision 2 against 2 of 300 on revision 1";
  evidence.measures = {{.name = "errors",
                        .what = "",
                        .old_events = 2,
                        .old_total = 300,
                        .new_events = 1,
                        .new_total = 200}};
  ASSERT_TRUE(store().update_rollout(judged));
  live([&] { return rollout().lost_before.has_value(); });
  EXPECT_EQ(rollout().evidence, judged.evidence);
}

TEST_F(LoopSides, AndWhatElseWasRecordedOutliveTheChangeThatTakesOver) {
  const model::Service before = store().find_service(model::ServiceId("s")).value();
  const model::Rollout known = rollout();  // when the next change was planned
  model::Rollout recorded = known;
  recorded.phase = model::Phase::shifting;
  recorded.evidence.emplace().text = "so far so good";
  recorded.report.instances_started = 4;
  ASSERT_TRUE(store().update_rollout(recorded));

  model::Service after = before;
  after.revision = 3;
  after.rollout = model::RolloutId("next");
  const store::Store::AcceptedChange change{.expected = before,
                                            .service = after,
                                            .revision = store::some_revision(before.id, 3),
                                            .rollout = store::some_rollout("next", before.id, 1, 3),
                                            .superseded = known,
                                            .events = {}};
  TrafficBook traffic;
  Loop loop(options(), parts(), traffic);
  ASSERT_TRUE(loop.accept(change));
  EXPECT_EQ(rollout().phase, model::Phase::superseded);
  EXPECT_EQ(rollout().evidence, recorded.evidence);
  EXPECT_EQ(rollout().report.instances_started, 4);
  EXPECT_EQ(loop.accept(change).error().code(), Code::conflict) << "it has ended by now";
}

// A disk that is full for an hour fills no log, and takes no core.
TEST_F(LoopSides, LeaveAReportThatTheStoreRefusesForAWhile) {
  end_first(model::RolloutId("r"));
  ASSERT_TRUE(store().put_setting(
      "readings/s",
      to_json_text({{"rollout", "r"}, {"start", reading_at(3)}, {"end", reading_at(4)}})));
  model::Report report = rollout().report;
  report.during.emplace();
  ASSERT_TRUE(store().update_report(model::RolloutId("r"), report));
  let_reports_be_refused();
  refuse_reports(true);

  TrafficBook traffic;
  Loop loop(options(), parts(), traffic);
  ASSERT_TRUE(loop.start());
  EXPECT_TRUE(rests_for(k_store_retry / 2));
  refuse_reports(false);
  while (!rollout().report.after) std::this_thread::yield();
  loop.stop();
}

// Its next turn is an hour away.
TEST_F(LoopSides, AnInstanceThatTheGatewayCannotReachIsProbedAtOnce) {
  std::atomic<int> probes = 0;
  net::HttpServerOptions listening;
  listening.listen = {Address{"", 0, (folder_.path() / "model.sock").string()}};
  const auto server =
      net::HttpServer::start(listening, [&](const net::HttpRequest&, const net::HttpPeer&) {
        ++probes;
        return net::HttpResponse{};
      });
  ASSERT_TRUE(server);
  model::ModelVersion version = store::some_model("m1", "speech", "0.0.1");
  version.launch.health.period = std::chrono::hours(1);
  ASSERT_TRUE(store().add_model(version));
  pool_.running[0].address = (*server)->addresses().front();
  const model::InstanceId instance = pool_.running[0].id;
  TrafficBook traffic;
  Loop loop(options(), parts(), traffic);
  ASSERT_TRUE(loop.start());
  const auto eventually = [&](const std::function<bool()>& holds) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!holds() && std::chrono::steady_clock::now() < deadline) {
      loop.wake();
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return holds();
  };
  ASSERT_TRUE(eventually([&] { return loop.counts().probes_passed == 1; }));
  gateway_.refuse(instance, 1);
  EXPECT_TRUE(eventually([&] { return loop.counts().probes_passed == 2; }));
  EXPECT_EQ(loop.counts().suspects, 1U);
  EXPECT_EQ(probes, 2);
  loop.stop();
}

// The first step of a canary has baked, nobody has called, and the policy has samples sent.
class LoopSamples : public LoopSides {
 protected:
  void SetUp() override {
    LoopSides::SetUp();
    bake();
  }
  void adjust(model::Plan& plan) override {
    plan.strategy = model::Strategy::canary;
    plan.steps = {{50, {}}, {100, {}}};
    plan.judgement.silence = model::Silence::warm_up;
  }
  void bake() {
    for (const char* id : {"m1", "m2"}) {
      model::ModelVersion version = store::some_model(id, id);
      version.launch.warm_up.clear();
      version.launch.health.method = model::HealthCheck::Method::exec;
      version.launch.health.command = {"true"};
      ASSERT_TRUE(store().add_model(version));
    }
    model::Rollout baking = rollout();
    baking.phase = model::Phase::baking;
    baking.baking_at = store::at(3);
    ASSERT_TRUE(store().update_rollout(baking));
    model::Instance fresh = store::some_instance(baking.service, 2);
    fresh.rollout = baking.id;
    fresh.revision = 2;
    fresh.group = "new";
    fresh.stage = model::Stage::ready;
    fresh.ready_at = store::at(3);
    store::DecisionRecord rows;
    rows.instances.push_back(fresh);
    ASSERT_TRUE(store().record(rows));
    pool_.running.push_back({.id = fresh.id, .state = pools::ProcessState::running});
  }

  // What is stored of the old side's model.
  void set_launch(const std::string& text) {
    change_file(fmt::format("UPDATE models SET launch = '{}' WHERE id = 'm1'", text));
  }
};

TEST_F(LoopSamples, ThatTheStoreCannotReadPromoteNobody) {
  const std::string launch =
      to_json_text(to_json(store().find_model(model::ModelId("m1"))->launch));
  set_launch("{");
  ASSERT_EQ(store().find_model(model::ModelId("m1")).error().code(), Code::corrupt);
  live([&] {
    const bool waits = rollout().why.find("warm-up requests are sent") != std::string::npos;
    if (!waits) pool_.looks = 0;
    return waits && pool_.looks > 20;
  });
  EXPECT_EQ(rollout().phase, model::Phase::baking) << rollout().why;
  EXPECT_EQ(rollout().step, 0);
  set_launch(launch);
  live([&] { return rollout().step > 0; });  // there are none to send
}

}  // namespace
}  // namespace hitless::control
