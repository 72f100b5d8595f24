// Which service the client calls, and with what token.
#pragma once

#include <string>

#include "base/address.h"
#include "base/result.h"

namespace hitless::vad {

struct Target {
  Address to;
  std::string host;
  std::string path;
  std::string token;
};

// `url` is the service's call address; `socket`, unless empty, a Unix socket to connect to instead
// of its host; `token_file`, unless empty, holds what X-Auth-Token says.
Result<Target> find_target(const std::string& url, const std::string& socket,
                           const std::string& token_file);

}  // namespace hitless::vad
