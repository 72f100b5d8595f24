// Rollouts and services as streams of events.
#include "api/answers.h"
#include "api/feed.h"
#include "api/find.h"
#include "api/handlers.h"
#include "api/limits.h"

namespace hitless::api {
namespace {

// Nothing more is to come once the report has its traffic after the change.
Time whole_at(const model::Rollout& rollout) {
  const model::Report& report = rollout.report;
  const Time ended = rollout.ended_at.value_or(rollout.phase_at);
  const bool superseded = rollout.phase == model::Phase::superseded;
  if (report.after || (superseded && report.during)) return ended;
  const auto requests = [](const std::optional<model::Window>& window) {
    return window ? window->outcomes.requests : 0;
  };
  // While a service changes requests may wait in the gateway, and are counted only after it.
  const bool quiet = rollout.plan.kind != model::RolloutKind::update &&
                     requests(report.before) + requests(report.during) == 0;
  return ended + (quiet ? k_quiet_report_wait : k_report_wait);
}

Result<Told> look_at_rollout(store::Store& store, control::Port& port, const model::RolloutId& id,
                             Time now) {
  HL_TRY_ASSIGN(const model::Rollout rollout, store.find_rollout(id));
  // A removed service has none any more; its rollout is still told.
  const auto found = port.instances(rollout.service);
  const Instances instances = found ? *found : Instances();
  Told told;
  told.state = rollout_to_live_json(rollout, instances, port.side_traffic(rollout.service));
  told.moment["at"] = to_millis(now);
  if (is_terminal(rollout.phase)) {
    const Time whole = whole_at(rollout);
    if (whole <= now) told.end = rollout_to_whole_json(store, rollout, instances);
    told.again = std::max(Duration(1), whole - now);
  } else if (const auto& predicted = rollout.plan.forecast.predicted) {
    const Duration left = rollout.created_at + *predicted - now;
    told.moment["predicted_left_us"] = std::max<std::int64_t>(0, left.count());
    const Duration most = left + rollout.plan.forecast.proof;
    told.moment["predicted_left_most_us"] = std::max<std::int64_t>(0, most.count());
  }
  return told;
}

// Of one service: which rollout is its newest.  Reading all of them is for when the service's
// record says that there may be another.
class ServiceLook {
 public:
  ServiceLook(store::Store& store, model::ServiceId id) : store_(store), id_(std::move(id)) {}

  Result<Told> operator()(Time now) {
    Result<model::Service> service = store_.find_service(id_);
    Told told;
    told.moment["at"] = to_millis(now);
    if (!service) {
      if (service.error().code() != Code::not_found || told_.empty()) return service.error();
      told.state = told_;
      told.end = json::object{{"service_id", id_.text()}, {"removed", true}};
      return told;
    }
    json::object state{{"service_id", id_.text()},
                       {"service_name", service->name},
                       {"status", model::to_text(service->status)},
                       {"progress", service->progress},
                       {"revision", service->revision},
                       {"update_time", to_millis(service->update_time)},
                       {"transition_at", to_millis(service->transition_at)}};
    if (service->queued != 0) state["queued_revision"] = service->queued;
    if (!service->rollout.empty()) state["rollout_id"] = service->rollout.text();
    if (state != state_) {
      HL_TRY_ASSIGN(const auto newest, store_.newest_rollout(id_));
      newest_ = newest ? newest->id : model::RolloutId();
      state_ = state;
    }
    if (!newest_.empty()) {
      HL_TRY_ASSIGN(const model::Rollout rollout, store_.find_rollout(newest_));
      state["rollout"] = rollout_to_json(rollout);
    }
    told.state = told_ = std::move(state);
    return told;
  }

 private:
  store::Store& store_;
  const model::ServiceId id_;
  json::object state_;  // of the record alone
  json::object told_;
  model::RolloutId newest_;
};

}  // namespace

Reply stream_rollout(const Call& call) {
  HL_TRY_ASSIGN(const auto rollout, find_rollout(call));
  return stream_of(call.feeds.find_or_make("rollout/" + rollout.id.text(), [&] {
    return std::make_shared<Feed>(call.port, rollout.service,
                                  [&store = call.store, &port = call.port, id = rollout.id](
                                      Time now) { return look_at_rollout(store, port, id, now); });
  }));
}

Reply stream_service(const Call& call) {
  HL_TRY_ASSIGN(const model::Service service, find_service(call));
  return stream_of(call.feeds.find_or_make("service/" + service.id.text(), [&] {
    auto look = std::make_shared<ServiceLook>(call.store, service.id);
    return std::make_shared<Feed>(call.port, service.id, [look](Time now) { return (*look)(now); });
  }));
}

}  // namespace hitless::api
