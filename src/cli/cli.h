// The command line.  Everything here is a client of the API; what runs on this machine itself
// (serve, gateway, shim, sim, config) is handed in by app as hooks, and listed in --help all the
// same.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/completion.h"
#include "cli/io.h"

namespace hitless::cli {

// What a command ends with; --help lists them.
enum ExitStatus : int {
  k_exit_ok = 0,
  k_exit_error = 1,        // hitless refused, or something failed
  k_exit_usage = 2,        // the command line is wrong
  k_exit_rolled_back = 3,  // the change was taken back
  k_exit_failed = 4,       // not even the way back worked
  k_exit_unreachable = 5,  // no hitless serve there
};

// Arguments behind the command's name; the result is the exit status.
using Hook = std::function<int(std::vector<std::string> args)>;

struct Hooks {
  Hook serve;
  Hook gateway;
  Hook shim;
  Hook down;
  Hook sim;
  Hook config;
  // What completion can offer behind the names of these.
  std::function<std::vector<CompletionRow>()> completions;
};

// `args` without the program's name.  Errors go to io.err.
int run_cli(const std::vector<std::string>& args, const Io& io, const Hooks& hooks);

// The same on the standard streams.
int run_cli(int argc, char** argv, const Hooks& hooks);

}  // namespace hitless::cli
