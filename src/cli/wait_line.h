// One line on a terminal while something of unknown length is waited for: a bar whose block moves,
// and the seconds so far.  Nothing at all elsewhere, under --json, or before a second is over.
//
// Owner: the command that waits; one thread.
#pragma once

#include <chrono>
#include <string>

#include "cli/session.h"

namespace hitless::cli {

class WaitLine {
 public:
  WaitLine(const Session& session, std::string what);
  ~WaitLine();  // takes the line away
  WaitLine(const WaitLine&) = delete;
  WaitLine& operator=(const WaitLine&) = delete;

  void show();  // as it is now; as often as one likes
  void show(std::chrono::milliseconds waited);
  void clear();

 private:
  const Io& io_;
  const bool live_;
  const std::string what_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  bool shown_ = false;
};

}  // namespace hitless::cli
