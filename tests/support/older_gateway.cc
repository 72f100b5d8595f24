// A gateway like ours but of version 0.0.1: `older_gateway gateway STATE`.  It takes over from the
// gateway that runs in that state directory.
#include <fmt/format.h>

#include <filesystem>

#include "gateway/gateway.h"

int main(int argc, char** argv) {
  if (argc != 3) {
    fmt::print(stderr, "usage: older_gateway gateway STATE\n");
    return 2;
  }
  const std::filesystem::path state = argv[2];
  hitless::gateway::GatewayOptions options;
  options.control_socket = state / "gateway.sock";
  options.address_file = state / "gateway.address";
  options.version = "0.0.1";
  options.take_over = std::chrono::seconds(30);
  options.workers = 0;
  const auto done = hitless::gateway::run_gateway(options);
  if (done) return 0;
  fmt::print(stderr, "older_gateway: {}\n", done.error().text());
  return 1;
}
