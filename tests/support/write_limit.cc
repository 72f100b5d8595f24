#include "tests/support/write_limit.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/check.h"

namespace hitless::tests {
namespace {

// What the file says while nothing is limited.
constexpr int k_no_limit = -1;

}  // namespace

WriteLimit::WriteLimit(const std::filesystem::path& file)
    : path_(file), file_(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
  HL_CHECK(static_cast<bool>(file_));
  exchange(k_no_limit);
}

std::vector<std::string> WriteLimit::launcher() const {
  return {"/usr/bin/env", fmt::format("LD_PRELOAD={}", HITLESS_WRITE_LIMIT_PRELOAD),
          fmt::format("HITLESS_WRITES_LEFT={}", path_.string())};
}

void WriteLimit::set(int writes) {
  HL_CHECK(writes > 0);
  exchange(writes);
}

int WriteLimit::lift() {
  return exchange(k_no_limit);
}

int WriteLimit::exchange(int writes) {
  HL_CHECK(::flock(file_.get(), LOCK_EX) == 0);
  int before = k_no_limit;
  (void)!::pread(file_.get(), &before, sizeof before, 0);
  HL_CHECK(::pwrite(file_.get(), &writes, sizeof writes, 0) == sizeof writes);
  HL_CHECK(::flock(file_.get(), LOCK_UN) == 0);
  return before;
}

}  // namespace hitless::tests
