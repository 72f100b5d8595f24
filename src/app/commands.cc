#include "app/commands.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string_view>

#include "app/down.h"
#include "app/options.h"
#include "app/serve.h"
#include "app/state_dir.h"
#include "base/log.h"
#include "gateway/gateway.h"
#include "pools/process_pool.h"

namespace hitless::app {
namespace {

namespace fs = std::filesystem;

constexpr int k_failed = 1;

int report(const char* command, const Result<void>& result) {
  if (result) return 0;
  fmt::print(stderr, "hitless {}: {}\n", command, result.error().text());
  return k_failed;
}

// <prefix>/bin/hitless has its engines in <prefix>/lib/hitless; a build tree beside itself.
fs::path default_engines() {
  std::error_code failure;
  const fs::path here = fs::read_symlink("/proc/self/exe", failure).parent_path();
  const fs::path installed = here.parent_path() / "lib" / "hitless";
  return fs::exists(installed / "hitless-onnx", failure) ? installed : here;
}

void add_serve_flags(CLI::App& command, ServeOptions& options) {
  options.state = default_state();
  options.engines = default_engines();
  command.set_config("--config", "", "Read flags from this file (lines of name = value)");
  command.add_option("--state", options.state, "Where everything is kept")->capture_default_str();
  command.add_option("--listen", options.api_listen, "The API's address")->capture_default_str();
  command.add_option("--gateway-listen", options.gateway_listen, "Where services are called")
      ->capture_default_str();
  command.add_option("--gateway-workers", options.gateway_workers, "The gateway's threads")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command.add_option("--engines", options.engines, "Folder with our engines")
      ->capture_default_str();
  command.add_option("--project", options.project, "The project's id, 32 hex digits")
      ->capture_default_str();
  command
      .add_option("--pool-memory", options.memory_mib, "MiB instances may have; 0: all there is")
      ->capture_default_str();
  command
      .add_option("--pool-cpu", options.cpu_millis,
                  "Thousandths of a core instances may have; 0: not counted")
      ->capture_default_str();
  command.add_option("--port-first", options.port_first, "First port for instances")
      ->capture_default_str();
  command.add_option("--port-last", options.port_last, "Last port for instances")
      ->capture_default_str();
  command.add_option("--log-level", options.log_level, "debug, info, warn or error")
      ->capture_default_str();
  command.add_option("--log-file", options.log_file, "Log there instead of standard error");
  auto seconds = [&options](const std::int64_t& value) {
    options.deploy_timeout_min = std::chrono::seconds(value);
  };
  command
      .add_option_function<std::int64_t>("--deploy-timeout-min", seconds,
                                         "Least deploy_timeout_in_seconds to accept")
      ->default_str("180");
}

// Parses and runs; CLI11 reports by exceptions, which end here.
int parse_and(CLI::App& command, int argc, char** argv, const std::function<int()>& run) {
  try {
    command.parse(argc, argv);
  } catch (const CLI::ParseError& stop) {
    return command.exit(stop);
  }
  return run();
}

int serve_command(int argc, char** argv) {
  CLI::App command("Run the control plane: API, control loop and store", "hitless serve");
  ServeOptions options;
  add_serve_flags(command, options);
  return parse_and(command, argc, argv, [&] { return report("serve", run_serve(options)); });
}

// The flags of serve as a file: what `hitless serve --config` reads.
int config_command(int argc, char** argv) {
  CLI::App command("Show serve's settings, or check a file of them", "hitless config");
  command.require_subcommand(1);
  ServeOptions options;
  CLI::App* show = command.add_subcommand("show", "Print every setting with its value");
  add_serve_flags(*show, options);
  CLI::App* check =
      command.add_subcommand("check", "Read a file of settings and say what is wrong");
  std::string file;
  check->add_option("FILE", file)->required()->check(CLI::ExistingFile);
  return parse_and(command, argc, argv, [&] {
    CLI::App serve("serve");
    ServeOptions read;
    add_serve_flags(serve, read);
    if (*show) {
      fmt::print("{}", show->config_to_str(true, true));
      return 0;
    }
    std::vector<std::string> arguments{file, "--config"};  // CLI11 takes them back to front
    try {
      serve.parse(arguments);
    } catch (const CLI::ParseError& stop) {
      fmt::print(stderr, "hitless config: {}: {}\n", file, stop.what());
      return k_failed;
    }
    fmt::print("{}: in order\n", file);
    return 0;
  });
}

int gateway_command(int argc, char** argv) {
  CLI::App command("Run the data plane; serve starts it by itself", "hitless gateway");
  GatewayCommand options;
  options.state = default_state();
  command.add_option("--state", options.state, "Where the control link is")->capture_default_str();
  command.add_option("--listen", options.listen, "Where services are called")
      ->capture_default_str();
  command.add_option("--workers", options.workers, "Threads")->capture_default_str();
  const auto run = [&]() -> Result<void> {
    HL_TRY_ASSIGN(const StateDir state, StateDir::open(options.state));
    gateway::GatewayOptions made;
    HL_TRY_ASSIGN(made.listen, parse_address(options.listen));
    made.control_socket = state.gateway_socket();
    made.workers = options.workers;
    return gateway::run_gateway(made);
  };
  return parse_and(command, argc, argv, [&] { return report("gateway", run()); });
}

int down_command(int argc, char** argv) {
  CLI::App command(
      "End serve, the gateway and all instances of a state directory.\n"
      "Services are kept: the next `hitless serve` starts them again.",
      "hitless down");
  DownOptions options;
  options.state = default_state();
  command.add_option("--state", options.state, "The state directory")->capture_default_str();
  std::int64_t grace = options.grace.count();
  command.add_option("--grace", grace, "Seconds an instance gets to end its requests")
      ->capture_default_str();
  return parse_and(command, argc, argv, [&] {
    options.grace = std::chrono::seconds(grace);
    return report("down", run_down(options));
  });
}

// Not for people: the process pool starts it.
int shim_command(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: hitless shim FOLDER\n");
    return k_failed;
  }
  return pools::run_shim(argv[1]);
}

}  // namespace

std::optional<int> run_app_command(int argc, char** argv) {
  if (argc < 2) return std::nullopt;
  const std::string_view name = argv[1];
  if (name == "serve") return serve_command(argc - 1, argv + 1);
  if (name == "gateway") return gateway_command(argc - 1, argv + 1);
  if (name == "shim") return shim_command(argc - 1, argv + 1);
  if (name == "down") return down_command(argc - 1, argv + 1);
  if (name == "config") return config_command(argc - 1, argv + 1);
  return std::nullopt;
}

}  // namespace hitless::app
