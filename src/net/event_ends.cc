#include "net/event_ends.h"

#include <algorithm>

namespace hitless::net {
namespace {

bool is_hex_digit(char byte) {
  return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f') ||
         (byte >= 'A' && byte <= 'F');
}

}  // namespace

void EventEnds::pass_little(std::string_view wire) {
  const std::size_t kept = std::min(tail_size_, tail_.size() - wire.size());
  std::memmove(tail_.data(), tail_.data() + tail_size_ - kept, kept);
  std::memcpy(tail_.data() + kept, wire.data(), wire.size());
  tail_size_ = kept + wire.size();
}

bool EventEnds::is_between_chunks() const {
  return body_.framing() != http1::Framing::chunked || body_.is_between_chunks();
}

void EventEnds::begin(const http1::Body& body) {
  body_ = body;
  is_at_end_ = is_between_chunks() && is_tail_an_end();
  is_line_open_ = !is_at_end_;
  is_after_cr_ = is_at_end_ && body.framing() != http1::Framing::chunked && tail_size_ > 0 &&
                 tail_[tail_size_ - 1] == '\r';
}

// What could be the line end behind a chunk's size is not taken for one of the content.
bool EventEnds::is_tail_an_end() const {
  if (tail_size_ == 0) return true;
  std::string_view tail(tail_.data(), tail_size_);
  if (body_.framing() != http1::Framing::chunked) {
    return tail.ends_with("\n\n") || tail.ends_with("\n\r\n") || tail.ends_with("\r\r");
  }
  if (!tail.ends_with("\r\n")) return false;
  tail.remove_suffix(2);
  if (tail.size() < 3) return false;
  if (tail.ends_with("\n\n")) return tail[tail.size() - 3] != '\r';
  return tail.size() >= 5 && tail.ends_with("\r\n\r\n") && !is_hex_digit(tail[tail.size() - 5]);
}

std::size_t EventEnds::take(std::string_view wire) {
  const bool is_chunked = body_.framing() == http1::Framing::chunked;
  std::size_t at = 0;
  while (at < wire.size()) {
    std::string_view rest = wire.substr(at);
    if (const std::size_t left = body_.chunk_end_left(); left > 0) rest = rest.substr(0, left);
    const http1::Body::Piece piece = body_.next(rest);
    const std::size_t read_bytes = read(piece.data);
    if (piece.state != http1::Body::State::more) return wire.size();
    at += is_chunked ? piece.used : read_bytes;
    if (is_at_end()) return at;
  }
  return wire.size();
}

// Without chunks it stops at the first end.
std::size_t EventEnds::read(std::string_view content) {
  for (std::size_t at = 0; at < content.size(); ++at) {
    const char byte = content[at];
    if (byte == '\n' && is_after_cr_) {
      is_after_cr_ = false;  // both are one line's end
    } else if (byte == '\n' || byte == '\r') {
      is_at_end_ = !is_line_open_;
      is_line_open_ = false;
      is_after_cr_ = byte == '\r';
      if (is_at_end_ && body_.framing() != http1::Framing::chunked) return at + 1;
    } else {
      is_line_open_ = true;
      is_at_end_ = is_after_cr_ = false;
    }
  }
  return content.size();
}

}  // namespace hitless::net
