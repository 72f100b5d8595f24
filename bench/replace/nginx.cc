#include <fmt/format.h>
#include <signal.h>

#include "bench/gateway/peers.h"
#include "bench/replace/recipe.h"

namespace hitless::bench {
namespace {

namespace fs = std::filesystem;

constexpr const char* k_config = "nginx.conf";

std::map<std::string, std::string> values(const Routed& routed, const fs::path& folder) {
  std::string servers;
  for (const tests::LeavingInstance* each : routed) {
    servers += fmt::format("server {} max_fails=0;\n    ", to_text(each->address()));
  }
  return {{"folder", folder}, {"user", user_name()}, {"servers", servers}};
}

class Nginx final : public Recipe {
 public:
  Nginx(const Routed& routed, const fs::path& folder)
      : folder_(folder),
        process_({peer_program("nginx"), "-e", "stderr", "-p", folder.string() + "/", "-c",
                  folder / k_config},
                 folder, k_config, values(routed, folder)) {}

  const Address& address() const override { return process_.address(); }

  void reroute(const Routed& routed, const tests::LeavingInstance&) override {
    process_.write_config(values(routed, folder_));
    process_.reload(SIGHUP);
  }

 private:
  const fs::path folder_;
  PeerProcess process_;
};

}  // namespace

std::unique_ptr<Recipe> start_nginx(const Routed& routed, const fs::path& folder) {
  return std::make_unique<Nginx>(routed, folder);
}

}  // namespace hitless::bench
