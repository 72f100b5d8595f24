// Members of a service that never change once they are set (class "refuse").  Any thread.
#pragma once

#include "api/call.h"

namespace hitless::api {

// Clients send back what they read: the same value is no change.
Checked<void> check_fixed(const model::Service& service, const json::object& body);

}  // namespace hitless::api
