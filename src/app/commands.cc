#include "app/commands.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <string_view>

#include "app/down.h"
#include "app/gateway_upgrade.h"
#include "app/options.h"
#include "app/serve.h"
#include "app/signal_flags.h"
#include "app/state_dir.h"
#include "app/tls_flags.h"
#include "app/version.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "cli/api_client.h"
#include "cli/unknown_command.h"
#include "pools/process_pool.h"
#include "rollout/sim/replay.h"
#include "rollout/sim/sim.h"

namespace hitless::app {
namespace {

namespace fs = std::filesystem;

using Arguments = std::vector<std::string>;

constexpr int k_failed = cli::k_exit_error;
// Waiting or draining for longer than a week is a mistake in the unit.
constexpr std::int64_t k_replacement_seconds_max = 7 * 24 * 3600;
// Scenarios are written by hand.
constexpr std::size_t k_scenario_bytes_max = 1 << 20;
// Journals are bounded by control (k_journal_bytes_max there) and only grow by changes of phase
// beyond that.
constexpr std::size_t k_journal_bytes_max = 64 << 20;

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
  options.state = cli::default_state_directory();
  options.engines = default_engines();
  command.allow_config_extras(CLI::config_extras_mode::error);  // misspelt settings are named
  command.set_config("--config", "", "Read flags from this file (lines of name = value)");
  command.add_option("--state", options.state, "Where everything is kept")->capture_default_str();
  command.add_option("--listen", options.api_listen, "The API's address")->capture_default_str();
  command.add_option("--gateway-listen", options.gateway_listen, "Where services are called")
      ->capture_default_str();
  command.add_option("--gateway-workers", options.gateway_workers, "The gateway's threads")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  add_tls_flags(command, "--gateway-", options.gateway_tls);
  add_signal_flags(command, options.gateway_signals, "gateway-");
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
  command
      .add_option("--pool-gpus", options.gpus,
                  "GPUs instances may have: devices 0, 1, …; each is one instance's at a time")
      ->check(CLI::Range(0, 1024))
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

void describe_serve(CLI::App& command, ServeOptions& options) {
  add_serve_flags(command, options);
  command.footer(
      "Examples:\n"
      "  hitless serve --state ~/hitless\n"
      "  hitless serve --listen 127.0.0.1:7170 --gateway-listen 127.0.0.1:7180\n"
      "SIGTERM ends it and nothing else: gateway and instances go on; `hitless down` ends all.");
}

struct ConfigOptions {
  ServeOptions serve;
  std::string file;
  std::string unused;
  bool json = false;
};

void describe_config(CLI::App& command, ConfigOptions& options) {
  command.require_subcommand(1);
  CLI::App* show = command.add_subcommand("show", "Print every setting with its value");
  add_serve_flags(*show, options.serve);
  show->add_flag("--json", options.json, "As JSON")->configurable(false);
  show->footer(
      "Examples:\n"
      "  hitless config show > hitless.conf      then: hitless serve --config hitless.conf\n"
      "  hitless config show --config hitless.conf --json");
  CLI::App* check =
      command.add_subcommand("check", "Read a file of settings and say what is wrong");
  check->add_option("FILE", options.file, "Lines of name = value, as `config show` prints them")
      ->required()
      ->check(CLI::ExistingFile);
  check->add_flag("--json", options.json, "As JSON");
  check->add_option("--state", options.unused)->group("");  // may stand before the command's name
  check->footer("Example: hitless config check hitless.conf");
}

void add_seconds(CLI::App& command, const char* flag, std::chrono::seconds& into,
                 const char* text) {
  command
      .add_option_function<std::int64_t>(
          flag, [&into](const std::int64_t& value) { into = std::chrono::seconds(value); }, text)
      ->check(CLI::Range(std::int64_t{0}, k_replacement_seconds_max))
      ->default_str(fmt::format("{}", into.count()));
}

void add_replacement_flags(CLI::App& command, std::chrono::seconds& wait,
                           std::chrono::seconds& drain) {
  add_seconds(command, "--wait", wait, "Seconds to wait while another replacement is under way");
  add_seconds(command, "--drain", drain,
              "Seconds that requests and streams of the old gateway may last");
}

void describe_gateway(CLI::App& command, GatewayCommand& options) {
  options.state = cli::default_state_directory();
  command.add_option("--state", options.state, "Where the control link is")->capture_default_str();
  command.add_option("--listen", options.listen, "Where services are called")
      ->capture_default_str();
  command.add_option("--workers", options.workers, "Threads")->capture_default_str();
  add_tls_flags(command, "--", options.tls);
  command.add_flag("--take-over", options.take_over,
                   "Take the place of the gateway that runs, on its addresses");
  add_signal_flags(command, options.signals, "");
  add_replacement_flags(command, options.wait, options.drain);
  command.add_option("--report-fd", options.report_fd)->group("");  // for who starts it
  command.footer(
      "Examples:\n"
      "  hitless gateway --state ~/hitless --listen 127.0.0.1:7180\n"
      "  hitless gateway upgrade --state ~/hitless\n"
      "Changed certificates are found within seconds, at SIGHUP at once; connections go on.");
}

struct UpgradeCommand {
  GatewayCommand gateway;
  UpgradeOptions upgrade;
  fs::path state;  // empty: the gateway's
  bool json = false;
};

void describe_gateway_upgrade(CLI::App& command, UpgradeCommand& options) {
  command.add_option("--state", options.state, "The state directory")
      ->default_str(cli::default_state_directory().string());
  command.add_option("--workers", options.upgrade.workers, "Threads; 0: as many as it has")
      ->capture_default_str();
  add_signal_flags(command, options.upgrade.signals, "");
  add_replacement_flags(command, options.upgrade.wait, options.upgrade.drain);
  command.add_flag("--json", options.json, "As JSON");
  command.footer(
      "No connection is refused, and no request is cut within --drain: the new gateway takes over\n"
      "the sockets, then the old one ends what it has.\n"
      "Example: hitless gateway upgrade --state ~/hitless");
}

void describe_gateways(CLI::App& command, UpgradeCommand& options) {
  describe_gateway(command, options.gateway);
  CLI::App* upgrade =
      command.add_subcommand("upgrade", "Replace the gateway that runs by this program");
  describe_gateway_upgrade(*upgrade, options);
}

void describe_down(CLI::App& command, DownOptions& options) {
  options.state = cli::default_state_directory();
  command.add_option("--state", options.state, "The state directory")->capture_default_str();
  auto seconds = [&options](const std::int64_t& value) {
    options.grace = std::chrono::seconds(value);
  };
  command
      .add_option_function<std::int64_t>("--grace", seconds,
                                         "Seconds an instance gets to end its requests")
      ->default_str(fmt::format("{}", options.grace.count()));
  command.footer("Example: hitless down --state ~/hitless --grace 60");
}

struct SimOptions {
  std::vector<std::string> files;
  std::string unused;
  bool json = false;
  bool replay = false;
};

void describe_sim(CLI::App& command, SimOptions& options) {
  command.add_option("FILE", options.files, "Scenarios; tests/scenarios/ has some")->required();
  command.add_flag("--json", options.json, "As JSON");
  command.add_flag("--replay", options.replay,
                   "FILE is the journal of a rollout, - standard input: decide it again");
  command.add_option("--state", options.unused)->group("");  // may stand before the command's name
  command.footer(
      "Examples:\n"
      "  hitless sim tests/scenarios/upgrade_two_instances_without_a_gap.txt\n"
      "  hitless rollout show speech --journal | hitless sim --replay -\n"
      "Exit status of a replay: 1 where today's decisions differ from the recorded ones.");
}

// CLI11 says of a misspelt setting that INI could not be parsed.
std::string text_of(const CLI::ParseError& error) {
  constexpr std::string_view k_unknown = "INI was not able to parse ";
  const std::string text = error.what();
  if (!text.starts_with(k_unknown)) return text;
  return fmt::format("there is no setting [{}]: `hitless config show` lists them",
                     text.substr(k_unknown.size()));
}

// Parses and runs; CLI11 reports by exceptions, which end here.
int parse_and(CLI::App& command, Arguments arguments, const std::function<int()>& run) {
  std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them back to front
  try {
    command.parse(arguments);
  } catch (const CLI::ParseError& stop) {
    const auto unknown = stop.get_exit_code() == 0 ? std::nullopt : cli::unknown_command(command);
    if (unknown) {
      fmt::print(stderr, "hitless: {}\n", *unknown);
      return cli::k_exit_usage;
    }
    if (stop.get_name() == "ConfigError") {
      fmt::print(stderr, "{}: {}\n", command.get_name(), text_of(stop));
      return cli::k_exit_usage;
    }
    return command.exit(stop) == 0 ? cli::k_exit_ok : cli::k_exit_usage;
  }
  return run();
}

int serve_command(const Arguments& arguments) {
  CLI::App command("Run the control plane: API, control loop and store", "hitless serve");
  ServeOptions options;
  describe_serve(command, options);
  return parse_and(command, arguments, [&] { return report("serve", run_serve(options)); });
}

json::value setting_as_json(const CLI::Option& option) {
  const std::vector<std::string> given = option.results();
  const std::string text = given.empty() ? option.get_default_str() : given.front();
  std::int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_number = option.get_type_name().find("INT") != std::string::npos &&
                         failure == std::errc() && end == text.data() + text.size();
  return is_number ? json::value(number) : json::value(text);
}

int show_config(const CLI::App& show, bool as_json) {
  if (!as_json) {
    fmt::print("{}", show.config_to_str(true, true));
    return 0;
  }
  json::object settings;
  for (const CLI::Option* option : show.get_options()) {
    if (!option->get_configurable() || option->get_lnames().empty()) continue;
    settings[option->get_lnames().front()] = setting_as_json(*option);
  }
  fmt::print("{}\n", to_pretty_json_text(settings));
  return 0;
}

int check_config(const ConfigOptions& options) {
  CLI::App serve("serve");
  ServeOptions read;
  add_serve_flags(serve, read);
  std::string wrong;
  try {
    serve.parse(std::vector<std::string>{options.file, "--config"});  // back to front
  } catch (const CLI::ParseError& stop) {
    wrong = text_of(stop);
  }
  if (options.json) {
    fmt::print("{}\n", to_pretty_json_text(json::object{{"file", options.file}, {"error", wrong}}));
  } else if (wrong.empty()) {
    fmt::print("{}: in order\n", options.file);
  } else {
    fmt::print(stderr, "hitless config: {}: {}\n", options.file, wrong);
  }
  return wrong.empty() ? 0 : k_failed;
}

// The flags of serve as a file: what `hitless serve --config` reads.
int config_command(const Arguments& arguments) {
  CLI::App command("Show serve's settings, or check a file of them", "hitless config");
  ConfigOptions options;
  describe_config(command, options);
  return parse_and(command, arguments, [&] {
    const CLI::App* show = command.get_subcommand("show");
    return show->parsed() ? show_config(*show, options.json) : check_config(options);
  });
}

Result<void> run_gateway_upgrade(const UpgradeCommand& options) {
  const fs::path& folder = options.state.empty() ? options.gateway.state : options.state;
  if (!fs::exists(folder)) {
    return Error(Code::not_found, fmt::format("there is no state directory {}", folder.string()));
  }
  HL_TRY_ASSIGN(const StateDir state, StateDir::open(folder));
  HL_TRY_ASSIGN(const Upgraded upgraded, upgrade_gateway(options.upgrade, state));
  if (options.json) {
    fmt::print("{}\n", to_pretty_json_text(to_json(upgraded)));
    return {};
  }
  fmt::print("gateway {} ({}) serves {} in place of {} ({}), after {} ms\n", upgraded.pid,
             upgraded.version, to_text(upgraded.listen), upgraded.predecessor_pid,
             upgraded.predecessor_version, upgraded.took.count() / 1000);
  return {};
}

int gateway_command(const Arguments& arguments) {
  CLI::App command("Run the data plane; serve starts it by itself", "hitless gateway");
  UpgradeCommand options;
  describe_gateways(command, options);
  return parse_and(command, arguments, [&] {
    if (command.got_subcommand("upgrade")) {
      return report("gateway upgrade", run_gateway_upgrade(options));
    }
    return report("gateway", run_gateway_process(options.gateway));
  });
}

int down_command(const Arguments& arguments) {
  CLI::App command(
      "End serve, the gateway and all instances of a state directory.\n"
      "Services are kept: the next `hitless serve` starts them again.",
      "hitless down");
  DownOptions options;
  describe_down(command, options);
  const auto run = [&options]() -> Result<void> {
    HL_TRY(open_log(LogLevel::error, ""));  // that the gateway leaves is what is asked for
    return run_down(options);
  };
  return parse_and(command, arguments, [&] { return report("down", run()); });
}

// The decisions of journals once more; fails where today's are other ones.
int replay(const SimOptions& options) {
  json::array replayed;
  int different = 0;
  for (const std::string& file : options.files) {
    const Result<std::string> lines =
        file == "-" ? std::string(std::istreambuf_iterator<char>(std::cin), {})
                    : read_file(file, k_journal_bytes_max);
    if (!lines) return report("sim", lines.error());
    const auto done = rollout::replay_journal(*lines);
    if (!done) return report("sim", done.error().context(file));
    if (done->decisions == 0) {
      return report("sim", Error(Code::invalid, file + " has no decisions to replay"));
    }
    if (!options.json) fmt::print("{}", done->transcript);
    different += done->different;
    replayed.push_back(json::object{{"file", file},
                                    {"decisions", done->decisions},
                                    {"different", done->different},
                                    {"transcript", done->transcript}});
  }
  if (options.json) fmt::print("{}\n", to_pretty_json_text(replayed));
  return different == 0 ? 0 : k_failed;
}

// Plays scenario files against the rollout engine in a pretend world.
int play(const SimOptions& options) {
  json::array played;
  for (const std::string& file : options.files) {
    const auto text = read_file(file, k_scenario_bytes_max);
    if (!text) return report("sim", text.error());
    const auto transcript = rollout::run_scenario(*text);
    if (!transcript) return report("sim", transcript.error().context(file));
    if (!options.json) fmt::print("{}", *transcript);
    played.push_back(json::object{{"file", file}, {"transcript", *transcript}});
  }
  if (options.json) fmt::print("{}\n", to_pretty_json_text(played));
  return 0;
}

int sim_command(const Arguments& arguments) {
  CLI::App command("Play scenario files through the rollout engine in a pretend world",
                   "hitless sim");
  SimOptions options;
  describe_sim(command, options);
  return parse_and(command, arguments,
                   [&options] { return options.replay ? replay(options) : play(options); });
}

// Not for people: the process pool starts it.
int shim_command(const Arguments& arguments) {
  if (arguments.size() != 1) {
    fmt::print(stderr, "usage: hitless shim FOLDER\n");
    return k_failed;
  }
  return pools::run_shim(arguments.front());
}

std::vector<cli::CompletionRow> completions() {
  std::vector<cli::CompletionRow> rows;
  const auto add = [&rows](const std::string& name, auto describe, auto options) {
    CLI::App command;
    describe(command, options);
    cli::collect_completions(command, name, rows);
  };
  add("serve", describe_serve, ServeOptions());
  add("gateway", describe_gateways, UpgradeCommand());
  add("down", describe_down, DownOptions());
  add("sim", describe_sim, SimOptions());
  add("config", describe_config, ConfigOptions());
  return rows;
}

}  // namespace

cli::Hooks app_hooks() {
  return {.serve = serve_command,
          .gateway = gateway_command,
          .shim = shim_command,
          .down = down_command,
          .sim = sim_command,
          .config = config_command,
          .completions = completions};
}

}  // namespace hitless::app
