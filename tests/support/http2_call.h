// The head of a request to the fixture's service, as an HTTP/2 client sends it.
#pragma once

#include <string>

#include "tests/support/gateway_fixture.h"
#include "tests/support/http2_peer.h"

namespace hitless::testing {

inline Http2Fields call(const std::string& method = "POST", const std::string& path = "/",
                        const Http2Fields& more = {}) {
  Http2Fields fields = {{":method", method},
                        {":scheme", "http"},
                        {":authority", "test"},
                        {":path", "/v1/infers/" + std::string(k_service) + path},
                        {"x-auth-token", k_token}};
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

}  // namespace hitless::testing
