// Every small world, with one fault at every step of its course.  First the course without a fault
// is gone through; at each of its steps a copy branches off, the fault happens there, and the copy
// goes on to its end.  Nothing is random.  HITLESS_WORLD="replace 2 3 1 0 crash_new 5" replays one
// world and prints its course; HITLESS_LONG=1 leaves none out.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <sstream>

#include "rollout/phase.h"
#include "rollout/plan.h"
#include "rollout/sim/course.h"
#include "rollout/sim/effort.h"
#include "rollout/sim/invariants.h"

namespace hitless::rollout {
namespace {

using model::Phase;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int k_rounds_max = 400;
constexpr int k_sanitized_stride = 10;  // sanitizers, ten times slower, see each tenth fault
constexpr Duration k_mended_after = seconds(3);  // of faults that pass
constexpr Duration k_late_start = seconds(55);   // shorter than what starts may take …
constexpr Duration k_long_after = seconds(100);  // … and longer

// "slow" is "replace" with a slow start; "quarters" is "replace" with surge and unavailable as
// quarters of the count; "tight" is "replace" in a pool that has room for so many more as surge
// says, and the plan knows it.
constexpr std::string_view k_kinds[] = {"replace", "quarters",   "scale", "deploy", "stop", "add",
                                        "canary",  "blue_green", "swap",  "slow",   "tight"};
constexpr int k_quarters_most = 3;
constexpr int k_spare_most = 2;

// What happens, and what may come of it: the goal stands; or it may not, or must not, and what
// stood before does; or neither, because the world leaves no way.
enum class Comes { goal, goal_or_back, back, anything };
struct Fault {
  std::string_view name;
  Comes comes;
};
constexpr Fault k_faults[] = {
    {"none", Comes::goal},
    {"refused_start", Comes::goal},  // the pool starts nothing for a while
    {"starts_late", Comes::goal},    // just in time
    {"dies_at_start", Comes::goal_or_back},
    {"dies_when_ready", Comes::goal_or_back},
    {"hangs", Comes::goal_or_back},
    {"fails_probe", Comes::goal_or_back},
    {"crash_new", Comes::goal},
    {"crash_old", Comes::goal},
    {"flap_new", Comes::goal},
    {"flap_old", Comes::goal},
    {"busy_old", Comes::goal},
    {"killed_recorded", Comes::goal},
    {"killed_after_1", Comes::goal},
    {"killed_after_2", Comes::goal},
    {"killed_after_3", Comes::goal},
    {"killed_after_4", Comes::goal},
    {"killed_after_5", Comes::goal},
    {"killed_after_6", Comes::goal},
    {"killed_after_7", Comes::goal},
    {"killed_after_8", Comes::goal},
    {"adopts_late", Comes::goal},
    {"room_0", Comes::anything},
    {"room_1", Comes::anything},
    {"room_2", Comes::anything},
    {"superseded", Comes::goal},
    {"superseded_by_broken", Comes::goal_or_back},
    {"taken_back", Comes::goal},
    {"stopped", Comes::goal},
    {"aborted", Comes::back},
    {"paused", Comes::goal},
    {"paused_half_way", Comes::goal},  // to what is due next
    {"paused_and_old_crashes", Comes::goal},
    {"paused_and_aborted", Comes::back},
    {"paused_and_hangs", Comes::goal_or_back},
    {"skipped", Comes::goal},
    {"answers_badly", Comes::goal_or_back},
    {"loses_requests", Comes::goal_or_back},
    {"second_fails", Comes::goal_or_back},
};

struct Params {
  std::string kind;
  int from = 1, to = 1, surge = 1, unavailable = 0;
  std::string fault = "none";
  int at = 0;

  std::string text() const {
    return fmt::format("{} {} {} {} {} {} {}", kind, from, to, surge, unavailable, fault, at);
  }
};

model::ServiceId service() {
  return model::ServiceId("5e3d1c7a-0000");
}

// One small world: a plan's course, and the fault that may befall it.
class Small {
 public:
  Small(const Params& params, bool tells) : params_(params), course_(World(service(), 100), tells) {
    if (params.kind == "tight") course_.world.capacity = params.from + params.surge;
    if (params.kind != "deploy") {
      const model::Revision first = revise("model-a", params.from);
      course_.world.serve(plan_to(first));
      serving_ = first;
    }
    // Requests that are parked for too long are lost.
    if (params.kind == "swap") course_.world.traffic.per_second = 20;
    change(params.kind == "stop" ? std::nullopt : std::optional(aim()));
  }

  bool is_at_rest() const { return is_end(course_.world.phase()) && !changed_; }
  bool is_well() const { return course_.failures().empty(); }
  const Course& course() const { return course_; }

  void round() {
    note(course_.round());
    if (mends_at_ && course_.world.now() >= *mends_at_) return mend();
    if (changed_) return;
    pass_time();
  }

  // Whether the fault can happen now; if so it has.
  bool befall(const Fault& fault) {
    comes_ = fault.comes;
    params_.fault = fault.name;
    course_.tell("fault: " + params_.fault);
    changed_ = true;
    if (fault.name == "none") return true;
    if (fault.name.starts_with("room_")) return take_room(fault.name.back() - '0');
    if (fault.name.starts_with("killed")) return kill();
    if (fault.name.starts_with("paused") || fault.name == "aborted" || fault.name == "skipped")
      return order();
    if (fault.name == "answers_badly" || fault.name == "loses_requests") return misbehave();
    if (fault.name == "refused_start" || fault.name == "adopts_late") return refuse();
    if (fault.name.ends_with("_old") || fault.name.ends_with("_new")) return hit_one();
    if (fault.name.starts_with("superseded") || fault.name == "taken_back" ||
        fault.name == "stopped")
      return supersede();
    return change_habit();
  }

  void go_on() {
    for (int round_number = 0; round_number < k_rounds_max && is_well(); ++round_number) {
      if (is_at_rest()) return check_rest();
      round();
    }
    if (is_well()) course_.fail("no end in sight: " + course_.why());
  }

 private:
  model::Revision revise(const char* model_id, int count) {
    model::Revision revision;
    revision.service = service();
    revision.number = ++revisions_;
    model::ConfigEntry& entry = revision.config.entries.emplace_back();
    entry.model = model::ModelId(model_id);
    entry.weight = 100;
    entry.instance_count = count;
    const double part = params_.kind == "quarters" ? 0.25 : 1;
    entry.knobs.max_surge = params_.kind == "tight" ? 1 : part * params_.surge;
    entry.knobs.max_unavailable = part * params_.unavailable;
    entry.knobs.deploy_timeout = seconds(60);
    model::RolloutPolicy& policy = revision.config.policy;
    if (params_.kind == "canary") {
      policy.strategy = model::Strategy::canary;
      policy.steps = {{10, seconds(2)}, {50, seconds(1)}, {100, Duration{}}};
    } else if (params_.kind == "blue_green") {
      policy.strategy = model::Strategy::blue_green;
      policy.bake = seconds(2);
    } else if (params_.kind == "swap") {
      policy.strategy = model::Strategy::hold_and_swap;
    } else if (params_.kind == "slow") {
      policy.slow_start = seconds(2);
    }
    return revision;
  }

  model::Revision aim() {
    model::Revision next = revise(params_.kind == "scale" ? "model-a" : "model-b", params_.to);
    if (params_.kind == "add") {
      model::ConfigEntry& changed = next.config.entries[0];
      changed.weight = 50;
      model::ConfigEntry added = changed;
      added.model = model::ModelId("model-d");
      next.config.entries.push_back(added);
    }
    return next;
  }

  model::Plan plan_to(const std::optional<model::Revision>& to) {
    PlanInput input;
    input.service = service();
    input.from = serving_;
    input.to = to;
    input.kind = !to        ? model::RolloutKind::stop
                 : serving_ ? model::RolloutKind::update
                            : model::RolloutKind::deploy;
    if (params_.kind == "tight") {
      input.capacity = course_.world.empty_pool();
      input.room = course_.world.room_beside(input.from);
      if (target_) input.present = course_.world.present();
    }
    model::Plan plan = plan_change(input).value();
    plan.drain_budget = seconds(10);
    if (params_.kind == "canary") limit(plan);
    return plan;
  }

  // The planner gives a canary as many extra instances as fit; here it has to get by with less.
  void limit(model::Plan& plan) const {
    for (model::Slot& slot : plan.slots) {
      if (!slot.from || !slot.to || params_.surge + params_.unavailable == 0) continue;
      slot.surge = params_.surge;
      slot.unavailable = params_.unavailable;
    }
  }

  void change(const std::optional<model::Revision>& to) {
    if (target_ && course_.world.base() == target_->number) serving_ = target_;
    target_ = to;
    course_.world.begin(plan_to(to));
    changed_ = true;
  }

  void note(const Course::Turn& turn) {
    changed_ = turn.changed;
    if (!turn.ended()) return;
    ended_at_ = course_.world.now();
    for (auto& [key, habit] : course_.world.habits) habit = {};
    course_.world.odd_ones.clear();
    for (SimInstance& instance : course_.world.instances()) instance.habit.exits_after.reset();
    if (turn.after == Phase::succeeded) serving_ = target_;
    if (turn.after == Phase::rolled_back && comes_ == Comes::goal)
      course_.fail("it turned round for no good reason");
    if (turn.after == Phase::succeeded && comes_ == Comes::back)
      course_.fail("it went on and had to turn round");
    if (turn.after == Phase::failed && comes_ != Comes::anything && course_.world.plan().from != 0)
      course_.fail("it failed and there was a way back");
  }

  // To what is due next.
  void pass_time() {
    changed_ = mends_at_ || course_.due_at();
    const std::optional<Time> due = course_.due_at();
    if (mends_at_ && (!due || *mends_at_ < *due)) {
      course_.world.advance(*mends_at_ - course_.world.now());
    } else if (due) {
      course_.advance();
    }
  }

  bool mend_later(Duration after = k_mended_after) {
    mends_at_ = course_.world.now() + after;
    return true;
  }

  void mend() {
    course_.tell("the fault has passed");
    mends_at_.reset();
    changed_ = true;
    World& world = course_.world;
    world.refuses_starts = false;
    world.adopts_by_itself = true;
    world.adopt();
    world.resume();
    for (SimInstance& instance : world.instances()) {
      instance.in_flight = 0;
      if (instance.health == Probe::failing) world.set_ready(instance);
    }
  }

  bool take_room(int room) {
    course_.world.capacity = std::max(params_.kind == "deploy" ? 0 : params_.from, 1) + room;
    return !is_end(course_.world.phase());
  }

  bool kill() {
    const int actions = params_.fault == "killed_recorded" ? 0 : params_.fault.back() - '0';
    const Course::Turn turn = course_.round_killed_after(actions);
    note(turn);
    changed_ = true;
    return turn.performed == actions;  // with fewer it is another fault
  }

  bool refuse() {
    course_.world.refuses_starts = params_.fault == "refused_start";
    course_.world.adopts_by_itself = params_.fault != "adopts_late";
    return mend_later();
  }

  bool order() {
    World& world = course_.world;
    if (is_end(world.phase())) return false;
    if (params_.fault == "skipped") {
      world.orders.skip = world.step() + 1;
      return !world.plan().steps.empty();
    }
    if (params_.fault == "paused_half_way" && !go_half_way()) return false;
    if (params_.fault.starts_with("paused")) world.pause();
    if (params_.fault.ends_with("aborted")) world.orders.abort = "aborted";
    if (params_.fault == "paused_and_old_crashes" && !hit_one("crash", false)) return false;
    if (params_.fault == "paused_and_hangs") break_target({hours(10'000), {}, {}}, true);
    return params_.fault == "aborted" ||
           mend_later(params_.fault == "paused_and_hangs" ? k_long_after : k_mended_after);
  }

  bool go_half_way() {
    note(course_.round());
    changed_ = true;
    World& world = course_.world;
    const std::optional<Time> due = course_.due_at();
    if (is_end(world.phase()) || !due || *due <= world.now()) return false;
    world.advance((*due - world.now()) / 2);
    return true;
  }

  bool misbehave() {
    World& world = course_.world;
    if (is_end(world.phase()) || params_.kind == "stop") return false;
    if (params_.fault == "loses_requests") {
      world.dropped = 1;
      return true;
    }
    world.traffic.per_second = 200;
    for (const model::Slot& slot : world.plan().slots) {
      const bool comes = slot.to && !(slot.from && slot.from->key == slot.to->key);
      if (comes) world.manners[slot.to->key].errors = 100;
    }
    return true;
  }

  bool hit_one() {
    return hit_one(params_.fault.substr(0, params_.fault.find('_')),
                   params_.fault.ends_with("_new"));
  }

  bool hit_one(const std::string& how, bool is_new) {
    for (SimInstance& instance : course_.world.instances()) {
      const bool of_target = target_ && instance.recorded.revision == target_->number;
      if (of_target != is_new || instance.recorded.stage != model::Stage::ready ||
          instance.process != Process::running)
        continue;
      if (how == "crash") {
        course_.world.crash(instance, "killed by signal 9");
        return true;
      }
      if (how == "flap") course_.world.set_failing(instance, "HTTP 500");
      if (how == "busy") instance.in_flight = 2;
      return mend_later();
    }
    return false;
  }

  bool supersede() {
    if (is_end(course_.world.phase()) || params_.kind == "stop") return false;
    if (params_.fault == "stopped") return change(std::nullopt), true;
    const bool broken = params_.fault == "superseded_by_broken";
    const int count = params_.fault == "taken_back" ? params_.from : params_.to;
    change(revise(params_.fault == "taken_back" ? "model-a" : "model-c", count));
    if (broken) break_target({hours(10'000), milliseconds(200), {}});
    return true;
  }

  bool change_habit() {
    if (is_end(course_.world.phase()) || params_.kind == "stop") return false;
    if (params_.fault == "starts_late") break_target({k_late_start, {}, {}});
    if (params_.fault == "dies_at_start") break_target({seconds(1), {}, Duration{}});
    if (params_.fault == "dies_when_ready") break_target({seconds(1), {}, milliseconds(1500)});
    if (params_.fault == "hangs") break_target({hours(10'000), {}, {}});
    if (params_.fault == "fails_probe") break_target({hours(10'000), milliseconds(200), {}});
    if (params_.fault == "second_fails") {
      for (const model::Slot& slot : course_.world.plan().slots) {
        if (slot.to)
          course_.world.odd_ones[slot.to->key][2] = {hours(10'000), milliseconds(200), {}};
      }
    }
    return true;
  }

  // From here on; what runs already is as it was, unless it is still starting and `at_once`.
  void break_target(const Habit& habit, bool at_once = false) {
    for (const model::Slot& slot : course_.world.plan().slots) {
      if (!slot.to) continue;
      course_.world.habits[slot.to->key] = habit;
      for (SimInstance& instance : course_.world.instances()) {
        const bool starts = instance.recorded.stage == model::Stage::starting;
        if (at_once && starts && instance.recorded.group == slot.to->key) instance.habit = habit;
      }
    }
  }

  // Where it ended, it is as the side that serves wants it, and stays so.
  void check_rest() {
    const View view = course_.world.view();
    if (view.phase == Phase::failed) return check_failed(view);
    const Side side = view.phase == Phase::succeeded ? Side::to : Side::from;
    for (const std::string& broken : check_end(view, tend(view, side))) course_.fail(broken);
    if (view.phase == Phase::rolled_back) check_where_it_began(view);
    if (!view.adopted) course_.fail("at rest, and the workers have another route");
    if (params_.fault == "none") check_time();
  }

  // Each group that served has its count in the route, and its part of the weight.
  void check_where_it_began(const View& view) {
    std::uint64_t whole = 0;
    std::uint64_t parts = 0;
    for (const auto& share : course_.world.adopted_route().shares) whole += share.weight;
    for (const auto& slot : view.plan.slots) {
      parts += slot.from ? static_cast<std::uint64_t>(slot.from->weight) : 0;
    }
    for (const auto& slot : view.plan.slots) {
      if (!slot.from) continue;
      std::uint64_t weight = 0;
      std::size_t endpoints = 0;
      for (const auto& share : course_.world.adopted_route().shares) {
        if (share.group != slot.from->key) continue;
        weight += share.weight;
        endpoints += share.endpoints.size();
      }
      if (weight * parts != static_cast<std::uint64_t>(slot.from->weight) * whole ||
          static_cast<int>(endpoints) != slot.from->count)
        course_.fail("a rollback did not end where it began");
    }
  }

  void check_failed(const View& view) {
    if (view.plan.from != 0) return check_left_alone(view);
    for (const InstanceView& seen : view.instances) {
      if (seen.recorded.stage != model::Stage::gone)
        course_.fail(seen.recorded.id.text() + " is left of a deployment that failed");
    }
  }

  // Not even the way back worked: what is ready serves on, and the rollout says so.
  void check_left_alone(const View& view) {
    if (course_.why().empty() || view.reason.empty()) course_.fail("it failed and says nothing");
    if (step(view).why.find("the way back failed") == std::string::npos)
      course_.fail("it failed and does not say so: " + step(view).why);
    const auto serves = [](const InstanceView& seen) {
      return seen.recorded.stage == model::Stage::ready && seen.process == Process::running &&
             seen.probe != Probe::failing;
    };
    const bool any = std::any_of(view.instances.begin(), view.instances.end(), serves);
    const bool routed = course_.world.adopted_route().standing == model::Standing::serving;
    if (any != routed) course_.fail("it failed, and traffic is not where it can be served");
  }

  // As many waves as surge and unavailable make, each little longer than a start.
  void check_time() {
    if (params_.kind != "replace" || params_.from != params_.to) return;
    const int together = std::max(1, params_.surge + params_.unavailable);
    const int waves = (params_.to + together - 1) / together;
    const Duration took = ended_at_ - Time{};
    if (took > waves * milliseconds(1100) + milliseconds(100))
      course_.fail(
          fmt::format("{} waves took {} s", waves, std::chrono::duration<double>(took).count()));
  }

  Params params_;
  Course course_;
  Comes comes_ = Comes::goal;
  model::RevisionNumber revisions_ = 0;
  std::optional<model::Revision> serving_;
  std::optional<model::Revision> target_;
  std::optional<Time> mends_at_;
  Time ended_at_;
  bool changed_ = true;
};

struct Totals {
  std::uint64_t worlds = 0;
  std::uint64_t steps = 0;
  std::map<Phase, std::uint64_t> ends;
  int failed = 0;
};

void count(const Small& small, const Params& params, std::uint64_t steps_before, Totals& totals) {
  ++totals.worlds;
  totals.steps += small.course().steps() - steps_before;
  ++totals.ends[small.course().world.phase()];
  if (small.is_well()) return;
  ++totals.failed;
  ADD_FAILURE() << "HITLESS_WORLD=\"" << params.text() << "\": " << small.course().failures()[0];
}

// All faults at all steps of one plan's course.
void go_through(Params params, Totals& totals) {
  Small trunk(params, false);
  for (params.at = 0; totals.failed < 10; ++params.at) {
    for (const Fault& fault : k_faults) {
      if (fault.name == "none" && params.at > 0) continue;
      if (k_sanitized && (params.at + (&fault - k_faults)) % k_sanitized_stride != 0) continue;
      Small branch = trunk;
      if (!branch.befall(fault)) continue;
      branch.go_on();
      params.fault = fault.name;
      count(branch, params, trunk.course().steps(), totals);
    }
    if (trunk.is_at_rest() || !trunk.is_well()) return;
    trunk.round();
  }
}

void replay(const char* text) {
  Params params;
  std::istringstream words(text);
  words >> params.kind >> params.from >> params.to >> params.surge >> params.unavailable >>
      params.fault >> params.at;
  Small small(params, true);
  for (int step = 0; step < params.at; ++step) small.round();
  for (const Fault& fault : k_faults) {
    if (fault.name != params.fault) continue;
    EXPECT_TRUE(small.befall(fault));
    small.go_on();
    for (const std::string& failure : small.course().failures()) ADD_FAILURE() << failure;
    return;
  }
  ADD_FAILURE() << "no such world: " << text;
}

// The normal run has all worlds of up to 4 instances, of more those whose counts stay and whose
// knobs are least, most or quarters; of other kinds than replace and scale it has all of up to 3;
// sanitizers have those of up to 2 whose counts stay.
bool is_in_this_run(const Params& params) {
  const int most = std::max(params.from, params.to);
  if (k_sanitized) return most <= 2 && params.from == params.to && params.kind != "quarters";
  const bool plain = params.kind == "replace" || params.kind == "scale";
  if (is_long() || most <= (plain ? 4 : 3)) return true;
  const bool extreme = (params.surge <= 1 || params.surge == most) &&
                       (params.unavailable <= 1 || params.unavailable == most);
  return params.from == params.to && (extreme || params.kind == "quarters");
}

bool has_meaning(const Params& params) {
  if (params.kind == "scale") return params.from != params.to;
  if (params.kind == "quarters")
    return params.surge <= k_quarters_most && params.unavailable <= k_quarters_most;
  if (params.kind == "tight")
    return params.surge <= k_spare_most && params.to <= params.from + params.surge &&
           params.unavailable <= 1;
  const bool has_knobs = params.kind == "replace" || params.kind == "add" ||
                         params.kind == "canary" || params.kind == "slow";
  if (!has_knobs && (params.surge != 1 || params.unavailable != 0)) return false;
  if (params.kind == "deploy") return params.from == 1;
  if (params.kind == "stop") return params.to == 1;
  const bool is_small = params.from <= 2 && params.to <= 2;
  return is_small || (params.kind != "add" && params.kind != "slow");
}

TEST(SmallWorlds, KeepEveryPromiseWithAFaultAtEveryStep) {
  if (const char* world = std::getenv("HITLESS_WORLD")) return replay(world);
  constexpr int k_most = 6;
  Totals totals;
  for (const std::string_view kind : k_kinds) {
    for (int from = 1; from <= k_most; ++from) {
      for (int to = 1; to <= k_most; ++to) {
        const int most = std::max(from, to);
        for (int knobs = 0; knobs < (most + 1) * (most + 1); ++knobs) {
          const Params params{std::string(kind), from, to, knobs / (most + 1), knobs % (most + 1)};
          if (has_meaning(params) && is_in_this_run(params)) go_through(params, totals);
        }
      }
    }
  }
  fmt::print("worlds {} steps {}", totals.worlds, totals.steps);
  for (const auto& [phase, count] : totals.ends) {
    fmt::print(", {} {}", model::to_text(phase), count);
  }
  fmt::print("\n");
  if (k_sanitized) return;
  EXPECT_GE(totals.worlds, 250'000u);
  EXPECT_GE(totals.steps, 2'500'000u);
}

}  // namespace
}  // namespace hitless::rollout
