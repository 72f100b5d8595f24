// A control::Port for tests of the API and its clients: accepts changes and records them in a real
// store as control does, but runs nothing.  The test says how each rollout ends.
//
// Any thread.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/thread_annotations.h"
#include "control/news.h"
#include "control/port.h"
#include "store/store.h"

namespace hitless::testing {

class FakePort final : public control::Port {
 public:
  explicit FakePort(store::Store& store) : store_(store) {}

  // How the test wants the world to be.
  struct World {
    bool publish_at_once = true;  // else models stay publishing
    // A rollout ends in `outcome` once its instances were asked for so often; 0: when it begins,
    // negative: only by finish().
    int looks = 0;
    model::Phase outcome = model::Phase::succeeded;
    std::string gateway = "http://127.0.0.1:9";
    std::vector<control::InstanceStatus> instances = {};  // of every service
    std::map<std::string, std::string> logs = {};         // by instance
    std::optional<control::SideTraffic> sides = {};
    std::optional<Duration> predicted = {};  // of new services' first rollouts
    Duration proof = {};                     // of the same, if predicted
    Calls calls = {};
    model::Overlap overlap = model::Overlap::refuse;  // of a change while a rollout is under way
  };
  void set(World world) {
    MutexLock lock(mutex_);
    world_ = std::move(world);
    looks_left_ = world_.looks;
  }
  control::ServiceUpdate last_update() {
    MutexLock lock(mutex_);
    return last_update_;
  }

  Result<model::ModelId> create_model(control::NewModel model) override {
    MutexLock lock(mutex_);
    model::ModelVersion version;
    version.id = model::ModelId(random_uuid());
    version.name = model.name;
    version.version = model.version;
    version.type = model.type;
    version.description = model.description;
    version.source_location = model.source_location;
    version.config_text = model.initial_config.empty() ? "{}" : model.initial_config;
    if (model.warm_up) version.launch.warm_up = *model.warm_up;
    version.wire = model.wire;
    version.created_at = now();
    version.status =
        world_.publish_at_once ? model::ModelStatus::published : model::ModelStatus::publishing;
    version.size_bytes = 2048;
    HL_TRY(store_.add_model(version));
    return version.id;
  }

  Result<void> delete_model(const model::ModelId& id) override { return store_.remove_model(id); }

  Result<model::ServiceId> create_service(control::NewService wanted) override {
    MutexLock lock(mutex_);
    model::Service service;
    service.id = model::ServiceId(random_uuid());
    service.name = wanted.name;
    service.description = wanted.description;
    service.wire = wanted.wire;
    service.created_at = service.publish_at = service.transition_at = service.operation_time =
        service.update_time = now();
    service.progress = 10;
    model::Rollout rollout = new_rollout(service, model::RolloutKind::deploy, 0, 1);
    rollout.who = wanted.who;
    rollout.plan.forecast.predicted = world_.predicted;
    rollout.plan.forecast.proof = world_.proof;
    service.rollout = rollout.id;
    const model::Revision revision{service.id, 1, wanted.config, now()};
    const model::Event event{service.id.text(), model::EventType::normal, "deploy-begin",
                             "start to deploy service", now()};
    HL_TRY(store_.add_service(service, revision, rollout, {event}));
    HL_TRY(begin_rollout(rollout));
    return service.id;
  }

  Result<model::Plan> plan_update(const model::ServiceId& id,
                                  const control::ServiceUpdate& update) override {
    HL_TRY_ASSIGN(const model::Service service, store_.find_service(id));
    model::Plan plan =
        new_plan(service, model::RolloutKind::update, service.revision, service.revision + 1);
    if (update.entries) {
      plan.changes.push_back({model::ChangeClass::replace, "config[0].model_id", "old", "new"});
    }
    plan.strategy = model::Strategy::surge;
    plan.reason = "there is room for one more instance";
    plan.hash = "hash-of-" + std::to_string(service.revision);
    return plan;
  }

  Result<std::optional<control::UnderWay>> under_way(const model::ServiceId& id) override {
    HL_TRY_ASSIGN(const model::Service service, store_.find_service(id));
    if (service.rollout.empty()) return std::optional<control::UnderWay>();
    HL_TRY_ASSIGN(const model::Rollout rollout, store_.find_rollout(service.rollout));
    MutexLock lock(mutex_);
    return std::optional(control::UnderWay{
        .rollout = rollout.id, .phase = rollout.phase, .overlap = world_.overlap});
  }

  Result<void> update_service(const model::ServiceId& id, control::ServiceUpdate update,
                              std::optional<std::string> plan_hash) override {
    MutexLock lock(mutex_);
    last_update_ = update;
    if (plan_hash) {
      HL_TRY_ASSIGN(const model::Plan plan, plan_update(id, update));
      if (plan.hash != *plan_hash) {
        return Error(Code::conflict, "That plan does not hold any more: ask for the plan again.");
      }
    }
    HL_TRY_ASSIGN(const model::Service before, store_.find_service(id));
    const bool queues = !before.rollout.empty() && world_.overlap == model::Overlap::queue;
    if (before.status == model::ServiceStatus::deploying && !queues) return forbids(before);
    store::Store::AcceptedChange change;
    change.expected = change.service = before;
    for (const auto& [name, value] : update.wire) change.service.wire[name] = value;
    if (update.description) change.service.description = *update.description;
    if (!update.changes_config()) return store_.accept_change(change);
    HL_TRY_ASSIGN(model::Revision revision, store_.find_revision(id, before.revision));
    HL_TRY_ASSIGN(revision.number, store_.next_revision(id));
    revision.created_at = now();
    if (update.entries) revision.config.entries = *update.entries;
    if (update.balance) revision.config.balance = *update.balance;
    if (update.policy) revision.config.policy = *update.policy;
    if (update.traffic) revision.config.traffic = *update.traffic;
    if (queues || before.status == model::ServiceStatus::stopped) {
      (queues ? change.service.queued : change.service.revision) = revision.number;
      change.revision = revision;
      return store_.accept_change(change);
    }
    model::Rollout rollout =
        new_rollout(before, model::RolloutKind::update, before.revision, revision.number);
    rollout.who = update.who;
    change.service.status = model::ServiceStatus::deploying;
    change.service.rollout = rollout.id;
    change.service.update_time = now();
    change.revision = revision;
    change.rollout = rollout;
    change.events.push_back(
        {id.text(), model::EventType::normal, "updating", "service is being updated", now()});
    HL_TRY(store_.accept_change(change));
    return begin_rollout(rollout);
  }

  Result<model::Plan> plan_start(const model::ServiceId& id) override {
    HL_TRY_ASSIGN(const model::Service service, store_.find_service(id));
    if (service.status != model::ServiceStatus::stopped) return forbids(service);
    return new_plan(service, model::RolloutKind::deploy, 0, service.revision);
  }
  Result<model::Plan> plan_stop(const model::ServiceId& id) override {
    HL_TRY_ASSIGN(const model::Service service, store_.find_service(id));
    if (service.status != model::ServiceStatus::running) return forbids(service);
    model::Plan plan = new_plan(service, model::RolloutKind::stop, service.revision, 0);
    plan.hash = "stop-of-" + std::to_string(service.revision);
    return plan;
  }

  Result<void> start_service(const model::ServiceId& id, const std::string& who,
                             const std::optional<std::string>&) override {
    MutexLock lock(mutex_);
    HL_TRY_ASSIGN(const model::Service before, store_.find_service(id));
    if (before.status != model::ServiceStatus::stopped) return forbids(before);
    return change_status(before, model::RolloutKind::deploy, model::ServiceStatus::deploying, 0,
                         before.revision, who);
  }

  Result<void> stop_service(const model::ServiceId& id, const std::string& who,
                            const std::optional<std::string>& plan_hash) override {
    MutexLock lock(mutex_);
    if (plan_hash) {
      HL_TRY_ASSIGN(const model::Plan plan, plan_stop(id));
      if (plan.hash != *plan_hash) {
        return Error(Code::conflict, "That plan does not hold any more: ask for the plan again.");
      }
    }
    HL_TRY_ASSIGN(const model::Service before, store_.find_service(id));
    if (before.status != model::ServiceStatus::running) return forbids(before);
    return change_status(before, model::RolloutKind::stop, model::ServiceStatus::stopping,
                         before.revision, 0, who);
  }

  Result<void> delete_service(const model::ServiceId& id, const std::string&) override {
    HL_TRY_ASSIGN(const model::Service service, store_.find_service(id));
    return store_.remove_service(service.id);
  }

  // Orders are written down; of their refusals only that of an ended rollout.
  Result<void> steer_rollout(const control::RolloutOrder& asked) override {
    MutexLock lock(mutex_);
    HL_TRY_ASSIGN(model::Rollout rollout, store_.find_rollout(asked.rollout));
    if (is_terminal(rollout.phase)) {
      return Error(Code::conflict, "rollout " + rollout.id.text() + " has ended: it is " +
                                       std::string(to_text(rollout.phase)));
    }
    switch (asked.order) {
      case control::Order::pause: rollout.orders.paused_at = now(); break;
      case control::Order::resume: rollout.orders.paused_at.reset(); break;
      case control::Order::abort:
        rollout.orders.abort = "aborted by " + asked.who + ": " + asked.reason;
        break;
      case control::Order::skip: rollout.orders.skip = rollout.step + 1; break;
    }
    return store_.update_rollout(rollout);
  }

  // Without a revision refused: what served before is control's to know.
  Result<void> rollback_service(const control::Rollback& asked) override {
    control::ServiceUpdate update;
    update.who = asked.who;
    if (!asked.to) return Error(Code::invalid, "field [revision] must be given");
    auto target = store_.find_revision(asked.service, *asked.to);
    if (!target) return Error(Code::invalid, "field [revision] names one that is gone");
    update.entries = target->config.entries;
    return update_service(asked.service, std::move(update), std::nullopt);
  }

  Result<std::vector<control::RevisionStatus>> revisions(const model::ServiceId& id) override {
    HL_TRY_ASSIGN(const model::Service service, store_.find_service(id));
    HL_TRY_ASSIGN(auto all, store_.list_revisions(id));
    std::vector<control::RevisionStatus> out;
    for (model::Revision& each : all) {
      out.push_back({.revision = std::move(each), .uses = {}});
      if (out.back().revision.number == service.revision) out.back().uses = {"it serves"};
    }
    return out;
  }
  Result<void> delete_revision(const model::ServiceId& id, model::RevisionNumber number) override {
    HL_TRY_ASSIGN(const model::Service service, store_.find_service(id));
    if (number == service.revision) return Error(Code::conflict, "revision stays: it serves");
    return store_.remove_revision(id, number);
  }

  // A look is a change, so that whoever is told of changes looks again.
  Result<std::vector<control::InstanceStatus>> instances(const model::ServiceId& id) override {
    bool changed = false;
    Result<std::vector<control::InstanceStatus>> found = look(id, changed);
    if (changed) news_.tell({id});
    return found;
  }

  std::optional<control::SideTraffic> side_traffic(const model::ServiceId&) override {
    MutexLock lock(mutex_);
    ++looks_at_sides_;
    changed_.notify_all();
    return world_.sides;
  }

  std::unique_ptr<control::Watch> watch(const model::ServiceId& id,
                                        std::function<void()> on_change) override {
    auto made = news_.watch(id, std::move(on_change));
    MutexLock lock(mutex_);  // whoever waits has not looked yet, or waits by now
    changed_.notify_all();
    return made;
  }
  bool is_watched(const model::ServiceId& id) const { return news_.is_watched(id); }
  // Until a stream of it begins; false: none did.
  bool wait_until_watched(const model::ServiceId& id) {
    return wait_for([&] { return news_.is_watched(id); });
  }
  // Until a stream has read the rollout it tells of; false: none did.
  bool wait_until_told() {
    return wait_for([this]() HL_REQUIRES(mutex_) { return looks_at_sides_ > 0; });
  }
  void tell(const model::ServiceId& id) { news_.tell({id}); }

  // As control would write it while it goes on.
  Result<void> change(const model::ServiceId& id,
                      const std::function<void(model::Rollout&)>& edit) {
    {
      MutexLock lock(mutex_);
      HL_TRY_ASSIGN(const model::Service service, store_.find_service(id));
      HL_TRY_ASSIGN(model::Rollout rollout, store_.find_rollout(service.rollout));
      edit(rollout);
      HL_TRY(store_.update_rollout(rollout));
      HL_TRY(store_.update_report(rollout.id, rollout.report));
    }
    news_.tell({id});
    return {};
  }

  Result<std::string> instance_log(const model::InstanceId& id, std::size_t bytes_max) override {
    MutexLock lock(mutex_);
    const std::string& log = world_.logs[id.text()];
    return log.substr(log.size() - std::min(log.size(), bytes_max));
  }

  Calls calls(const model::ServiceId&) override {
    MutexLock lock(mutex_);
    return world_.calls;
  }

  std::string gateway_url() override {
    MutexLock lock(mutex_);
    return world_.gateway;
  }

  // Ends the service's rollout as the world's `outcome` says.
  Result<void> finish(const model::ServiceId& id) {
    {
      MutexLock lock(mutex_);
      HL_TRY_ASSIGN(const model::Service service, store_.find_service(id));
      HL_TRY_ASSIGN(const model::Rollout rollout, store_.find_rollout(service.rollout));
      HL_TRY(end_rollout(rollout));
    }
    news_.tell({id});
    return {};
  }

 private:
  static Time now() { return SystemClock().now(); }

  Result<std::vector<control::InstanceStatus>> look(const model::ServiceId& id, bool& changed) {
    MutexLock lock(mutex_);
    HL_TRY_ASSIGN(const model::Service service, store_.find_service(id));
    if (service.rollout.empty() || looks_left_ <= 0) return world_.instances;
    changed = true;
    if (--looks_left_ == 0) {
      HL_TRY_ASSIGN(const model::Rollout rollout, store_.find_rollout(service.rollout));
      HL_TRY(end_rollout(rollout));
    }
    return world_.instances;
  }

  static Error forbids(const model::Service& service) {
    return Error(Code::conflict, "The service is " + std::string(to_text(service.status)) +
                                     ", which does not allow this.");
  }

  static model::Plan new_plan(const model::Service& service, model::RolloutKind kind,
                              model::RevisionNumber from, model::RevisionNumber to) {
    model::Plan plan;
    plan.service = service.id;
    plan.kind = kind;
    plan.from = from;
    plan.to = to;
    model::Slot slot;
    slot.surge = 1;
    if (from != 0) slot.from = model::Group{.key = "a", .revision = from, .count = 2};
    if (to != 0) slot.to = model::Group{.key = "b", .revision = to, .count = 2};
    plan.slots.push_back(slot);
    return plan;
  }

  static model::Rollout new_rollout(const model::Service& service, model::RolloutKind kind,
                                    model::RevisionNumber from, model::RevisionNumber to) {
    model::Rollout rollout;
    rollout.id = model::RolloutId(random_uuid());
    rollout.service = service.id;
    rollout.plan = new_plan(service, kind, from, to);
    rollout.phase = model::Phase::starting;
    rollout.why = "waiting for 2 of 2 instances to answer /health";
    rollout.created_at = rollout.phase_at = rollout.progress_at = now();
    rollout.report.phases.push_back({model::Phase::starting, now()});
    return rollout;
  }

  Result<void> change_status(const model::Service& before, model::RolloutKind kind,
                             model::ServiceStatus status, model::RevisionNumber from,
                             model::RevisionNumber to, const std::string& who) HL_REQUIRES(mutex_) {
    store::Store::AcceptedChange change;
    change.expected = change.service = before;
    model::Rollout rollout = new_rollout(before, kind, from, to);
    rollout.who = who;
    change.service.status = status;
    change.service.rollout = rollout.id;
    change.rollout = rollout;
    HL_TRY(store_.accept_change(change));
    return begin_rollout(rollout);
  }

  Result<void> begin_rollout(const model::Rollout& rollout) HL_REQUIRES(mutex_) {
    looks_left_ = world_.looks;
    return world_.looks == 0 ? end_rollout(rollout) : Result<void>();
  }

  Result<void> end_rollout(model::Rollout rollout) HL_REQUIRES(mutex_) {
    rollout.phase = world_.outcome;
    rollout.ended_at = rollout.phase_at = now();
    rollout.why = "all instances of the new revision are routed";
    if (world_.outcome == model::Phase::rolled_back) {
      rollout.why = "revision 1 serves again";
      rollout.reason = "instance 3 never got ready: HTTP 503 from /health";
    }
    rollout.report.phases.push_back({rollout.phase, now()});
    rollout.report.instances_started = 2;
    rollout.report.during = window();
    rollout.report.after = window();
    store::DecisionRecord record;
    HL_TRY_ASSIGN(model::Service service, store_.find_service(rollout.service));
    const bool good = world_.outcome == model::Phase::succeeded;
    service.rollout = model::RolloutId();
    service.status = model::ServiceStatus::running;
    if (good && rollout.plan.to != 0) service.revision = rollout.plan.to;
    if (good && rollout.plan.to == 0) service.status = model::ServiceStatus::stopped;
    if (service.revision == 0) service.status = model::ServiceStatus::failed;
    record.rollout = rollout;
    record.service = service;
    HL_TRY(store_.record(record));
    return service.queued == 0 ? Result<void>() : begin_queued(service);
  }

  Result<void> begin_queued(const model::Service& before) HL_REQUIRES(mutex_) {
    store::Store::AcceptedChange change;
    change.expected = change.service = before;
    model::Rollout rollout =
        new_rollout(before, model::RolloutKind::update, before.revision, before.queued);
    change.service.status = model::ServiceStatus::deploying;
    change.service.rollout = rollout.id;
    change.service.queued = 0;
    change.rollout = rollout;
    HL_TRY(store_.accept_change(change));
    return begin_rollout(rollout);
  }

  static model::Window window() {
    model::Window window{now(), now(), {}};
    window.outcomes.requests = 12345;
    window.outcomes.by_class[2] = 12345;
    for (int i = 0; i < 100; ++i) window.outcomes.latency.record(1500);
    return window;
  }

  store::Store& store_;
  control::News news_;
  template <class Holds>
  bool wait_for(Holds holds) {
    const auto deadline = std::chrono::steady_clock::now() + k_patience;
    MutexLock lock(mutex_);
    while (!holds()) {
      if (changed_.wait_until(mutex_, deadline) == std::cv_status::timeout) return holds();
    }
    return true;
  }

  // As long as the slowest machine may take; whoever meets it has failed.
  static constexpr std::chrono::seconds k_patience{60};

  mutable Mutex mutex_;
  ConditionVariable changed_;
  World world_ HL_GUARDED_BY(mutex_);
  int looks_left_ HL_GUARDED_BY(mutex_) = 0;
  int looks_at_sides_ HL_GUARDED_BY(mutex_) = 0;
  control::ServiceUpdate last_update_ HL_GUARDED_BY(mutex_);
};

}  // namespace hitless::testing
