#include "bench/gateway/message.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace hitless::bench {
namespace {

constexpr std::string_view k_line_end = "\r\n";
constexpr std::string_view k_head_end = "\r\n\r\n";
constexpr std::size_t k_size_digits_max = 15;

constexpr std::string_view k_event_begin = "data: {\"t\":\"";
constexpr std::string_view k_event_end = "\",\"n\":123}\n\n";
constexpr std::size_t k_time_digits = 16;
static_assert(k_event_begin.size() + k_time_digits + k_event_end.size() == k_event_bytes);

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

// The value of the line if it is the field `name`, which is in lower case and ends with a colon.
std::optional<std::string_view> field(std::string_view line, std::string_view name) {
  if (line.size() < name.size() || lower(line.front()) != name.front()) return std::nullopt;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (lower(line[i]) != name[i]) return std::nullopt;
  }
  line.remove_prefix(std::min(line.find_first_not_of(' ', name.size()), line.size()));
  return line;
}

template <typename Number>
std::optional<Number> number_in(std::string_view text, int base = 10) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

int status_in(std::string_view line) {
  constexpr std::string_view version = "HTTP/1.1 ";
  constexpr std::size_t digits = 3;
  if (!line.starts_with(version)) return 0;
  return number_in<int>(line.substr(version.size(), digits)).value_or(0);
}

void read_field(std::string_view line, Head& head) {
  if (const auto length = field(line, "content-length:")) {
    head.length = number_in<std::uint64_t>(*length);
  } else if (const auto coding = field(line, "transfer-encoding:")) {
    head.is_chunked = *coding == "chunked";
  }
}

std::optional<unsigned> digit_of(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  c = lower(c);
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  return std::nullopt;
}

}  // namespace

std::optional<Head> read_head(std::string_view bytes) {
  const std::size_t end = bytes.find(k_head_end);
  if (end == std::string_view::npos) return std::nullopt;
  Head head{.bytes = end + k_head_end.size()};
  std::size_t at = bytes.find(k_line_end);
  head.status = status_in(bytes.substr(0, at));
  while (at < end) {
    at += k_line_end.size();
    const std::size_t next = bytes.find(k_line_end, at);
    read_field(bytes.substr(at, next - at), head);
    at = next;
  }
  return head;
}

bool ChunkReader::feed(std::string_view bytes, std::string& payload) {
  while (!bytes.empty()) {
    if (state_ == State::payload) {
      const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
      payload.append(bytes.substr(0, part));
      bytes.remove_prefix(part);
      left_ -= part;
      if (left_ == 0) state_ = State::payload_cr;
      continue;
    }
    if (!feed_byte(bytes.front())) return false;
    bytes.remove_prefix(1);
  }
  return true;
}

bool ChunkReader::feed_byte(char byte) {
  switch (state_) {
    case State::size: {
      if (byte == '\r') {
        state_ = State::size_end;
        return digits_ > 0;
      }
      const auto digit = digit_of(byte);
      left_ = left_ * 16 + digit.value_or(0);
      return digit.has_value() && ++digits_ <= k_size_digits_max;
    }
    case State::size_end:
      digits_ = 0;
      state_ = left_ == 0 ? State::trailer : State::payload;
      return byte == '\n';
    case State::payload_cr: state_ = State::payload_lf; return byte == '\r';
    case State::payload_lf: state_ = State::size; return byte == '\n';
    case State::trailer:
      if (byte == '\n') {
        if (trailer_bytes_ == 0) state_ = State::ended;
        trailer_bytes_ = 0;
      } else if (byte != '\r') {
        ++trailer_bytes_;
      }
      return true;
    case State::payload:
    case State::ended: return false;
  }
  return false;
}

std::string event_of(std::uint64_t nanos) {
  std::array<char, k_time_digits> digits;
  digits.fill('0');
  for (std::size_t i = k_time_digits; i-- > 0; nanos >>= 4) {
    digits[i] = "0123456789abcdef"[nanos & 15];
  }
  std::string event(k_event_begin);
  event.append(digits.data(), digits.size()).append(k_event_end);
  return event;
}

std::optional<std::uint64_t> nanos_of(std::string_view event) {
  if (event.size() != k_event_bytes || !event.starts_with(k_event_begin) ||
      !event.ends_with(k_event_end)) {
    return std::nullopt;
  }
  return number_in<std::uint64_t>(event.substr(k_event_begin.size(), k_time_digits), 16);
}

}  // namespace hitless::bench
