#include "pools/driver.h"

#include <algorithm>

namespace hitless::pools {
namespace {

bool mentions(const InstanceSpec& spec, std::string_view placeholder) {
  const auto has = [placeholder](const std::string& text) {
    return text.find(placeholder) != std::string::npos;
  };
  return std::any_of(spec.command.begin(), spec.command.end(), has) ||
         std::any_of(spec.envs.begin(), spec.envs.end(),
                     [&](const auto& entry) { return has(entry.second); });
}

}  // namespace

bool wants_port(const InstanceSpec& spec) {
  return !spec.listens_on_unix || mentions(spec, "{port}");
}

}  // namespace hitless::pools
