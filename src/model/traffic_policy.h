// What a service's traffic may be, and how it keeps to its instances.  Class "route": a change of
// it touches no instance and holds as soon as the gateway has adopted the table.  Values; hitless's
// own addition to the contract (docs/operating/traffic.md).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "model/limits.h"

namespace hitless::model {

// So many requests in so many seconds, and so many at once after a pause.
struct RateLimit {
  std::int64_t requests = 0;  // 0: no limit
  std::int64_t seconds = 1;
  std::int64_t burst = 0;  // 0 when there is no limit
  bool is_set() const { return requests > 0; }
  friend bool operator==(const RateLimit&, const RateLimit&) = default;
};

// Requests that carry the same value go to the same instance, for as long as it is there and the
// weights leave them where they are.
struct Sticky {
  enum class By { none, header, cookie };
  By by = By::none;
  std::string name;  // of the header or cookie; empty with `none`
  friend bool operator==(const Sticky&, const Sticky&) = default;
};

// An instance that failed to answer so many times in a row gets no request for a while.
struct CircuitBreaker {
  std::int64_t failures = 0;  // 0: there is none
  Duration open = std::chrono::seconds(5);
  bool is_set() const { return failures > 0; }
  friend bool operator==(const CircuitBreaker&, const CircuitBreaker&) = default;
};

struct TrafficPolicy {
  RateLimit rate;
  std::int64_t concurrency = 0;  // requests in progress at once; 0: no limit
  Sticky sticky;
  CircuitBreaker breaker;
  // A stream's own drain budget: so long may it go on where nothing new goes any more, on an
  // instance that is taken out or in a gateway that another one replaces.
  Duration stream_drain = k_stream_drain;
  friend bool operator==(const TrafficPolicy&, const TrafficPolicy&) = default;
};

// The wire's form, the store's and the control link's: what is not set is not in it.  Reading is
// strict, because users write it: an unknown member or a value outside its range is invalid, and
// the text names the field.
json::value to_json(const TrafficPolicy& policy);
Result<TrafficPolicy> traffic_policy_from_json(const json::value& value);
// The member `name`; none where it is absent, as in what was written before there was any.
Result<TrafficPolicy> find_traffic(const json::object& from, std::string_view name);

// One line each, for plans: the field below traffic_policy, and its value as text ("" when not
// set).
struct TrafficField {
  std::string name;
  std::string text;
};
std::vector<TrafficField> fields_of(const TrafficPolicy& policy);

}  // namespace hitless::model
