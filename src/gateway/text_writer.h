// Appends many short pieces to a string whose final size is known to be within a bound: one growth
// instead of one check per piece.
#pragma once

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

#include "base/check.h"
#include "gateway/copy_text.h"

namespace hitless::gateway {

class TextWriter {
 public:
  // `size_max`: of all that will be put.
  TextWriter(std::string& out, std::size_t size_max) : out_(out) {
    const std::size_t before = out.size();
    out.resize(before + size_max);
    at_ = out.data() + before;
    end_ = at_ + size_max;
  }
  ~TextWriter() { out_.resize(static_cast<std::size_t>(at_ - out_.data())); }
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
  std::string& out_;
  char* at_;
  char* end_;
};

}  // namespace hitless::gateway
