// The control loop: observe → step → record → act, for every service, whenever it is woken.
//
// It takes no input.  Whoever knows that something changed calls wake(); the loop reads everything
// again.  So a change, a restart after kill -9, a failure and a rollback take the same path.
//
// Owner: Control.  One thread of its own; the public functions may come from
// any.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/thread_annotations.h"
#include "control/control.h"
#include "control/news.h"
#include "control/pool_standing.h"
#include "control/prober.h"
#include "control/reporter.h"
#include "control/route_book.h"
#include "control/sampler.h"
#include "control/service_state.h"
#include "control/suspects.h"
#include "control/traffic_book.h"

namespace hitless::control {

class Loop {
 public:
  Loop(ControlOptions options, ControlParts parts, TrafficBook& traffic);
  ~Loop();

  // Reads every service from the store, looks once, then runs.
  Result<void> start();
  void stop();
  void wake();

  // Stores an accepted change between two decisions of the loop, never under one, and has the
  // loop read the service again.  A rollout that it supersedes ends as the loop has brought it by
  // then, whatever was known of it when the change was planned.  conflict as accept_change says.
  Result<void> accept(store::Store::AcceptedChange change);

  // A user's order to a rollout under way, stored the same way.  conflict as obey() says.
  Result<void> steer(const RolloutOrder& order);

  // Revisions, oldest first; one that is in use cannot be removed (conflict).
  Result<std::vector<RevisionStatus>> revisions(const model::ServiceId& service);
  Result<void> remove_revision(const model::ServiceId& service, model::RevisionNumber number);

  // What begins the change that waits, when a service's rollout has ended.  Before start(); it is
  // called on the loop's thread.
  using Successor = std::function<Result<void>(const model::ServiceId&)>;
  void when_free(Successor begin_queued) { begin_queued_ = std::move(begin_queued); }

  // The store says something new about this service: read it again.
  void reload(const model::ServiceId& service);

  // As of the last pass.
  std::vector<InstanceStatus> instances(const model::ServiceId& service) const;
  std::optional<SideTraffic> side_traffic(const model::ServiceId& service) const;
  PoolStanding pool_standing(const model::ServiceId& service) const;
  LoopCounts counts() const;

  // Told at the end of each pass, when what the functions above and the store say is of that pass.
  News& news() { return news_; }

 private:
  // What the world looked like at the beginning of a pass.
  struct World {
    Time now;
    std::map<model::InstanceId, pools::Observed> observed;
    model::Usage usage;
    model::Resources capacity;  // 0 members: not limited, but for GPUs: none
    model::Resources free;
    bool limits_ports = false;  // ports, though: only if the pool says so

    void take(const model::Resources& used);
    rollout::Room room_in(const model::Resources& left) const;
  };

  void run();
  bool is_stale(const model::ServiceId& service) const;
  Time pass();
  World observe();
  Result<void> load(const model::ServiceId& service);
  void reload_stale();

  // One service: as many steps as follow from what is known, then its effects.
  void carry_on(ServiceState& state, World& world);
  void note_strays(ServiceState& state) const;
  rollout::View view_of(const ServiceState& state, const World& world);
  void look_at_sides(ServiceState& state, const World& world, rollout::View& view) const;
  void keep_samples(ServiceState& state, const World& world, const rollout::View& view);
  Result<SampleTask> sample_task(const ServiceState& state, const rollout::View& view);
  rollout::InstanceView instance_view(const ServiceState& state, const World& world,
                                      const model::Instance& instance) const;
  rollout::Decision decide(const ServiceState& state, const rollout::View& view) const;
  enum class Written { nothing, something, refused };
  Written record(ServiceState& state, World& world, const rollout::View& view,
                 const rollout::Decision& decision);
  void act(ServiceState& state, const World& world);
  void ensure_started(ServiceState& state, const model::Instance& instance, Time now);
  void ensure_probed(const ServiceState& state, const model::Instance& instance,
                     const pools::Observed& observed);
  void forget_ended(const ServiceState& state, const World& world);
  void stop_strangers(const World& world);
  bool finish_removal(const ServiceState& state);
  bool begin_report(ServiceState& state, Time now);
  void keep_report(ServiceState& state, Time now);
  std::optional<Time> report_due(const ServiceState& state, Time now) const;
  void complete_report(ServiceState& state);
  void begin_queued(ServiceState& state, Time now);
  void publish(const World& world);
  void save_traffic(Time now);
  void show_instances(const World& world);
  void show_sides();
  void show_pool(const World& world);
  void show_counts(const World& world);

  Result<const model::ConfigEntry*> entry_of(const model::ServiceId& service,
                                             model::RevisionNumber revision, int entry);
  Result<pools::InstanceSpec> spec_of(const model::Instance& instance);
  Result<std::shared_ptr<const model::ModelVersion>> version_of(const model::ModelId& id);
  // Null: it has none.
  static std::shared_ptr<const model::WarmUp> warm_up_of(
      const std::shared_ptr<const model::ModelVersion>& version);
  model::Resources used_by(const model::Instance& instance);

  const ControlOptions options_;
  const ControlParts parts_;
  TrafficBook& traffic_;
  Suspects suspects_;  // the loop's thread only
  Reporter reporter_;
  RouteBook book_;
  const std::string sampler_token_;  // of this serve; the gateway knows it from our tables
  std::unique_ptr<Prober> prober_;
  std::unique_ptr<Sampler> sampler_;
  Successor begin_queued_;

  // The loop's thread only.
  std::map<model::ServiceId, ServiceState> services_;
  // Published ones never change.
  std::map<model::ModelId, std::shared_ptr<const model::ModelVersion>> versions_;
  std::map<std::pair<model::ServiceId, model::RevisionNumber>, model::ServiceConfig> configs_;
  std::set<model::ServiceId> touched_;  // since news were told last
  Time watched_since_;                  // deadlines that passed while nobody watched do not count
  Time traffic_saved_at_;
  model::Generation generation_ = 0;  // of the newest table published
  std::uint64_t passes_ = 0;
  std::uint64_t suspected_ = 0;
  std::uint64_t store_errors_ = 0;

  Mutex order_;  // a decision and an accepted change are written one after the other

  mutable Mutex mutex_;
  ConditionVariable changed_;
  bool woken_ HL_GUARDED_BY(mutex_) = true;
  bool stopping_ HL_GUARDED_BY(mutex_) = false;
  std::set<model::ServiceId> stale_ HL_GUARDED_BY(mutex_);
  std::map<model::ServiceId, std::vector<InstanceStatus>> shown_ HL_GUARDED_BY(mutex_);
  std::map<model::ServiceId, SideTraffic> sides_ HL_GUARDED_BY(mutex_);  // of watched ones
  LoopCounts counts_ HL_GUARDED_BY(mutex_);
  PoolStanding pool_ HL_GUARDED_BY(mutex_);  // but for what services take of it
  std::map<model::ServiceId, std::vector<model::Resources>> pool_used_ HL_GUARDED_BY(mutex_);
  std::map<model::ServiceId, std::vector<model::Resources>> pool_leaving_ HL_GUARDED_BY(mutex_);

  News news_;
  std::thread thread_;
};

}  // namespace hitless::control
