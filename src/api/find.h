// Look-ups that more than one handler needs.  Any thread.
#pragma once

#include "api/call.h"

namespace hitless::api {

// The service that the path names; service_unknown when there is none.
Checked<model::Service> find_service(const Call& call);
Failure unknown_service(const std::string& id);

}  // namespace hitless::api
