// A worker's end of the access record: room for lines, and what was dropped for want of it.
//
// Owner: its Worker.  Thread: the worker's.  Full chunks go to the AccessWriter at once, others
// with the worker's next reading, so that a line is in the file within a quarter of a second.
#pragma once

#include <cstdint>
#include <memory>

#include "gateway/access_line.h"
#include "gateway/access_writer.h"

namespace hitless::gateway {

class AccessBuffer {
 public:
  explicit AccessBuffer(AccessWriter* writer) : writer_(writer) {}  // null: nothing is recorded
  ~AccessBuffer() { flush(); }
  AccessBuffer(const AccessBuffer&) = delete;
  AccessBuffer& operator=(const AccessBuffer&) = delete;

  bool is_on() const { return writer_ != nullptr; }
  void put(const AccessFacts& facts) {
    const std::size_t size_max = access_line_bytes_max(facts);
    if (chunk_ == nullptr || chunk_->bytes.size() - chunk_->size < size_max) {
      if (!make_room()) return;
    }
    char* const begin = chunk_->bytes.data() + chunk_->size;
    chunk_->size += static_cast<std::size_t>(write_access_line(begin, facts, clock_) - begin);
    ++chunk_->lines;
  }
  void flush();
  std::uint64_t dropped() const { return dropped_; }  // ever

 private:
  bool make_room();
  void take(std::unique_ptr<AccessChunk> empty);

  AccessWriter* const writer_;
  std::unique_ptr<AccessChunk> chunk_;
  AccessClock clock_;
  std::uint64_t dropped_ = 0;
  std::uint64_t told_ = 0;  // of those, in chunks
};

}  // namespace hitless::gateway
