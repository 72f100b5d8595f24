#include "control/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "base/file.h"

namespace hitless::control {
namespace {

// "nobody" of Debian and most others: owns nothing.
constexpr uid_t k_unprivileged_uid = 65534;
// The child's own failures to start, as shells report them.
constexpr int k_cannot_start = 127;

// In the child, between fork and exec: only async-signal-safe calls, strerrordesc_np among them.
void say(const char* text) {
  (void)!::write(STDERR_FILENO, text, std::strlen(text));
}

[[noreturn]] void give_up(const char* what, const char* name) {
  const int cause = errno;
  say(what);
  say(name);
  say(": ");
  say(::strerrordesc_np(cause));
  if (cause == EACCES) {
    say(" as a user without rights, who must be able to pass through every folder on the way: "
        "`chmod o+x` them, or keep it elsewhere");
  }
  ::_exit(k_cannot_start);
}

[[noreturn]] void exec_child(char* const* argv, const char* directory, int output) {
  char* const environment[] = {const_cast<char*>("PATH=/usr/local/bin:/usr/bin:/bin"),
                               const_cast<char*>("LANG=C.UTF-8"), nullptr};
  ::setpgid(0, 0);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  const int nothing = ::open("/dev/null", O_RDONLY);
  ::dup2(nothing, STDIN_FILENO);
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (::chdir(directory) != 0) give_up("cannot enter ", directory);
  if (::geteuid() == 0 &&
      (::setgid(k_unprivileged_uid) != 0 || ::setuid(k_unprivileged_uid) != 0)) {
    give_up("cannot become a user without rights for ", argv[0]);
  }
  ::execvpe(argv[0], argv, environment);
  give_up("cannot run ", argv[0]);
}

int millis_until(std::chrono::steady_clock::time_point deadline) {
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
}

// Waits for one descriptor to become readable; false at the deadline.
bool wait_readable(int fd, std::chrono::steady_clock::time_point deadline) {
  for (;;) {
    pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&waiting, 1, millis_until(deadline));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

// Reads until the end of output or the deadline; false at the deadline.
bool read_output(int fd, std::chrono::steady_clock::time_point deadline, std::size_t bytes_max,
                 std::string& output) {
  for (;;) {
    if (!wait_readable(fd, deadline)) return false;
    char buffer[4096];
    const ssize_t got = ::read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return true;
    if (output.size() < bytes_max) output.append(buffer, static_cast<std::size_t>(got));
  }
}

bool has_ended(pid_t pid, std::chrono::steady_clock::time_point deadline) {
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  return process && wait_readable(process.get(), deadline);
}

int wait_for(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

Result<CommandEnd> run_command(const CommandRun& run) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return system_error("pipe", {}, errno);
  UniqueFd reading(ends[0]);
  UniqueFd writing(ends[1]);
  std::vector<char*> argv;
  for (const std::string& argument : run.argv) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);

  const auto deadline = std::chrono::steady_clock::now() + run.timeout;
  const pid_t pid = ::fork();
  if (pid < 0) return system_error("fork", run.argv[0], errno);
  if (pid == 0) exec_child(argv.data(), run.directory.c_str(), writing.get());
  writing.reset();

  CommandEnd end;
  const bool in_time = read_output(reading.get(), deadline, run.output_bytes_max, end.output) &&
                       has_ended(pid, deadline);
  ::kill(-pid, SIGKILL);  // whatever it left behind, or all of it when the time is up
  ::kill(pid, SIGKILL);   // not reaped yet, so the id is still its own
  end.status = wait_for(pid);
  if (!in_time) return Error(Code::timeout, run.argv[0] + " did not finish in time");
  return end;
}

}  // namespace hitless::control
