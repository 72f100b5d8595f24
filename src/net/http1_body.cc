#include <algorithm>
#include <array>

#include "net/http1.h"
#include "net/http1_text.h"

namespace hitless::net::http1 {
namespace {

// 2^60: a size of more digits is an attack on somebody's integers.
constexpr std::uint8_t k_size_digits_max = 15;
// Nobody uses chunk extensions; a long one is an attack.
constexpr std::uint32_t k_extension_bytes_max = 256;
// Trailers are a checksum or a status.
constexpr std::uint32_t k_trailer_bytes_max = 8 * 1024;

// Trailers that would change where the message ends, who it is for, who sent it or what belongs to
// the hop, for a recipient that merges them into the head (RFC 9110 section 6.5.1).
constexpr std::array<std::string_view, 14> k_forbidden_trailers = {
    "authorization",     "connection",   "content-encoding", "content-length",
    "content-range",     "content-type", "expect",           "host",
    "keep-alive",        "te",           "trailer",          "proxy-connection",
    "transfer-encoding", "upgrade"};

bool is_forbidden_trailer(std::string_view name) {
  return std::find(k_forbidden_trailers.begin(), k_forbidden_trailers.end(), name) !=
         k_forbidden_trailers.end();
}

int hex_digit(char byte) {
  if (byte >= '0' && byte <= '9') return byte - '0';
  const char small = lower(byte);
  if (small >= 'a' && small <= 'f') return small - 'a' + 10;
  return -1;
}

}  // namespace

Body::Body(Framing framing, std::uint64_t content_length) : framing_(framing) {
  switch (framing) {
    case Framing::none: break;
    case Framing::length:
      left_ = content_length;
      stage_ = content_length == 0 ? Stage::done : Stage::data;
      break;
    case Framing::chunked: stage_ = Stage::size_first; break;
    case Framing::until_close: stage_ = Stage::raw; break;
  }
}

Body::Piece Body::next(std::string_view bytes) {
  switch (stage_) {
    case Stage::done: return {0, {}, State::done};
    case Stage::bad: return {0, {}, State::bad};
    case Stage::raw: return {bytes.size(), bytes, State::more};
    case Stage::data: {
      const std::size_t used = std::min<std::uint64_t>(left_, bytes.size());
      left_ -= used;
      if (left_ == 0) stage_ = Stage::done;
      return {used, bytes.substr(0, used), left_ == 0 ? State::done : State::more};
    }
    default: return next_chunked(bytes);
  }
}

// Goes on to the end of one run of content, or of the input.
Body::Piece Body::next_chunked(std::string_view bytes) {
  std::size_t at = 0;
  std::size_t trailers = is_in_trailers() ? 0 : std::string_view::npos;
  const auto tail = [&] {
    return trailers < at ? bytes.substr(trailers, at - trailers) : std::string_view();
  };
  while (at < bytes.size()) {
    if (stage_ == Stage::chunk_data) {
      const std::size_t size = std::min<std::uint64_t>(left_, bytes.size() - at);
      left_ -= size;
      if (left_ == 0) stage_ = Stage::data_cr;
      return {at + size, bytes.substr(at, size), State::more};
    }
    stage_ = after(bytes[at++]);
    if (stage_ == Stage::line_start) trailers = std::min(trailers, at);
    if (stage_ == Stage::done) return {at, {}, State::done, tail()};
    if (stage_ == Stage::bad) return {at, {}, State::bad};
  }
  return {at, {}, State::more, tail()};
}

bool Body::is_in_trailers() const {
  switch (stage_) {
    case Stage::line_start:
    case Stage::trailer_name:
    case Stage::trailer_value:
    case Stage::trailer_lf:
    case Stage::end_lf: return true;
    default: return false;
  }
}

Body::Stage Body::after(char byte) {
  switch (stage_) {
    case Stage::size_first:
    case Stage::size:
    case Stage::extension: return after_size(byte);
    case Stage::size_lf:
      if (byte != '\n') return Stage::bad;
      return left_ == 0 ? Stage::line_start : Stage::chunk_data;
    case Stage::data_cr: return byte == '\r' ? Stage::data_lf : Stage::bad;
    case Stage::data_lf: return byte == '\n' ? Stage::size_first : Stage::bad;
    default: return after_trailer(byte);
  }
}

Body::Stage Body::after_size(char byte) {
  if (stage_ == Stage::size_first) {
    left_ = 0;
    digits_ = 0;
    overhead_ = 0;
  }
  if (stage_ != Stage::extension) {
    const int digit = hex_digit(byte);
    if (digit >= 0) {
      if (++digits_ > k_size_digits_max) return Stage::bad;
      left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
      return Stage::size;
    }
    if (digits_ == 0) return Stage::bad;
    if (byte != '\r' && byte != ';') return Stage::bad;
  }
  if (byte == '\r') return Stage::size_lf;
  if (is_control(byte) || ++overhead_ > k_extension_bytes_max) return Stage::bad;
  return Stage::extension;
}

Body::Stage Body::after_trailer(char byte) {
  if (stage_ == Stage::end_lf) return byte == '\n' ? Stage::done : Stage::bad;
  if (stage_ == Stage::trailer_lf) return byte == '\n' ? Stage::line_start : Stage::bad;
  if (++overhead_ > k_trailer_bytes_max) return Stage::bad;
  if (stage_ == Stage::trailer_value) {
    if (byte == '\r') return Stage::trailer_lf;
    return is_control(byte) ? Stage::bad : Stage::trailer_value;
  }
  if (stage_ == Stage::line_start) {
    if (byte == '\r') return Stage::end_lf;
    name_size_ = 0;
  } else if (byte == ':') {
    const std::string_view name(name_.data(), std::min<std::size_t>(name_size_, name_.size()));
    return is_forbidden_trailer(name) ? Stage::bad : Stage::trailer_value;
  }
  if (!is_token_byte(byte)) return Stage::bad;
  if (name_size_ < name_.size()) name_[name_size_++] = lower(byte);
  return Stage::trailer_name;
}

}  // namespace hitless::net::http1
