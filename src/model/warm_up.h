// Warm-up requests: what a model version must answer right before it gets traffic.  Values; part
// of a version's Launch, from its package's config.json or from the request that created it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "model/limits.h"

namespace hitless::model {

// A member of the answer.  Numbers in `value`, at any depth, may be off by either tolerance.
struct WarmUpField {
  std::string pointer;  // RFC 6901; empty: the whole answer
  json::value value;
  double absolute = 0;
  double relative = 0;  // of the expected number: 0.05 is 5 %
  friend bool operator==(const WarmUpField&, const WarmUpField&) = default;
};

struct WarmUpRequest {
  std::string method = "GET";
  std::string path = "/";  // and query, as the instance gets it
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::string body_file;  // below the package's model/; empty once `body` was read from it
  int status = 200;
  std::vector<WarmUpField> fields;
  Duration timeout = k_warm_up_timeout;
  friend bool operator==(const WarmUpRequest&, const WarmUpRequest&) = default;
};

using WarmUp = std::vector<WarmUpRequest>;  // sent in this order

// The form that people write and the one that is stored: [{"path": "/predict", "body": …}].
// Reading is strict; the error names the field, "warm_up[1].path".
json::array to_json(const WarmUp& warm_up);
Result<WarmUp> warm_up_from_json(const json::value& value);

// The bodies together are not more than is kept.
Result<void> check_bodies(const WarmUp& warm_up);

// "POST /predict".
std::string name_of(const WarmUpRequest& request);

// What is wrong with an answer, to be put behind name_of(): "answered 500, expected 200",
// "answered 200, but field /score is 0.71, expected 0.9 ± 0.05".  Empty: it is right.
std::string fault_of(const WarmUpRequest& request, int status, std::string_view body);

}  // namespace hitless::model
