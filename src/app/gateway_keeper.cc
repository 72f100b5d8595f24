#include "app/gateway_keeper.h"

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "app/detached.h"
#include "app/gateway_upgrade.h"
#include "app/signal_flags.h"
#include "app/tls_flags.h"
#include "app/version.h"
#include "base/check.h"
#include "base/log.h"
#include "net/listen_socket.h"

namespace hitless::app {
namespace {

// A gateway that was just started needs a moment to take its lock and listen.
constexpr auto k_look_interval = std::chrono::milliseconds(200);
// One that ends as soon as it is started is started ever more rarely, up to this.
constexpr auto k_look_interval_max = std::chrono::milliseconds(5000);
// A gateway that was just killed gives its lock back a moment before its addresses.
constexpr auto k_address_patience = std::chrono::milliseconds(1000);
constexpr auto k_address_look_interval = std::chrono::milliseconds(20);
// A gateway of another version that could not be replaced is tried again after this long.
constexpr auto k_replace_interval = std::chrono::seconds(60);

std::vector<std::string> arguments_of(const GatewayCommand& command) {
  std::vector<std::string> arguments{"gateway",
                                     "--state",
                                     command.state.string(),
                                     "--listen",
                                     command.listen,
                                     "--workers",
                                     fmt::format("{}", command.workers)};
  add_tls_arguments(command.tls, arguments);
  add_arguments(arguments, command.signals);
  return arguments;
}

}  // namespace

Result<void> expect_gateway_can_listen(const Address& address, const std::string& flag,
                                       const StateDir& state) {
  const auto deadline = std::chrono::steady_clock::now() + k_address_patience;
  for (;;) {
    if (gateway::is_gateway_alive(state.gateway_socket())) return {};
    const auto tried = net::ListenSocket::open(address, 0600);
    if (tried) return {};
    if (tried.error().code() != Code::conflict) return tried.error().context(flag);
    if (std::chrono::steady_clock::now() >= deadline) break;
    std::this_thread::sleep_for(k_address_look_interval);
  }
  return Error(Code::conflict,
               fmt::format("the gateway cannot listen on {}, which is in use already: stop what "
                           "listens there, or choose another address with {}",
                           to_text(address), flag));
}

GatewayKeeper::GatewayKeeper(const StateDir& state, GatewayCommand command)
    : state_(state), command_(std::move(command)), stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  HL_CHECK(stop_);  // a descriptor, at the start of the process
  thread_ = std::thread([this] { run(); });
}

GatewayKeeper::~GatewayKeeper() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  const std::uint64_t one = 1;
  HL_CHECK(::write(stop_.get(), &one, sizeof one) == sizeof one);
  thread_.join();
}

void GatewayKeeper::attached(std::optional<gateway::GatewayHello> hello) {
  {
    const MutexLock lock(mutex_);
    attached_ = std::move(hello);
  }
  changed_.notify_all();
}

void GatewayKeeper::run() {
  auto pause = k_look_interval;
  for (;;) {
    std::optional<gateway::GatewayHello> hello;
    {
      const MutexLock lock(mutex_);
      if (attached_) pause = k_look_interval;
      while (attached_ && !stopping_ && !is_to_be_replaced(*attached_)) {
        if (attached_->version == k_version) {
          changed_.wait(mutex_);
        } else {
          changed_.wait_until(mutex_, replace_at_);
        }
      }
      if (stopping_) return;
      hello = attached_;
    }
    if (hello) {
      replace(*hello);
      continue;
    }
    if (ensure_running()) pause = std::min(2 * pause, k_look_interval_max);
    const MutexLock lock(mutex_);
    if (!attached_) changed_.wait_until(mutex_, std::chrono::steady_clock::now() + pause);
    if (stopping_) return;
  }
}

bool GatewayKeeper::is_to_be_replaced(const gateway::GatewayHello& hello) const {
  return hello.version != k_version && std::chrono::steady_clock::now() >= replace_at_;
}

// One of another version goes on serving until ours does; a change under way goes on meanwhile.
void GatewayKeeper::replace(const gateway::GatewayHello& hello) {
  log_info("gateway_of_another_version", {{"version", hello.version}, {"ours", k_version}});
  const auto upgraded = upgrade_gateway({.workers = command_.workers}, state_, stop_.get());
  replace_at_ = std::chrono::steady_clock::now() + k_replace_interval;
  if (!upgraded) {
    log_warn("gateway_not_replaced", {{"cause", upgraded.error().text()}});
    return;
  }
  log_info("gateway_replaced", {{"pid", fmt::format("{}", upgraded->pid)},
                                {"took_ms", fmt::format("{}", upgraded->took.count() / 1000)}});
}

// The lock tells whether one lives: the kernel releases it with the process, whatever ended it.
bool GatewayKeeper::ensure_running() {
  if (gateway::is_gateway_alive(state_.gateway_socket())) return false;
  if (auto started = start_detached(arguments_of(command_), state_.gateway_log()); !started) {
    log_error("gateway_not_started", {{"cause", started.error().text()}});
    return true;
  }
  log_info("gateway_started", {{"log", state_.gateway_log().string()}});
  return true;
}

}  // namespace hitless::app
