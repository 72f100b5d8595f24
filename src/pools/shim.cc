#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <map>

#include "pools/cgroup.h"
#include "pools/child.h"
#include "pools/process_pool.h"
#include "pools/process_table.h"
#include "pools/rotating_log.h"
#include "pools/shim_fds.h"
#include "pools/shim_link.h"

namespace hitless::pools {
namespace {

using Steady = std::chrono::steady_clock;

// When the machine goes down, init tells us too; it waits about this long before it kills.
constexpr Duration k_shutdown_grace = std::chrono::seconds(10);
// How long killed leftovers may take to vanish (a write to a dead disk) before we go without them.
constexpr Duration k_leftover_time = std::chrono::seconds(2);
constexpr Duration k_leftover_retry = std::chrono::milliseconds(2);
// Listeners are serve, its successor and people looking; more is a mistake of somebody.
constexpr std::size_t k_listeners_max = 64;

Time now() {
  return SystemClock().now();
}

// The parent of one instance; one thread.  run() starts the instance, then serves events until it
// is gone and on record.
class Shim {
 public:
  Shim(InstanceFolder folder, RunRecord run, RotatingLog log)
      : folder_(std::move(folder)),
        run_(std::move(run)),
        log_(std::move(log)),
        cgroup_(run_.cgroup.empty() ? CgroupLayout() : CgroupLayout::of_machine(), run_.cgroup) {}

  Result<void> run();

 private:
  struct Listener {
    UniqueFd fd;
    LineBuffer input;
  };

  Result<void> prepare();
  Result<void> watch(int fd);
  Result<void> start();
  Result<void> serve_until_gone();
  int timeout_ms() const;
  void handle(int fd);

  void take_signals();
  void note_exit();
  bool reap();
  void take_failure();
  void copy_output();
  void take_listener();
  void take_command(int fd);

  void stop(Duration grace);
  void kill_everything();
  void kill_children();
  bool nothing_left();
  Result<void> record_exit();
  void tell_all();
  bool tell(const Listener& listener) const;

  const InstanceFolder folder_;
  const RunRecord run_;
  RotatingLog log_;
  const Cgroup cgroup_;
  UniqueFd epoll_, signals_, listening_;
  Child child_;
  std::map<int, Listener> listeners_;
  ShimStatus status_;
  ExitRecord exit_;
  bool exited_ = false;
  bool killed_ = false;
  bool ended_by_us_ = false;
  std::optional<Steady::time_point> kill_at_;     // the end of the grace period
  std::optional<Steady::time_point> give_up_at_;  // on leftovers
};

Result<void> Shim::run() {
  HL_TRY(prepare());
  if (auto started = start(); !started) {
    exit_.error = "could not start: " + started.error().text();
    exited_ = true;
    child_.go.reset();
    child_.failure.reset();  // it would report that we gave up
    kill_everything();
  }
  return serve_until_gone();
}

Result<void> Shim::prepare() {
  // Orphans of the instance become ours, so that none can outlive it unseen.
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGHUP, SIG_IGN);
  ::signal(SIGINT, SIG_IGN);
  sigset_t taken;
  sigemptyset(&taken);
  sigaddset(&taken, SIGCHLD);
  sigaddset(&taken, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &taken, nullptr);
  signals_ = UniqueFd(::signalfd(-1, &taken, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!signals_) return system_error("watching signals", "", errno);
  epoll_ = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_) return system_error("opening epoll", "", errno);
  listening_ = UniqueFd(k_shim_listening_fd);
  status_.shim_pid = ::getpid();
  status_.since = now();
  HL_TRY(watch(signals_.get()));
  return watch(listening_.get());
}

Result<void> Shim::watch(int fd) {
  epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    return system_error("watching a descriptor", "", errno);
  }
  return {};
}

Result<void> Shim::start() {
  if (!run_.cgroup.empty()) status_.warnings = cgroup_.create(run_.limits);
  HL_TRY_ASSIGN(child_, fork_child(run_));
  if (!run_.cgroup.empty()) cgroup_.add(child_.pid);
  const std::optional<ProcessFacts> facts = facts_of(child_.pid);
  HL_TRY(write_record(folder_, StartRecord{.pid = child_.pid,
                                           .start_ticks = facts ? facts->start_ticks : 0,
                                           .shim_pid = status_.shim_pid}));
  status_.pid = child_.pid;
  HL_TRY(watch(child_.failure.get()));
  HL_TRY(watch(child_.output.get()));
  if (::write(child_.go.get(), "g", 1) != 1) return system_error("starting it", "", errno);
  child_.go.reset();
  return {};
}

Result<void> Shim::serve_until_gone() {
  epoll_event events[16];
  while (!(exited_ && nothing_left())) {
    const int count = ::epoll_wait(epoll_.get(), events, std::size(events), timeout_ms());
    if (count < 0 && errno != EINTR) return system_error("waiting for events", "", errno);
    for (int at = 0; at < count; ++at) handle(events[at].data.fd);
    if (kill_at_ && Steady::now() >= *kill_at_) kill_everything();
  }
  if (child_.output) copy_output();
  return record_exit();
}

int Shim::timeout_ms() const {
  const auto millis_until = [](Steady::time_point at) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(at - Steady::now()).count();
    return static_cast<int>(std::clamp<long long>(left, 0, 1000LL * 3600));
  };
  if (exited_) return static_cast<int>(k_leftover_retry / std::chrono::milliseconds(1));
  return kill_at_ && !killed_ ? millis_until(*kill_at_) : -1;
}

void Shim::handle(int fd) {
  if (fd == signals_.get()) return take_signals();
  if (fd == listening_.get()) return take_listener();
  if (fd == child_.failure.get()) return take_failure();
  if (fd == child_.output.get()) return copy_output();
  take_command(fd);
}

void Shim::take_signals() {
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
    if (info.ssi_signo == SIGTERM) stop(k_shutdown_grace);
  }
  note_exit();
  reap();
}

// Looks at the instance's end before it is reaped: as long as it is not, its process group is
// surely its own.
void Shim::note_exit() {
  siginfo_t info{};
  if (exited_ || child_.pid == 0) return;
  if (::waitid(P_PID, static_cast<id_t>(child_.pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
      info.si_pid != child_.pid) {
    return;
  }
  if (child_.failure) take_failure();
  exited_ = true;
  ended_by_us_ = killed_;
  exit_.at = now();
  if (info.si_code == CLD_EXITED) {
    exit_.status = info.si_status;
  } else {
    exit_.signal = info.si_status;
  }
  kill_everything();
}

// False: there is no child left.
bool Shim::reap() {
  pid_t ended = 0;
  do {
    ended = ::waitpid(-1, nullptr, WNOHANG);
  } while (ended > 0);
  return ended == 0;
}

void Shim::take_failure() {
  exit_.error = failure_text(child_, run_);
  child_.failure.reset();
  if (!exit_.error.empty()) return;
  status_.state = ProcessState::running;
  status_.since = now();
  tell_all();
}

void Shim::copy_output() {
  char buffer[65536];
  for (;;) {
    const ssize_t got = ::read(child_.output.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got == 0) child_.output.reset();
    if (got <= 0) return;
    log_.write({buffer, static_cast<std::size_t>(got)});
    if (!exited_) return;  // others have a turn; at the end all of it
  }
}

void Shim::take_listener() {
  UniqueFd fd(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd || listeners_.size() >= k_listeners_max) return;
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return;
  if (peer.uid != 0 && peer.uid != ::geteuid()) return;
  const int number = fd.get();
  Listener listener{.fd = std::move(fd), .input = {}};
  if (tell(listener) && watch(number)) listeners_.emplace(number, std::move(listener));
}

void Shim::take_command(int fd) {
  const auto found = listeners_.find(fd);
  if (found == listeners_.end()) return;
  char buffer[4096];
  const ssize_t got = ::read(fd, buffer, sizeof buffer);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  Listener& listener = found->second;
  if (got > 0) listener.input.add({buffer, static_cast<std::size_t>(got)});
  while (got > 0) {
    const std::optional<std::string> line = listener.input.next();
    if (!line) break;
    const Result<StopCommand> command = command_from_line(*line);
    if (command) stop(command->grace);
  }
  if (got <= 0 || listener.input.overlong()) listeners_.erase(found);
}

void Shim::stop(Duration grace) {
  const auto until = Steady::now() + grace;
  const bool first = !status_.stop_told;
  if (exited_) return;
  if (first || (kill_at_ && until < *kill_at_)) kill_at_ = until;
  if (!first) return;
  status_.stop_told = true;
  if (child_.pid > 0) ::kill(child_.pid, SIGTERM);
  tell_all();
}

void Shim::kill_everything() {
  killed_ = true;
  kill_at_.reset();
  if (exited_ && !give_up_at_) give_up_at_ = Steady::now() + k_leftover_time;
  if (child_.pid > 0) ::kill(-child_.pid, SIGKILL);
  for (const pid_t pid : cgroup_.members()) ::kill(pid, SIGKILL);
}

void Shim::kill_children() {
  const pid_t self = ::getpid();
  for (const ProcessFacts& process : all_processes()) {
    if (process.parent == self) ::kill(process.pid, SIGKILL);
  }
}

// Whatever escaped from the group has become our child by now, or does when its parent dies.  Which
// those are is read off the whole machine's processes: with a thousand shims ending at once, each
// must not do so for nothing.
bool Shim::nothing_left() {
  const bool children = reap();
  if (children) kill_children();
  for (const pid_t pid : cgroup_.members()) ::kill(pid, SIGKILL);
  // Also when the kernel chose a helper of it and the rest then gave up with a status.
  if (exit_.status != 0 && !ended_by_us_ && cgroup_.out_of_memory_kills() > 0) {
    exit_.out_of_memory = true;
  }
  const bool gone = !children && cgroup_.remove();
  return gone || (give_up_at_ && Steady::now() >= *give_up_at_);
}

Result<void> Shim::record_exit() {
  if (exit_.at == Time()) exit_.at = now();
  exit_.stop_told = status_.stop_told;
  auto recorded = write_record(folder_, exit_);
  status_.state = ProcessState::exited;
  status_.since = exit_.at;
  status_.pid = 0;
  tell_all();
  listeners_.clear();  // who waits for the end has it now; the disk may take its time
  if (recorded) sync_exit_record(folder_);
  return recorded;
}

void Shim::tell_all() {
  for (const auto& [fd, listener] : listeners_) {
    if (!tell(listener)) ::shutdown(fd, SHUT_RDWR);  // its end then comes as an event
  }
}

bool Shim::tell(const Listener& listener) const {
  const std::string line = to_line(status_);
  // One who does not read has some hundred lines of room and then loses us.
  return ::send(listener.fd.get(), line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT) ==
         static_cast<ssize_t>(line.size());
}

// serve hands us the lock: from before the folder is complete there is no moment without it.
bool holds_lock(const InstanceFolder& folder) {
  struct stat held {};
  struct stat named {};
  return ::fstat(k_shim_lock_fd, &held) == 0 && ::stat(folder.lock().c_str(), &named) == 0 &&
         held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

Result<void> run_in(const InstanceFolder& folder) {
  if (!holds_lock(folder)) {
    return Error(Code::invalid, "a shim is started by hitless serve, not by hand");
  }
  ::fcntl(k_shim_lock_fd, F_SETFD, FD_CLOEXEC);
  ::fcntl(k_shim_listening_fd, F_SETFD, FD_CLOEXEC);
  HL_TRY_ASSIGN(RunRecord run, read_run_record(folder));
  HL_TRY_ASSIGN(RotatingLog log,
                RotatingLog::open(folder.log(), folder.old_log(), run.log_bytes_max));
  Shim shim(folder, std::move(run), std::move(log));
  return shim.run();
}

}  // namespace

int run_shim(const std::filesystem::path& folder) {
  if (auto done = run_in(InstanceFolder{folder}); !done) {
    std::fprintf(stderr, "hitless shim: %s\n", done.error().text().c_str());
    return 1;
  }
  return 0;
}

}  // namespace hitless::pools
