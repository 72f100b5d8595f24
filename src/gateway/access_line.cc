#include "gateway/access_line.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <chrono>
#include <cstring>
#include <ctime>

#include "gateway/copy_text.h"
#include "gateway/request_head.h"

namespace hitless::gateway {
namespace {

constexpr std::string_view k_hex = "0123456789abcdef";
// \u00ff
constexpr std::size_t k_escaped_bytes_max = 6;
// All names, numbers, quotes and the time.
constexpr std::size_t k_fixed_bytes_max = 512;

// Sixteen, eight or four bytes at once.
using Sixteen = signed char __attribute__((vector_size(16)));
template <class Unsigned>
struct Word {
  Unsigned value = 0;
  Word& operator|=(Word other) {
    value |= other.value;
    return *this;
  }
};

// Not zero if one of the bytes is a control, a quote, a backslash or above 0x7f: as signed numbers
// these are below the blank.
Sixteen unplain(Sixteen bytes) {
  return (bytes < 0x20) | (bytes == '"') | (bytes == '\\');
}
bool is_zero(Sixteen bytes) {
  std::array<std::uint64_t, 2> halves{};
  std::memcpy(halves.data(), &bytes, sizeof bytes);
  return (halves[0] | halves[1]) == 0;
}

template <class Unsigned>
Word<Unsigned> unplain(Word<Unsigned> word) {
  constexpr Unsigned ones = static_cast<Unsigned>(0x0101010101010101);
  const Unsigned bytes = word.value;
  const Unsigned quote = bytes ^ (ones * '"');
  const Unsigned backslash = bytes ^ (ones * '\\');
  const Unsigned below = (bytes - ones * 0x20) & ~bytes;
  const Unsigned quotes = (quote - ones) & ~quote;
  const Unsigned backslashes = (backslash - ones) & ~backslash;
  return {(bytes | below | quotes | backslashes) & (ones * 0x80)};
}
template <class Unsigned>
bool is_zero(Word<Unsigned> word) {
  return word.value == 0;
}

// "00" to "99"
constexpr std::array<char, 200> k_pairs = [] {
  std::array<char, 200> pairs{};
  for (std::size_t i = 0; i < 100; ++i) {
    pairs[2 * i] = static_cast<char>('0' + i / 10);
    pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return pairs;
}();

void put_pair(char* to, std::uint32_t value) {
  std::memcpy(to, k_pairs.data() + 2 * static_cast<std::size_t>(value), 2);
}

// Without the query and, of an absolute address, what is before its path.
std::string_view path_of(std::string_view target) {
  if (!target.starts_with('/')) target = origin_form(target);
  return target.substr(0, target.find('?'));
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
  void put(std::string_view text) { at_ = copy_text(at_, text); }
  // Most have few digits.
  void number(std::uint64_t value) {
    if (value >= 10'000) {
      at_ = std::to_chars(at_, at_ + 20, value).ptr;
      return;
    }
    const auto small = static_cast<std::uint32_t>(value);
    if (small >= 100) {
      leading(small / 100);
      put_pair(at_, small % 100);
      at_ += 2;
    } else {
      leading(small);
    }
  }
  void skip(std::size_t size) { at_ += size; }

  void escaped(std::string_view text) {
    bool is_plain = true;
    if (text.size() >= 16) {
      is_plain = copy_plain<Sixteen>(text);
    } else if (text.size() >= 8) {
      is_plain = copy_plain<Word<std::uint64_t>>(text);
    } else if (text.size() >= 4) {
      is_plain = copy_plain<Word<std::uint32_t>>(text);
    } else {
      return escape(text);
    }
    if (!is_plain) return escape(text);
    at_ += text.size();
  }

 private:
  // Copies pieces and looks at them on the way; the last one overlaps the one before.
  template <class Piece>
  bool copy_plain(std::string_view text) {
    Piece found{};
    const auto copy = [&](std::size_t from) {
      Piece piece;
      std::memcpy(&piece, text.data() + from, sizeof piece);
      std::memcpy(at_ + from, &piece, sizeof piece);
      found |= unplain(piece);
    };
    for (std::size_t from = 0; from + sizeof(Piece) < text.size(); from += sizeof(Piece)) {
      copy(from);
    }
    copy(text.size() - sizeof(Piece));
    return is_zero(found);
  }

  void leading(std::uint32_t value) {
    if (value < 10) {
      *at_++ = static_cast<char>('0' + value);
      return;
    }
    put_pair(at_, value);
    at_ += 2;
  }

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
  const auto micros = static_cast<std::uint32_t>((instant - second_).count());
  std::memcpy(to, text_, sizeof text_);
  put_pair(to + sizeof text_, micros / 10'000);
  put_pair(to + sizeof text_ + 2, micros / 100 % 100);
  put_pair(to + sizeof text_ + 4, micros % 100);
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
      facts.instance.size() + facts.method.size() + facts.target.size() + facts.client.size();
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
  line.put(facts.method);
  line.put("\",\"path\":\"");
  line.escaped(path_of(facts.target));
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
