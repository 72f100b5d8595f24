#include "app/commands.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <string_view>

#include "app/down.h"
#include "app/options.h"
#include "app/serve.h"
#include "app/state_dir.h"
#include "app/version.h"
#include "base/file.h"
#include "base/log.h"
#include "gateway/gateway.h"
#include "pools/process_pool.h"
#include "rollout/sim/sim.h"

namespace hitless::app {
namespace {

namespace fs = std::filesystem;

using Arguments = std::vector<std::string>;

constexpr int k_failed = 1;
// Scenarios are written by hand.
constexpr std::size_t k_scenario_bytes_max = 1 << 20;

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
int parse_and(CLI::App& command, Arguments arguments, const std::function<int()>& run) {
  std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them back to front
  try {
    command.parse(arguments);
  } catch (const CLI::ParseError& stop) {
    return command.exit(stop);
  }
  return run();
}

int serve_command(const Arguments& arguments) {
  CLI::App command("Run the control plane: API, control loop and store", "hitless serve");
  ServeOptions options;
  add_serve_flags(command, options);
  return parse_and(command, arguments, [&] { return report("serve", run_serve(options)); });
}

// The flags of serve as a file: what `hitless serve --config` reads.
int config_command(const Arguments& arguments) {
  CLI::App command("Show serve's settings, or check a file of them", "hitless config");
  command.require_subcommand(1);
  ServeOptions options;
  CLI::App* show = command.add_subcommand("show", "Print every setting with its value");
  add_serve_flags(*show, options);
  CLI::App* check =
      command.add_subcommand("check", "Read a file of settings and say what is wrong");
  std::string file;
  check->add_option("FILE", file)->required()->check(CLI::ExistingFile);
  return parse_and(command, arguments, [&] {
    CLI::App serve("serve");
    ServeOptions read;
    add_serve_flags(serve, read);
    if (*show) {
      fmt::print("{}", show->config_to_str(true, true));
      return 0;
    }
    std::vector<std::string> reversed{file, "--config"};  // CLI11 takes them back to front
    try {
      serve.parse(reversed);
    } catch (const CLI::ParseError& stop) {
      fmt::print(stderr, "hitless config: {}: {}\n", file, stop.what());
      return k_failed;
    }
    fmt::print("{}: in order\n", file);
    return 0;
  });
}

int gateway_command(const Arguments& arguments) {
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
    made.address_file = state.gateway_address();
    made.version = k_version;
    made.workers = options.workers;
    return gateway::run_gateway(made);
  };
  return parse_and(command, arguments, [&] { return report("gateway", run()); });
}

int down_command(const Arguments& arguments) {
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
  const auto run = [&options]() -> Result<void> {
    HL_TRY(open_log(LogLevel::error, ""));  // that the gateway leaves is what is asked for
    return run_down(options);
  };
  return parse_and(command, arguments, [&] {
    options.grace = std::chrono::seconds(grace);
    return report("down", run());
  });
}

// Plays scenario files against the rollout engine in a pretend world.
int sim_command(const Arguments& arguments) {
  if (arguments.empty() || arguments.front().starts_with("-")) {
    fmt::print(stderr, "usage: hitless sim FILE...\n");
    return k_failed;
  }
  for (const std::string& file : arguments) {
    const auto text = read_file(file, k_scenario_bytes_max);
    if (!text) return report("sim", text.error());
    const auto transcript = rollout::run_scenario(*text);
    if (!transcript) return report("sim", transcript.error().context(file));
    fmt::print("{}", *transcript);
  }
  return 0;
}

// Not for people: the process pool starts it.
int shim_command(const Arguments& arguments) {
  if (arguments.size() != 1) {
    fmt::print(stderr, "usage: hitless shim FOLDER\n");
    return k_failed;
  }
  return pools::run_shim(arguments.front());
}

}  // namespace

cli::Hooks app_hooks() {
  return {.serve = serve_command,
          .gateway = gateway_command,
          .shim = shim_command,
          .down = down_command,
          .sim = sim_command,
          .config = config_command};
}

}  // namespace hitless::app
