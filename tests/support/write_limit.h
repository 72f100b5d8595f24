// Says after how many writes to its store serve dies, by SIGKILL, before it can act on the last.
//
// Owner: a test, which starts serve with launcher() before the program.  Counts in whichever serve
// runs, from the moment it is set; another process does the counting (write_limit_preload.cc).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"

namespace hitless::tests {

class WriteLimit {
 public:
  explicit WriteLimit(const std::filesystem::path& file);

  // For ProcessOptions::launcher.
  std::vector<std::string> launcher() const;

  // The `writes`th from now is the last.
  void set(int writes);

  // Nobody dies any more.  How many writes were left: 0 if serve has been killed by this limit.
  int lift();

 private:
  int exchange(int writes);

  const std::filesystem::path path_;
  UniqueFd file_;
};

}  // namespace hitless::tests
