#include "app/gateway_upgrade.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>

#include "app/detached.h"
#include "app/signal_flags.h"
#include "app/tls_flags.h"
#include "app/version.h"
#include "base/log.h"
#include "gateway/gateway.h"

namespace hitless::app {
namespace {

// A report is one small object.
constexpr std::size_t k_report_bytes_max = 16 * 1024;
// Beyond the wait for its turn: a program that starts, a table that is adopted.
constexpr auto k_start_patience = std::chrono::seconds(60);

std::vector<std::string> arguments_of(const UpgradeOptions& options, const StateDir& state) {
  std::vector<std::string> arguments{"gateway",
                                     "--state",
                                     state.path().string(),
                                     "--workers",
                                     fmt::format("{}", options.workers),
                                     "--take-over",
                                     "--wait",
                                     fmt::format("{}", options.wait.count()),
                                     "--drain",
                                     fmt::format("{}", options.drain.count()),
                                     "--report-fd",
                                     fmt::format("{}", k_report_fd)};
  if (options.signals.is_given) add_arguments(arguments, options.signals);
  return arguments;
}

// All that it writes until it closes the pipe.
Result<std::string> read_report(int pipe, int stop,
                                std::chrono::steady_clock::time_point deadline) {
  std::string text;
  while (text.size() < k_report_bytes_max) {
    std::array<pollfd, 2> waits{{{.fd = pipe, .events = POLLIN, .revents = 0},
                                 {.fd = stop, .events = POLLIN, .revents = 0}}};
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    const int millis = static_cast<int>(std::max<std::int64_t>(0, left.count()));
    const int ready = ::poll(waits.data(), waits.size(), millis);
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return system_error("poll", "the new gateway's report", errno);
    if (ready == 0) return Error(Code::timeout, "the new gateway does not say how it stands");
    if (waits[1].revents != 0) return Error(Code::cancelled, "stopped waiting");
    std::array<char, 1024> buffer;
    const ssize_t got = ::read(pipe, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error("reading", "the new gateway's report", errno);
    if (got == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return Error(Code::corrupt, "the new gateway's report is too long");
}

Result<Upgraded> upgraded_from_json(const json::object& report) {
  if (report.contains("error")) {
    HL_TRY_ASSIGN(const std::string error, get_string(report, "error"));
    return Error(Code::unavailable, error);
  }
  Upgraded upgraded;
  HL_TRY_ASSIGN(const std::int64_t pid, get_int(report, "pid"));
  upgraded.pid = static_cast<pid_t>(pid);
  HL_TRY_ASSIGN(upgraded.version, get_string(report, "version"));
  HL_TRY_ASSIGN(const std::string listen, get_string(report, "listen"));
  HL_TRY_ASSIGN(upgraded.listen, parse_address(listen));
  HL_TRY_ASSIGN(const std::int64_t predecessor, get_int(report, "predecessor_pid"));
  upgraded.predecessor_pid = static_cast<pid_t>(predecessor);
  HL_TRY_ASSIGN(upgraded.predecessor_version, get_string(report, "predecessor_version"));
  return upgraded;
}

// To whoever started us, who may be gone: then nobody wants to know.
class Reporter {
 public:
  explicit Reporter(int fd) : fd_(fd) {
    if (fd >= 0) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  }

  void tell(const json::value& report) {
    if (!fd_) return;
    const std::string text = to_json_text(report);
    if (::write(fd_.get(), text.data(), text.size()) < 0) {
      log_info("report_not_read", {{"report", text}});
    }
    fd_.reset();
  }

 private:
  UniqueFd fd_;
};

}  // namespace

json::value to_json(const Upgraded& upgraded) {
  return json::object{{"pid", upgraded.pid},
                      {"version", upgraded.version},
                      {"listen", to_text(upgraded.listen)},
                      {"predecessor_pid", upgraded.predecessor_pid},
                      {"predecessor_version", upgraded.predecessor_version},
                      {"took_ms", upgraded.took.count() / 1000}};
}

Result<Upgraded> upgrade_gateway(const UpgradeOptions& options, const StateDir& state, int stop) {
  const auto begin = std::chrono::steady_clock::now();
  HL_TRY_ASSIGN(const UniqueFd pipe,
                start_reporting(arguments_of(options, state), state.gateway_log()));
  HL_TRY_ASSIGN(const std::string text,
                read_report(pipe.get(), stop, begin + options.wait + k_start_patience));
  if (text.empty()) {
    return Error(Code::unavailable, fmt::format("the new gateway ended before it served; {} may "
                                                "say why",
                                                state.gateway_log().string()));
  }
  HL_TRY_ASSIGN(const json::value report, parse_json(text));
  if (!report.is_object()) return Error(Code::corrupt, "the new gateway's report is no object");
  HL_TRY_ASSIGN(Upgraded upgraded, upgraded_from_json(report.get_object()));
  upgraded.took = std::chrono::floor<Duration>(std::chrono::steady_clock::now() - begin);
  return upgraded;
}

Result<void> run_gateway_process(const GatewayCommand& options) {
  ::signal(SIGPIPE, SIG_IGN);
  Reporter reporter(options.report_fd);
  const auto run = [&]() -> Result<void> {
    HL_TRY_ASSIGN(const StateDir state, StateDir::open(options.state));
    gateway::GatewayOptions made;
    HL_TRY_ASSIGN(made.listen, parse_address(options.listen));
    made.control_socket = state.gateway_socket();
    made.address_file = state.gateway_address();
    made.version = k_version;
    made.workers = options.workers;
    if (options.take_over) made.take_over = options.wait;
    HL_TRY_ASSIGN(made.tls, tls_options(options.tls, "--"));
    made.limits.leave_budget = options.drain;
    made.signals = signals_of(options.signals, state);
    made.signals_as_before = options.take_over && !options.signals.is_given;
    return gateway::run_gateway(made, [&](const gateway::Serving& serving) {
      reporter.tell(to_json(Upgraded{.pid = ::getpid(),
                                     .version = k_version,
                                     .listen = serving.listen,
                                     .predecessor_pid = serving.predecessor_pid,
                                     .predecessor_version = serving.predecessor_version}));
    });
  };
  Result<void> done = run();
  if (!done) reporter.tell(json::object{{"error", done.error().text()}});
  return done;
}

}  // namespace hitless::app
