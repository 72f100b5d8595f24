#include "app/gateway_keeper.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "base/log.h"
#include "gateway/client.h"
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
// The running program, also after its file was replaced.
constexpr const char* k_self = "/proc/self/exe";
constexpr int k_cannot_start = 127;

[[noreturn]] void exec_detached(char* const* argv, int log) {
  ::setsid();
  // A second fork: the gateway is adopted by init and never a zombie of ours.
  if (::fork() != 0) ::_exit(0);
  const int nothing = ::open("/dev/null", O_RDONLY);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  ::execv(k_self, argv);
  ::_exit(k_cannot_start);
}

}  // namespace

Result<void> start_detached(const std::vector<std::string>& arguments,
                            const std::filesystem::path& log) {
  const UniqueFd output(::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!output) return system_error("opening", log.string(), errno);
  std::vector<char*> argv{const_cast<char*>("hitless")};
  for (const std::string& argument : arguments) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid < 0) return system_error("fork", arguments.front(), errno);
  if (pid == 0) exec_detached(argv.data(), output.get());
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  return {};
}

Result<void> expect_gateway_can_listen(const Address& address, const StateDir& state) {
  const auto deadline = std::chrono::steady_clock::now() + k_address_patience;
  for (;;) {
    if (gateway::is_gateway_alive(state.gateway_socket())) return {};
    const auto tried = net::ListenSocket::open(address, 0600);
    if (tried) return {};
    if (tried.error().code() != Code::conflict) return tried.error().context("--gateway-listen");
    if (std::chrono::steady_clock::now() >= deadline) break;
    std::this_thread::sleep_for(k_address_look_interval);
  }
  return Error(Code::conflict,
               fmt::format("the gateway cannot listen on {}, which is in use already: stop what "
                           "listens there, or choose another address with --gateway-listen",
                           to_text(address)));
}

GatewayKeeper::GatewayKeeper(const StateDir& state, std::vector<std::string> arguments)
    : state_(state), arguments_(std::move(arguments)), thread_([this] { run(); }) {}

GatewayKeeper::~GatewayKeeper() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void GatewayKeeper::attached(bool is_attached) {
  {
    const MutexLock lock(mutex_);
    attached_ = is_attached;
  }
  changed_.notify_all();
}

void GatewayKeeper::run() {
  auto pause = k_look_interval;
  for (;;) {
    {
      const MutexLock lock(mutex_);
      if (attached_) pause = k_look_interval;
      while (attached_ && !stopping_) changed_.wait(mutex_);
      if (stopping_) return;
    }
    if (ensure_running()) pause = std::min(2 * pause, k_look_interval_max);
    const MutexLock lock(mutex_);
    changed_.wait_until(mutex_, std::chrono::steady_clock::now() + pause);
    if (stopping_) return;
  }
}

// The lock tells whether one lives: the kernel releases it with the process, whatever ended it.
bool GatewayKeeper::ensure_running() {
  if (gateway::is_gateway_alive(state_.gateway_socket())) return false;
  if (auto started = start_detached(arguments_, state_.gateway_log()); !started) {
    log_error("gateway_not_started", {{"cause", started.error().text()}});
    return true;
  }
  log_info("gateway_started", {{"log", state_.gateway_log().string()}});
  return true;
}

}  // namespace hitless::app
