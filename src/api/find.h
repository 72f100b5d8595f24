// Look-ups that more than one handler needs.  Any thread.
#pragma once

#include "api/call.h"
#include "model/rollout.h"

namespace hitless::api {

// The service that the path names; service_unknown when there is none.
Checked<model::Service> find_service(const Call& call);
Failure unknown_service(const std::string& id);

// The rollout that the path names, by itself or of the service that it names too.
Checked<model::Rollout> find_rollout(const Call& call);

}  // namespace hitless::api
