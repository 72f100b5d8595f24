// The forms of a request's target other than "/path?query" (RFC 9112 section 3.2).
//
// Pure; any thread.  For http1.cc only.
#pragma once

#include <string_view>

namespace hitless::net::http1 {

// Whether a request with this method may have this target, which does not begin with '/': an
// absolute http or https address with a host and without a user, "host:port" for CONNECT, or "*"
// for OPTIONS.
bool is_other_target(std::string_view method, std::string_view target);

}  // namespace hitless::net::http1
