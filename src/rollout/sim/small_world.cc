#include "rollout/sim/small_world.h"

#include <fmt/format.h>

#include <algorithm>

#include "rollout/limits.h"
#include "rollout/phase.h"
#include "rollout/sim/invariants.h"

namespace hitless::rollout {
namespace {

using model::Phase;
using model::Stage;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int k_rounds_max = 400;
constexpr Duration k_mended_after = seconds(3);  // of faults that pass
constexpr Duration k_late_start = seconds(55);   // shorter than what starts may take …
constexpr Duration k_long_after = seconds(100);  // … and longer
// By so many wrong answers of the new side it must have turned round.
constexpr std::uint64_t k_told_by = 10;
constexpr Habit k_never_passes = {hours(10'000), milliseconds(200), {}};

}  // namespace

SmallWorld::SmallWorld(const SmallChange& change, bool tells)
    : change_(change), course_(World(change.service(), change.capacity()), tells) {
  if (change_.kind != "deploy") {
    const model::Revision first = change_.revise(++revisions_, "model-a", change_.from);
    course_.world.serve(plan_to(first).value());
    serving_ = first;
  }
  // Requests that are parked for too long are lost.
  if (change_.kind == "swap") course_.world.traffic.per_second = 20;
  refused_ = !begin(change_.aim(++revisions_), change_.refusal());
}

bool SmallWorld::is_at_rest() const {
  return is_end(course_.world.phase()) && !changed_;
}

void SmallWorld::round() {
  measure();
  note(course_.round());
  if (mends_at_ && course_.world.now() >= *mends_at_) return mend();
  if (changed_) return;
  pass_time();
}

bool SmallWorld::befall(const SmallFault& fault) {
  comes_ = fault.comes;
  fault_ = fault.name;
  course_.tell("fault: " + fault_);
  changed_ = true;
  const auto is = [&](std::string_view begin) { return fault.name.starts_with(begin); };
  if (is("none")) return true;
  if (is("room_")) return take_room(fault.name.back() - '0');
  if (is("killed")) return kill();
  if (is("paused") || is("aborted") || is("skipped")) return order();
  if (is("answers_badly")) return answer_badly();
  if (is("refused_start") || is("adopts_late")) return refuse();
  if (is("crash") || is("flap") || is("fail_") || is("busy")) return hit();
  if (is("superseded") || is("taken_back") || is("stopped")) return supersede();
  return change_habit();
}

void SmallWorld::go_on() {
  for (int round_number = 0; round_number < k_rounds_max && is_well(); ++round_number) {
    if (is_at_rest()) return check_rest();
    round();
  }
  if (is_well()) course_.fail("no end in sight: " + course_.why());
}

Result<model::Plan> SmallWorld::plan_to(const std::optional<model::Revision>& to) {
  PlanInput input;
  input.service = change_.service();
  input.from = serving_;
  input.to = to;
  input.kind = !to        ? model::RolloutKind::stop
               : serving_ ? model::RolloutKind::update
                          : model::RolloutKind::deploy;
  if (change_.knows_pool()) {
    input.capacity = course_.world.empty_pool();
    input.room = course_.world.room_beside(input.from);
    if (target_) input.present = course_.world.present();
  }
  HL_TRY_ASSIGN(model::Plan plan, plan_change(input));
  plan.drain_budget = seconds(10);
  change_.limit(plan);
  return plan;
}

// Whether it could; `refusal` says what must keep it from it.
bool SmallWorld::begin(const std::optional<model::Revision>& to, const std::string& refusal) {
  if (target_ && course_.world.base() == target_->number) serving_ = target_;
  const Result<model::Plan> plan = plan_to(to);
  const std::string refused = plan ? "" : plan.error().text();
  if (refused != refusal) course_.fail("refused with \"" + refused + "\", not \"" + refusal + "\"");
  if (!plan) return false;
  target_ = to;
  course_.world.begin(*plan);
  changed_ = true;
  return true;
}

void SmallWorld::note(const Course::Turn& turn) {
  changed_ = turn.changed;
  if (!turn.ended()) return;
  ended_at_ = course_.world.now();
  for (auto& [key, habit] : course_.world.habits) habit = {};
  course_.world.odd_ones.clear();
  for (SimInstance& instance : course_.world.instances()) instance.habit.exits_after.reset();
  if (turn.after == Phase::succeeded) serving_ = target_;
  check_outcome(turn.after);
}

void SmallWorld::measure() {
  const World& world = course_.world;
  if (is_end(world.phase())) return;
  if (fault_ == "none") measure_room();
  if (fault_ != "answers_badly") return;
  if (is_judged()) wrong_ = answers_of_new_side() - right_;
  met_ = met_ || calls_both_sides();
}

void SmallWorld::measure_room() {
  int serving = 0;
  int alive = 0;
  for (const SimInstance& instance : course_.world.instances()) {
    const Stage stage = instance.recorded.stage;
    alive += stage == Stage::starting || stage == Stage::ready ? 1 : 0;
    serving += stage == Stage::ready && instance.routing == Routing::full ? 1 : 0;
  }
  lowest_ = std::min(lowest_, serving);
  highest_ = std::max(highest_, alive);
}

void SmallWorld::check_outcome(Phase ended) {
  if (ended == Phase::rolled_back && comes_ == Comes::goal)
    course_.fail("it turned round for no good reason");
  if (ended == Phase::succeeded && comes_ == Comes::back)
    course_.fail("it went on and had to turn round");
  if (ended == Phase::succeeded && is_to_be_judged()) check_promoted();
  if (ended == Phase::failed && comes_ != Comes::anything && course_.world.plan().from != 0)
    course_.fail("it failed and there was a way back");
}

// It answers badly, and nobody has noticed: because too few asked while it could be told, or none
// at all, where the last old one left before the first new one was there.
void SmallWorld::check_promoted() {
  if (wrong_ >= k_told_by)
    course_.fail(fmt::format("it went on with {} wrong answers seen", wrong_));
  if (called_throughout_ && met_)
    course_.fail("it was called beside the old side, answered badly, and went on");
}

// To what is due next.
void SmallWorld::pass_time() {
  changed_ = mends_at_ || course_.due_at();
  const std::optional<Time> due = course_.due_at();
  if (mends_at_ && (!due || *mends_at_ < *due)) {
    course_.world.advance(*mends_at_ - course_.world.now());
  } else if (due) {
    course_.advance();
  }
}

bool SmallWorld::mend_later(Duration after) {
  mends_at_ = course_.world.now() + after;
  return true;
}

void SmallWorld::mend() {
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

bool SmallWorld::take_room(int room) {
  course_.world.capacity = std::max(change_.kind == "deploy" ? 0 : change_.from, 1) + room;
  return !is_end(course_.world.phase());
}

bool SmallWorld::kill() {
  const std::string after = fault_.substr(fault_.rfind('_') + 1);
  const int actions = after == "recorded" ? 0 : std::stoi(after);
  const Course::Turn turn = course_.round_killed_after(actions);
  note(turn);
  changed_ = true;
  return turn.performed == actions;  // with fewer it is another fault
}

bool SmallWorld::refuse() {
  course_.world.refuses_starts = fault_ == "refused_start";
  course_.world.adopts_by_itself = fault_ != "adopts_late";
  return mend_later(k_mended_after);
}

bool SmallWorld::order() {
  World& world = course_.world;
  if (is_end(world.phase())) return false;
  if (fault_ == "skipped") {
    world.orders.skip = world.step() + 1;
    return !world.plan().steps.empty();
  }
  if (fault_ == "paused_half_way" && !go_half_way()) return false;
  if (fault_.starts_with("paused")) world.pause();
  if (fault_.ends_with("aborted")) world.orders.abort = "aborted";
  if (fault_ == "paused_and_old_crashes" && !hit("crash", "old")) return false;
  if (fault_ == "paused_and_hangs") break_target({hours(10'000), {}, {}}, true);
  return fault_ == "aborted" ||
         mend_later(fault_ == "paused_and_hangs" ? k_long_after : k_mended_after);
}

bool SmallWorld::go_half_way() {
  note(course_.round());
  changed_ = true;
  World& world = course_.world;
  const std::optional<Time> due = course_.due_at();
  if (is_end(world.phase()) || !due || *due <= world.now()) return false;
  world.advance((*due - world.now()) / 2);
  return true;
}

// "flap_all_old": how, and whom.
bool SmallWorld::hit() {
  const std::size_t split = fault_.find('_');
  const std::string how = fault_.substr(0, split);
  if (!hit(how, fault_.substr(split + 1))) return false;
  return how == "crash" || how == "fail" || mend_later(k_mended_after);
}

bool SmallWorld::hit(const std::string& how, const std::string& whom) {
  if (how == "fail" && (is_end(course_.world.phase()) || !change_.is_replacing())) return false;
  int fell = 0;
  int fell_new = 0;
  for (SimInstance& instance : course_.world.instances()) {
    const bool is_new = target_ && instance.recorded.revision == target_->number;
    if (whom.ends_with(is_new ? "old" : "new") || instance.recorded.stage != Stage::ready ||
        instance.process != Process::running)
      continue;
    if (how == "crash") course_.world.crash(instance, "killed by signal 9");
    if (how == "flap" || how == "fail") course_.world.set_failing(instance, "HTTP 500");
    if (how == "busy") instance.in_flight = 2;
    ++fell;
    fell_new += is_new ? 1 : 0;
    if (!whom.starts_with("all")) break;
  }
  if (how == "crash" && fell_new >= k_exits_max) comes_ = Comes::goal_or_back;
  return fell > (whom.starts_with("all") ? 1 : 0);  // of one it is another fault
}

bool SmallWorld::supersede() {
  if (is_end(course_.world.phase()) || change_.kind == "stop") return false;
  if (fault_ == "stopped") return begin(std::nullopt, "");
  const bool back = fault_ == "taken_back";
  const model::Revision next =
      change_.revise(++revisions_, back ? "model-a" : "model-c", back ? change_.from : change_.to);
  if (!begin(next, "")) return false;
  if (fault_ == "superseded_by_broken") break_target(k_never_passes);
  return true;
}

bool SmallWorld::change_habit() {
  World& world = course_.world;
  if (is_end(world.phase()) || change_.kind == "stop") return false;
  if (fault_ == "loses_requests") world.dropped = 1;
  if (fault_ == "starts_late") break_target({k_late_start, {}, {}});
  if (fault_ == "dies_at_start") break_target({seconds(1), {}, Duration{}});
  if (fault_ == "dies_when_ready") break_target({seconds(1), {}, milliseconds(1500)});
  if (fault_ == "hangs") break_target({hours(10'000), {}, {}});
  if (fault_ == "fails_probe") break_target(k_never_passes);
  if (fault_ != "second_fails") return true;
  for (const model::Slot& slot : world.plan().slots) {
    if (slot.to) world.odd_ones[slot.to->key][2] = k_never_passes;
  }
  return true;
}

// From here on; what runs already is as it was, unless it is still starting and `at_once`.
void SmallWorld::break_target(const Habit& habit, bool at_once) {
  for (const model::Slot& slot : course_.world.plan().slots) {
    if (!slot.to) continue;
    course_.world.habits[slot.to->key] = habit;
    for (SimInstance& instance : course_.world.instances()) {
      const bool starts = instance.recorded.stage == Stage::starting;
      if (at_once && starts && instance.recorded.group == slot.to->key) instance.habit = habit;
    }
  }
}

// Whoever calls it gets 500 from every instance that came in the place of another.
bool SmallWorld::answer_badly() {
  World& world = course_.world;
  if (is_end(world.phase()) || change_.kind == "stop") return false;
  world.traffic.per_second = 200;
  right_ = answers_of_new_side();
  wrong_ = 0;
  called_throughout_ = world.phase() == Phase::planned && world.now() == Time{};
  for (const model::Slot& slot : world.plan().slots) {
    const bool comes = slot.to && !(slot.from && slot.from->key == slot.to->key);
    if (comes) world.manners[slot.to->key].errors = 100;
  }
  // Nothing to compare with or to go back to; or all has turned to the new side already.
  const bool compares = change_.is_replacing() && world.phase() != Phase::draining;
  comes_ = compares ? Comes::goal_or_back : Comes::goal;
  return true;
}

// Sides are compared while they serve beside each other: until the old one leaves, or without
// steps until it was proved.
bool SmallWorld::is_judged() const {
  const World& world = course_.world;
  const bool beside = world.phase() == Phase::shifting || world.phase() == Phase::baking;
  return beside && (!world.plan().steps.empty() || world.step() == 0);
}

// Of something that is exchanged.
bool SmallWorld::calls_both_sides() const {
  bool calls_old = false;
  bool calls_new = false;
  for (const model::Share& share : course_.world.adopted_route().shares) {
    for (const model::Slot& slot : course_.world.plan().slots) {
      if (!slot.is_replaced()) continue;
      calls_old = calls_old || share.group == slot.from->key;
      calls_new = calls_new || share.group == slot.to->key;
    }
  }
  return calls_old && calls_new;
}

std::uint64_t SmallWorld::answers_of_new_side() const {
  std::uint64_t answers = 0;
  for (const model::Slot& slot : course_.world.plan().slots) {
    if (slot.is_replaced()) answers += course_.world.traffic.answered(slot.to->key);
  }
  return answers;
}

// Where it ended, it is as the side that serves wants it, and stays so.
void SmallWorld::check_rest() {
  const View view = course_.world.view();
  if (view.phase == Phase::failed) return check_failed(view);
  const Side side = view.phase == Phase::succeeded ? Side::to : Side::from;
  for (const std::string& broken : check_end(view, tend(view, side))) course_.fail(broken);
  if (view.phase == Phase::rolled_back) check_where_it_began(view);
  if (!view.adopted) course_.fail("at rest, and the workers have another route");
  if (fault_ != "none" || refused_) return;
  check_time();
  check_forecast();
}

// What the plan promises of its low point and its high point holds.
void SmallWorld::check_forecast() {
  if (change_.kind == "canary") return;  // its plan was changed
  const model::Forecast& forecast = course_.world.plan().forecast;
  if (lowest_ < forecast.lowest)
    course_.fail(fmt::format("{} served, {} were foretold", lowest_, forecast.lowest));
  if (highest_ > forecast.highest)
    course_.fail(fmt::format("{} ran, {} were foretold", highest_, forecast.highest));
}

// Each group that served has its count in the route, and its part of the weight.
void SmallWorld::check_where_it_began(const View& view) {
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

void SmallWorld::check_failed(const View& view) {
  if (view.plan.from != 0) return check_left_alone(view);
  for (const InstanceView& seen : view.instances) {
    if (seen.recorded.stage != model::Stage::gone)
      course_.fail(seen.recorded.id.text() + " is left of a deployment that failed");
  }
}

// Not even the way back worked: what is ready serves on, and the rollout says so.
void SmallWorld::check_left_alone(const View& view) {
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
void SmallWorld::check_time() {
  if (change_.kind != "replace" || change_.from != change_.to) return;
  const int together = std::max(1, change_.surge + change_.unavailable);
  const int waves = (change_.to + together - 1) / together;
  const Duration took = ended_at_ - Time{};
  if (took > waves * milliseconds(1100) + milliseconds(100))
    course_.fail(
        fmt::format("{} waves took {} s", waves, std::chrono::duration<double>(took).count()));
}

}  // namespace hitless::rollout
