#include "gateway/access_buffer.h"

#include <utility>

namespace hitless::gateway {

// A new chunk; the line that needs it is dropped when there is none.
bool AccessBuffer::make_room() {
  take(writer_->swap(std::move(chunk_)));
  if (chunk_ == nullptr) ++dropped_;
  return chunk_ != nullptr;
}

void AccessBuffer::take(std::unique_ptr<AccessChunk> empty) {
  chunk_ = std::move(empty);
  if (chunk_ != nullptr) chunk_->dropped = dropped_ - std::exchange(told_, dropped_);
}

void AccessBuffer::flush() {
  if (writer_ == nullptr || chunk_ == nullptr || chunk_->lines == 0) return;
  take(writer_->swap(std::move(chunk_)));
}

}  // namespace hitless::gateway
