// An instance's log: the current file and one older, together below a size.
//
// Owned by the shim, its only writer; one thread.  A full disk loses lines, never the instance:
// how much was lost is said in the log as soon as there is room again.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/file.h"

namespace hitless::pools {

class RotatingLog {
 public:
  // Continues files that are there.
  static Result<RotatingLog> open(std::filesystem::path current, std::filesystem::path older,
                                  std::size_t bytes_max);

  void write(std::string_view bytes);

 private:
  RotatingLog(std::filesystem::path current, std::filesystem::path older, std::size_t bytes_max)
      : current_(std::move(current)), older_(std::move(older)), half_(bytes_max / 2) {}
  Result<void> reopen();
  void rotate();
  bool append(std::string_view bytes);

  std::filesystem::path current_;
  std::filesystem::path older_;
  std::size_t half_;  // each file's share
  UniqueFd fd_;
  std::size_t size_ = 0;
  std::size_t lost_ = 0;
};

// The last `bytes_max` bytes of both files.  not_found when neither is there.
Result<std::string> read_log_tail(const std::filesystem::path& current,
                                  const std::filesystem::path& older, std::size_t bytes_max);

}  // namespace hitless::pools
