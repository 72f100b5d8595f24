#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>

#include "base/log.h"
#include "gateway/gateway.h"
#include "gateway/server.h"

namespace hitless::gateway {
namespace {

// SIGTERM alone gives streams this long; control's shut_down names its own budget.
constexpr Duration k_signal_budget = std::chrono::seconds(30);

// Every connection is two descriptors; the soft limit is often a historic 1024.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) {
    log_warn("descriptor_limit_kept", {{"soft", std::to_string(limit.rlim_cur)}});
  }
}

Result<UniqueFd> block_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGTERM);
  ::sigaddset(&set, SIGINT);
  // A program that rotates the access record sends it, and one that has renewed certificates.
  ::sigaddset(&set, SIGHUP);
  // Before any thread starts, so that all inherit it.
  if (const int error = ::pthread_sigmask(SIG_BLOCK, &set, nullptr); error != 0) {
    return system_error("pthread_sigmask", "gateway", error);
  }
  UniqueFd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return system_error("signalfd", "gateway", errno);
  return fd;
}

// New certificates are put in place by programs that know nothing of us; a file is looked at this
// often, and at SIGHUP.
constexpr int k_certificates_look_ms = 5000;

enum class Call { none, stop, reload };

Call wait_for_call(int signals, int shutdown, int patience_ms) {
  pollfd waits[2] = {{.fd = signals, .events = POLLIN, .revents = 0},
                     {.fd = shutdown, .events = POLLIN, .revents = 0}};
  if (::poll(waits, 2, patience_ms) <= 0) return Call::none;
  if (waits[1].revents != 0) return Call::stop;
  signalfd_siginfo signal{};
  if (::read(signals, &signal, sizeof signal) != sizeof signal) return Call::none;
  return signal.ssi_signo == SIGHUP ? Call::reload : Call::stop;
}

void reload_certificates(Gateway& gateway) {
  if (const auto reloaded = gateway.reload_certificates(); !reloaded) {
    log_error("certificates_kept", {{"cause", reloaded.error().text()}});
  } else {
    log_info("certificates_reloaded");
  }
}

// Until the end is asked for.
void serve(Gateway& gateway, int signals) {
  const int patience = gateway.tls_address().has_value() ? k_certificates_look_ms : -1;
  for (;;) {
    switch (wait_for_call(signals, gateway.shutdown_event(), patience)) {
      case Call::stop: return;
      case Call::reload:
        if (gateway.tls_address().has_value()) reload_certificates(gateway);
        gateway.reopen_access_record();
        break;
      case Call::none:
        if (gateway.certificates_have_changed()) reload_certificates(gateway);
        break;
    }
  }
}

}  // namespace

Result<void> run_gateway(const GatewayOptions& options,
                         const std::function<void(const Serving&)>& on_serving) {
  raise_descriptor_limit();
  HL_TRY_ASSIGN(const UniqueFd signals, block_signals());
  HL_TRY_ASSIGN(const std::unique_ptr<Gateway> gateway, Gateway::start(options));
  HL_TRY(gateway->wait_settled());
  const auto& tls = gateway->tls_address();
  log_info("gateway_started", {{"listen", to_text(gateway->address())},
                               {"tls_listen", tls.has_value() ? to_text(*tls) : "none"},
                               {"version", options.version},
                               {"pid", std::to_string(::getpid())},
                               {"takes_over_from", std::to_string(gateway->predecessor_pid())}});
  if (on_serving) {
    on_serving({.listen = gateway->address(),
                .predecessor_pid = gateway->predecessor_pid(),
                .predecessor_version = gateway->predecessor_version()});
  }
  serve(*gateway, signals.get());
  const Duration budget = gateway->shutdown_budget().value_or(k_signal_budget);
  log_info("gateway_stopping", {{"budget_ms", std::to_string(budget.count() / 1000)}});
  gateway->stop(budget);
  log_info("gateway_stopped");
  return {};
}

}  // namespace hitless::gateway
