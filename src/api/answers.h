// Models, services and what hangs on them as JSON, the way the contract shapes them.  Members
// without a value are left out.  Any thread.
#pragma once

#include "api/call.h"
#include "model/rollout.h"

namespace hitless::api {

// A model as lists show it, and with everything.
json::object to_list_item(const ApiOptions& options, const model::ModelVersion& version);
json::object to_detail(const ApiOptions& options, const model::ModelVersion& version);

// A service as lists show it; reads counters and the rollout under way.
json::object to_summary(const Call& call, const model::Service& service);

// A service with its configuration: the one that is on its way in, else the one that serves.
Checked<json::object> to_detail(const Call& call, const model::Service& service);

// Entries of a revision with their models' names; `instances` adds each entry's status.
json::array entries_to_json(store::Store& store, const std::vector<model::ConfigEntry>& entries,
                            const std::vector<control::InstanceStatus>* instances);

json::object to_json(const control::InstanceStatus& status);

// rollout_answers.cc
json::object rollout_to_json(const model::Rollout& rollout);  // a row of a list
// With plan and report.
json::object rollout_to_detailed_json(store::Store& store, const model::Rollout& rollout);

// The same with what there is to see of it now.  `instances`: the service's.
using Instances = std::vector<control::InstanceStatus>;
json::object rollout_to_live_json(const model::Rollout& rollout, const Instances& instances,
                                  const std::optional<control::SideTraffic>& traffic);
json::object rollout_to_whole_json(store::Store& store, const model::Rollout& rollout,
                                   const Instances& instances);

}  // namespace hitless::api
