#include "rollout/sim/world.h"

#include <fmt/format.h>

#include <algorithm>

#include "rollout/phase.h"
#include "rollout/plan.h"
#include "rollout/strays.h"

namespace hitless::rollout {
namespace {

using model::Stage;

bool is_in(const model::ServiceRoute& route, const model::InstanceId& id) {
  for (const model::Share& share : route.shares) {
    for (const model::Endpoint& endpoint : share.endpoints) {
      if (endpoint.instance == id) return true;
    }
  }
  return false;
}

}  // namespace

World::World(model::ServiceId service, int pool_capacity) : capacity(pool_capacity) {
  plan_.service = std::move(service);
}

void World::begin(model::Plan plan) {
  plan_ = std::move(plan);
  before_ = published_;
  stray_shares_ = stray_shares(plan_, published_, recorded());
  rollout_ = model::RolloutId(fmt::format("rollout-{}", ++rollouts_));
  phase_ = model::Phase::planned;
  step_ = 0;
  baking_at_.reset();
  evidence_.reset();
  orders = model::handed_on(orders, now_);
  dropped = 0;
  given_up_before_ = traffic.given_up();
  requests_at_.reset();
  samples_done = false;
  traffic.begin_window();
  reason_.clear();
  phase_at_ = now_;
  progress_at_ = now_;
}

View World::view() const {
  View view;
  look(view);
  return view;
}

void World::look(View& view) const {
  view.now = now_;
  view.plan = plan_;
  view.rollout = rollout_;
  view.phase = phase_;
  view.reason = reason_;
  view.phase_at = phase_at_;
  view.progress_at = progress_at_;
  view.watched_since = watched_since_;
  view.step = step_;
  view.baking_at = baking_at_;
  view.orders = orders;
  view.stray_shares = stray_shares_;
  view.evidence = evidence_;
  const bool set_free = adopted_.standing == model::Standing::serving && traffic.is_parked();
  view.requests_at = set_free ? now_ : requests_at_;
  view.samples_done = samples_done;
  view.dropped = dropped_by_now();
  view.next_ordinal = next_ordinal_;
  view.room = room;
  for (const SimInstance& instance : instances_) {
    if (instance.recorded.stage != Stage::gone) view.room.take(instance.needs);
  }
  view.room.instances = free_room();
  view.adopted = one_table_ && decided_ && *decided_ == published_;
  view.instances.resize(instances_.size());
  for (std::size_t index = 0; index < instances_.size(); ++index) {
    const SimInstance& instance = instances_[index];
    InstanceView& seen = view.instances[index];
    seen.recorded = instance.recorded;
    seen.process = instance.process;
    seen.process_detail = instance.process_detail;
    seen.probe = instance.probe;
    seen.probe_detail = instance.probe_detail;
    seen.routing = instance.routing;
    seen.in_flight = instance.in_flight;
    seen.needs = instance.needs;
  }
  count(Side::from, is_judged_by_past(view), view.old_side);
  count(Side::to, false, view.new_side);
}

model::RevisionNumber World::base() const {
  if (is_end(phase_)) return 0;
  return base_of(plan_, phase_, recorded());
}

std::vector<model::Instance> World::recorded() const {
  std::vector<model::Instance> all;
  for (const SimInstance& instance : instances_) all.push_back(instance.recorded);
  return all;
}

// Where nothing served before, nobody has lost anything by waiting in vain.
std::uint64_t World::dropped_by_now() const {
  return plan_.from == 0 ? dropped : dropped + traffic.given_up() - given_up_before_;
}

// What the groups of one side did that the other side does not have: in this window, or ever.
void World::count(Side side, bool ever, model::Outcomes& outcomes) const {
  if (outcomes.requests > 0) outcomes = {};
  for (const model::Slot& slot : plan_.slots) {
    if (!slot.is_replaced()) continue;
    const std::string& group = side == Side::to ? slot.to->key : slot.from->key;
    if (ever) {
      outcomes += traffic.ever(group);
    } else if (const model::Outcomes* counted = traffic.find(group)) {
      outcomes += *counted;
    }
  }
}

void World::record(const Decision& decision) {
  note_routed();
  for (const MoveInstance& move : decision.moves) {
    for (SimInstance& instance : instances_) {
      if (instance.recorded.id != move.id) continue;
      instance.recorded.stage = move.stage;
      instance.recorded.stage_at = now_;
      instance.recorded.ending = move.ending;
      instance.recorded.detail = move.detail;
      if (move.stage == Stage::ready && !instance.recorded.ready_at)
        instance.recorded.ready_at = now_;
    }
  }
  for (const StartInstance& start : decision.starts) {
    SimInstance instance;
    model::Instance& recorded = instance.recorded;
    recorded.id = start.id;
    recorded.service = plan_.service;
    recorded.rollout = rollout_;
    recorded.group = start.group;
    recorded.revision = start.revision;
    recorded.entry = start.entry;
    recorded.ordinal = start.ordinal;
    recorded.created_at = now_;
    recorded.stage_at = now_;
    instance.habit = habit_of(start.group);
    for (const model::Slot& slot : plan_.slots) {
      if (slot.from && slot.from->key == start.group) instance.needs = slot.from->needs;
      if (slot.to && slot.to->key == start.group) instance.needs = slot.to->needs;
    }
    next_ordinal_ = std::max(next_ordinal_, start.ordinal + 1);
    instances_.push_back(std::move(instance));
  }
  if (!decision.moves.empty() || !decision.starts.empty()) progress_at_ = now_;
  if (decision.phase != phase_) phase_at_ = now_;
  if (decision.phase == model::Phase::rolling_back) model::end_pause(orders, now_);
  if (decision.step != step_) traffic.begin_window();
  phase_ = decision.phase;
  step_ = decision.step;
  baking_at_ = decision.baking_at;
  evidence_ = decision.evidence;
  reason_ = decision.reason;
  decided_ = decision.route;
}

void World::note_routed() {
  for (SimInstance& instance : instances_) {
    model::Instance& recorded = instance.recorded;
    if (recorded.stage == Stage::ready && !recorded.routed_at && instance.routing == Routing::full)
      recorded.routed_at = now_;
  }
}

Habit World::habit_of(const std::string& group) const {
  const auto nth = 1 + std::count_if(instances_.begin(), instances_.end(), [&](const auto& other) {
                     return other.recorded.group == group;
                   });
  const auto odd = odd_ones.find(group);
  if (odd != odd_ones.end()) {
    const auto found = odd->second.find(static_cast<int>(nth));
    if (found != odd->second.end()) return found->second;
  }
  const auto habit = habits.find(group);
  return habit == habits.end() ? Habit{} : habit->second;
}

void World::pause() {
  if (!orders.paused_at) orders.paused_at = now_;
}

void World::resume() {
  model::end_pause(orders, now_);
}

int World::perform(int actions_max) {
  int done = 0;
  for (SimInstance& instance : instances_) {
    const bool starts = instance.recorded.stage == Stage::starting && !instance.was_told_to_run;
    const bool stops = instance.recorded.stage == Stage::stopping && !instance.was_told_to_stop;
    if (!starts && !stops) continue;
    if (done >= actions_max) return done;
    ++done;
    if (starts && !refuses_starts) start(instance);
    if (stops) {
      instance.was_told_to_stop = true;
      if (instance.process == Process::running) instance.stops_at = now_ + stop_time;
    }
  }
  if (!decided_ || *decided_ == published_ || done >= actions_max) return done;
  published_ = *decided_;
  if (adopts_by_itself) adopted_ = published_;
  note_tables();
  return done + 1;
}

void World::start(SimInstance& instance) {
  instance.was_told_to_run = true;
  instance.process = Process::running;
  instance.started_at = now_;
}

void World::restart_control() {
  decided_.reset();
  watched_since_ = now_;
  for (SimInstance& instance : instances_) {
    instance.probe = Probe::unknown;
    instance.probe_detail.clear();
    instance.seen_at = now_ + probe_time;
  }
}

void World::advance(Duration duration) {
  const Time till = now_ + duration;
  for (;;) {
    for (SimInstance& instance : instances_) come_about(instance);
    const std::optional<Time> next = next_event();
    if (!next || *next > till) break;
    pass(*next);
  }
  pass(till);
}

void World::pass(Time till) {
  const std::uint64_t before = traffic.answered();
  traffic.pass(till - now_, adopted_, manners);
  now_ = till;
  if (traffic.answered() > before) requests_at_ = now_;
}

bool World::is_judged() const {
  const bool beside = phase_ == model::Phase::shifting || phase_ == model::Phase::baking;
  return beside && plan_.judgement.enabled && traffic.per_second > 0;
}

std::optional<Time> World::next_event() const {
  std::optional<Time> next;
  for (const SimInstance& instance : instances_) {
    const std::optional<Time> event = next_event_of(instance);
    if (event && (!next || *event < *next)) next = event;
  }
  // Control looks when counters have moved.
  const Time look = now_ + std::chrono::seconds(1);
  const bool counters_move = is_judged() || (traffic.is_parked() && !is_end(phase_));
  if (counters_move && (!next || look < *next)) next = look;
  return next;
}

std::optional<Time> World::next_event_of(const SimInstance& instance) const {
  if (instance.process != Process::running) return std::nullopt;
  std::optional<Time> next = instance.stops_at;
  const auto consider = [&](std::optional<Time> time) {
    if (time && *time > now_ && (!next || *time < *next)) next = time;
  };
  consider(instance.seen_at);
  if (instance.health == Probe::unknown) {
    consider(instance.started_at + instance.habit.ready_after);
    if (instance.habit.fails_after) consider(instance.started_at + *instance.habit.fails_after);
  }
  if (instance.habit.exits_after) consider(instance.started_at + *instance.habit.exits_after);
  return next;
}

void World::come_about(SimInstance& instance) {
  if (instance.process != Process::running) return;
  const Duration age = now_ - instance.started_at;
  const Habit& habit = instance.habit;
  if (instance.stops_at && now_ >= *instance.stops_at) return crash(instance, "exit status 0");
  if (habit.exits_after && age >= *habit.exits_after) return crash(instance, "exit status 1");
  if (instance.health == Probe::unknown) {
    if (age >= habit.ready_after) {
      set_ready(instance);
    } else if (habit.fails_after && age >= *habit.fails_after) {
      set_failing(instance, "HTTP 503 from /health");
    }
  }
  if (instance.seen_at && now_ >= *instance.seen_at) {
    instance.seen_at.reset();
    instance.probe = instance.health;
  }
}

void World::adopt() {
  adopted_ = published_;
  note_tables();
}

void World::set_ready(SimInstance& instance) {
  change_health(instance, Probe::passing, "");
}

void World::set_failing(SimInstance& instance, std::string detail) {
  change_health(instance, Probe::failing, std::move(detail));
}

void World::change_health(SimInstance& instance, Probe health, std::string detail) {
  if (instance.process != Process::running) return;
  instance.health = health;
  instance.probe = health;
  instance.probe_detail = std::move(detail);
  instance.seen_at.reset();
}

void World::crash(SimInstance& instance, std::string detail) {
  if (instance.process != Process::running) return;
  instance.process = Process::exited;
  instance.process_detail = std::move(detail);
  instance.stops_at.reset();
  instance.seen_at.reset();
  instance.in_flight = 0;
}

void World::serve(model::Plan plan) {
  begin(std::move(plan));
  phase_ = model::Phase::succeeded;
  for (const model::Slot& slot : plan_.slots) {
    for (int index = 0; slot.to && index < slot.to->count; ++index) put_ready(*slot.to);
  }
  record(tend(view(), Side::to));
  perform();
  adopt();
}

void World::put_ready(const model::Group& group) {
  SimInstance instance;
  model::Instance& recorded = instance.recorded;
  recorded.ordinal = next_ordinal_++;
  recorded.id = model::InstanceId(fmt::format("{}-r{}-{}", plan_.service.text().substr(0, 8),
                                              group.revision, recorded.ordinal));
  recorded.service = plan_.service;
  recorded.group = group.key;
  recorded.revision = group.revision;
  recorded.entry = group.entry;
  recorded.stage = Stage::ready;
  recorded.created_at = recorded.stage_at = now_;
  recorded.ready_at = recorded.routed_at = now_;
  instance.needs = group.needs;
  instance.was_told_to_run = true;
  instance.process = Process::running;
  instance.health = Probe::passing;
  instance.probe = Probe::passing;
  instance.started_at = now_;
  instances_.push_back(std::move(instance));
}

SimInstance* World::find(const std::string& id_end) {
  for (SimInstance& instance : instances_) {
    const std::string& id = instance.recorded.id.text();
    if (id.size() >= id_end.size() && id.ends_with(id_end)) return &instance;
  }
  return nullptr;
}

std::vector<Present> World::present() const {
  std::vector<Present> all;
  for (const SimInstance& instance : instances_) {
    const model::Instance& recorded = instance.recorded;
    if (recorded.stage == Stage::starting || recorded.stage == Stage::ready)
      all.push_back({.group = recorded.group, .revision = recorded.revision, .count = 1});
  }
  return all;
}

int World::free_room() const {
  const auto there = std::count_if(
      instances_.begin(), instances_.end(),
      [](const SimInstance& instance) { return instance.recorded.stage != Stage::gone; });
  return capacity - static_cast<int>(there);
}

Room World::empty_pool() const {
  Room all = room;
  all.instances = capacity;
  return all;
}

Room World::room_beside(const std::optional<model::Revision>& from) const {
  Room left = empty_pool();
  if (!from) return left;
  for (const model::ConfigEntry& entry : from->config.entries) {
    for (int index = 0; index < entry.instance_count; ++index) left.take(entry.resources);
  }
  return left;
}

void World::note_tables() {
  one_table_ = published_ == adopted_;
  for (SimInstance& instance : instances_) {
    const bool new_table = is_in(published_, instance.recorded.id);
    const bool old_table = one_table_ ? new_table : is_in(adopted_, instance.recorded.id);
    instance.routing = new_table && old_table   ? Routing::full
                       : new_table || old_table ? Routing::partly
                                                : Routing::none;
  }
}

}  // namespace hitless::rollout
