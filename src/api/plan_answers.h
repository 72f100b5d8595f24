// Plans as JSON, and what of a request belongs to them.  Any thread.
#pragma once

#include "api/call.h"
#include "model/plan.h"

namespace hitless::api {

json::object plan_to_json(const model::Plan& plan);

// Instances that it starts and stops, and those that stay.
struct InstancesTouched {
  int started = 0;
  int stopped = 0;
  int kept = 0;
};
InstancesTouched instances_touched(const model::Plan& plan);

// The same for whoever asked for it: with models by their names beside their ids.  `update` is
// what was planned.
json::object shown_plan(const Call& call, const model::Plan& plan,
                        const control::ServiceUpdate& update);

// The same of a plan that was accepted, whose revisions are recorded.
json::object accepted_plan(store::Store& store, const model::Plan& plan);

// What is done, one sentence each, in order.
std::vector<std::string> sentences_of(const model::Plan& plan);

// The hash of a plan that shall be applied: the header X-Hitless-Plan, or the body's plan_hash.
Checked<std::optional<std::string>> wanted_plan(const Call& call, const json::object& body);

// rollout_policy of a body.
Checked<std::optional<model::RolloutPolicy>> read_policy(const json::object& body);

// Of traffic_policy, the same.
Checked<std::optional<model::TrafficPolicy>> read_traffic(const json::object& body);

}  // namespace hitless::api
