#include "pools/process_pool.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <set>
#include <thread>

#include "base/file.h"
#include "base/log.h"
#include "base/thread_annotations.h"
#include "pools/cgroup.h"
#include "pools/kept_logs.h"
#include "pools/launch.h"
#include "pools/ports.h"
#include "pools/preparation.h"
#include "pools/rotating_log.h"
#include "pools/shim_link.h"
#include "pools/unix_socket.h"
#include "pools/users.h"

namespace hitless::pools {
namespace {

// Between the end of a shim's connection and that of the shim lie microseconds.
constexpr int k_ending_retry_ms = 2;
// A shim that has recorded an exit has nothing left to do but return.
constexpr int k_shim_end_ms = 1000;
// A serve that was killed leaves its locks to a child that it was just starting, for a moment.
constexpr Duration k_lock_patience = std::chrono::seconds(10);
constexpr std::uint64_t k_wake_token = 0;

// One thread of its own watches the shims; every public function may be called from any thread.
class ProcessPool final : public PoolDriver {
 public:
  ProcessPool(ProcessPoolOptions options, std::function<void()> on_change, UniqueFd lock);
  ~ProcessPool() override;

  Result<void> open();  // once, first

  Result<void> ensure_running(const InstanceSpec& spec) override;
  Result<void> ensure_stopped(const model::InstanceId& id, Duration grace) override;
  Result<void> forget(const model::InstanceId& id) override;
  std::vector<Observed> observe() override;
  Result<std::string> logs(const model::InstanceId& id, std::size_t bytes_max) override;
  PoolStatus status() override;

 private:
  struct Member {
    RunRecord run;
    Observed seen;
    UniqueFd link;  // to its shim, while that lives
    LineBuffer input;
    bool ending = false;  // the link is at its end and there is no exit record yet
    bool reaped_by_us = false;
    std::vector<std::string> warnings;  // what its shim could not enforce
  };
  struct Watch {
    model::InstanceId id;
    UniqueFd shim;  // a pidfd: watches for the shim's end; none: the member's link
  };

  InstanceFolder folder_of(const model::InstanceId& id) const {
    return {options_.directory / id.text()};
  }

  void adopt_all() HL_REQUIRES(mutex_);
  void adopt(const InstanceFolder& folder) HL_REQUIRES(mutex_);
  void settle_free(const InstanceFolder& folder, Member& member) HL_REQUIRES(mutex_);
  std::set<std::uint16_t> ports_taken() const HL_REQUIRES(mutex_);
  Result<std::vector<int>> choose_gpus(std::int64_t wanted) const HL_REQUIRES(mutex_);
  Result<Choices> choose(const InstanceSpec& spec) HL_REQUIRES(mutex_);
  Result<void> watch(int fd, Watch what) HL_REQUIRES(mutex_);
  void watch_link(Member& member) HL_REQUIRES(mutex_);
  void watch_shim(Member& member, pid_t shim) HL_REQUIRES(mutex_);

  void loop();
  void handle(std::uint64_t token) HL_REQUIRES(mutex_);
  void reap(int shim);
  void reap_ending() HL_EXCLUDES(mutex_);
  void read_link(Member& member) HL_REQUIRES(mutex_);
  void take_status(Member& member, const ShimStatus& status) HL_REQUIRES(mutex_);
  bool take_exit(Member& member) HL_REQUIRES(mutex_);
  void finish_endings() HL_EXCLUDES(mutex_);
  bool any_ending() HL_EXCLUDES(mutex_);
  void wake();

  // Constant after open().
  const ProcessPoolOptions options_;
  const std::function<void()> on_change_;
  const UniqueFd lock_;
  const KeptLogs kept_;
  const CgroupLayout layout_;
  std::vector<std::string> warnings_;
  UniqueFd epoll_, wake_;

  Mutex mutex_;
  std::map<model::InstanceId, Member> members_ HL_GUARDED_BY(mutex_);
  std::map<std::uint64_t, Watch> watches_ HL_GUARDED_BY(mutex_);
  std::uint64_t next_token_ HL_GUARDED_BY(mutex_) = k_wake_token + 1;
  Ports ports_ HL_GUARDED_BY(mutex_);
  bool changed_ HL_GUARDED_BY(mutex_) = false;

  std::atomic<bool> closing_ = false;
  std::thread thread_;
};

ProcessPool::ProcessPool(ProcessPoolOptions options, std::function<void()> on_change, UniqueFd lock)
    : options_(std::move(options)),
      on_change_(std::move(on_change)),
      lock_(std::move(lock)),
      kept_(options_.directory / ".kept", options_.keep_logs),
      layout_(options_.use_cgroups ? CgroupLayout::of_machine() : CgroupLayout()),
      ports_(options_.port_first, options_.port_last) {}

ProcessPool::~ProcessPool() {
  closing_ = true;
  wake();
  if (thread_.joinable()) thread_.join();
  reap_ending();
}

// Shims whose instance is over are about to end: whoever keeps this process must not find zombies.
void ProcessPool::reap_ending() {
  const MutexLock hold(mutex_);
  for (const auto& [token, watched] : watches_) {
    const auto found = members_.find(watched.id);
    const bool over = found == members_.end() || found->second.seen.state == ProcessState::exited;
    if (!watched.shim || !over) continue;
    pollfd end{.fd = watched.shim.get(), .events = POLLIN, .revents = 0};
    if (::poll(&end, 1, k_shim_end_ms) == 1) reap(watched.shim.get());
  }
}

Result<void> ProcessPool::open() {
  epoll_ = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  wake_ = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  epoll_event event{.events = EPOLLIN, .data = {.u64 = k_wake_token}};
  if (!epoll_ || !wake_ || ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) != 0) {
    return system_error("opening the process pool", "", errno);
  }
  warnings_ = options_.use_cgroups ? layout_.probe()
                                   : std::vector<std::string>{
                                         "memory and CPU limits are not enforced: control "
                                         "groups are switched off"};
  kept_.remove_old(SystemClock().now());
  {
    const MutexLock hold(mutex_);
    adopt_all();
  }
  thread_ = std::thread([this] { loop(); });
  return {};
}

void ProcessPool::adopt_all() {
  std::error_code failure;
  for (std::filesystem::directory_iterator entry(options_.directory, failure), end;
       !failure && entry != end; entry.increment(failure)) {
    const bool hidden = entry->path().filename().string().starts_with('.');
    if (!hidden && entry->is_directory(failure)) adopt(InstanceFolder{entry->path()});
  }
}

void ProcessPool::adopt(const InstanceFolder& folder) {
  Result<RunRecord> run = read_run_record(folder);
  Result<UniqueFd> lock = lock_file(folder.lock());
  std::error_code failure;
  const bool over = std::filesystem::exists(folder.exit(), failure);
  const bool ran =
      over ||
      (run && (run->boot != boot_id() || std::filesystem::exists(folder.started(), failure)));
  // Its start was cut short before anything ran: as if it had never been asked for.
  if (lock && !ran) {
    std::filesystem::remove_all(folder.path, failure);
    return;
  }
  if (!run || folder.path.filename() != run->id.text()) {
    log_warn("instance_unreadable", {{"folder", folder.path.string()},
                                     {"reason", run ? "not its name" : run.error().text()}});
    return;
  }
  Member& member = members_[run->id];
  member.run = std::move(*run);
  member.seen.id = member.run.id;
  member.seen.address = member.run.address;
  member.seen.since = member.run.created_at;
  if (take_exit(member)) return;
  if (lock) return settle_free(folder, member);
  Result<UniqueFd> link = connect_in(folder.path, k_shim_socket);
  member.ending = !link;
  if (link) member.link = std::move(*link);
  if (link) watch_link(member);
}

void ProcessPool::settle_free(const InstanceFolder& folder, Member& member) {
  const auto record = settle_lost(folder, member.run);
  if (!record) log_warn("instance_not_recorded", {{"reason", record.error().text()}});
  if (!take_exit(member)) member.ending = true;  // the disk is full, say: tried again
}

std::set<std::uint16_t> ProcessPool::ports_taken() const {
  std::set<std::uint16_t> ports;
  for (const auto& [id, member] : members_) {
    const bool lives = member.seen.state != ProcessState::exited;
    if (lives && member.run.port != 0) ports.insert(member.run.port);
  }
  return ports;
}

// Of an instance that ends it is free when the process is gone, not when it was told to go.
Result<std::vector<int>> ProcessPool::choose_gpus(std::int64_t wanted) const {
  std::set<int> taken;
  for (const auto& [id, member] : members_) {
    if (member.seen.state == ProcessState::exited) continue;
    taken.insert(member.run.gpus.begin(), member.run.gpus.end());
  }
  std::vector<int> chosen;
  for (int device = 0; device < options_.gpus && std::cmp_less(chosen.size(), wanted); ++device) {
    if (!taken.contains(device)) chosen.push_back(device);
  }
  if (std::cmp_equal(chosen.size(), wanted)) return chosen;
  return Error(Code::exhausted, fmt::format("{} GPUs are wanted and {} of {} are free", wanted,
                                            chosen.size(), options_.gpus));
}

Result<Choices> ProcessPool::choose(const InstanceSpec& spec) {
  std::set<uid_t> users;
  for (const auto& [id, member] : members_) {
    if (member.run.user) users.insert(*member.run.user);
  }
  Choices choices;
  choices.cgroups = options_.use_cgroups;
  choices.log_bytes_max = options_.log_bytes_max;
  if (wants_port(spec)) {
    HL_TRY_ASSIGN(choices.port, ports_.choose(ports_taken()));
  }
  if (options_.gpus > 0 || spec.limits.gpus > 0) {
    HL_TRY_ASSIGN(choices.gpus, choose_gpus(spec.limits.gpus));
  }
  if (options_.drop_privileges && ::geteuid() == 0) {
    HL_TRY_ASSIGN(choices.user, choose_user(folder_of(spec.id).path.string(), users));
  }
  return choices;
}

Result<void> ProcessPool::ensure_running(const InstanceSpec& spec) {
  const MutexLock hold(mutex_);
  if (members_.contains(spec.id)) return {};
  const InstanceFolder folder = folder_of(spec.id);
  HL_TRY(check_spec(spec, folder));
  HL_TRY_ASSIGN(const Choices choices, choose(spec));
  RunRecord run = prepare(spec, folder, choices);
  HL_TRY_ASSIGN(Launched launched, launch(options_.shim, folder, run));
  Member& member = members_[spec.id];
  member.run = std::move(run);
  member.seen.id = spec.id;
  member.seen.address = member.run.address;
  member.seen.since = member.run.created_at;
  member.link = std::move(launched.link);
  watch_shim(member, launched.shim_pid);
  watch_link(member);
  changed_ = true;
  wake();
  return {};
}

Result<void> ProcessPool::ensure_stopped(const model::InstanceId& id, Duration grace) {
  const MutexLock hold(mutex_);
  const auto found = members_.find(id);
  if (found == members_.end() || !found->second.link) return {};
  const std::string line = to_line(StopCommand{.grace = grace});
  const ssize_t sent =
      ::send(found->second.link.get(), line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) return {};  // it is ending already
  if (sent != static_cast<ssize_t>(line.size())) {
    return system_error("telling the shim of " + id.text(), "to stop it", errno);
  }
  found->second.seen.stop_told = true;
  return {};
}

Result<void> ProcessPool::forget(const model::InstanceId& id) {
  const MutexLock hold(mutex_);
  const auto found = members_.find(id);
  if (found == members_.end()) return {};
  if (found->second.seen.state != ProcessState::exited) {
    return Error(Code::conflict, "instance " + id.text() + " still runs: stop it first");
  }
  const InstanceFolder folder = folder_of(id);
  HL_TRY(kept_.take(folder));
  std::error_code failure;
  std::filesystem::remove_all(folder.path, failure);
  if (failure) return system_error("removing", folder.path.string(), failure.value());
  members_.erase(found);
  kept_.remove_old(SystemClock().now());
  return {};
}

std::vector<Observed> ProcessPool::observe() {
  const MutexLock hold(mutex_);
  std::vector<Observed> seen;
  for (const auto& [id, member] : members_) seen.push_back(member.seen);
  return seen;
}

Result<std::string> ProcessPool::logs(const model::InstanceId& id, std::size_t bytes_max) {
  InstanceFolder folder;
  {
    const MutexLock hold(mutex_);
    folder = members_.contains(id) ? folder_of(id) : kept_.at(id.text());
  }
  Result<std::string> tail = read_log_tail(folder.log(), folder.old_log(), bytes_max);
  if (tail) return tail;
  if (tail.error().code() != Code::not_found) return tail;
  const MutexLock hold(mutex_);
  if (members_.contains(id)) return std::string();  // its shim is about to make it
  return Error(Code::not_found, "there is no log of instance " + id.text());
}

PoolStatus ProcessPool::status() {
  const MutexLock hold(mutex_);
  std::set<std::string> warnings(warnings_.begin(), warnings_.end());
  for (const auto& [id, member] : members_) {
    if (member.seen.state == ProcessState::exited) continue;
    warnings.insert(member.run.warnings.begin(), member.run.warnings.end());
    warnings.insert(member.warnings.begin(), member.warnings.end());
  }
  model::Resources capacity = machine_capacity(CgroupLayout::of_machine());
  capacity.gpus = options_.gpus;
  return {.capacity = capacity,
          .ports = ports_.count_usable(ports_taken(), SystemClock().now()),
          .warnings = {warnings.begin(), warnings.end()}};
}

Result<void> ProcessPool::watch(int fd, Watch what) {
  epoll_event event{.events = EPOLLIN, .data = {.u64 = next_token_}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    return system_error("watching a shim", "", errno);
  }
  watches_.emplace(next_token_++, std::move(what));
  return {};
}

void ProcessPool::watch_link(Member& member) {
  if (!watch(member.link.get(), Watch{.id = member.run.id, .shim = {}})) member.ending = true;
}

void ProcessPool::watch_shim(Member& member, pid_t shim) {
  member.reaped_by_us = true;
  // Debian 12's <sys/pidfd.h> does not link from C++.
  UniqueFd handle(static_cast<int>(::syscall(SYS_pidfd_open, shim, 0)));
  const int fd = handle.get();
  // Without it a zombie stays until we end, which harms nobody.
  if (handle) (void)watch(fd, Watch{.id = member.run.id, .shim = std::move(handle)});
}

void ProcessPool::wake() {
  const std::uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof one);
}

void ProcessPool::loop() {
  epoll_event events[64];
  while (!closing_) {
    const int count = ::epoll_wait(epoll_.get(), events, std::size(events),
                                   any_ending() ? k_ending_retry_ms : -1);
    bool changed = false;
    {
      const MutexLock hold(mutex_);
      for (int at = 0; at < count; ++at) handle(events[at].data.u64);
    }
    finish_endings();
    {
      const MutexLock hold(mutex_);
      changed = std::exchange(changed_, false);
    }
    if (changed && on_change_) on_change_();
  }
}

void ProcessPool::handle(std::uint64_t token) {
  if (token == k_wake_token) {
    std::uint64_t count = 0;
    (void)!::read(wake_.get(), &count, sizeof count);
    return;
  }
  const auto watched = watches_.find(token);
  if (watched == watches_.end()) return;
  if (watched->second.shim) {
    reap(watched->second.shim.get());
    watches_.erase(watched);
    return;
  }
  const auto found = members_.find(watched->second.id);
  if (found != members_.end()) read_link(found->second);
  if (found == members_.end() || !found->second.link) watches_.erase(watched);
}

// A shim that an earlier serve started is init's to reap; asking does no harm.
void ProcessPool::reap(int shim) {
  siginfo_t info{};
  ::waitid(P_PIDFD, static_cast<id_t>(shim), &info, WEXITED | WNOHANG);
}

void ProcessPool::read_link(Member& member) {
  char buffer[8192];
  const ssize_t got = ::read(member.link.get(), buffer, sizeof buffer);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got > 0) {
    member.input.add({buffer, static_cast<std::size_t>(got)});
    while (const auto line = member.input.next()) {
      if (const auto status = status_from_line(*line)) take_status(member, *status);
    }
    if (!member.input.overlong()) return;
  }
  member.link.reset();
  if (!take_exit(member)) member.ending = true;
}

void ProcessPool::take_status(Member& member, const ShimStatus& status) {
  if (!member.reaped_by_us) watch_shim(member, status.shim_pid);
  // The end is what the exit record says, once the shim hangs up.
  if (status.state == ProcessState::exited) return;
  member.seen.state = status.state;
  member.seen.pid = status.pid;
  member.seen.since = status.since;
  member.seen.stop_told = member.seen.stop_told || status.stop_told;
  member.warnings = status.warnings;
  changed_ = true;
}

bool ProcessPool::take_exit(Member& member) {
  const Result<ExitRecord> record = read_exit_record(folder_of(member.run.id));
  if (!record && record.error().code() == Code::not_found) return false;
  member.ending = false;
  member.seen.state = ProcessState::exited;
  member.seen.pid = 0;
  member.seen.detail =
      record ? describe(*record, member.run.limits) : "lost: " + record.error().text();
  member.seen.since = record ? record->at : SystemClock().now();
  if (record) member.seen.stop_told = record->stop_told;
  changed_ = true;
  return true;
}

bool ProcessPool::any_ending() {
  const MutexLock hold(mutex_);
  return std::any_of(members_.begin(), members_.end(),
                     [](const auto& entry) { return entry.second.ending; });
}

// Of shims that hung up without a record.  Ending what they left may take a while, so it is done
// without the mutex; nobody else touches a member that is neither linked nor exited.
void ProcessPool::finish_endings() {
  std::vector<RunRecord> ending;
  {
    const MutexLock hold(mutex_);
    for (auto& [id, member] : members_) {
      if (member.ending && !take_exit(member)) ending.push_back(member.run);
    }
  }
  for (const RunRecord& run : ending) {
    const InstanceFolder folder = folder_of(run.id);
    const Result<UniqueFd> lock = lock_file(folder.lock());
    if (!lock) continue;  // the shim is still on its way out
    std::error_code failure;
    if (!std::filesystem::exists(folder.exit(), failure)) {
      const auto record = settle_lost(folder, run);
      if (!record) log_warn("instance_not_recorded", {{"reason", record.error().text()}});
    }
    const MutexLock hold(mutex_);
    const auto found = members_.find(run.id);
    if (found != members_.end()) take_exit(found->second);
  }
}

}  // namespace

Result<std::unique_ptr<PoolDriver>> open_process_pool(ProcessPoolOptions options,
                                                      std::function<void()> on_change) {
  std::error_code failure;
  options.directory = std::filesystem::absolute(options.directory, failure);
  options.shim = std::filesystem::absolute(options.shim, failure);
  HL_TRY(ensure_directory(options.directory, 0755));
  Result<UniqueFd> lock = lock_file(options.directory / ".lock", k_lock_patience);
  if (!lock) return std::move(lock).error().context("opening the process pool");
  auto pool =
      std::make_unique<ProcessPool>(std::move(options), std::move(on_change), std::move(*lock));
  HL_TRY(pool->open());
  return std::unique_ptr<PoolDriver>(std::move(pool));
}

}  // namespace hitless::pools
