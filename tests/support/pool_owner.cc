// A process that owns a process pool, for tests that kill it: runs one instance of the program in
// the package, says "running" and waits to be killed.
#include <fmt/format.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "base/thread_annotations.h"
#include "pools/process_pool.h"

using namespace hitless;
using namespace hitless::pools;

int main(int count, char** arguments) {
  if (count < 5) {
    std::fprintf(stderr, "usage: pool_owner DIRECTORY SHIM PACKAGE ID COMMAND...\n");
    return 2;
  }
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // never outlive the test
  Mutex mutex;
  ConditionVariable changed;
  ProcessPoolOptions options;
  options.directory = arguments[1];
  options.shim = arguments[2];
  auto pool = open_process_pool(options, [&] {
    const MutexLock hold(mutex);
    changed.notify_all();
  });
  if (!pool) return std::fprintf(stderr, "%s\n", pool.error().text().c_str()), 1;
  InstanceSpec spec;
  spec.id = model::InstanceId(arguments[4]);
  spec.package = arguments[3];
  spec.command.assign(arguments + 5, arguments + count);
  spec.listens_on_unix = true;
  if (auto started = (*pool)->ensure_running(spec); !started) {
    return std::fprintf(stderr, "%s\n", started.error().text().c_str()), 1;
  }
  const MutexLock hold(mutex);
  while ((*pool)->observe().front().state != ProcessState::running) {
    changed.wait_until(mutex, std::chrono::steady_clock::now() + std::chrono::milliseconds(100));
  }
  (void)!::write(STDOUT_FILENO, "running\n", 8);
  for (;;) ::pause();
}
