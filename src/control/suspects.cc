#include "control/suspects.h"

namespace hitless::control {

std::vector<model::InstanceId> Suspects::take(const model::Usage& usage) {
  std::vector<model::InstanceId> found;
  const bool is_known = usage.gateway == gateway_;
  std::map<model::InstanceId, std::uint64_t> counted;
  for (const model::InstanceUsage& instance : usage.instances) {
    const auto before = counted_.find(instance.instance);
    const std::uint64_t known = before == counted_.end() ? 0 : before->second;
    if (is_known && instance.connect_failures > known) found.push_back(instance.instance);
    counted.emplace(instance.instance, instance.connect_failures);
  }
  gateway_ = usage.gateway;
  counted_ = std::move(counted);
  return found;
}

}  // namespace hitless::control
