#include "pools/child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace hitless::pools {
namespace {

// Connections and mapped files of one instance.  More than the kernel's soft default of 1024, which
// a busy server reaches.
constexpr rlim_t k_files_max = 16384;
// The kernel kills an instance before it kills us: half of the scale above what we have.
constexpr const char* k_oom_score_adj = "500";

enum class Step : int { wait, confine, user, folder, program };

struct Report {
  Step step;
  int error_number;
};

struct Pipe {
  UniqueFd read, write;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return system_error("opening a pipe", "", errno);
  return Pipe{.read = UniqueFd(ends[0]), .write = UniqueFd(ends[1])};
}

[[noreturn]] void give_up(int report_fd, Step step) {
  const Report report{.step = step, .error_number = errno};
  (void)!::write(report_fd, &report, sizeof report);
  ::_exit(127);
}

void put_text(const char* file, const char* text) {
  const int fd = ::open(file, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  (void)!::write(fd, text, std::strlen(text));  // a wish: not every machine lets us
  ::close(fd);
}

void reset_signals() {
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

void limit_resources() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = std::min(files.rlim_max, k_files_max);
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
  const rlimit none{.rlim_cur = 0, .rlim_max = 0};
  ::setrlimit(RLIMIT_CORE, &none);  // a model's memory is nobody's business, and large
}

bool connect_standard_files(int output) {
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  return null >= 0 && ::dup2(null, STDIN_FILENO) >= 0 && ::dup2(output, STDOUT_FILENO) >= 0 &&
         ::dup2(output, STDERR_FILENO) >= 0;
}

bool become(uid_t user) {
  return ::setgroups(0, nullptr) == 0 && ::setresgid(user, user, user) == 0 &&
         ::setresuid(user, user, user) == 0;
}

// A change of user clears the death signal, so it comes last; the parent may be gone by then.
bool die_with(pid_t shim) {
  return ::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && ::getppid() == shim;
}

[[noreturn]] void run_child(const RunRecord& run, pid_t shim, int go, int report, int output,
                            char* const* arguments, char** environment) {
  char byte = 0;
  ::setsid();
  reset_signals();
  if (::read(go, &byte, 1) != 1) give_up(report, Step::wait);
  put_text("/proc/self/oom_score_adj", k_oom_score_adj);
  limit_resources();
  ::umask(0022);
  if (!connect_standard_files(output)) give_up(report, Step::confine);
  if (::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) != 0) give_up(report, Step::confine);
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) give_up(report, Step::confine);
  if (run.user && !become(*run.user)) give_up(report, Step::user);
  if (!die_with(shim)) give_up(report, Step::confine);
  if (::chdir(run.package.c_str()) != 0) give_up(report, Step::folder);
  ::environ = environment;  // execvp looks for the program in the instance's own PATH
  ::execvp(arguments[0], arguments);
  give_up(report, Step::program);
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

Result<Child> fork_child(const RunRecord& run) {
  HL_TRY_ASSIGN(Pipe go, make_pipe());
  HL_TRY_ASSIGN(Pipe failure, make_pipe());
  HL_TRY_ASSIGN(Pipe output, make_pipe());
  std::vector<std::string> arguments = run.command;
  std::vector<std::string> variables;
  for (const auto& [name, value] : run.environment) variables.push_back(name + "=" + value);
  const std::vector<char*> argument_list = pointers_to(arguments);
  std::vector<char*> variable_list = pointers_to(variables);

  const pid_t shim = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return system_error("starting a process", "", errno);
  if (pid == 0) {
    go.write.reset();  // else our own copy would keep us waiting after the shim's death
    run_child(run, shim, go.read.get(), failure.write.get(), output.write.get(),
              argument_list.data(), variable_list.data());
  }
  // Also here: a kill of the group must reach it however far it has come.
  ::setpgid(pid, pid);
  for (const UniqueFd* fd : {&failure.read, &output.read}) {
    ::fcntl(fd->get(), F_SETFL, O_NONBLOCK);
  }
  return Child{.pid = pid,
               .go = std::move(go.write),
               .failure = std::move(failure.read),
               .output = std::move(output.read)};
}

std::string failure_text(const Child& child, const RunRecord& run) {
  Report report{};
  if (::read(child.failure.get(), &report, sizeof report) != sizeof report) return {};
  std::string reason = system_error("", "", report.error_number).text();
  switch (report.step) {
    case Step::wait: return "could not start: its shim gave up";
    case Step::confine: return "could not be confined" + reason;
    case Step::user: return fmt::format("could not become user {}{}", run.user.value_or(0), reason);
    case Step::folder:
      return fmt::format("could not enter the package folder {}{}", run.package.string(), reason);
    case Step::program: break;
  }
  if (report.error_number == ENOENT) reason = ": no such file; check the command of its package";
  if (report.error_number == EACCES) reason = ": not executable for its user (permission denied)";
  return fmt::format("could not start {}{}", run.command.front(), reason);
}

}  // namespace hitless::pools
