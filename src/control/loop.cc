#include "control/loop.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "base/crypto.h"
#include "base/log.h"
#include "control/limits.h"
#include "control/orders.h"

namespace hitless::control {
namespace {

// When nothing is due the loop still looks again now and then, in case a wake-up was lost.
constexpr Duration k_look_interval = std::chrono::seconds(10);
constexpr std::string_view k_traffic_setting = "traffic";
constexpr std::size_t k_token_bytes = 32;
// Strangers in the pool (their record is gone) get this long to end.
constexpr Duration k_stranger_grace = std::chrono::seconds(10);

void keep_earlier(Time& earliest, const std::optional<Time>& other) {
  if (other) earliest = std::min(earliest, *other);
}

}  // namespace

Loop::Loop(ControlOptions options, ControlParts parts, TrafficBook& traffic)
    : options_(std::move(options)),
      parts_(parts),
      traffic_(traffic),
      reporter_(parts.store, traffic),
      sampler_token_(random_hex(k_token_bytes)),
      prober_(Prober::start(parts.clock, [this] { wake(); })),
      sampler_(Sampler::start(parts.clock, [this] { wake(); })) {}

Loop::~Loop() {
  stop();
}

Result<void> Loop::start() {
  HL_TRY_ASSIGN(const auto traffic, parts_.store.find_setting(std::string(k_traffic_setting)));
  if (traffic) {
    HL_TRY_ASSIGN(const json::value value, parse_json(*traffic));
    HL_TRY(traffic_.restore(value));
  }
  store::ServiceQuery everything;
  everything.page.limit = std::numeric_limits<std::int64_t>::max();
  HL_TRY_ASSIGN(const auto page, parts_.store.list_services(everything));
  for (const model::Service& service : page.rows) HL_TRY(load(service.id));
  HL_TRY_ASSIGN(generation_, parts_.store.take_generation());
  watched_since_ = parts_.clock.now();
  traffic_saved_at_ = watched_since_;  // what was restored is saved
  pass();                              // whoever asks from now on is told about what was re-adopted
  thread_ = std::thread([this] { run(); });
  return {};
}

void Loop::stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Loop::wake() {
  {
    const MutexLock lock(mutex_);
    woken_ = true;
  }
  changed_.notify_all();
}

void Loop::reload(const model::ServiceId& service) {
  {
    const MutexLock lock(mutex_);
    stale_.insert(service);
    woken_ = true;
  }
  changed_.notify_all();
}

Result<void> Loop::accept(store::Store::AcceptedChange change) {
  const MutexLock order(order_);
  if (change.superseded) {
    HL_CHECK(change.rollout);
    HL_TRY_ASSIGN(*change.superseded, parts_.store.find_rollout(change.superseded->id));
    HL_TRY(supersede(*change.superseded, *change.rollout, parts_.clock.now()));
  }
  HL_TRY(parts_.store.accept_change(change));
  reload(change.service.id);
  return {};
}

bool Loop::is_stale(const model::ServiceId& service) const {
  const MutexLock lock(mutex_);
  return stale_.contains(service);
}

void Loop::run() {
  for (;;) {
    const Time next = pass();
    const MutexLock lock(mutex_);
    while (!woken_ && !stopping_) {
      if (changed_.wait_until(mutex_, next) == std::cv_status::timeout) break;
    }
    if (stopping_) return;
    woken_ = false;
  }
}

Time Loop::pass() {
  World world = observe();
  reload_stale();
  for (auto& [id, state] : services_) carry_on(state, world);
  stop_strangers(world);
  if (book_.changed()) publish(world);
  show_instances(world);
  show_sides();
  show_pool(world);
  show_counts(world);
  save_traffic(world.now);

  Time next = world.now + k_look_interval;
  for (auto& [id, state] : services_) {
    keep_report(state, world.now);
    begin_queued(state, world.now);
    keep_earlier(next, state.wake_at);
    keep_earlier(next, report_due(state, world.now));
  }
  std::erase_if(services_, [this](const auto& row) { return finish_removal(row.second); });
  news_.tell(std::exchange(touched_, {}));
  return next;
}

// One that is due still was refused by the store.
std::optional<Time> Loop::report_due(const ServiceState& state, Time now) const {
  const std::optional<Time> due = reporter_.due(state);
  return due && *due <= now ? now + k_store_retry : due;
}

Loop::World Loop::observe() {
  World world;
  world.now = parts_.clock.now();
  world.usage = parts_.gateway.usage();
  traffic_.take(world.usage, world.now);
  for (const model::InstanceId& suspect : suspects_.take(world.usage)) {
    ++suspected_;
    prober_->doubt(suspect);
  }
  book_.adopted(world.usage.adopted);
  for (pools::Observed& seen : parts_.pool.observe()) {
    model::InstanceId id = seen.id;
    world.observed.emplace(std::move(id), std::move(seen));
  }
  // Cores are shared and slow each other down at worst; memory that is not there kills.  So the
  // machine bounds memory, and cores only when the operator says so.
  model::Resources capacity = options_.capacity;
  const pools::PoolStatus pool = parts_.pool.status();
  if (capacity.memory_mib == 0) capacity.memory_mib = pool.capacity.memory_mib;
  capacity.gpus = pool.capacity.gpus;
  world.limits_ports = pool.ports.has_value();
  capacity.ports = pool.ports.value_or(0);
  world.free = capacity;
  for (const auto& [id, state] : services_) {
    for (const model::Instance& instance : state.instances) {
      if (instance.stage == model::Stage::gone) continue;
      world.take(used_by(instance));
    }
  }
  world.capacity = capacity;
  return world;
}

Result<void> Loop::load(const model::ServiceId& id) {
  touched_.insert(id);
  auto service = parts_.store.find_service(id);
  if (!service) {
    if (service.error().code() != Code::not_found) return std::move(service).error();
    services_.erase(id);
    return {};
  }
  ServiceState& state = services_[id];
  const model::RolloutId before = state.rollout ? state.rollout->id : model::RolloutId();
  state.service = *std::move(service);
  HL_TRY_ASSIGN(auto newest, parts_.store.newest_rollout(id));
  if (newest && newest->id != before) complete_report(state);
  if (newest) state.rollout = std::move(newest);
  HL_TRY_ASSIGN(state.instances, parts_.store.list_instances(id));
  HL_TRY_ASSIGN(state.next_ordinal, parts_.store.next_ordinal(id));
  if (!state.rollout || state.rollout->id == before) return {};
  HL_TRY_ASSIGN(state.journal, parts_.store.journal_size(state.rollout->id));
  state.why_at = parts_.clock.now();  // a serve that takes over need not write it again at once
  state.at_start.reset();
  state.at_end.reset();
  state.start_errors.clear();
  state.short_of.clear();
  return reporter_.restore(state, parts_.clock.now());
}

void Loop::reload_stale() {
  std::set<model::ServiceId> stale;
  {
    const MutexLock lock(mutex_);
    stale.swap(stale_);
  }
  for (const model::ServiceId& id : stale) {
    if (auto loaded = load(id); !loaded) {
      log_error("service_not_read", {{"service", id.text()}, {"cause", loaded.error().text()}});
      reload(id);
    }
  }
}

// A stranger's record is gone: a state directory put back from a copy, or a row long pruned.
void Loop::stop_strangers(const World& world) {
  std::set<model::InstanceId> known;
  for (const auto& [service, state] : services_) {
    for (const model::Instance& instance : state.instances) known.insert(instance.id);
  }
  for (const auto& [id, seen] : world.observed) {
    if (known.contains(id)) continue;
    const Result<void> done = seen.state == pools::ProcessState::exited
                                  ? parts_.pool.forget(id)
                                  : parts_.pool.ensure_stopped(id, k_stranger_grace);
    if (!done) {
      log_warn("stranger_not_removed", {{"instance", id.text()}, {"cause", done.error().text()}});
    }
  }
}

// A store that cannot count (a full disk) does not keep a dead endpoint in the table: the number
// only has to rise, and a gateway that is ahead of us says so.
void Loop::publish(const World& world) {
  generation_ = std::max(generation_, world.usage.adopted);
  auto stored = parts_.store.take_generation();
  if (!stored) {
    ++store_errors_;
    log_warn("generation_not_stored", {{"cause", stored.error().text()}});
  }
  generation_ = std::max(generation_ + 1, stored ? *stored : 0);
  std::vector<std::string> tokens = options_.token_digests;
  tokens.push_back(sha256_hex(sampler_token_));
  parts_.gateway.publish(book_.make_table(generation_, tokens));
}

void Loop::save_traffic(Time now) {
  if (now - traffic_saved_at_ < k_traffic_save || !traffic_.take_changed()) return;
  traffic_saved_at_ = now;
  auto saved =
      parts_.store.put_setting(std::string(k_traffic_setting), to_json_text(traffic_.to_json()));
  if (!saved) log_warn("traffic_not_saved", {{"cause", saved.error().text()}});
}

}  // namespace hitless::control
