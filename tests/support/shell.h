// Commands for tests that have a gateway in their own process, run by a shell that was started
// before it: a process that serves must not copy itself while it does.  What the loop closes would
// stay open in the copy until that has become another program, and the kernel would go on telling
// the loop of it.
//
// Owner: one test, one thread.
#pragma once

#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/file.h"

namespace hitless::testing {

struct Ran {
  int status = -1;
  std::string output;  // both streams
};

class Shell {
 public:
  Shell() {
    int ends[2];
    HL_CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    socket_.reset(ends[0]);
    const UniqueFd its(ends[1]);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
      posix_spawn_file_actions_adddup2(&files, its.get(), stream);
    }
    std::string name = "/bin/sh";
    char* const argv[] = {name.data(), nullptr};
    const int failed = ::posix_spawn(&pid_, name.c_str(), &files, nullptr, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    HL_CHECK(failed == 0);
  }
  Shell(const Shell&) = delete;
  Shell& operator=(const Shell&) = delete;

  // Waits for what it runs in the background.
  ~Shell() {
    tell("wait");
    ::shutdown(socket_.get(), SHUT_WR);
    ::waitpid(pid_, nullptr, 0);
  }

  // One command with its arguments, ended when it takes too long.
  Ran run(const std::string& command) {
    tell("timeout 30 " + command + " 2>&1 </dev/null; printf '\\036%d\\036' $?");
    Ran ran;
    while (mark_count(ran.output) < 2) {
      char buffer[4096];
      const ssize_t got = ::read(socket_.get(), buffer, sizeof buffer);
      HL_CHECK(got > 0);
      ran.output.append(buffer, static_cast<std::size_t>(got));
    }
    const std::size_t mark = ran.output.find(k_mark);
    ran.status = std::atoi(ran.output.c_str() + mark + 1);
    ran.output.erase(mark);
    return ran;
  }

  // A line of the shell's own, which says nothing and is not waited for.
  void tell(const std::string& line) {
    const std::string text = line + "\n";
    HL_CHECK(::write(socket_.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }

 private:
  static constexpr char k_mark = '\036';  // no command of a test prints it

  static std::size_t mark_count(std::string_view text) {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), k_mark));
  }

  UniqueFd socket_;
  pid_t pid_ = 0;
};

}  // namespace hitless::testing
