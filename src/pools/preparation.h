// Turns an InstanceSpec into the record that a shim runs from: address, port, user, environment,
// placeholders.  Pure but for looking at folders' modes.
#pragma once

#include <optional>

#include "pools/driver.h"
#include "pools/instance_folder.h"

namespace hitless::pools {

// What the pool chose for this instance.
struct Choices {
  std::uint16_t port = 0;
  std::optional<std::vector<int>> gpus;  // none: the pool does not manage them
  std::optional<uid_t> user;
  bool cgroups = false;
  std::size_t log_bytes_max = 0;
};

// Errors: what keeps it from even being tried.
Result<void> check_spec(const InstanceSpec& spec, const InstanceFolder& folder);

RunRecord prepare(const InstanceSpec& spec, const InstanceFolder& folder, const Choices& choices);

}  // namespace hitless::pools
