// One service inside a pass of the control loop.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/log.h"
#include "control/limits.h"
#include "control/loop.h"
#include "control/record.h"
#include "rollout/strays.h"

namespace hitless::control {
namespace {

using model::Stage;

// A draining instance is asked too: a rollout that turns round takes back only what passes.
bool is_probed(Stage stage) {
  return stage == Stage::starting || stage == Stage::ready || stage == Stage::draining;
}

rollout::Process process_of(const pools::Observed* observed, Stage stage, std::string& detail) {
  if (observed == nullptr) {
    // Told to run but not seen yet is nothing; seen before and now unknown is an end.
    if (stage == Stage::starting) return rollout::Process::absent;
    detail = "the pool does not know it any more";
    return rollout::Process::exited;
  }
  if (observed->state != pools::ProcessState::exited) return rollout::Process::running;
  detail = observed->detail;
  return rollout::Process::exited;
}

rollout::Side side_at_rest(const model::Rollout& rollout) {
  return rollout.phase == model::Phase::succeeded ? rollout::Side::to : rollout::Side::from;
}

}  // namespace

void Loop::carry_on(ServiceState& state, World& world) {
  if (state.is_rolling_out() && !state.at_start && !begin_report(state, world.now)) return;
  note_strays(state);
  for (int steps = 0; steps < k_steps_per_pass; ++steps) {
    rollout::View view = view_of(state, world);
    look_at_sides(state, world, view);
    const rollout::Decision decision = decide(state, view);
    state.wake_at = decision.wake_at;
    const Written written = record(state, world, view, decision);
    if (written == Written::refused) return;
    book_.put(decision.route);
    if (written == Written::nothing) {
      // Its sentence may not have been due yet (record.cc).
      const Time due = watched_since_ + k_why_interval;
      if (state.is_rolling_out() && world.now < due) state.look_by(due);
      keep_samples(state, world, view);
      break;
    }
  }
  act(state, world);
}

// The route that was decided for the change before is what is in use when this one begins.  It is
// recorded with the first decision.
void Loop::note_strays(ServiceState& state) const {
  if (!state.is_rolling_out() || state.rollout->phase != model::Phase::planned) return;
  const model::ServiceRoute* route = book_.find(state.service.id);
  if (route == nullptr || state.rollout->stray_shares) return;
  state.rollout->stray_shares = rollout::stray_shares(state.rollout->plan, *route, state.instances);
}

rollout::View Loop::view_of(const ServiceState& state, const World& world) {
  rollout::View view;
  view.now = world.now;
  view.watched_since = watched_since_;
  if (state.rollout) {
    view.rollout = state.rollout->id;
    view.plan = state.rollout->plan;
    view.phase = state.rollout->phase;
    view.reason = state.rollout->reason;
    view.phase_at = state.rollout->phase_at;
    view.progress_at = state.rollout->progress_at;
    view.step = state.rollout->step;
    view.baking_at = state.rollout->baking_at;
    view.orders = state.rollout->orders;
    view.stray_shares = state.rollout->stray_shares;
    view.evidence = state.rollout->evidence;
  }
  view.next_ordinal = state.next_ordinal;
  view.room = world.room_in(world.free);
  view.adopted = book_.is_adopted();
  for (const model::Instance& instance : state.instances) {
    const bool of_this_rollout = state.rollout && instance.rollout == state.rollout->id;
    if (instance.stage == Stage::gone && !of_this_rollout && state.is_rolling_out()) continue;
    view.instances.push_back(instance_view(state, world, instance));
    view.instances.back().needs = used_by(instance);
  }
  return view;
}

// Before a gateway has told of its counters, those we know are older than its requests.
void Loop::look_at_sides(ServiceState& state, const World& world, rollout::View& view) const {
  if (!state.is_rolling_out()) {
    state.window.reset();
    return;
  }
  if (world.usage.gateway.empty()) return;
  const GroupCounts now = traffic_.groups(state.service.id);
  keep_window(state.window, *state.rollout, now);
  view.evidence = state.rollout->evidence;
  fill_sides(view, *state.window, now);
  note_requests(view, *state.window, now);
  if (state.is_sampling) take_samples(view, sampler_->state(state.service.id));
}

rollout::InstanceView Loop::instance_view(const ServiceState& state, const World& world,
                                          const model::Instance& instance) const {
  rollout::InstanceView view;
  view.recorded = instance;
  const auto seen = world.observed.find(instance.id);
  const pools::Observed* observed = seen == world.observed.end() ? nullptr : &seen->second;
  view.process = process_of(observed, instance.stage, view.process_detail);
  if (const auto refused = state.start_errors.find(instance.id);
      observed == nullptr && refused != state.start_errors.end()) {
    view.process = rollout::Process::exited;
    view.process_detail = refused->second;
  }
  if (observed != nullptr) view.recorded.address = observed->address;
  const ProbeState probe = prober_->state(instance.id);
  view.probe = probe.probe;
  view.probe_detail = probe.detail;
  if (const auto waits = state.short_of.find(instance.id);
      observed == nullptr && instance.stage == Stage::starting && waits != state.short_of.end()) {
    view.probe_detail = "no room in the pool: " + waits->second;
  }
  view.routing = book_.routing(instance.id);
  if (const model::InstanceUsage* usage = world.usage.find(instance.id)) {
    view.in_flight = usage->in_flight;
  }
  return view;
}

rollout::Decision Loop::decide(const ServiceState& state, const rollout::View& view) const {
  if (!state.rollout) return {};
  if (state.is_rolling_out()) return rollout::step(view);
  const bool nothing_to_keep =
      state.rollout->phase == model::Phase::failed && state.rollout->plan.from == 0;
  return nothing_to_keep ? rollout::step(view) : rollout::tend(view, side_at_rest(*state.rollout));
}

Loop::Written Loop::record(ServiceState& state, World& world, const rollout::View& view,
                           const rollout::Decision& decision) {
  const Recording recording = record_of(state, view, decision);
  if (recording.empty()) return Written::nothing;
  const MutexLock order(order_);
  if (is_stale(state.service.id)) return Written::refused;  // an accepted change comes first
  if (auto done = parts_.store.record(recording.rows); !done) {
    ++store_errors_;
    log_error("decision_not_recorded",
              {{"service", state.service.id.text()}, {"cause", done.error().text()}});
    state.wake_at = world.now + k_store_retry;
    return Written::refused;
  }
  for (const model::Instance& row : recording.rows.instances) {
    const auto place =
        std::find_if(state.instances.begin(), state.instances.end(),
                     [&](const model::Instance& instance) { return instance.id == row.id; });
    if (place != state.instances.end()) {
      // Its room is free by now, and may be what another service waits for.
      if (row.stage == Stage::gone && place->stage != Stage::gone) wake();
      *place = row;
      continue;
    }
    state.instances.push_back(row);
    state.next_ordinal = std::max(state.next_ordinal, row.ordinal + 1);
    world.take(used_by(row));
  }
  if (recording.rows.service) state.service = *recording.rows.service;
  if (recording.rows.rollout) {
    if (recording.rows.rollout->why != state.rollout->why) state.why_at = world.now;
    if (recording.rows.rollout->evidence != state.rollout->evidence) state.evidence_at = world.now;
    if (recording.rows.rollout->phase != state.rollout->phase) {
      log_info("rollout_phase", {{"service", state.service.name},
                                 {"rollout", state.rollout->id.text()},
                                 {"phase", std::string(to_text(recording.rows.rollout->phase))},
                                 {"why", recording.rows.rollout->why},
                                 {"reason", recording.rows.rollout->reason}});
    }
    state.rollout = recording.rows.rollout;
    if (state.window) state.window->is_stored = true;
  }
  touched_.insert(state.service.id);
  if (const auto& row = recording.rows.journal) {
    ++state.journal.rows;
    state.journal.bytes += static_cast<std::int64_t>(row->view.size() + row->decision.size());
  }
  return Written::something;
}

void Loop::act(ServiceState& state, const World& world) {
  for (const model::Instance& instance : state.instances) {
    const auto seen = world.observed.find(instance.id);
    const bool known = seen != world.observed.end();
    const bool running = known && seen->second.state == pools::ProcessState::running;
    if (!is_probed(instance.stage)) prober_->forget(instance.id);
    if (instance.stage == Stage::starting && !known) {
      ensure_started(state, instance, world.now);
    }
    if (is_probed(instance.stage) && running) ensure_probed(state, instance, seen->second);
    const bool lives = known && seen->second.state != pools::ProcessState::exited;
    if (instance.stage == Stage::stopping && lives && !seen->second.stop_told) {
      const Duration grace = rollout::grace_of(state.rollout->plan, instance.group);
      if (auto told = parts_.pool.ensure_stopped(instance.id, grace); !told) {
        log_error("instance_not_stopped",
                  {{"instance", instance.id.text()}, {"cause", told.error().text()}});
        state.wake_at = world.now + k_store_retry;
      }
    }
  }
  forget_ended(state, world);
}

void Loop::ensure_started(ServiceState& state, const model::Instance& instance, Time now) {
  if (state.start_errors.contains(instance.id)) return;
  auto spec = spec_of(instance);
  Result<void> started =
      spec ? parts_.pool.ensure_running(*spec) : Result<void>(std::move(spec).error());
  const auto waits = state.short_of.find(instance.id);
  if (started) {
    if (waits != state.short_of.end()) state.short_of.erase(waits);
    return;
  }
  const std::string& cause = started.error().text();
  const bool is_short = started.error().code() == Code::exhausted;
  if (is_short) state.look_by(now + k_start_retry);
  if (waits != state.short_of.end() && waits->second == cause && is_short) return;
  log_warn("instance_not_started", {{"instance", instance.id.text()}, {"cause", cause}});
  (is_short ? state.short_of : state.start_errors)[instance.id] = cause;
  wake();
}

void Loop::ensure_probed(const ServiceState& state, const model::Instance& instance,
                         const pools::Observed& observed) {
  const auto entry = entry_of(state.service.id, instance.revision, instance.entry);
  if (!entry) return;  // spec_of() has said so already
  const auto version = version_of((*entry)->model);
  if (!version) return;
  const auto package = parts_.packages.find((*version)->digest);
  prober_->ensure({.instance = instance.id,
                   .address = observed.address,
                   .check = (*version)->launch.health,
                   .warm_up = warm_up_of(*version),
                   .package = package ? package->path / "model" : std::filesystem::path("/"),
                   .started = observed.since,
                   .was_ready = instance.ready_at.has_value()});
}

// Folders of ended instances hold their logs: the newest are kept for whoever asks why.
void Loop::forget_ended(const ServiceState& state, const World& world) {
  std::size_t ended = 0;
  for (auto instance = state.instances.rbegin(); instance != state.instances.rend(); ++instance) {
    if (instance->stage != Stage::gone || ++ended <= k_ended_kept) continue;
    if (!world.observed.contains(instance->id)) continue;
    if (auto done = parts_.pool.forget(instance->id); !done) {
      log_warn("instance_not_forgotten",
               {{"instance", instance->id.text()}, {"cause", done.error().text()}});
    }
  }
}

bool Loop::finish_removal(const ServiceState& state) {
  const bool removed = state.rollout && state.rollout->plan.kind == model::RolloutKind::remove &&
                       state.rollout->phase == model::Phase::succeeded;
  if (!removed) return false;
  for (const model::Instance& instance : state.instances) {
    if (auto done = parts_.pool.forget(instance.id); !done) {
      log_warn("instance_not_forgotten",
               {{"instance", instance.id.text()}, {"cause", done.error().text()}});
    }
  }
  if (auto done = parts_.store.remove_service(state.service.id); !done) {
    log_error("service_not_removed",
              {{"service", state.service.id.text()}, {"cause", done.error().text()}});
    return false;
  }
  touched_.insert(state.service.id);
  book_.remove(state.service.id);
  traffic_.forget(state.service.id);
  wake();  // the table without it goes out in the next pass
  return true;
}

// False when another change has come first: the report is not this one's to write any more.
bool Loop::begin_report(ServiceState& state, Time now) {
  const MutexLock order(order_);
  if (is_stale(state.service.id)) return false;
  if (auto begun = reporter_.begin(state, now); !begun) {
    log_warn("report_not_begun", {{"cause", begun.error().text()}});
  }
  return true;
}

void Loop::keep_report(ServiceState& state, Time now) {
  if (!state.rollout || state.is_rolling_out() || !state.at_start) return;
  Result<void> done;
  if (!state.rollout->report.during) {
    done = reporter_.end(state, now);
    if (done && !state.rollout->report.during) return;
  } else if (const auto due = reporter_.due(state); due && *due <= now) {
    done = reporter_.complete(state, now);
  } else {
    return;
  }
  touched_.insert(state.service.id);
  if (!done) log_warn("report_not_written", {{"cause", done.error().text()}});
}

// Of the rollout before the one that has come: there is no more time for what comes after it.
void Loop::complete_report(ServiceState& state) {
  if (auto done = reporter_.complete(state, parts_.clock.now()); !done) {
    log_warn("report_not_written", {{"cause", done.error().text()}});
  }
}

Result<const model::ConfigEntry*> Loop::entry_of(const model::ServiceId& service,
                                                 model::RevisionNumber revision, int entry) {
  const auto key = std::pair(service, revision);
  auto place = configs_.find(key);
  if (place == configs_.end()) {
    HL_TRY_ASSIGN(model::Revision found, parts_.store.find_revision(service, revision));
    for (model::ConfigEntry& each : found.config.entries) {
      // A model that is gone starts nothing.
      if (const auto version = version_of(each.model)) {
        each.resources.ports = ports_of(each, **version);
      }
    }
    place = configs_.emplace(key, std::move(found.config)).first;
  }
  const auto& entries = place->second.entries;
  if (entry < 0 || static_cast<std::size_t>(entry) >= entries.size()) {
    return Error(Code::corrupt, fmt::format("revision {} has no entry {}", revision, entry));
  }
  return &entries[static_cast<std::size_t>(entry)];
}

Result<std::shared_ptr<const model::ModelVersion>> Loop::version_of(const model::ModelId& id) {
  auto place = versions_.find(id);
  if (place == versions_.end()) {
    HL_TRY_ASSIGN(model::ModelVersion found, parts_.store.find_model(id));
    place =
        versions_.emplace(id, std::make_shared<const model::ModelVersion>(std::move(found))).first;
  }
  return place->second;
}

std::shared_ptr<const model::WarmUp> Loop::warm_up_of(
    const std::shared_ptr<const model::ModelVersion>& version) {
  if (version->launch.warm_up.empty()) return nullptr;
  return {version, &version->launch.warm_up};
}

Result<pools::InstanceSpec> Loop::spec_of(const model::Instance& instance) {
  HL_TRY_ASSIGN(const model::ConfigEntry* entry,
                entry_of(instance.service, instance.revision, instance.entry));
  HL_TRY_ASSIGN(const auto version, version_of(entry->model));
  HL_TRY_ASSIGN(const objects::CachedPackage package, parts_.packages.find(version->digest));
  return instance_spec(instance, *entry, *version, package.path, options_.engines);
}

model::Resources Loop::used_by(const model::Instance& instance) {
  const auto entry = entry_of(instance.service, instance.revision, instance.entry);
  return entry ? (*entry)->resources : model::Resources();
}

}  // namespace hitless::control
