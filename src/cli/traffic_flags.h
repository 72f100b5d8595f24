// Flags that say what a service lets in and where its sessions go (traffic_policy), and how that
// is shown.  The rest is pure.
#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"

namespace CLI {
class App;
}

namespace hitless::cli {

// What the flags said; empty means "as it is", "none" takes a member back.
struct TrafficFlags {
  std::string rate_limit;         // "100", "100/s", "10/60s", "100/s:200" with a burst
  std::string concurrency_limit;  // "32"
  std::string sticky;             // "header:X-Session", "cookie:sid"
  std::string circuit_breaker;    // "5", "5:10s"
  std::string stream_drain;       // "90s", "2h"
};

void add_traffic_flags(CLI::App& command, TrafficFlags& flags);

// Puts traffic_policy into the body if a flag asks for it.  It is sent whole, so it starts from the
// body's own, else from the one that `service` has.
Result<void> apply_traffic(const TrafficFlags& flags, const json::object& service,
                           json::object& body);

// "rate limit 10 in 60 s, burst 20; sticky cookie sid"; empty: nothing is set.
std::string traffic_text(const json::object& service);
// "7 by its rate limit, 2 by its concurrency limit"; empty: none was.
std::string refused_text(const json::object& service);

}  // namespace hitless::cli
