// Starts an instance's process, confined: own session, no way to more privileges, its own user,
// nothing inherited but the three standard descriptors, killed when the shim dies.
//
// For the shim, whose one thread forks.  Two steps, so that the process can be put under its
// limits and on record before its first instruction.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/file.h"
#include "pools/instance_folder.h"

namespace hitless::pools {

struct Child {
  pid_t pid = 0;     // leads its own session and process group
  UniqueFd go;       // one byte lets it run; closing it instead ends it
  UniqueFd failure;  // at its end without a byte: the program runs; else see failure_text()
  UniqueFd output;   // what it writes to standard output and error; non-blocking
};

Result<Child> fork_child(const RunRecord& run);

// Reads what a child reported that could not become its program; empty when it could.  Once,
// when `failure` is readable.
std::string failure_text(const Child& child, const RunRecord& run);

}  // namespace hitless::pools
