// Where the engines of ours lie, and how an instance of a model version is started with them.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "model/instance.h"
#include "model/model_version.h"
#include "model/service.h"
#include "pools/driver.h"

namespace hitless::control {

// Copies of our engines inside the state directory, so that a user without rights on the build or
// the installation can run them, and so that an upgrade of hitless does not change them under a
// running instance.
struct EngineKit {
  std::filesystem::path onnx;  // hitless-onnx, with its runtime library beside it; empty: none
};

// Installs the engines found in `from` under <state>/engines/<digest>/.  What is not found stays
// empty: a model that needs it says so.
Result<EngineKit> install_engines(const std::filesystem::path& from,
                                  const std::filesystem::path& state);

// The argv, variables and limits of one instance.  unsupported: the engine is not installed.
Result<pools::InstanceSpec> instance_spec(const model::Instance& instance,
                                          const model::ConfigEntry& entry,
                                          const model::ModelVersion& version,
                                          const std::filesystem::path& package,
                                          const EngineKit& engines);

// How many TCP ports an instance takes: none when it listens on a Unix socket and names no port.
std::int64_t ports_of(const model::ConfigEntry& entry, const model::ModelVersion& version);

}  // namespace hitless::control
