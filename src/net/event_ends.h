// Where the events of a stream of them end, for whoever passes the stream on as it comes and may
// have to put an event of its own behind the last whole one.
//
// Costs next to nothing while it only follows: it keeps the last bytes.  From begin() on it looks
// at each of them.  Value.
#pragma once

#include <array>
#include <cstddef>
#include <cstring>
#include <string_view>

#include "net/http1.h"

namespace hitless::net {

class EventEnds {
 public:
  // What went by, chunk sizes and all.
  void pass(std::string_view wire) {
    if (wire.size() >= tail_.size()) {
      std::memcpy(tail_.data(), wire.data() + wire.size() - tail_.size(), tail_.size());
      tail_size_ = tail_.size();
    } else {
      pass_little(wire);
    }
  }

  // `body` has followed the stream to here.
  void begin(const http1::Body& body);
  // After begin(), instead of pass(): how much of the bytes goes to the first end of an event that
  // is the end of a chunk too; all of them, if there is none.
  std::size_t take(std::string_view wire);
  // Behind a whole event for certain.  Before anything has come, too.
  bool is_at_end() const { return is_at_end_ && is_between_chunks(); }
  bool is_between_chunks() const;

 private:
  void pass_little(std::string_view wire);
  bool is_tail_an_end() const;
  std::size_t read(std::string_view content);

  std::array<char, 8> tail_{};
  std::size_t tail_size_ = 0;
  http1::Body body_;
  bool is_at_end_ = false;
  bool is_line_open_ = true;
  bool is_after_cr_ = false;
};

}  // namespace hitless::net
