// The logs of instances that are forgotten, for as long as somebody may want to know why.
//
// Folder <instances>/.kept/<id>/.  Owned by the pool; one thread at a time (the pool's mutex).
#pragma once

#include <filesystem>
#include <string>

#include "base/clock.h"
#include "pools/instance_folder.h"

namespace hitless::pools {

class KeptLogs {
 public:
  KeptLogs(std::filesystem::path folder, Duration keep) : folder_(std::move(folder)), keep_(keep) {}

  // Takes the logs out of an instance's folder.
  Result<void> take(const InstanceFolder& from) const;

  // Where that instance's logs are, kept or not.
  InstanceFolder at(const std::string& id) const { return {folder_ / id}; }

  void remove_old(Time now) const;

 private:
  std::filesystem::path folder_;
  Duration keep_;
};

}  // namespace hitless::pools
