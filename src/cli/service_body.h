// Bodies of service create and update, from flags and from what serves now.  Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"

namespace hitless::cli {

// What the flags said; absent means "as it is", or the API's default.
struct ServiceFlags {
  std::string model_id;  // already looked up
  std::optional<int> weight;
  std::optional<int> count;
  std::string specification;
  std::vector<std::string> envs;  // "K=V"; "K=" sets it empty
  std::optional<double> max_surge;
  std::optional<double> max_unavailable;
  std::optional<int> deploy_timeout_seconds;
  std::optional<int> grace_seconds;
  std::optional<std::string> description;
  std::string balance;  // load_balancer_policy
};

// `base` is the content of --file, or empty; flags win.
Result<json::object> create_body(const std::string& name, json::object base,
                                 const ServiceFlags& flags);

// `service` is what GET answers.  --model alone: that version serves alone.  --model with
// --weight: it gets that share, the others share the rest as they did.  Everything else applies
// to the entry of --model, or to all entries.
Result<json::object> update_body(const json::object& service, json::object base,
                                 const ServiceFlags& flags);

}  // namespace hitless::cli
