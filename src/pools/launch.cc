#include "pools/launch.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "pools/cgroup.h"
#include "pools/process_table.h"
#include "pools/shim_fds.h"
#include "pools/unix_socket.h"

namespace hitless::pools {
namespace {

using Steady = std::chrono::steady_clock;

constexpr Duration k_leftover_time = std::chrono::seconds(2);  // as in the shim
constexpr int k_leftover_retry_ms = 2;
constexpr int k_high_fd = 16;  // above all that a shim gets, so that placing one hits no other
constexpr std::size_t k_shim_log_bytes_max = 1 << 20;  // it says a line when it fails

// Folder 0755, so that the instance reaches its own part of it; what is secret has its own mode.
Result<void> make_folder(const InstanceFolder& folder, const RunRecord& run) {
  std::error_code failure;
  std::filesystem::remove_all(folder.path, failure);
  HL_TRY(ensure_directory(folder.path, 0755));
  HL_TRY(ensure_directory(folder.run(), 0750));
  if (run.user && ::chown(folder.run().c_str(), *run.user, *run.user) != 0) {
    return system_error("giving away", folder.run().string(), errno);
  }
  return {};
}

Result<UniqueFd> lift(UniqueFd fd) {
  UniqueFd high(::fcntl(fd.get(), F_DUPFD_CLOEXEC, k_high_fd));
  if (!high) return system_error("duplicating a descriptor", "", errno);
  return high;
}

class FileActions {
 public:
  FileActions() { ::posix_spawn_file_actions_init(&actions_); }
  ~FileActions() { ::posix_spawn_file_actions_destroy(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  posix_spawn_file_actions_t* get() { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

class Attributes {
 public:
  Attributes() {
    ::posix_spawnattr_init(&attributes_);
    sigset_t signals;
    sigemptyset(&signals);
    ::posix_spawnattr_setsigmask(&attributes_, &signals);
    sigfillset(&signals);
    ::posix_spawnattr_setsigdefault(&attributes_, &signals);
    // A session of its own: neither our terminal nor our process group can take it down.
    ::posix_spawnattr_setflags(&attributes_,
                               POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~Attributes() { ::posix_spawnattr_destroy(&attributes_); }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_{};
};

Result<pid_t> spawn(const std::filesystem::path& shim, const InstanceFolder& folder, int lock,
                    int listening) {
  FileActions actions;
  const std::string log = folder.shim_log().string();
  ::posix_spawn_file_actions_addopen(actions.get(), 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(actions.get(), 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND,
                                     0600);
  ::posix_spawn_file_actions_adddup2(actions.get(), 1, 2);
  ::posix_spawn_file_actions_adddup2(actions.get(), lock, k_shim_lock_fd);
  ::posix_spawn_file_actions_adddup2(actions.get(), listening, k_shim_listening_fd);
  ::posix_spawn_file_actions_addclosefrom_np(actions.get(), k_shim_listening_fd + 1);
  const Attributes attributes;
  std::string program = shim.string();
  std::string word = "shim";
  std::string where = folder.path.string();
  char* const arguments[] = {program.data(), word.data(), where.data(), nullptr};
  std::string search = "PATH=/usr/local/bin:/usr/bin:/bin";
  char* const environment[] = {search.data(), nullptr};
  pid_t pid = 0;
  const int failure =
      ::posix_spawn(&pid, shim.c_str(), actions.get(), attributes.get(), arguments, environment);
  if (failure != 0) return system_error("starting the shim", shim.string(), failure);
  return pid;
}

Result<Launched> launch_in(const std::filesystem::path& shim, const InstanceFolder& folder,
                           const RunRecord& run) {
  HL_TRY(make_folder(folder, run));
  HL_TRY_ASSIGN(UniqueFd lock_low, lock_file(folder.lock()));
  HL_TRY_ASSIGN(const UniqueFd lock, lift(std::move(lock_low)));
  HL_TRY_ASSIGN(UniqueFd listening_low, listen_in(folder.path, k_shim_socket));
  HL_TRY_ASSIGN(const UniqueFd listening, lift(std::move(listening_low)));
  HL_TRY(write_record(folder, run));
  Launched launched;
  HL_TRY_ASSIGN(launched.link, connect_in(folder.path, k_shim_socket));
  HL_TRY_ASSIGN(launched.shim_pid, spawn(shim, folder, lock.get(), listening.get()));
  return launched;
}

// Of the processes that run now, those that a dead shim's instance left: by its control group, by
// the user that is nobody else's, by its session.  A pid alone proves nothing, so a session counts
// only within this boot and when its leader is gone or still the one we started.
std::vector<pid_t> leftovers(const Cgroup& cgroup, const RunRecord& run, const StartRecord& start) {
  std::vector<pid_t> found = cgroup.members();
  const auto leader = facts_of(start.pid);
  const bool session_is_its =
      start.pid > 0 && (!leader || leader->start_ticks == start.start_ticks);
  for (const ProcessFacts& process : all_processes()) {
    if (process.zombie) continue;
    const bool by_session = session_is_its && process.session == start.pid &&
                            process.group == start.pid && process.start_ticks >= start.start_ticks;
    const bool by_user = run.user && user_of(process.pid) == run.user;
    if (by_session || by_user) found.push_back(process.pid);
  }
  return found;
}

void end_leftovers(const RunRecord& run, const StartRecord& start) {
  const Cgroup cgroup(run.cgroup.empty() ? CgroupLayout() : CgroupLayout::of_machine(), run.cgroup);
  const auto until = Steady::now() + k_leftover_time;
  for (;;) {
    const std::vector<pid_t> pids = leftovers(cgroup, run, start);
    for (const pid_t pid : pids) ::kill(pid, SIGKILL);
    if (pids.empty() && cgroup.remove()) return;
    if (Steady::now() >= until) return;
    ::poll(nullptr, 0, k_leftover_retry_ms);
  }
}

std::string last_words(const InstanceFolder& folder) {
  std::string words = read_file(folder.shim_log(), k_shim_log_bytes_max).value_or("");
  while (!words.empty() && words.back() == '\n') words.pop_back();
  return words.substr(words.rfind('\n') + 1);
}

}  // namespace

Result<Launched> launch(const std::filesystem::path& shim, const InstanceFolder& folder,
                        const RunRecord& run) {
  Result<Launched> launched = launch_in(shim, folder, run);
  if (launched) return launched;
  std::error_code ignored;  // the first error is the one to tell
  std::filesystem::remove_all(folder.path, ignored);
  return std::move(launched).error().context("starting instance " + run.id.text());
}

Result<ExitRecord> settle_lost(const InstanceFolder& folder, const RunRecord& run) {
  ExitRecord record;
  record.at = SystemClock().now();
  if (run.boot == boot_id()) {
    end_leftovers(run, read_start_record(folder).value_or(StartRecord()));
    const std::string words = last_words(folder);
    record.error = words.empty() ? "lost: its shim was killed" : "lost: its shim ended: " + words;
  } else {
    record.error = "lost: the machine was restarted";
  }
  HL_TRY(write_record(folder, record));
  return record;
}

}  // namespace hitless::pools
