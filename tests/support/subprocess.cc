#include "tests/support/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "base/check.h"
#include "base/file.h"

namespace hitless::tests {
namespace {

constexpr int k_cannot_start = 127;
constexpr int k_signal_base = 128;

}  // namespace

pid_t spawn(const std::vector<std::string>& argv, const std::filesystem::path& output) {
  std::vector<char*> arguments;
  for (const std::string& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  const UniqueFd out(::open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  HL_CHECK(static_cast<bool>(out));
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  HL_CHECK(pid >= 0);
  if (pid != 0) return pid;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(k_cannot_start);
  ::dup2(out.get(), STDOUT_FILENO);
  ::dup2(out.get(), STDERR_FILENO);
  ::execv(arguments[0], arguments.data());
  ::_exit(k_cannot_start);
}

std::optional<int> wait_for_end(pid_t pid, std::chrono::milliseconds patience) {
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  pollfd ended{.fd = process.get(), .events = POLLIN, .revents = 0};
  if (process && ::poll(&ended, 1, static_cast<int>(patience.count())) == 0) return std::nullopt;
  int status = 0;
  if (::waitpid(pid, &status, 0) != pid) return std::nullopt;
  return WIFEXITED(status) ? WEXITSTATUS(status) : k_signal_base + WTERMSIG(status);
}

bool eventually(const std::function<bool()>& holds, std::chrono::milliseconds patience,
                std::chrono::milliseconds interval) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!holds()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(interval);
  }
  return true;
}

std::string tail_of(const std::filesystem::path& file, std::size_t bytes) {
  std::ifstream in(file, std::ios::binary | std::ios::ate);
  if (!in) return {};
  const auto size = static_cast<std::size_t>(in.tellg());
  const std::size_t taken = std::min(size, bytes);
  in.seekg(static_cast<std::streamoff>(size - taken));
  std::string text(taken, '\0');
  in.read(text.data(), static_cast<std::streamsize>(taken));
  return text;
}

}  // namespace hitless::tests
