// The process pool's world: a state directory and a package with the test program.
#pragma once

#include <set>

#include "base/file.h"
#include "pools/process_pool.h"
#include "tests/conformance/pool_world.h"

namespace hitless::pools {

class ProcessWorld final : public PoolWorld {
 public:
  ProcessWorld();

  Result<std::unique_ptr<PoolDriver>> open(std::function<void()> on_change) override;
  InstanceSpec spec(const std::string& id, std::vector<std::string> flags) override;
  std::vector<std::string> leftovers() override;

  const std::filesystem::path& root() const { return folder_.path(); }
  std::filesystem::path package() const { return root() / "package"; }
  ProcessPoolOptions& options() { return options_; }

 private:
  TemporaryDirectory folder_;
  ProcessPoolOptions options_;
  std::set<pid_t> of_earlier_drivers_;  // children, when the present driver was opened
};

}  // namespace hitless::pools
