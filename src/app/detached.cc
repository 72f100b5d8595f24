#include "app/detached.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace hitless::app {
namespace {

// The running program, also after its file was replaced.
constexpr const char* k_self = "/proc/self/exe";
constexpr int k_cannot_start = 127;

[[noreturn]] void exec_detached(char* const* argv, int log, int report) {
  ::setsid();
  // A second fork: it is adopted by init and never a zombie of ours.
  if (::fork() != 0) ::_exit(0);
  const int nothing = ::open("/dev/null", O_RDONLY);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  if (report == k_report_fd) ::fcntl(report, F_SETFD, 0);
  if (report >= 0) ::dup2(report, k_report_fd);
  ::execv(k_self, argv);
  ::_exit(k_cannot_start);
}

Result<void> start(const std::vector<std::string>& arguments, const std::filesystem::path& log,
                   int report) {
  const UniqueFd output(::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!output) return system_error("opening", log.string(), errno);
  std::vector<char*> argv{const_cast<char*>("hitless")};
  for (const std::string& argument : arguments) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid < 0) return system_error("fork", arguments.front(), errno);
  if (pid == 0) exec_detached(argv.data(), output.get(), report);
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  return {};
}

}  // namespace

Result<void> start_detached(const std::vector<std::string>& arguments,
                            const std::filesystem::path& log) {
  return start(arguments, log, -1);
}

Result<UniqueFd> start_reporting(const std::vector<std::string>& arguments,
                                 const std::filesystem::path& log) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return system_error("pipe", arguments.front(), errno);
  UniqueFd ours(ends[0]);
  const UniqueFd theirs(ends[1]);
  HL_TRY(start(arguments, log, theirs.get()));
  return ours;
}

}  // namespace hitless::app
