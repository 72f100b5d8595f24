#include "bench/decisions.h"

#include <fmt/format.h>
#include <time.h>

#include <chrono>

#include "base/check.h"
#include "rollout/plan.h"
#include "rollout/sim/world.h"

namespace hitless::bench {
namespace {

constexpr int k_plans = 200;
// Turns without an end are a defect of this program.
constexpr int k_turns_max = 100'000;

// Of this thread on a core: whoever else uses the machine does not count.
double cpu_micros() {
  timespec now{};
  HL_CHECK(::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

model::Revision revision(model::RevisionNumber number, const char* model, int instances) {
  model::Revision made;
  made.number = number;
  model::ConfigEntry& entry = made.config.entries.emplace_back();
  entry.model = model::ModelId(model);
  entry.instance_count = instances;
  entry.weight = 100;
  entry.resources.memory_mib = 256;
  entry.knobs.max_surge = 0.25;
  entry.knobs.max_unavailable = 0;
  return made;
}

rollout::PlanInput upgrade_of(int instances) {
  rollout::PlanInput input;
  input.service = model::ServiceId("5e3d1c7a-0000");
  input.from = revision(1, "a", instances);
  input.to = revision(2, "b", instances);
  input.room.memory_mib = 256 * (instances / 4);
  input.capacity.memory_mib = 256 * (instances + instances / 4);
  input.start_times[model::ModelId("b")] = std::chrono::seconds(1);
  return input;
}

// A service of version a that serves, and the upgrade to b begun.
rollout::World world_of(int instances) {
  rollout::World world(model::ServiceId("5e3d1c7a-0000"), instances + instances / 4);
  rollout::PlanInput first = upgrade_of(instances);
  first.from.reset();
  first.to = revision(1, "a", instances);
  first.room = first.capacity;
  first.kind = model::RolloutKind::deploy;
  const auto served = rollout::plan_change(first);
  const auto plan = rollout::plan_change(upgrade_of(instances));
  HL_CHECK(served.has_value() && plan.has_value());
  world.serve(*served);
  world.begin(*plan);
  return world;
}

}  // namespace

Row measure_plan(int instances) {
  const rollout::PlanInput input = upgrade_of(instances);
  std::vector<double> millis;
  for (int i = 0; i < k_plans; ++i) {
    const double begin = cpu_micros();
    const auto plan = rollout::plan_change(input);
    millis.push_back((cpu_micros() - begin) / 1000);
    HL_CHECK(plan.has_value());
  }
  return row_of(fmt::format("plan ({} instances)", instances), "ms", 1, std::move(millis));
}

Row measure_steps(int instances) {
  rollout::World world = world_of(instances);
  std::vector<double> all;
  int turns = 0;
  while (!is_terminal(world.phase())) {
    HL_CHECK(++turns < k_turns_max);
    const rollout::View view = world.view();
    const double begin = cpu_micros();
    const rollout::Decision decision = rollout::step(view);
    all.push_back(cpu_micros() - begin);
    const bool changes = decision.phase != view.phase || !decision.moves.empty() ||
                         !decision.starts.empty() || decision.step != view.step ||
                         decision.baking_at != view.baking_at ||
                         !(decision.route == world.published_route());
    world.record(decision);
    world.perform();
    if (changes) continue;
    const auto next = world.next_event();
    const Duration wait = std::chrono::milliseconds(100);
    world.advance(next && *next > world.now() ? *next - world.now() : wait);
  }
  HL_CHECK(world.phase() == model::Phase::succeeded);
  std::string what =
      fmt::format("step ({} instances and as many new, {} steps)", instances, all.size());
  return row_of(std::move(what), "us", 100, std::move(all));
}

}  // namespace hitless::bench
