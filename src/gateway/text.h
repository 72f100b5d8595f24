// Bytes that grow at their end: as a std::string, but without zeros put where the bytes are about
// to be, and moved in a few instructions.  Each request is written into one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

namespace hitless::gateway {

class Text {
 public:
  Text() = default;
  Text(Text&& other) noexcept
      : bytes_(std::move(other.bytes_)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  Text& operator=(Text&& other) noexcept {
    bytes_ = std::move(other.bytes_);
    size_ = std::exchange(other.size_, 0);
    capacity_ = std::exchange(other.capacity_, 0);
    return *this;
  }

  std::size_t size() const { return size_; }
  std::size_t capacity() const { return capacity_; }
  operator std::string_view() const { return {bytes_.get(), size_}; }

  void clear() { size_ = 0; }
  void append(std::string_view more) {
    if (more.empty()) return;
    std::memcpy(room(more.size()), more.data(), more.size());
    size_ += more.size();
  }
  // Where that many bytes may be put; end_at() then says up to where they have been.
  char* room(std::size_t bytes) {
    if (capacity_ - size_ < bytes) grow(size_ + bytes);
    return bytes_.get() + size_;
  }
  void end_at(const char* end) { size_ = static_cast<std::size_t>(end - bytes_.get()); }

 private:
  [[gnu::noinline]] void grow(std::size_t least) {
    const std::size_t capacity = std::max(least, 2 * capacity_);
    auto bytes = std::make_unique_for_overwrite<char[]>(capacity);
    if (size_ > 0) std::memcpy(bytes.get(), bytes_.get(), size_);
    bytes_ = std::move(bytes);
    capacity_ = capacity;
  }

  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace hitless::gateway
