#include "gateway/access_writer.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "base/log.h"
#include "gateway/access_line.h"

namespace hitless::gateway {
namespace {

// Others may write to the file too, or move it away; between two looks our own lines are counted.
constexpr Duration k_look_interval = std::chrono::seconds(1);

}  // namespace

Result<std::unique_ptr<AccessWriter>> AccessWriter::start(std::filesystem::path file,
                                                          std::uint64_t bytes_max,
                                                          std::size_t workers) {
  std::unique_ptr<AccessWriter> writer(new AccessWriter(std::move(file), bytes_max, workers));
  if (!writer->stop_event_) return system_error("eventfd", "access record", errno);
  // A full disk is none of the clients' business; a folder that is not there is a mistake.
  if (const auto opened = writer->open(); !opened && opened.error().code() != Code::exhausted) {
    return opened.error();
  }
  writer->thread_ = std::thread([&writer = *writer] { writer.run(); });
  return writer;
}

AccessWriter::AccessWriter(std::filesystem::path file, std::uint64_t bytes_max, std::size_t workers)
    : path_(std::move(file)),
      bytes_max_(bytes_max),
      stop_event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      to_be_made_(workers * k_access_chunks_per_worker) {}

AccessWriter::~AccessWriter() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  wake();
  {
    const MutexLock lock(mutex_);
    changed_.notify_all();
  }
  thread_.join();
}

void AccessWriter::wake() {
  const std::uint64_t one = 1;
  // It can only fail when the counter is full, and then the wait is over as well.
  [[maybe_unused]] const ssize_t written = ::write(stop_event_.get(), &one, sizeof one);
}

std::unique_ptr<AccessChunk> AccessWriter::swap(std::unique_ptr<AccessChunk> full) {
  const MutexLock lock(mutex_);
  if (full != nullptr) {
    full_.push_back(std::move(full));
    changed_.notify_all();
  }
  if (!free_.empty()) {
    std::unique_ptr<AccessChunk> chunk = std::move(free_.back());
    free_.pop_back();
    return chunk;
  }
  if (to_be_made_ == 0) return nullptr;
  --to_be_made_;
  return std::make_unique_for_overwrite<AccessChunk>();
}

void AccessWriter::give_back(std::unique_ptr<AccessChunk> chunk) {
  chunk->size = 0;
  chunk->lines = chunk->dropped = 0;
  const MutexLock lock(mutex_);
  free_.push_back(std::move(chunk));
}

void AccessWriter::reopen() {
  const MutexLock lock(mutex_);
  reopens_ = true;
  changed_.notify_all();
}

bool AccessWriter::wait_for_work(std::vector<std::unique_ptr<AccessChunk>>& work, bool& reopens) {
  const MutexLock lock(mutex_);
  while (full_.empty() && !reopens_ && !stopping_) changed_.wait(mutex_);
  work.swap(full_);
  reopens = std::exchange(reopens_, false);
  return !work.empty() || reopens;
}

void AccessWriter::run() {
  for (;;) {
    std::vector<std::unique_ptr<AccessChunk>> work;
    bool reopens = false;
    if (!wait_for_work(work, reopens)) return;
    if (reopens) fd_.reset();
    for (auto& chunk : work) {
      write(*chunk);
      give_back(std::move(chunk));
    }
    rotate_if_due();
    if (!fd_ && reopens) static_cast<void>(open());  // said in the log already
  }
}

// Not blocking, for pipes: the end of the gateway does not wait for their readers.
Result<void> AccessWriter::open() {
  fd_.reset(::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
                   0640));
  if (!fd_) {
    const Error error = system_error("opening the access record", path_.string(), errno);
    if (!std::exchange(told_of_failure_, true)) {
      log_error("access_record_not_open", {{"reason", error.text()}});
    }
    return error;
  }
  size_ = 0;
  return {};
}

// Another gateway may have renamed it already, or a program that knows nothing of us.
void AccessWriter::rotate_if_due() {
  if (!fd_) return;
  const net::Instant now = net::monotonic_now();
  if (size_ < bytes_max_ / 2 && now - looked_at_ < k_look_interval) return;
  looked_at_ = now;
  struct stat ours {};
  struct stat named {};
  if (::fstat(fd_.get(), &ours) != 0 || !S_ISREG(ours.st_mode)) return;
  if (::stat(path_.c_str(), &named) != 0 || named.st_ino != ours.st_ino ||
      named.st_dev != ours.st_dev) {
    static_cast<void>(open());
    return;
  }
  size_ = static_cast<std::uint64_t>(ours.st_size);
  if (size_ < bytes_max_ / 2) return;
  const std::filesystem::path older = path_.string() + ".1";
  if (::rename(path_.c_str(), older.c_str()) != 0) {
    const Error error = system_error("renaming the access record", path_.string(), errno);
    if (!std::exchange(told_of_failure_, true)) {
      log_error("access_record_not_rotated", {{"reason", error.text()}});
    }
    return;
  }
  static_cast<void>(open());
}

void AccessWriter::write(const AccessChunk& chunk) {
  missing_ += chunk.dropped;
  if (!fd_ && !open()) {
    lost_ += chunk.lines;
    missing_ += chunk.lines;
    return;
  }
  if (missing_ > 0) {
    const std::string gap = dropped_line(missing_);
    const std::size_t out = append(gap);
    if (out == gap.size()) {
      missing_ = 0;
    } else {
      take_back_part(out);
    }
  }
  const std::string_view bytes(chunk.bytes.data(), chunk.size);
  const std::size_t out = missing_ == 0 ? append(bytes) : 0;
  const std::size_t whole = out == bytes.size() ? out : bytes.substr(0, out).rfind('\n') + 1;
  const auto lines =
      out == bytes.size()
          ? chunk.lines
          : static_cast<std::uint64_t>(std::count(
                bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(whole), '\n'));
  take_back_part(out - whole);
  written_ += lines;
  lost_ += chunk.lines - lines;
  missing_ += chunk.lines - lines;
  if (lines == chunk.lines) told_of_failure_ = false;
}

std::size_t AccessWriter::append(std::string_view bytes) {
  std::size_t out = 0;
  while (out < bytes.size()) {
    const ssize_t wrote = ::write(fd_.get(), bytes.data() + out, bytes.size() - out);
    if (wrote >= 0) {
      out += static_cast<std::size_t>(wrote);
      size_ += static_cast<std::uint64_t>(wrote);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN && wait_writable()) continue;
    if (!std::exchange(told_of_failure_, true)) {
      log_error("access_record_not_written",
                {{"reason", system_error("writing", path_.string(), errno).text()}});
    }
    break;
  }
  return out;
}

// False when the gateway ends.
bool AccessWriter::wait_writable() {
  pollfd waits[2] = {{.fd = fd_.get(), .events = POLLOUT, .revents = 0},
                     {.fd = stop_event_.get(), .events = POLLIN, .revents = 0}};
  if (::poll(waits, 2, -1) < 0 && errno != EINTR) return false;
  if (waits[1].revents == 0) return true;
  errno = EAGAIN;
  return waits[0].revents != 0;
}

// No half lines; should another gateway append at this very moment, one of the two is torn.
void AccessWriter::take_back_part(std::size_t bytes) {
  struct stat status {};
  if (bytes == 0 || ::fstat(fd_.get(), &status) != 0 || !S_ISREG(status.st_mode)) return;
  if (::ftruncate(fd_.get(), status.st_size - static_cast<off_t>(bytes)) != 0) {
    log_error("access_record_torn",
              {{"reason", system_error("shortening", path_.string(), errno).text()}});
  }
}

}  // namespace hitless::gateway
