// Changes turns what a user asks for into a plan and an accepted change: Port's writing half.
//
// Owner: Control.  Any thread.
#pragma once

#include <optional>

#include "control/loop.h"
#include "control/plan_memory.h"
#include "control/port.h"
#include "rollout/plan.h"

namespace hitless::control {

class Changes {
 public:
  Changes(store::Store& store, Loop& loop, const Clock& clock)
      : store_(store), loop_(loop), clock_(clock) {}

  Result<model::ServiceId> create(NewService service);
  Result<model::Plan> plan(const model::ServiceId& id, const ServiceUpdate& update);
  Result<std::optional<UnderWay>> under_way(const model::ServiceId& id);
  // With a hash: conflict unless the plan as of now has it.  Planning, comparing and accepting are
  // one step: whatever changes the service in between makes the store refuse.
  Result<void> update(const model::ServiceId& id, const ServiceUpdate& update,
                      const std::optional<std::string>& plan_hash);
  Result<model::Plan> plan_start(const model::ServiceId& id);
  Result<void> start(const model::ServiceId& id, const std::string& who,
                     const std::optional<std::string>& plan_hash);
  Result<model::Plan> plan_stop(const model::ServiceId& id);
  Result<void> stop(const model::ServiceId& id, const std::string& who,
                    const std::optional<std::string>& plan_hash);
  Result<void> remove(const model::ServiceId& id, const std::string& who);
  Result<void> rollback(const Rollback& asked);

  // Begins the change that waits, if nothing is under way any more.  One that cannot be carried
  // out is dropped, and an event says why.
  Result<void> begin_queued(const model::ServiceId& id);

 private:
  // A service as it stands, with the rollout under way if there is one.
  struct Standing {
    model::Service service;
    std::optional<model::Rollout> under_way;
    model::RevisionNumber serving = 0;      // what a new plan starts from; 0: nothing serves
    std::vector<rollout::Present> present;  // while one is under way

    bool rests() const;  // stopped: a change is kept for the next start
  };
  struct Draft {
    model::RolloutKind kind = model::RolloutKind::update;
    std::optional<model::Revision> to;
    bool is_new_revision = false;
    bool notes_only = false;  // nothing of the configuration changes
    bool keeps = false;       // the service rests: `to` is for its next start
    std::vector<model::Change> notes{};
    std::optional<std::string> plan_hash{};        // accept exactly this plan
    std::string who{};                             // asks for it
    model::RevisionNumber back_to = 0;             // of a rollback: configured as this one
    std::optional<model::RolloutPolicy> policy{};  // instead of the revision's own
  };

  Result<Standing> read(const model::ServiceId& id);
  Result<Draft> draft_start(const Standing& standing);
  static Result<Draft> draft_stop(const Standing& standing);
  Result<model::Plan> remembered(const Standing& standing, const Draft& draft);
  Result<Draft> draft_update(const Standing& standing, const ServiceUpdate& update);
  Result<model::Plan> plan_draft(const Standing& standing, const Draft& draft);
  Result<void> count_ports(model::ServiceConfig& config);
  Result<model::Plan> plan_in_pool(rollout::PlanInput input);
  Result<void> check_hash(const Draft& draft, const model::Plan& plan) const;
  Result<void> accept(const Standing& standing, const Draft& draft, model::Service after);
  Result<model::Overlap> overlap_of(const Standing& standing);
  Result<void> enqueue(const Standing& standing, const Draft& draft, model::Service after);
  Result<model::Revision> rollback_target(const Standing& standing, const Rollback& asked);
  Result<void> check_differs(const Standing& standing, const model::Revision& target);
  Result<void> check_target(const Standing& standing, const model::Revision& target);
  Result<void> keep_without_rollout(const Standing& standing, const Draft& draft,
                                    model::Service after);
  Result<void> check_models(const model::ServiceConfig& config);

  store::Store& store_;
  Loop& loop_;
  const Clock& clock_;
  PlanMemory memory_;
};

}  // namespace hitless::control
