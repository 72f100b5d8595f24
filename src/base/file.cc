#include "base/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <thread>

namespace hitless {
namespace {

// A lock that is waited for is had this long after it became free, at the latest.
constexpr Duration k_lock_retry = std::chrono::milliseconds(2);

Result<void> write_all(int fd, std::string_view content, const std::string& name) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return system_error("writing", name, errno);
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

struct flock whole_file_lock() {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;  // from 0, length 0: all of it
}

}  // namespace

void UniqueFd::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

Result<std::string> read_file(const std::filesystem::path& path, std::size_t bytes_max) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return system_error("opening", path.string(), errno);
  std::string content;
  char buffer[65536];
  for (;;) {
    const ssize_t got = ::read(fd.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error("reading", path.string(), errno);
    if (got == 0) return content;
    content.append(buffer, static_cast<std::size_t>(got));
    if (content.size() > bytes_max) {
      return Error(Code::exhausted,
                   fmt::format("{} is larger than {} bytes", path.string(), bytes_max));
    }
  }
}

Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view content,
                                   unsigned mode) {
  const std::string aside = path.string() + ".new";
  {
    const UniqueFd fd(
        ::open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, static_cast<mode_t>(mode)));
    if (!fd) return system_error("creating", aside, errno);
    if (::fchmod(fd.get(), static_cast<mode_t>(mode)) != 0) {
      return system_error("setting the mode of", aside, errno);
    }
    if (auto written = write_all(fd.get(), content, aside); !written) {
      ::unlink(aside.c_str());
      return written;
    }
    if (::fsync(fd.get()) != 0) return system_error("syncing", aside, errno);
  }
  if (::rename(aside.c_str(), path.c_str()) != 0) {
    return system_error("renaming", aside, errno);
  }
  return {};
}

Result<void> ensure_directory(const std::filesystem::path& path, unsigned mode) {
  std::error_code failure;
  std::filesystem::create_directories(path, failure);
  if (failure) return system_error("creating the folder", path.string(), failure.value());
  if (::chmod(path.c_str(), static_cast<mode_t>(mode)) != 0) {
    return system_error("setting the mode of", path.string(), errno);
  }
  return {};
}

// Locks of the open file description: they go with a descriptor over fork and exec, as those of
// flock() do, and unlike those they can be looked at.
Result<UniqueFd> lock_file(const std::filesystem::path& path, Duration patience) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) return system_error("opening", path.string(), errno);
  const auto deadline = std::chrono::steady_clock::now() + patience;
  struct flock whole = whole_file_lock();
  while (::fcntl(fd.get(), F_OFD_SETLK, &whole) != 0) {
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EACCES) return system_error("locking", path.string(), errno);
    if (std::chrono::steady_clock::now() >= deadline) {
      return Error(Code::conflict, path.string() + " is locked by another process");
    }
    std::this_thread::sleep_for(k_lock_retry);  // the kernel tells nobody that a lock is free
  }
  return fd;
}

Result<bool> is_file_locked(const std::filesystem::path& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd && errno == ENOENT) return false;
  if (!fd) return system_error("opening", path.string(), errno);
  struct flock whole = whole_file_lock();
  if (::fcntl(fd.get(), F_OFD_GETLK, &whole) != 0) {
    return system_error("looking at the lock of", path.string(), errno);
  }
  return whole.l_type != F_UNLCK;
}

Result<TemporaryDirectory> TemporaryDirectory::make(std::string_view prefix) {
  std::error_code failure;
  std::string name =
      (std::filesystem::temp_directory_path(failure) / fmt::format("{}.XXXXXX", prefix)).string();
  if (::mkdtemp(name.data()) == nullptr) return system_error("creating", name, errno);
  return TemporaryDirectory(name);
}

TemporaryDirectory::~TemporaryDirectory() {
  if (path_.empty()) return;
  std::error_code ignored;  // nobody is left to tell, and /tmp is cleaned anyway
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace hitless
