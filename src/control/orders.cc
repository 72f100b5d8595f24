#include "control/orders.h"

#include <fmt/format.h>

#include <algorithm>

namespace hitless::control {
namespace {

using model::Phase;
using model::RolloutKind;

Error refused(const model::Rollout& rollout, std::string_view what) {
  return Error(Code::conflict, fmt::format("rollout {} {}", rollout.id.text(), what));
}

// ": because", or nothing.
std::string behind_colon(const std::string& reason) {
  return reason.empty() ? std::string() : ": " + reason;
}

std::string by(const std::string& who) {
  return who.empty() ? std::string() : " by " + who;
}

Result<void> pause(model::Rollout& rollout, Time now) {
  if (rollout.orders.paused_at) return refused(rollout, "is paused already");
  if (rollout.phase == Phase::rolling_back || !rollout.orders.abort.empty()) {
    return refused(rollout, "is on its way back, which is not paused");
  }
  rollout.orders.paused_at = now;
  return {};
}

Result<void> resume(model::Rollout& rollout, Time now) {
  if (!rollout.orders.paused_at) {
    return refused(rollout, fmt::format("is not paused: it is {}", to_text(rollout.phase)));
  }
  model::end_pause(rollout.orders, now);
  return {};
}

Result<void> abort(model::Rollout& rollout, const RolloutOrder& order, Time now) {
  if (rollout.phase == Phase::rolling_back || !rollout.orders.abort.empty()) {
    return refused(rollout, "is on its way back already");
  }
  if (rollout.plan.kind == RolloutKind::stop) {
    return refused(rollout, "stops the service: it cannot be aborted, start the service again");
  }
  if (rollout.plan.kind == RolloutKind::remove) {
    return refused(rollout, "deletes the service: it cannot be aborted");
  }
  model::end_pause(rollout.orders, now);
  rollout.orders.abort = "aborted" + by(order.who) + behind_colon(order.reason);
  return {};
}

Result<void> skip(model::Rollout& rollout) {
  if (rollout.phase != Phase::baking) {
    return refused(rollout, fmt::format("has no bake to skip: it is {}", to_text(rollout.phase)));
  }
  rollout.orders.skip = rollout.step + 1;
  return {};
}

Result<void> put(model::Rollout& rollout, const RolloutOrder& order, Time now) {
  switch (order.order) {
    case Order::pause: return pause(rollout, now);
    case Order::resume: return resume(rollout, now);
    case Order::abort: return abort(rollout, order, now);
    case Order::skip: return skip(rollout);
  }
  return {};
}

struct Told {
  const char* key;
  const char* done;
};

Told told(Order order) {
  switch (order) {
    case Order::pause: return {"update-paused", "paused"};
    case Order::resume: return {"update-resumed", "resumed"};
    case Order::abort: return {"update-aborted", "aborted"};
    case Order::skip: return {"bake-skipped", "sent past its bake"};
  }
  return {"", ""};
}

}  // namespace

Result<model::Event> obey(model::Rollout& rollout, const RolloutOrder& order, Time now) {
  if (model::is_terminal(rollout.phase)) {
    return refused(rollout, fmt::format("has ended: it is {}", to_text(rollout.phase)));
  }
  HL_TRY(put(rollout, order, now));
  const Told words = told(order.order);
  return model::Event{.subject = rollout.service.text(),
                      .type = model::EventType::normal,
                      .key = words.key,
                      .text = fmt::format("{} {}{}{}", to_text(rollout.plan.kind), words.done,
                                          by(order.who), behind_colon(order.reason)),
                      .at = now};
}

Result<void> supersede(model::Rollout& rollout, model::Rollout& next, Time now) {
  if (model::is_terminal(rollout.phase)) {
    return refused(rollout, fmt::format("has ended meanwhile, it is {}: look at the service again",
                                        to_text(rollout.phase)));
  }
  const std::string what = next.plan.to != 0 ? fmt::format("revision {}", next.plan.to)
                                             : fmt::format("a {}", to_text(next.plan.kind));
  next.orders = model::handed_on(rollout.orders, now);
  rollout.phase = Phase::superseded;
  rollout.why = "superseded by " + what + (next.who.empty() ? "" : ", " + next.who);
  for (model::InstanceTimes& line : rollout.report.instances) {
    if (!line.gone && line.ending.empty()) line.ending = "left to rollout " + next.id.text();
  }
  rollout.phase_at = now;
  rollout.ended_at = now;
  rollout.report.phases.push_back({.phase = Phase::superseded, .begin = now});
  return {};
}

std::vector<std::string> uses_of(model::RevisionNumber revision, const RevisionStanding& standing) {
  std::vector<std::string> uses;
  const model::Service& service = standing.service;
  if (standing.under_way && !model::is_terminal(standing.under_way->phase)) {
    const model::Plan& plan = standing.under_way->plan;
    const std::string& id = standing.under_way->id.text();
    if (plan.from == revision) uses.push_back(fmt::format("rollout {} goes back to it", id));
    if (plan.to == revision) uses.push_back(fmt::format("rollout {} leads to it", id));
  }
  if (service.revision == revision && service.rollout.empty()) {
    const bool serves = service.status == model::ServiceStatus::running ||
                        service.status == model::ServiceStatus::concerning;
    uses.push_back(serves ? "it serves" : "it is kept for the next start");
  }
  if (service.queued == revision) uses.push_back("it waits for the rollout under way");
  const auto running = std::count_if(
      standing.instances.begin(), standing.instances.end(), [&](const model::Instance& each) {
        return each.revision == revision && each.stage != model::Stage::gone;
      });
  if (running > 0) uses.push_back(fmt::format("instances of it run: {}", running));
  if (standing.back == revision) uses.push_back("a rollback goes to it");
  if (standing.newest == revision) uses.push_back("it is the newest");
  return uses;
}

}  // namespace hitless::control
