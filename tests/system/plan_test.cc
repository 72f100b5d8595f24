// Plans of the real binary in a pool of known size: what is shown is what is applied.
#include <gtest/gtest.h>

#include "tests/support/hitless_process.h"
#include "tests/support/pretend_service.h"

namespace hitless::tests {
namespace {

class PlanInPool : public ::testing::Test {
 protected:
  void start(const std::string& pool_mib, const std::string& gpus = "0") {
    hitless_ =
        HitlessProcess::start({.serve_flags = {"--pool-memory", pool_mib, "--pool-gpus", gpus}});
    ASSERT_TRUE(hitless_);
    one_ = import_model(*hitless_, {.version = "v1"});
    two_ = import_model(*hitless_, {.version = "v2"});
  }

  void serve(int count) {
    service_.emplace(*hitless_, "planned", std::vector<Entry>{entry(one_, count)});
    ASSERT_EQ(service_->wait_for_end(service_->newest_rollout()), "succeeded");
  }

  static Entry entry(const std::string& model, int count, int memory_mib = 256) {
    return {.model_id = model, .count = count, .memory_mib = memory_mib};
  }

  ApiAnswer ask_plan(const Entry& to, const json::object& more = {}) {
    return hitless_->api("POST", service_->path() + "/plan", body(to, more));
  }

  static json::object body(const Entry& to, const json::object& more = {}) {
    json::object made = more;
    made["config"] = to_config({to});
    return made;
  }

  ApiAnswer apply(const Entry& to, const std::string& hash, json::object more = {}) {
    more["plan_hash"] = hash;
    return hitless_->api("PUT", service_->path(), body(to, more));
  }

  static std::string text(const ApiAnswer& answer, std::string_view member) {
    return std::string(answer.object().at(member).as_string());
  }

  static bool says(const ApiAnswer& answer, std::string_view part) {
    return answer.text.find(part) != std::string::npos;
  }

  std::unique_ptr<HitlessProcess> hitless_;
  std::optional<PretendService> service_;
  std::string one_, two_;
};

TEST_F(PlanInPool, PicksByRoomPredictsAndAppliesExactlyWhatItShowed) {
  start("768");
  serve(2);
  const ApiAnswer plan = ask_plan(entry(two_, 2));
  ASSERT_EQ(plan.status, 200) << plan.text;
  EXPECT_EQ(text(plan, "strategy"), "surge");
  EXPECT_TRUE(plan.object().at("hitless").as_bool());
  EXPECT_FALSE(plan.object().contains("predicted_seconds")) << "v2 never started yet";
  EXPECT_EQ(plan.object().at("lowest").to_number<int>(), 2);
  EXPECT_EQ(plan.object().at("highest").to_number<int>(), 3);

  const ApiAnswer same = ask_plan(entry(two_, 2));
  EXPECT_EQ(text(same, "plan_hash"), text(plan, "plan_hash"));
  EXPECT_EQ(apply(entry(two_, 2), text(plan, "plan_hash")).status, 200);
  const std::string rollout = service_->newest_rollout();
  EXPECT_EQ(service_->rollout(rollout).at("plan").at("plan_hash").as_string(),
            text(plan, "plan_hash"));
  EXPECT_EQ(service_->wait_for_end(rollout), "succeeded");

  const ApiAnswer back = ask_plan(entry(one_, 2));
  ASSERT_EQ(back.status, 200) << back.text;
  EXPECT_GT(back.object().at("predicted_seconds").to_number<double>(), 0) << "v1 has started";
}

// All traffic is on the new ones while the old ones are kept warm, and the change goes back to
// those.
TEST_F(PlanInPool, CountsWhatTheChangeUnderWayLeaves) {
  start("2048");
  serve(2);
  const std::string green =
      service_->update({entry(two_, 2)}, {{"strategy", "blue_green"}, {"bake_seconds", 3600}});
  ASSERT_TRUE(service_->wait_for_phase(green, "baking"));
  const ApiAnswer plan = ask_plan(entry(one_, 2));
  ASSERT_EQ(plan.status, 200) << plan.text;
  EXPECT_EQ(plan.object().at("instances_kept").to_number<int>(), 2);
  EXPECT_EQ(plan.object().at("instances_stopped").to_number<int>(), 2);
  EXPECT_EQ(plan.object().at("leftovers").at(0).at("revision").to_number<int>(), 2);
  EXPECT_EQ(plan.object().at("highest").to_number<int>(), 4);
  EXPECT_TRUE(says(plan, "take 2 instances of revision 2")) << plan.text;

  EXPECT_EQ(apply(entry(one_, 2), text(plan, "plan_hash")).status, 200);
  const std::string back = service_->newest_rollout();
  EXPECT_EQ(service_->wait_for_end(back), "succeeded");
  EXPECT_EQ(service_->phase(green), "superseded");
  const json::array live = service_->live_instances();
  EXPECT_EQ(live.size(), 2U);
  for (const json::value& instance : live) {
    EXPECT_EQ(instance.at("revision").to_number<int>(), 1) << to_json_text(instance);
  }
}

TEST_F(PlanInPool, RefusesThePlanOnceTheWorldHasMoved) {
  start("1024");
  serve(2);
  const std::string hash = text(ask_plan(entry(two_, 2)), "plan_hash");

  // Another service takes the room: no instance more fits.
  PretendService other(*hitless_, "other", {entry(one_, 2)});
  ASSERT_EQ(other.wait_for_end(other.newest_rollout()), "succeeded");
  const ApiAnswer full = apply(entry(two_, 2), hash);
  EXPECT_EQ(full.status, 409) << full.text;
  EXPECT_TRUE(says(full, "the strategy would be hold_and_swap")) << full.text;

  const ApiAnswer foreign = hitless_->api("PUT", other.path(), [&] {
    json::object made = body(entry(two_, 2));
    made["plan_hash"] = hash;
    return made;
  }());
  EXPECT_EQ(foreign.status, 409) << foreign.text;
  EXPECT_TRUE(says(foreign, "it is for service")) << foreign.text;

  const ApiAnswer moved = apply(entry(two_, 3), text(ask_plan(entry(two_, 2)), "plan_hash"));
  EXPECT_EQ(moved.status, 400) << moved.text;  // three do not fit at all
  EXPECT_TRUE(says(moved, "no room")) << moved.text;
  EXPECT_EQ(service_->rollouts().size(), 1U) << "nothing may have changed";
}

TEST_F(PlanInPool, RefusesWhatCanNeverFitWithTheArithmetic) {
  start("768");
  serve(2);
  const ApiAnswer larger = ask_plan(entry(two_, 1, 1024));
  EXPECT_EQ(larger.status, 400);
  EXPECT_TRUE(
      says(larger, "1 × 1024 MiB = 1024 MiB of memory are needed, 768 MiB are in the whole"))
      << larger.text;
  const ApiAnswer green =
      ask_plan(entry(two_, 2), {{"rollout_policy", {{"strategy", "blue_green"}}}});
  EXPECT_EQ(green.status, 400);
  EXPECT_TRUE(says(green, "2 × 256 MiB = 512 MiB of memory are needed, 256 MiB are free"))
      << green.text;
  const ApiAnswer shrink = ask_plan(entry(two_, 2), {{"rollout_policy", {{"strategy", "shrink"}}}});
  EXPECT_EQ(shrink.status, 400);
  EXPECT_TRUE(says(shrink, "max_unavailable")) << shrink.text;
}

TEST_F(PlanInPool, SwapsTheOnlyInstanceWhereThereIsRoomForOne) {
  start("256");
  serve(1);
  const ApiAnswer plan = ask_plan(entry(two_, 1));
  ASSERT_EQ(plan.status, 200) << plan.text;
  EXPECT_EQ(text(plan, "strategy"), "hold_and_swap");
  EXPECT_FALSE(plan.object().at("hitless").as_bool());
  EXPECT_EQ(plan.object().at("hold_seconds").to_number<double>(), 30)
      << "its start was never measured: as long as its deploy timeout";
  EXPECT_EQ(plan.object().at("lowest").to_number<int>(), 0);
  EXPECT_EQ(apply(entry(two_, 1), text(plan, "plan_hash")).status, 200);
  EXPECT_EQ(service_->wait_for_end(service_->newest_rollout()), "succeeded");
}

// Nothing but the end of an old instance makes room for the next new one, and nobody calls.
TEST_F(PlanInPool, CountsGpusAndSwapsWhereNoneIsFree) {
  start("4096", "2");
  const auto on_gpus = [this](const std::string& model, int count) {
    return Entry{.model_id = model, .count = count, .gpus = 1};
  };
  service_.emplace(*hitless_, "planned", std::vector<Entry>{on_gpus(one_, 2)});
  ASSERT_EQ(service_->wait_for_end(service_->newest_rollout()), "succeeded");
  const ApiAnswer more = ask_plan(on_gpus(one_, 3));
  EXPECT_EQ(more.status, 400);
  EXPECT_TRUE(says(more, "3 × 1 = 3 GPUs are needed, 2 are in the whole pool")) << more.text;

  const ApiAnswer plan = ask_plan(on_gpus(two_, 2));
  ASSERT_EQ(plan.status, 200) << plan.text;
  EXPECT_EQ(text(plan, "strategy"), "hold_and_swap");
  EXPECT_EQ(apply(on_gpus(two_, 2), text(plan, "plan_hash")).status, 200);
  EXPECT_EQ(service_->wait_for_end(service_->newest_rollout()), "succeeded");
  EXPECT_EQ(service_->live_instances().size(), 2U);
}

TEST_F(PlanInPool, GoesOnAtOnceWhenRoomIsMade) {
  start("768");
  serve(2);
  const std::string rollout = service_->update({entry(two_, 2)});
  ASSERT_EQ(service_->wait_for_end(rollout), "succeeded");
  const json::object told = service_->rollout(rollout);
  const auto time = [&](const char* member) { return told.at(member).to_number<std::int64_t>(); };
  EXPECT_LT(time("ended_at") - time("created_at"), 5000) << to_json_text(told.at("report"));
}

TEST_F(PlanInPool, OfAStoppedServiceIsKeptForItsNextStart) {
  start("768");
  serve(1);
  ASSERT_EQ(service_->wait_for_end(service_->set_status("stopped")), "succeeded");
  const ApiAnswer plan = ask_plan(entry(two_, 1));
  ASSERT_EQ(plan.status, 200) << plan.text;
  EXPECT_EQ(text(plan, "strategy"), "none");
  EXPECT_EQ(plan.object().at("instances_started").to_number<int>(), 0);
  EXPECT_EQ(apply(entry(two_, 1), "old").status, 409);
  EXPECT_EQ(apply(entry(two_, 1), text(plan, "plan_hash")).status, 200);
  EXPECT_EQ(service_->rollouts().size(), 2U) << "a start and a stop";
}

}  // namespace
}  // namespace hitless::tests
