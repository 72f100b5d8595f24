#include "pools/rotating_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

namespace hitless::pools {
namespace {

Result<std::string> tail_of(const std::filesystem::path& path, std::size_t bytes_max) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return system_error("opening", path.string(), errno);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return system_error("reading", path.string(), errno);
  const auto size = static_cast<std::size_t>(status.st_size);
  std::string tail(std::min(size, bytes_max), '\0');
  std::size_t offset = size - tail.size();
  std::size_t got_all = 0;
  while (got_all < tail.size()) {
    const ssize_t got = ::pread(fd.get(), tail.data() + got_all, tail.size() - got_all,
                                static_cast<off_t>(offset + got_all));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error("reading", path.string(), errno);
    if (got == 0) break;
    got_all += static_cast<std::size_t>(got);
  }
  tail.resize(got_all);
  return tail;
}

}  // namespace

Result<RotatingLog> RotatingLog::open(std::filesystem::path current, std::filesystem::path older,
                                      std::size_t bytes_max) {
  RotatingLog log(std::move(current), std::move(older), std::max<std::size_t>(bytes_max, 2));
  HL_TRY(log.reopen());
  return log;
}

Result<void> RotatingLog::reopen() {
  fd_ = UniqueFd(::open(current_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
  if (!fd_) return system_error("opening", current_.string(), errno);
  struct stat status {};
  size_ = ::fstat(fd_.get(), &status) == 0 ? static_cast<std::size_t>(status.st_size) : 0;
  return {};
}

void RotatingLog::write(std::string_view bytes) {
  if (!fd_ && !reopen()) {
    lost_ += bytes.size();
    return;
  }
  while (!bytes.empty()) {
    if (size_ >= half_) rotate();
    const std::string_view part = bytes.substr(0, std::max<std::size_t>(1, half_ - size_));
    if (lost_ > 0 && append(fmt::format("[hitless: {} bytes of this log were lost]\n", lost_))) {
      lost_ = 0;
    }
    if (!append(part)) lost_ += part.size();
    bytes.remove_prefix(part.size());
  }
}

bool RotatingLog::append(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd_.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    size_ += static_cast<std::size_t>(written);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

void RotatingLog::rotate() {
  if (::rename(current_.c_str(), older_.c_str()) != 0 || !reopen()) {
    // Without a second file the first one starts again: the limit holds.
    if (fd_ && ::ftruncate(fd_.get(), 0) == 0) size_ = 0;
  }
}

Result<std::string> read_log_tail(const std::filesystem::path& current,
                                  const std::filesystem::path& older, std::size_t bytes_max) {
  Result<std::string> tail = tail_of(current, bytes_max);
  // Between the two steps of a rotation there is no current file.
  if (!tail && tail.error().code() != Code::not_found) return tail;
  const std::size_t have = tail ? tail->size() : 0;
  if (have >= bytes_max) return tail;
  Result<std::string> before = tail_of(older, bytes_max - have);
  if (!before) return tail;
  return *before + (tail ? *tail : std::string());
}

}  // namespace hitless::pools
