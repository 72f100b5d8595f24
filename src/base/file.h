// Files as values: whole reads, whole atomic writes, owned descriptors.  Any thread.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/result.h"

namespace hitless {

// Owns one descriptor and closes it.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

// At most `bytes_max` bytes; a larger file is an Error (exhausted), never a cut value.
Result<std::string> read_file(const std::filesystem::path& path, std::size_t bytes_max);

// Readers see the old content or the new, also after a crash: written aside, synced, renamed.
Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view content,
                                   unsigned mode = 0644);

// Makes the folder and those above it.  `mode` is set on the last one.
Result<void> ensure_directory(const std::filesystem::path& path, unsigned mode = 0755);

// An exclusive lock on a file, held as long as the descriptor lives, released by the kernel when
// the process dies.  conflict when somebody else still holds it after `patience`.
//
// A process that was killed while it started another one leaves its locks to that child until the
// child runs its own program: whoever follows a dead holder needs a little patience.
Result<UniqueFd> lock_file(const std::filesystem::path& path, Duration patience = {});

// Whether somebody holds that lock, without taking it: whoever would take it at this moment gets
// it.  A file that is not there is not locked.
Result<bool> is_file_locked(const std::filesystem::path& path);

// A folder that is removed with its content at the end of its owner's life.
class TemporaryDirectory {
 public:
  static Result<TemporaryDirectory> make(std::string_view prefix);
  TemporaryDirectory(TemporaryDirectory&& other) noexcept
      : path_(std::exchange(other.path_, std::filesystem::path())) {}
  TemporaryDirectory& operator=(TemporaryDirectory&&) = delete;
  ~TemporaryDirectory();

  const std::filesystem::path& path() const { return path_; }

 private:
  explicit TemporaryDirectory(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

}  // namespace hitless
