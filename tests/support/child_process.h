// A program under test: started, watched with a deadline, and never left running.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/file.h"

namespace hitless::tests {

struct ChildOptions {
  std::vector<std::string> arguments;    // the program first
  std::vector<std::string> environment;  // "NAME=value", besides PATH; nothing is inherited
  std::filesystem::path folder;          // receives the files "stdout" and "stderr"
};

// Owner: one test, one thread.
class ChildProcess {
 public:
  explicit ChildProcess(const ChildOptions& options) : folder_(options.folder) {
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    const std::string out = folder_ / "stdout";
    const std::string err = folder_ / "stderr";
    constexpr int flags = O_CREAT | O_WRONLY | O_TRUNC;
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, out.c_str(), flags, 0600);
    posix_spawn_file_actions_addopen(&files, STDERR_FILENO, err.c_str(), flags, 0600);
    std::vector<std::string> environment = options.environment;
    environment.emplace_back("PATH=/usr/bin:/bin");
    std::vector<char*> argv = pointers(options.arguments);
    std::vector<char*> envp = pointers(environment);
    const int failed =
        ::posix_spawn(&pid_, argv.front(), &files, nullptr, argv.data(), envp.data());
    posix_spawn_file_actions_destroy(&files);
    HL_CHECK(failed == 0);
    ended_fd_ = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
    HL_CHECK(ended_fd_.get() >= 0);
  }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  ~ChildProcess() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  pid_t pid() const { return pid_; }
  void signal(int number) const { HL_CHECK(::kill(pid_, number) == 0); }

  bool has_ended(int wait_millis = 0) const {
    pollfd waited{.fd = ended_fd_.get(), .events = POLLIN, .revents = 0};
    return ::poll(&waited, 1, wait_millis) == 1;
  }

  // The exit status; 128 + N after signal N; -1 when it has not ended by then.
  int wait(int patience_millis) {
    if (!has_ended(patience_millis)) return -1;
    int status = 0;
    HL_CHECK(::waitpid(pid_, &status, 0) == pid_);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  std::string output() const { return text_of("stdout"); }
  std::string errors() const { return text_of("stderr"); }

 private:
  static std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> all;
    all.reserve(texts.size() + 1);
    for (std::string& text : texts) all.push_back(text.data());
    all.push_back(nullptr);
    return all;
  }
  static std::vector<char*> pointers(const std::vector<std::string>& texts) {
    // posix_spawn takes char* for history's sake and does not write.
    return pointers(const_cast<std::vector<std::string>&>(texts));
  }

  std::string text_of(const char* name) const {
    constexpr std::size_t bytes_max = 16 * 1024 * 1024;
    auto text = read_file(folder_ / name, bytes_max);
    return text ? *text : text.error().text();
  }

  const std::filesystem::path folder_;
  pid_t pid_ = 0;
  UniqueFd ended_fd_;
};

}  // namespace hitless::tests
