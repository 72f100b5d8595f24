#include "gateway/access_line.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <chrono>
#include <cstring>
#include <ctime>

namespace hitless::gateway {
namespace {

constexpr std::string_view k_hex = "0123456789abcdef";
// \u00ff
constexpr std::size_t k_escaped_bytes_max = 6;
// All names, numbers, quotes and the time.
constexpr std::size_t k_fixed_bytes_max = 512;

constexpr std::uint64_t repeat(std::uint64_t byte) {
  return byte * 0x0101010101010101;
}

// Not zero if one of the eight bytes is a control, a quote, a backslash or above 0x7f.
std::uint64_t unplain(std::uint64_t word) {
  const std::uint64_t quote = word ^ repeat('"');
  const std::uint64_t backslash = word ^ repeat('\\');
  const std::uint64_t below = (word - repeat(0x20)) & ~word;
  const std::uint64_t quotes = (quote - repeat(1)) & ~quote;
  const std::uint64_t backslashes = (backslash - repeat(1)) & ~backslash;
  return (word | below | quotes | backslashes) & repeat(0x80);
}

class Cursor {
 public:
  explicit Cursor(char* at) : at_(at) {}
  char* at() const { return at_; }

  template <std::size_t Size>
  void put(const char (&text)[Size]) {
    std::memcpy(at_, text, Size - 1);
    at_ += Size - 1;
  }
  void put(std::string_view text) {
    if (!text.empty()) std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  void number(std::uint64_t value) { at_ = std::to_chars(at_, at_ + 20, value).ptr; }
  void skip(std::size_t size) { at_ += size; }

  // Copies words and looks at them on the way; the last one overlaps the one before.
  void escaped(std::string_view text) {
    constexpr std::size_t k_word = sizeof(std::uint64_t);
    if (text.size() < k_word) return escape(text);
    std::uint64_t found = 0;
    const auto copy = [&](std::size_t from) {
      std::uint64_t word = 0;
      std::memcpy(&word, text.data() + from, k_word);
      std::memcpy(at_ + from, &word, k_word);
      found |= unplain(word);
    };
    for (std::size_t from = 0; from + k_word < text.size(); from += k_word) copy(from);
    copy(text.size() - k_word);
    if (found != 0) return escape(text);
    at_ += text.size();
  }

 private:
  void escape(std::string_view text) {
    for (const char each : text) {
      const auto byte = static_cast<unsigned char>(each);
      if (byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\') {
        *at_++ = each;
      } else if (byte == '"' || byte == '\\') {
        *at_++ = '\\';
        *at_++ = each;
      } else {
        put("\\u00");
        *at_++ = k_hex[byte >> 4];
        *at_++ = k_hex[byte & 15];
      }
    }
  }

  char* at_;
};

}  // namespace

void AccessClock::start_second(net::Instant instant) {
  using std::chrono::floor;
  using std::chrono::seconds;
  const auto wall = floor<Duration>(std::chrono::system_clock::now());
  const auto then = wall - (net::monotonic_now() - instant);
  const auto second = floor<seconds>(then);
  second_ = instant - (then - second);
  until_ = second_ + seconds(1);
  const std::time_t time = std::chrono::system_clock::to_time_t(second);
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  // 1970 to 9999: four digits whatever the clock says.
  fmt::format_to_n(text_, sizeof text_, "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.",
                   parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                   parts.tm_min, parts.tm_sec);
}

void AccessClock::write(net::Instant instant, char* to) {
  if (instant < second_ || instant >= until_) start_second(instant);
  auto micros = static_cast<std::uint32_t>((instant - second_).count());
  std::memcpy(to, text_, sizeof text_);
  for (std::size_t digit = 6; digit > 0; --digit, micros /= 10) {
    to[sizeof text_ + digit - 1] = static_cast<char>('0' + micros % 10);
  }
  to[k_size - 1] = 'Z';
}

std::string access_scope(const model::ServiceId& service, model::RevisionNumber revision) {
  std::string text;
  if (!service.empty()) {
    text.resize(k_escaped_bytes_max * service.text().size());
    Cursor cursor(text.data());
    cursor.escaped(service.text());
    text.resize(static_cast<std::size_t>(cursor.at() - text.data()));
    text = ",\"service\":\"" + text + "\"";
  }
  if (revision > 0) text += fmt::format(",\"revision\":{}", revision);
  return text;
}

std::size_t access_line_bytes_max(const AccessFacts& facts) {
  const std::size_t escaped =
      facts.instance.size() + facts.method.size() + facts.path.size() + facts.client.size();
  return k_fixed_bytes_max + facts.scope.size() + k_escaped_bytes_max * escaped +
         facts.request_id.size() + facts.trace_id.size() + facts.error.size();
}

char* write_access_line(char* to, const AccessFacts& facts, AccessClock& clock) {
  Cursor line(to);
  line.put("{\"time\":\"");
  clock.write(facts.ended, line.at());
  line.skip(AccessClock::k_size);
  line.put("\"");
  line.put(facts.scope);
  if (!facts.instance.empty()) {
    line.put(",\"instance\":\"");
    line.escaped(facts.instance);
    line.put("\"");
  }
  line.put(",\"method\":\"");
  line.escaped(facts.method);
  line.put("\",\"path\":\"");
  line.escaped(facts.path);
  line.put("\",\"status\":");
  line.number(static_cast<std::uint64_t>(facts.status));
  line.put(",\"bytes_in\":");
  line.number(facts.bytes_in);
  line.put(",\"bytes_out\":");
  line.number(facts.bytes_out);
  line.put(",\"duration_us\":");
  line.number(facts.duration_us);
  if (facts.has_first_byte) {
    line.put(",\"first_byte_us\":");
    line.number(facts.first_byte_us);
  }
  line.put(",\"client\":\"");
  line.escaped(facts.client);
  line.put("\",\"request_id\":\"");
  line.put(facts.request_id);
  line.put("\"");
  if (!facts.trace_id.empty()) {
    line.put(",\"trace_id\":\"");
    line.put(facts.trace_id);
    line.put("\"");
  }
  if (facts.held_us > 0) {
    line.put(",\"held_us\":");
    line.number(facts.held_us);
  }
  if (facts.retries > 0) {
    line.put(",\"retries\":");
    line.number(facts.retries);
  }
  if (facts.is_streamed) line.put(",\"stream\":true");
  if (!facts.error.empty()) {
    line.put(",\"error\":\"");
    line.put(facts.error);
    line.put("\"");
  }
  line.put("}\n");
  return line.at();
}

std::string dropped_line(std::uint64_t lines) {
  AccessClock clock;
  std::string time(AccessClock::k_size, ' ');
  clock.write(net::monotonic_now(), time.data());
  return fmt::format("{{\"time\":\"{}\",\"dropped\":{}}}\n", time, lines);
}

}  // namespace hitless::gateway
