// Who may call, until identity comes: over a Unix socket root and the user that serve runs as,
// over TCP whoever sends the state directory's token.
#pragma once

#include <string>

#include "api/api.h"
#include "api/errors.h"

namespace hitless::api {

Checked<void> check_caller(const ApiOptions& options, const net::HttpRequest& request,
                           const net::HttpPeer& peer);

// Whom rollouts name as who asked for them: the user's name over a Unix socket, else "token".
std::string caller_name(const net::HttpPeer& peer);

}  // namespace hitless::api
