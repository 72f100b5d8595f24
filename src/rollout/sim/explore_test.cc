// Seeded worlds with faults at every step; every decision is held against invariants.h, and every
// world must come to an end.  HITLESS_SEED=n replays one world and prints its course;
// HITLESS_LONG=1 runs many more.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <random>

#include "rollout/phase.h"
#include "rollout/plan.h"
#include "rollout/sim/course.h"
#include "rollout/sim/effort.h"
#include "rollout/sim/invariants.h"

namespace hitless::rollout {
namespace {

using model::Phase;
using model::Stage;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t k_worlds = k_sanitized ? 1'000 : 10'000;
constexpr std::uint64_t k_worlds_long = 200'000;
constexpr int k_fair_steps_max = 600;
constexpr int k_tended_steps_max = 200;
constexpr int k_idle_rounds = 3;  // after so many nothing will happen any more

struct Totals {
  std::uint64_t steps = 0;
  std::map<Phase, std::uint64_t> ends;
};

class Explorer {
 public:
  Explorer(std::uint64_t seed, bool tells)
      : rng_(seed), course_(World(service(), 0), tells), world_(course_.world) {}

  // What went wrong; empty: nothing.
  std::vector<std::string> run(Totals& totals) {
    set_up();
    const int unfair = one_in(3) ? 0 : number(1, 60);
    for (int step = 0; step < unfair && is_well(); ++step) {
      make_trouble();
      round();
    }
    make_fair();
    for (int step = 0; step < k_fair_steps_max && is_well(); ++step) {
      if (is_end(world_.phase()) && is_quiet_) break;
      round();
      finish_requests();
    }
    if (is_well() && !is_end(world_.phase())) course_.fail("no end in sight: " + course_.why());
    if (is_well()) keep_tended();
    totals.steps += course_.steps();
    ++totals.ends[world_.phase()];
    return course_.failures();
  }

 private:
  static model::ServiceId service() { return model::ServiceId("5e3d1c7a-0000"); }
  int number(int low, int high) { return std::uniform_int_distribution(low, high)(rng_); }
  bool one_in(int count) { return number(1, count) == 1; }
  template <class T>
  T pick(std::initializer_list<T> values) {
    return *(values.begin() + number(0, static_cast<int>(values.size()) - 1));
  }

  void tell(const std::string& text) { course_.tell(text); }
  bool is_well() const { return course_.failures().empty(); }

  model::ServiceConfig random_config() {
    model::ServiceConfig config;
    const int entries = one_in(3) ? 2 : 1;
    for (int index = 0; index < entries; ++index) {
      model::ConfigEntry entry;
      entry.model = model::ModelId(pick<const char*>({"model-a", "model-b", "model-c"}));
      entry.weight = entries == 1 ? 100 : pick({0, 10, 50, 90, 100});
      if (index == 1) entry.weight = 100 - config.entries[0].weight;
      entry.instance_count = number(1, 5);
      entry.knobs.max_surge = pick({0.0, 0.25, 0.5, 1.0, 1.0, 2.0, 5.0});
      entry.knobs.max_unavailable = pick({0.0, 0.0, 0.3, 0.5, 1.0, 2.0});
      entry.knobs.deploy_timeout = seconds(60);
      config.entries.push_back(entry);
    }
    config.policy = random_policy();
    return config;
  }

  model::RolloutPolicy random_policy() {
    model::RolloutPolicy policy;
    if (one_in(4)) policy.slow_start = seconds(number(1, 8));
    policy.drop_budget = static_cast<std::uint64_t>(number(0, 1));
    if (one_in(2)) return policy;
    policy.strategy = pick({model::Strategy::canary, model::Strategy::canary,
                            model::Strategy::blue_green, model::Strategy::hold_and_swap});
    if (policy.strategy == model::Strategy::hold_and_swap) return policy;
    policy.bake = seconds(number(0, 5));
    if (policy.strategy == model::Strategy::blue_green) return policy;
    const int first = number(1, 60);
    policy.steps = {{first, seconds(number(0, 5))}, {first + number(1, 39), milliseconds(100)}};
    return policy;
  }

  model::Revision revise(model::ServiceConfig config) {
    model::Revision revision;
    revision.service = service();
    revision.number = ++revisions_;
    revision.config = std::move(config);
    return revision;
  }

  model::Plan plan_to(std::optional<model::Revision> to) {
    PlanInput input;
    input.service = service();
    input.from = serving_;
    input.to = std::move(to);
    input.kind = !input.to    ? model::RolloutKind::stop
                 : input.from ? model::RolloutKind::update
                              : model::RolloutKind::deploy;
    PlanInput in_pool = input;
    in_pool.capacity = world_.empty_pool();
    in_pool.room = world_.room_beside(input.from);
    if (!is_end(world_.phase())) in_pool.present = world_.present();
    Result<model::Plan> plan = plan_change(in_pool);
    if (!plan) plan = plan_change(input);  // as if somebody had taken the room after it was planned
    if (!plan) course_.fail(plan.error().text());
    model::Plan made = plan ? *plan : model::Plan{};
    made.drain_budget = seconds(10);
    if (!made.steps.empty() && one_in(2)) {
      for (model::Slot& slot : made.slots) {
        slot.surge = number(0, 2);
        slot.unavailable = slot.surge == 0 ? 1 : number(0, 1);
      }
    }
    return made;
  }

  static int instances_of(const model::ServiceConfig& config) {
    int count = 0;
    for (const model::ConfigEntry& entry : config.entries) count += entry.instance_count;
    return count;
  }

  Habit random_habit() {
    Habit good;
    good.ready_after = milliseconds(number(1, 5000));
    if (!one_in(3)) return good;
    switch (number(0, 4)) {
      case 0: return {seconds(50), {}, {}};
      case 1: return {seconds(1000), milliseconds(number(1, 9000)), {}};
      case 2: return {seconds(1000), {}, {}};
      case 3: return {seconds(2), {}, milliseconds(number(0, 1999))};
      default: return {seconds(1), {}, milliseconds(number(1001, 9000))};
    }
  }

  void set_up() {
    model::Revision first = revise(random_config());
    int room = instances_of(first.config);
    if (!one_in(6)) {
      world_.capacity = 100;
      world_.serve(plan_to(first));
      serving_ = first;
    }
    world_.capacity = room + number(0, 2);
    change();
    tell(fmt::format("capacity {}", world_.capacity));
  }

  void change() {
    if (target_ && world_.base() == target_->number) serving_ = target_;
    target_.reset();
    if (!one_in(8)) {
      model::ServiceConfig config = random_config();
      if (serving_ && one_in(3)) {
        config = serving_->config;  // scale or weights alone
        for (model::ConfigEntry& entry : config.entries) {
          if (one_in(2)) entry.instance_count = number(1, 5);
        }
        if (config.entries.size() == 2 && one_in(2))
          std::swap(config.entries[0].weight, config.entries[1].weight);
      }
      target_ = revise(config);
    }
    model::Plan plan = plan_to(target_);
    for (const model::Slot& slot : plan.slots) {
      const bool is_new = slot.to && !(slot.from && slot.from->key == slot.to->key);
      if (is_new && !habits_.contains(slot.to->key)) habits_[slot.to->key] = random_habit();
      tell(fmt::format("slot: from {} to {} surge {} unavailable {}", text_of(slot.from),
                       text_of(slot.to), slot.surge, slot.unavailable));
    }
    world_.habits = habits_;
    if (serving_) {
      for (const model::Slot& slot : plan.slots) {
        if (slot.from) world_.habits[slot.from->key] = {};
      }
    }
    world_.begin(std::move(plan));
    is_quiet_ = false;
  }

  static std::string text_of(const std::optional<model::Group>& group) {
    return group ? fmt::format("{}×{} ({} %)", group->count, group->key.substr(0, 6), group->weight)
                 : "nothing";
  }

  SimInstance* random_running() {
    std::vector<SimInstance*> running;
    for (SimInstance& instance : world_.instances()) {
      if (instance.process == Process::running) running.push_back(&instance);
    }
    if (running.empty()) return nullptr;
    return running[static_cast<std::size_t>(number(0, static_cast<int>(running.size()) - 1))];
  }

  void make_trouble() {
    if (!one_in(3)) return;
    SimInstance* victim = random_running();
    switch (number(0, 14)) {
      case 0:
        if (victim != nullptr && one_in(2)) {
          tell("crash of " + victim->recorded.id.text());
          world_.crash(*victim, "killed by signal 9");
        }
        break;
      case 1:
        if (victim != nullptr && victim->health == Probe::passing) {
          tell("flap of " + victim->recorded.id.text());
          world_.set_failing(*victim, "HTTP 500 from /health");
        }
        break;
      case 2:
      case 3: mend(); break;
      case 4:
        tell("control restarts");
        world_.restart_control();
        break;
      case 5:
        world_.adopts_by_itself = !world_.adopts_by_itself;
        if (world_.adopts_by_itself || one_in(2)) world_.adopt();
        tell(fmt::format("adopts by itself: {}", world_.adopts_by_itself));
        break;
      case 6: world_.refuses_starts = one_in(4); break;
      case 7: send_requests(); break;
      case 8:
        if (one_in(4)) {
          tell("another change");
          change();
        }
        break;
      case 9:
      case 10: give_order(); break;
      case 11: misbehave(); break;
      case 12:
        if (one_in(4)) hit_a_side();
        break;
      default:
        if (one_in(4)) world_.capacity += pick({-1, 1});
        break;
    }
  }

  // All that a revision has, or all that there is: a machine that stands still or goes down, a
  // version that breaks.
  void hit_a_side() {
    const bool crashes = one_in(2);
    const model::RevisionNumber revision = one_in(3) ? 0 : number(1, static_cast<int>(revisions_));
    tell(fmt::format("all of revision {} {}", revision, crashes ? "crash" : "fail"));
    for (SimInstance& instance : world_.instances()) {
      if (revision != 0 && instance.recorded.revision != revision) continue;
      if (crashes) world_.crash(instance, "killed by signal 9");
      if (!crashes && instance.health == Probe::passing)
        world_.set_failing(instance, "HTTP 500 from /health");
    }
  }

  void give_order() {
    switch (number(0, 5)) {
      case 0:
        if (one_in(4)) world_.orders.abort = "aborted";
        break;
      case 1:
      case 2: world_.orders.paused_at ? world_.resume() : world_.pause(); break;
      case 3: world_.resume(); break;
      default: world_.orders.skip = world_.step() + number(0, 1); break;
    }
    tell(fmt::format("orders: abort \"{}\", paused {}, skip {}", world_.orders.abort,
                     world_.orders.paused_at.has_value(), world_.orders.skip));
  }

  void misbehave() {
    if (one_in(4)) ++world_.dropped;
    if (!one_in(4)) return;
    world_.traffic.per_second = 50;
    for (const model::Slot& slot : world_.plan().slots) {
      if (slot.to) world_.manners[slot.to->key].errors = pick({0, 5, 50});
    }
  }

  // What failed its probe after it had passed comes back.
  void mend() {
    for (SimInstance& instance : world_.instances()) {
      if (instance.recorded.ready_at && instance.health == Probe::failing)
        world_.set_ready(instance);
    }
  }

  void send_requests() {
    const View view = world_.view();
    for (std::size_t index = 0; index < view.instances.size(); ++index) {
      SimInstance& instance = world_.instances()[index];
      if (view.instances[index].routing != Routing::none && instance.process == Process::running)
        instance.in_flight = static_cast<std::uint64_t>(number(0, 3));
    }
  }

  void finish_requests() {
    for (SimInstance& instance : world_.instances()) {
      if (one_in(4)) instance.in_flight = 0;
    }
  }

  void make_fair() {
    tell("from here on the world is fair");
    world_.adopts_by_itself = true;
    world_.adopt();
    world_.refuses_starts = false;
    world_.resume();
    world_.traffic.per_second = 0;
    mend();
    is_quiet_ = false;
  }

  // One turn of control's loop, perhaps killed on the way.
  void round() {
    const Course::Turn turn =
        one_in(10) ? course_.round_killed_after(number(0, 2)) : course_.round();
    if (turn.ended() && turn.after == Phase::succeeded) serving_ = target_;
    is_quiet_ = !turn.changed;
    idle_ = turn.changed || course_.due_at() ? 0 : idle_ + 1;
    if (turn.changed && !one_in(3)) return;
    const bool drains =
        std::any_of(world_.instances().begin(), world_.instances().end(),
                    [](const SimInstance& instance) { return instance.in_flight > 0; });
    const bool may_wait = turn.changed || drains || world_.orders.paused_at || is_end(turn.after) ||
                          !world_.adopts_by_itself;
    if (course_.advance() || may_wait || !world_.view().adopted) return;
    if (++stuck_ > 3) course_.fail("stuck: " + course_.why());
  }

  // After the end: one instance dies, and the service heals.
  void keep_tended() {
    if (world_.phase() == Phase::failed) return;
    world_.capacity = 100;
    for (auto& [key, habit] : world_.habits) habit = {};
    SimInstance* victim = random_running();
    if (victim != nullptr) world_.crash(*victim, "killed by signal 9");
    tell("after the end");
    idle_ = 0;
    for (int step = 0; step < k_tended_steps_max && is_well(); ++step) {
      if (idle_ >= k_idle_rounds) break;
      round();
    }
    const View view = world_.view();
    Decision decision = tend(view, view.phase == Phase::succeeded ? Side::to : Side::from);
    for (std::string& failure : check_end(view, decision)) course_.fail("tended: " + failure);
  }

  std::mt19937_64 rng_;
  Course course_;
  World& world_;
  model::RevisionNumber revisions_ = 0;
  std::optional<model::Revision> serving_;
  std::optional<model::Revision> target_;
  std::map<std::string, Habit> habits_;
  int stuck_ = 0;
  bool is_quiet_ = false;
  int idle_ = 0;  // rounds in which nothing changed, and nothing was due
};

TEST(Explorer, FindsNoWorldThatBreaksAPromise) {
  const char* replay = std::getenv("HITLESS_SEED");
  Totals totals;
  if (replay != nullptr) {
    const auto failures = Explorer(std::strtoull(replay, nullptr, 10), true).run(totals);
    for (const std::string& failure : failures) ADD_FAILURE() << failure;
    return;
  }
  const std::uint64_t worlds = is_long() ? k_worlds_long : k_worlds;
  // The same ones each time, so that a red run is its change's own; the long form finds new ones.
  const std::uint64_t base = is_long() ? std::random_device{}() : 1;
  fmt::print("worlds {} seeds from {}\n", worlds, base);
  std::fflush(stdout);
  int failed = 0;
  for (std::uint64_t seed = base; seed < base + worlds && failed < 10; ++seed) {
    const auto failures = Explorer(seed, false).run(totals);
    if (failures.empty()) continue;
    ++failed;
    ADD_FAILURE() << "HITLESS_SEED=" << seed << ": " << failures[0];
  }
  fmt::print("steps {}", totals.steps);
  for (const auto& [phase, count] : totals.ends) {
    fmt::print(", {} {}", model::to_text(phase), count);
  }
  fmt::print("\n");
  EXPECT_GE(totals.steps, k_sanitized ? 30'000u : 300'000u);
}

}  // namespace
}  // namespace hitless::rollout
