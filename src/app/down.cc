#include "app/down.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>

#include "app/ending_watch.h"
#include "app/state_dir.h"
#include "base/thread_annotations.h"
#include "gateway/client.h"
#include "pools/process_pool.h"

namespace hitless::app {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

// serve ends its requests in progress first.
constexpr auto k_serve_stop = std::chrono::seconds(15);
// The gateway's own drain, and what it may take beyond.
constexpr auto k_gateway_drain = std::chrono::seconds(5);
constexpr auto k_gateway_stop = std::chrono::seconds(10);
constexpr auto k_attach = std::chrono::seconds(2);

// Something that other threads ring and one thread waits for.
class Bell {
 public:
  void ring() {
    {
      const MutexLock lock(mutex_);
      rung_ = true;
    }
    changed_.notify_all();
  }
  // False at the deadline.
  bool wait(SteadyTime deadline) {
    const MutexLock lock(mutex_);
    while (!rung_) {
      if (changed_.wait_until(mutex_, deadline) == std::cv_status::timeout) return false;
    }
    rung_ = false;
    return true;
  }

 private:
  Mutex mutex_;
  ConditionVariable changed_;
  bool rung_ HL_GUARDED_BY(mutex_) = false;
};

Result<void> end_process(pid_t pid, std::chrono::seconds within) {
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!process) return {};  // gone already
  if (::syscall(SYS_pidfd_send_signal, process.get(), SIGTERM, nullptr, 0) != 0) {
    return system_error("signalling process", fmt::format("{}", pid), errno);
  }
  pollfd ended{.fd = process.get(), .events = POLLIN, .revents = 0};
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(within).count();
  if (::poll(&ended, 1, static_cast<int>(millis)) > 0) return {};
  return Error(Code::timeout,
               fmt::format("process {} did not end within {} s", pid, within.count()));
}

std::vector<model::InstanceId> alive(pools::PoolDriver& pool) {
  std::vector<model::InstanceId> ids;
  for (pools::Observed& seen : pool.observe()) {
    if (seen.state != pools::ProcessState::exited) ids.push_back(std::move(seen.id));
  }
  return ids;
}

Result<void> stop_instances(const StateDir& state, Duration grace) {
  Bell bell;
  HL_TRY_ASSIGN(const auto pool,
                pools::open_process_pool({.directory = state.instances(), .shim = "/proc/self/exe"},
                                         [&bell] { bell.ring(); }));
  std::vector<model::InstanceId> left = alive(*pool);
  const std::size_t told = left.size();
  for (const model::InstanceId& id : left) HL_TRY(pool->ensure_stopped(id, grace));
  EndingWatch watch(told, std::chrono::steady_clock::now(), grace);
  while (!left.empty()) {
    if (!bell.wait(watch.deadline())) {
      return Error(Code::timeout, fmt::format("{} of {} instances did not end, {} among them",
                                              left.size(), told, left.front().text()));
    }
    left = alive(*pool);
    watch.note(left.size(), std::chrono::steady_clock::now());
  }
  return {};
}

Result<void> stop_gateway(const StateDir& state) {
  if (!gateway::is_gateway_alive(state.gateway_socket())) return {};
  Bell bell;
  const auto client =
      gateway::GatewayClient::start(state.gateway_socket(), [&bell] { bell.ring(); });
  const SteadyTime attach_by = std::chrono::steady_clock::now() + k_attach;
  while (!client->attached()) {
    if (!bell.wait(attach_by)) return Error(Code::timeout, "the gateway does not answer");
  }
  const pid_t pid = client->attached()->pid;
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  client->shut_down(k_gateway_drain);
  pollfd ended{.fd = process.get(), .events = POLLIN, .revents = 0};
  const auto millis = std::chrono::milliseconds(k_gateway_stop).count();
  if (!process || ::poll(&ended, 1, static_cast<int>(millis)) > 0) return {};
  return Error(Code::timeout, fmt::format("the gateway (pid {}) did not end", pid));
}

}  // namespace

Result<void> run_down(const DownOptions& options) {
  if (!std::filesystem::exists(options.state)) {
    return Error(Code::not_found,
                 fmt::format("there is no state directory {}", options.state.string()));
  }
  HL_TRY_ASSIGN(const StateDir state, StateDir::open(options.state));
  if (const pid_t pid = state.serve_pid(); pid != 0) HL_TRY(end_process(pid, k_serve_stop));
  HL_TRY(stop_instances(state, options.grace));
  return stop_gateway(state);
}

}  // namespace hitless::app
