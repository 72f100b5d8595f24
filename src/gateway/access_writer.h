// The access record's file: takes chunks of lines from the workers and writes them on a thread of
// its own, so that a slow or full disk is never a worker's concern.
//
// Owner: the Gateway, which outlives its workers' buffers.  Threads: swap() any, reopen() any; the
// rest is the writer's.  A worker that finds no free chunk drops its lines; lines that the disk
// refuses are lost; both are counted, and said in the file as soon as there is room again.
//
// The file is appended to, whole chunks at a time, so that a gateway and the one that takes its
// place may both write.  Beyond its share of the size it is renamed to *.1 (one is kept).
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/thread_annotations.h"
#include "gateway/limits.h"
#include "net/event_loop.h"

namespace hitless::gateway {

struct AccessChunk {
  std::size_t size = 0;
  std::uint64_t lines = 0;
  std::uint64_t dropped = 0;  // by the worker, before these
  std::array<char, k_access_chunk_bytes> bytes;
};

class AccessWriter {
 public:
  struct Counts {
    std::uint64_t written = 0;
    std::uint64_t lost = 0;  // that the disk refused
  };

  // Opens the file; that failing later does not end the gateway.
  static Result<std::unique_ptr<AccessWriter>> start(std::filesystem::path file,
                                                     std::uint64_t bytes_max, std::size_t workers);
  // Writes what it has been given; what a pipe does not take at once is lost.
  ~AccessWriter();

  // Takes a full chunk, or null, and gives an empty one; null: all are waiting to be written.
  std::unique_ptr<AccessChunk> swap(std::unique_ptr<AccessChunk> full);
  // The file was moved away: a new one is begun under its name.
  void reopen();
  Counts counts() const { return {.written = written_, .lost = lost_}; }

 private:
  AccessWriter(std::filesystem::path file, std::uint64_t bytes_max, std::size_t workers);
  void run();
  bool wait_for_work(std::vector<std::unique_ptr<AccessChunk>>& work, bool& reopens);
  void wake();
  void give_back(std::unique_ptr<AccessChunk> chunk);
  Result<void> open();
  void rotate_if_due();
  void write(const AccessChunk& chunk);
  // How many of the bytes went out.
  std::size_t append(std::string_view bytes);
  bool wait_writable();
  void take_back_part(std::size_t bytes);

  // Constant after construction.
  const std::filesystem::path path_;
  const std::uint64_t bytes_max_;  // of the file and the older one together
  UniqueFd stop_event_;

  // The writer's thread.
  UniqueFd fd_;
  std::uint64_t size_ = 0;     // of the file, as far as we know
  net::Instant looked_at_{};   // at the file, and at what its name is
  std::uint64_t missing_ = 0;  // lines that the file does not tell of yet
  bool told_of_failure_ = false;

  std::atomic<std::uint64_t> written_{0};
  std::atomic<std::uint64_t> lost_{0};
  std::atomic<bool> stopping_{false};

  Mutex mutex_;
  ConditionVariable changed_;
  std::vector<std::unique_ptr<AccessChunk>> full_ HL_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<AccessChunk>> free_ HL_GUARDED_BY(mutex_);
  std::size_t to_be_made_ HL_GUARDED_BY(mutex_);
  bool reopens_ HL_GUARDED_BY(mutex_) = false;

  std::thread thread_;
};

}  // namespace hitless::gateway
