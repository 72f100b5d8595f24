// Appends many short pieces to a text whose final size is known to be within a bound: one growth
// for all of them.
#pragma once

#include <cstddef>
#include <cstring>
#include <string_view>

#include "base/check.h"
#include "gateway/copy_text.h"
#include "gateway/text.h"

namespace hitless::gateway {

class TextWriter {
 public:
  // `size_max`: of all that will be put.
  TextWriter(Text& out, std::size_t size_max)
      : out_(out), at_(out.room(size_max)), end_(at_ + size_max) {}
  ~TextWriter() { out_.end_at(at_); }
  TextWriter(const TextWriter&) = delete;
  TextWriter& operator=(const TextWriter&) = delete;

  // Of a literal: a few stores.
  template <std::size_t Size>
  TextWriter& put(const char (&text)[Size]) {
    HL_CHECK(Size - 1 <= static_cast<std::size_t>(end_ - at_));
    std::memcpy(at_, text, Size - 1);
    at_ += Size - 1;
    return *this;
  }
  TextWriter& put(std::string_view text) {
    HL_CHECK(text.size() <= static_cast<std::size_t>(end_ - at_));
    at_ = copy_text(at_, text);
    return *this;
  }

 private:
  Text& out_;
  char* at_;
  char* const end_;
};

}  // namespace hitless::gateway
