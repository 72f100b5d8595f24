#include "cli/cli.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <optional>

#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/session.h"
#include "cli/unknown_command.h"

namespace hitless::cli {
namespace {

constexpr const char* k_about =
    "hitless runs model services and changes what they run without losing a request.";

constexpr const char* k_footer =
    "Examples:\n"
    "  hitless serve &\n"
    "  hitless model create vad 0.0.1 --from ./vad --wait\n"
    "  hitless service create speech --model vad --count 2 --wait\n"
    "  hitless predict speech --path /v2/models/vad/infer -d @input.json\n"
    "  hitless service update speech --model vad:0.0.2 --wait\n"
    "  hitless rollout watch speech\n"
    "\n"
    "Exit status: 0 done, 1 refused or failed, 2 wrong command line, 3 the change was rolled\n"
    "back, 4 the change failed, 5 no hitless serve answers.\n"
    "Environment: HITLESS_STATE is the default of --state, NO_COLOR turns colours off.";

struct Global {
  std::string state;
  std::string url;
  std::string token_file;
  bool json = false;
};

// What the command line came to: work that needs hitless, or a hook.
struct Parsed {
  Global global;
  Command command;
  const Hook* hook = nullptr;
  std::string hook_name;
  std::vector<std::string> hook_args;
  std::string completion_shell;
};

Target target_of(const Global& global) {
  Target target;
  target.state =
      global.state.empty() ? default_state_directory() : std::filesystem::path(global.state);
  target.url = global.url;
  target.token_file = global.token_file;
  return target;
}

std::size_t terminal_columns() {
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

std::size_t terminal_rows() {
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_row : 0;
}

// A command whose arguments are read by whoever made the hook, --help included.
void add_hook(CLI::App& app, const char* name, const char* about, const char* group,
              const Hook& hook, Parsed& parsed) {
  CLI::App* command = app.add_subcommand(name, about);
  command->group(group)->set_help_flag("");
  command->prefix_command()->fallthrough(false);
  command->callback([command, name, &hook, &parsed] {
    parsed.hook = &hook;
    parsed.hook_name = name;
    parsed.hook_args = command->remaining();
  });
}

void build(CLI::App& app, Parsed& parsed, const Hooks& hooks) {
  app.footer(k_footer);
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("--state", parsed.global.state, "State directory of hitless serve")
      ->type_name("DIR");
  app.add_option("--url", parsed.global.url, "API over TCP, http://HOST:PORT")->type_name("URL");
  app.add_option("--token-file", parsed.global.token_file, "File with the token for --url")
      ->type_name("FILE");
  app.add_flag("--json", parsed.global.json, "Answers as JSON");
  const char* processes = "Processes";
  add_hook(app, "serve", "Run the control plane", processes, hooks.serve, parsed);
  add_hook(app, "gateway", "Run the data plane; serve starts one itself", processes, hooks.gateway,
           parsed);
  add_hook(app, "down", "End serve, the gateway and all instances", processes, hooks.down, parsed);
  add_hook(app, "shim", "Parent of one instance; started by serve", "", hooks.shim, parsed);
  add_model_commands(app, parsed.command);
  add_service_commands(app, parsed.command);
  add_rollout_commands(app, parsed.command);
  add_predict_command(app, parsed.command);
  const char* tools = "Tools";
  add_hook(app, "sim", "Play a rollout scenario: hitless sim FILE", tools, hooks.sim, parsed);
  add_hook(app, "config", "The configuration: hitless config show", tools, hooks.config, parsed);
  CLI::App* completion = app.add_subcommand("completion", "Completion script for a shell");
  completion->group(tools);
  completion->add_option("SHELL", parsed.completion_shell, "bash, zsh or fish")->required();
  completion->footer("Example: source <(hitless completion bash)");
  for (CLI::App* group : app.get_subcommands([](const CLI::App*) { return true; })) {
    for (CLI::App* each : group->get_subcommands([](const CLI::App*) { return true; })) {
      each->group("Commands");  // else it has its parent's
    }
  }
}

int fail(const Io& io, const Error& error) {
  io.err << "hitless: " << error.text() << "\n";
  return error.code() == Code::unavailable ? k_exit_unreachable : k_exit_error;
}

// Hooks know their own words; here they are names without any.
std::vector<CompletionRow> all_completions(const CLI::App& app, const Hooks& hooks) {
  std::vector<CompletionRow> rows;
  if (hooks.completions) rows = hooks.completions();
  std::vector<CompletionRow> tree;
  collect_completions(app, "", tree);
  for (CompletionRow& row : tree) {
    const bool known = std::any_of(rows.begin(), rows.end(), [&row](const CompletionRow& each) {
      return each.path == row.path;
    });
    if (!known) rows.push_back(std::move(row));
  }
  return rows;
}

int print_completion(const CLI::App& app, const std::string& shell, const Io& io,
                     const Hooks& hooks) {
  const std::vector<CompletionRow> rows = all_completions(app, hooks);
  const Result<std::string> script = completion_script(shell, rows);
  if (!script) {
    io.err << "hitless: " << script.error().text() << "\n";
    return k_exit_usage;
  }
  io.out << *script;
  return k_exit_ok;
}

int run_hook(const Parsed& parsed, const Io& io) {
  if (!*parsed.hook) {
    io.err << "hitless: " << parsed.hook_name << " is not part of this program\n";
    return k_exit_usage;
  }
  std::vector<std::string> args = parsed.hook_args;
  // Given before the command's name.
  if (!parsed.global.state.empty()) args.insert(args.end(), {"--state", parsed.global.state});
  if (parsed.global.json) args.emplace_back("--json");
  return (*parsed.hook)(std::move(args));
}

int run_command(const Parsed& parsed, const Io& io) {
  Result<std::unique_ptr<ApiClient>> api = ApiClient::connect(target_of(parsed.global));
  if (!api) return fail(io, api.error());
  Session session{io, **api, parsed.global.json};
  const Result<int> status = parsed.command(session);
  return status ? *status : fail(io, status.error());
}

// The exit status, when the line asked for help or is wrong.
std::optional<int> parse(CLI::App& app, const std::vector<std::string>& args, const Io& io) {
  try {
    // CLI11 takes arguments off the end.
    app.parse(std::vector<std::string>(args.rbegin(), args.rend()));
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    const auto unknown = error.get_exit_code() == 0 ? std::nullopt : unknown_command(app);
    if (unknown) {
      io.err << "hitless: " << *unknown << "\n";
      return k_exit_usage;
    }
    return app.exit(error, io.out, io.err) == 0 ? k_exit_ok : k_exit_usage;
  }
}

}  // namespace

int run_cli(const std::vector<std::string>& args, const Io& io, const Hooks& hooks) {
  CLI::App app(k_about, "hitless");
  Parsed parsed;
  build(app, parsed, hooks);
  if (const std::optional<int> status = parse(app, args, io)) return *status;
  if (!parsed.completion_shell.empty()) {
    return print_completion(app, parsed.completion_shell, io, hooks);
  }
  if (parsed.hook != nullptr) return run_hook(parsed, io);
  return run_command(parsed, io);
}

int run_cli(int argc, char** argv, const Hooks& hooks) {
  const bool terminal = ::isatty(STDOUT_FILENO) == 1;
  const char* no_color = std::getenv("NO_COLOR");
  const Io io{std::cout,
              std::cerr,
              std::cin,
              terminal,
              terminal && (no_color == nullptr || *no_color == '\0'),
              terminal_columns,
              terminal_rows};
  return run_cli(std::vector<std::string>(argv + 1, argv + argc), io, hooks);
}

}  // namespace hitless::cli
