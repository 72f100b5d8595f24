#include <algorithm>

#include "api/answers.h"
#include "api/plan_answers.h"

namespace hitless::api {
namespace {

// Whole answers of class 2xx and 3xx.  One that was cut had such a status, mostly.
std::uint64_t ok_of(const model::Outcomes& outcomes) {
  const std::uint64_t answered = outcomes.by_class[2] + outcomes.by_class[3];
  return answered - std::min(answered, outcomes.cut);
}

json::object outcomes_to_json(const model::Outcomes& outcomes) {
  json::array by_class;
  for (const std::uint64_t count : outcomes.by_class) by_class.push_back(count);
  return {{"requests", outcomes.requests},
          {"ok", ok_of(outcomes)},
          {"failed", outcomes.failed},
          {"retried", outcomes.retried},
          {"held", outcomes.held},
          {"held_longest_us", outcomes.held_longest_us},
          {"streams", outcomes.streams},
          {"parted", outcomes.parted},
          {"cut", outcomes.cut},
          {"client_gone", outcomes.client_gone},
          {"client_stalled", outcomes.client_stalled},
          {"by_class", std::move(by_class)},
          {"p50_us", outcomes.latency.percentile(0.5)},
          {"p99_us", outcomes.latency.percentile(0.99)},
          {"first_byte_p50_us", outcomes.first_byte.percentile(0.5)},
          {"first_byte_p99_us", outcomes.first_byte.percentile(0.99)}};
}

json::object window_to_json(const model::Window& window) {
  json::object out = outcomes_to_json(window.outcomes);
  out["begin"] = to_millis(window.begin);
  out["end"] = to_millis(window.end);
  return out;
}

// Each phase with its time; the last one lasts until the rollout's end.
json::array phases_to_json(const model::Rollout& rollout) {
  json::array out;
  const auto& phases = rollout.report.phases;
  for (std::size_t i = 0; i < phases.size(); ++i) {
    json::object row{{"phase", model::to_text(phases[i].phase)},
                     {"begin", to_millis(phases[i].begin)}};
    const std::optional<Time> end =
        i + 1 < phases.size() ? std::optional(phases[i + 1].begin) : rollout.ended_at;
    if (end && !is_terminal(phases[i].phase)) {
      row["duration_us"] = (*end - phases[i].begin).count();
    }
    out.push_back(std::move(row));
  }
  return out;
}

json::array timeline_to_json(const model::Report& report) {
  json::array out;
  for (const model::InstanceTimes& each : report.instances) {
    json::object row{{"instance_id", each.instance.text()}, {"revision", each.revision}};
    const auto add = [&row](const char* name, const std::optional<Time>& at) {
      if (at) row[name] = to_millis(*at);
    };
    add("started_at", each.started);
    add("ready_at", each.ready);
    add("routed_at", each.routed);
    add("drain_begun_at", each.drain_begun);
    add("told_to_stop_at", each.told_to_stop);
    add("gone_at", each.gone);
    if (!each.ending.empty()) row["ending"] = each.ending;
    out.push_back(std::move(row));
  }
  return out;
}

// The step under way, how long it has its weight, and what users have ordered.
void add_course(json::object& out, const model::Rollout& rollout) {
  if (!rollout.who.empty()) out["who"] = rollout.who;
  if (!rollout.plan.steps.empty()) {
    out["step"] = rollout.step;
    out["steps"] = rollout.plan.steps.size();
  }
  if (rollout.baking_at) {
    out["baking_since"] = to_millis(*rollout.baking_at);
    const auto step = static_cast<std::size_t>(rollout.step);
    if (step < rollout.plan.steps.size()) {
      // A pause under way moves it on as it goes, which would make each answer another one.
      const Time running =
          model::running_from(rollout.orders, *rollout.baking_at,
                              rollout.orders.paused_at ? *rollout.orders.paused_at : Time::max());
      out["baking_until"] = to_millis(running + rollout.plan.steps[step].bake);
    }
  }
  const model::Orders& orders = rollout.orders;
  out["paused"] = orders.paused_at.has_value();
  if (orders.paused_at) out["paused_at"] = to_millis(*orders.paused_at);
  if (!orders.abort.empty()) out["abort"] = orders.abort;
  if (orders.skip > 0) out["skipped_steps"] = orders.skip;
}

json::object report_to_json(const model::Rollout& rollout) {
  const model::Report& report = rollout.report;
  json::object out{{"instances_started", report.instances_started},
                   {"instances_failed", report.instances_failed},
                   {"ready_to_routed_us", report.ready_to_routed_us},
                   {"drain_to_stop_us", report.drain_to_stop_us},
                   {"start_to_ready_us", report.start_to_ready_us},
                   {"phases", phases_to_json(rollout)},
                   {"instances", timeline_to_json(report)}};
  if (report.before) out["before"] = window_to_json(*report.before);
  if (report.during) out["during"] = window_to_json(*report.during);
  if (report.after) out["after"] = window_to_json(*report.after);
  return out;
}

// How far a rollout is: of all instances that it starts and stops, those that are.
int percent_of(const model::Rollout& rollout, const Instances& instances) {
  if (is_terminal(rollout.phase)) return 100;
  const InstancesTouched touched = instances_touched(rollout.plan);
  const int wanted = touched.started + touched.stopped;
  if (wanted == 0) return 0;
  int done = touched.stopped;
  int older = 0;
  for (const control::InstanceStatus& each : instances) {
    if (each.instance.rollout == rollout.id) {
      done += each.state == "routed" ? 1 : 0;
    } else {
      older += each.instance.stage != model::Stage::gone ? 1 : 0;
    }
  }
  done -= std::max(0, older - touched.kept);
  return std::clamp(done * 100 / wanted, 0, 99);
}

// Those that live, and those of this rollout that do not any more.
json::array shown_instances(const model::Rollout& rollout, const Instances& instances) {
  json::array out;
  for (const control::InstanceStatus& each : instances) {
    const bool lives = each.instance.stage != model::Stage::gone;
    if (lives || each.instance.rollout == rollout.id) out.push_back(to_json(each));
  }
  return out;
}

}  // namespace

json::object rollout_to_json(const model::Rollout& rollout) {
  json::object out{{"rollout_id", rollout.id.text()},
                   {"service_id", rollout.service.text()},
                   {"kind", model::to_text(rollout.plan.kind)},
                   {"phase", model::to_text(rollout.phase)},
                   {"ended", is_terminal(rollout.phase)},
                   {"why", rollout.why},
                   {"from_revision", rollout.plan.from},
                   {"to_revision", rollout.plan.to},
                   {"created_at", to_millis(rollout.created_at)},
                   {"phase_at", to_millis(rollout.phase_at)},
                   {"progress_at", to_millis(rollout.progress_at)}};
  add_course(out, rollout);
  if (!rollout.reason.empty()) out["reason"] = rollout.reason;
  if (rollout.ended_at) out["ended_at"] = to_millis(*rollout.ended_at);
  return out;
}

json::object rollout_to_detailed_json(store::Store& store, const model::Rollout& rollout) {
  json::object out = rollout_to_json(rollout);
  out["plan"] = accepted_plan(store, rollout.plan);
  out["report"] = report_to_json(rollout);
  if (rollout.evidence) out["evidence"] = model::to_json(*rollout.evidence);
  json::array earlier;
  for (const model::Evidence& each : rollout.earlier) earlier.push_back(model::to_json(each));
  if (!earlier.empty()) out["earlier_evidence"] = std::move(earlier);
  return out;
}

json::object rollout_to_live_json(const model::Rollout& rollout, const Instances& instances,
                                  const std::optional<control::SideTraffic>& traffic) {
  json::object out = rollout_to_json(rollout);
  out["percent"] = percent_of(rollout, instances);
  out["phases"] = phases_to_json(rollout);
  std::uint64_t in_flight = 0;
  for (const control::InstanceStatus& each : instances) in_flight += each.in_flight;
  out["in_flight"] = in_flight;
  out["instances"] = shown_instances(rollout, instances);
  if (traffic) {
    out["traffic"] = json::object{{"old", outcomes_to_json(traffic->old_side)},
                                  {"new", outcomes_to_json(traffic->new_side)}};
  }
  return out;
}

json::object rollout_to_whole_json(store::Store& store, const model::Rollout& rollout,
                                   const Instances& instances) {
  json::object out = rollout_to_detailed_json(store, rollout);
  out["percent"] = percent_of(rollout, instances);
  out["instances"] = shown_instances(rollout, instances);
  return out;
}

}  // namespace hitless::api
