#include "net/http1.h"

#include <array>
#include <cstring>

#include "net/http1_target.h"
#include "net/http1_text.h"

namespace hitless::net::http1 {
namespace {

// A request line longer than this is refused by most servers (nginx 8 KiB, Apache 8190).
constexpr std::size_t k_target_bytes_max = 8 * 1024;
// 2^60 bytes; more cannot be meant.
constexpr std::size_t k_length_digits_max = 18;

Field field_of(std::string_view name) {
  switch (name.size()) {
    case 2: return is_name(name, "te") ? Field::te : Field::other;
    case 4: return is_name(name, "host") ? Field::host : Field::other;
    case 6: return is_name(name, "expect") ? Field::expect : Field::other;
    case 7: return is_name(name, "upgrade") ? Field::upgrade : Field::other;
    case 10:
      if (is_name(name, "connection")) return Field::connection;
      return is_name(name, "keep-alive") ? Field::keep_alive : Field::other;
    case 14: return is_name(name, "content-length") ? Field::content_length : Field::other;
    case 16: return is_name(name, "proxy-connection") ? Field::proxy_connection : Field::other;
    case 17: return is_name(name, "transfer-encoding") ? Field::transfer_encoding : Field::other;
    default: return Field::other;
  }
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// Calls with each word of a comma-separated list until told to stop.
template <class Each>
void each_word(std::string_view list, Each each) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    const std::string_view word = trimmed(list.substr(0, comma));
    if (!word.empty() && !each(word)) return;
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

// What the fields of one head say about its framing, gathered before it is judged.
struct Gathered {
  int hosts = 0;
  int lengths = 0;
  int codings = 0;
  int connections = 0;
  std::string_view coding;
  bool close = false;
  bool stay = false;
  bool connection_upgrade = false;
  bool upgrade_field = false;
  bool to_http2 = false;
  bool other_expectation = false;
};

Fault take_length(std::string_view value, Head& head, Gathered& gathered) {
  if (value.empty() || value.size() > k_length_digits_max) return Fault::bad_request;
  std::uint64_t length = 0;
  for (const char digit : value) {
    if (digit < '0' || digit > '9') return Fault::bad_request;
    length = length * 10 + static_cast<std::uint64_t>(digit - '0');
  }
  if (gathered.lengths++ > 0) return Fault::bad_request;
  head.content_length = length;
  return Fault::none;
}

void take_connection(std::string_view value, Head& head, Gathered& gathered) {
  head.connection = value;
  if (gathered.connections++ > 0) head.connection_names_fields = true;
  each_word(value, [&](std::string_view word) {
    if (same_text(word, "close")) {
      gathered.close = true;
    } else if (same_text(word, "keep-alive")) {
      gathered.stay = true;
    } else if (same_text(word, "upgrade")) {
      gathered.connection_upgrade = true;
    } else {
      head.connection_names_fields = true;
    }
    return true;
  });
}

Fault take(const FieldLine& line, Head& head, Gathered& gathered) {
  switch (line.field) {
    case Field::host:
      if (gathered.hosts++ > 0) return Fault::bad_request;
      head.host = line.value;
      break;
    case Field::content_length: return take_length(line.value, head, gathered);
    case Field::transfer_encoding:
      ++gathered.codings;
      gathered.coding = line.value;
      break;
    case Field::connection: take_connection(line.value, head, gathered); break;
    case Field::keep_alive: head.keep_alive_value = line.value; break;
    case Field::upgrade:
      gathered.upgrade_field = true;
      gathered.to_http2 = gathered.to_http2 || list_has(line.value, "h2c");
      break;
    case Field::expect: head.expect_continue = same_text(line.value, "100-continue"); break;
    default: break;
  }
  return Fault::none;
}

// What is read of a head: from `at` on.  The functions below take their part off the front.
struct Rest {
  const char* at;
  const char* end;
  bool empty() const { return at == end; }
};

std::string_view between(const char* from, const char* to) {
  return {from, static_cast<std::size_t>(to - from)};
}

std::string_view take_token(Rest& rest) {
  const char* const from = rest.at;
  rest.at = token_end(rest.at, rest.end);
  return between(from, rest.at);
}

// For each line of each head.
[[gnu::always_inline]] inline Fault take_line_end(Rest& rest) {
  if (rest.end - rest.at < 2) {
    return rest.empty() || *rest.at == '\r' ? Fault::incomplete : Fault::bad_request;
  }
  if (std::memcmp(rest.at, "\r\n", 2) != 0) return Fault::bad_request;
  rest.at += 2;
  return Fault::none;
}

Fault parse_field(Rest& rest, FieldLine& line) {
  const char* const from = rest.at;
  line.name = take_token(rest);
  if (rest.empty()) return Fault::incomplete;
  // Also refuses a folded line and a blank before the colon.
  if (line.name.empty() || *rest.at != ':') return Fault::bad_request;
  ++rest.at;
  const char* value = rest.at;
  while (value != rest.end && is_blank(*value)) ++value;
  rest.at = first_control(value, rest.end);
  const char* value_end = rest.at;
  while (value_end != value && is_blank(value_end[-1])) --value_end;
  if (const Fault fault = take_line_end(rest); fault != Fault::none) return fault;
  line.value = between(value, value_end);
  line.line = between(from, rest.at);
  line.field = field_of(line.name);
  return Fault::none;
}

// The lines after the first, with the empty one.
Fault parse_fields(Rest& all, Head& head, Gathered& gathered) {
  Rest rest = all;  // a copy needs no memory while it is walked
  FieldLine* line = head.fields.data();
  for (; rest.empty() || *rest.at != '\r'; ++line) {
    if (line == head.fields.data() + k_fields_max) {
      // The empty line may be all that is missing.
      return rest.empty() ? Fault::incomplete : Fault::head_too_large;
    }
    if (const Fault fault = parse_field(rest, *line); fault != Fault::none) return fault;
    if (line->field != Field::other) {
      if (const Fault fault = take(*line, head, gathered); fault != Fault::none) return fault;
    }
  }
  head.field_count = static_cast<std::size_t>(line - head.fields.data());
  all = rest;
  return take_line_end(all);
}

void reset(Head& head) {
  head.method = head.target = head.status_and_reason = head.host = {};
  head.connection = head.keep_alive_value = {};
  head.status = 0;
  head.minor = 1;
  head.field_count = 0;
  head.framing = Framing::none;
  head.content_length = 0;
  head.keep_alive = true;
  head.expect_continue = head.upgrade = head.connection_names_fields = false;
}

void settle_persistence(Head& head, const Gathered& gathered) {
  head.keep_alive = !gathered.close && (head.minor >= 1 || gathered.stay);
  // What came through an upgrade to HTTP/2 would be requests that nobody routes, admits or counts;
  // RFC 9113 section 3.1 has given it up.
  head.upgrade = gathered.connection_upgrade && gathered.upgrade_field && head.minor >= 1 &&
                 !gathered.to_http2;
}

// "HTTP/1.0" or "HTTP/1.1"; higher minors are read as 1.1 (RFC 9110 section 2.5).
Fault take_version(Rest& rest, int& minor) {
  constexpr std::ptrdiff_t k_size = 8;
  if (rest.end - rest.at < k_size) {
    const bool ends = std::memchr(rest.at, '\r', static_cast<std::size_t>(rest.end - rest.at));
    return ends ? Fault::bad_request : Fault::incomplete;
  }
  const std::string_view text(rest.at, k_size);
  rest.at += k_size;
  minor = text[7] == '0' ? 0 : 1;
  if (text == "HTTP/1.1") return Fault::none;
  if (!text.starts_with("HTTP/") || text[6] != '.') return Fault::bad_request;
  const auto is_digit = [](char byte) { return byte >= '0' && byte <= '9'; };
  if (!is_digit(text[5]) || !is_digit(text[7])) return Fault::bad_request;
  return text[5] == '1' ? Fault::none : Fault::bad_version;
}

// Letters, hyphens and most of what else a host has are not looked at one by one.
bool is_host(std::string_view text) {
  const char* const end = text.data() + text.size();
  return first_odd_byte(text.data(), end, NoLetters(), [](char byte) {
           return byte == ' ' || byte == '\t' || byte == ',' || byte == '/' || byte == '@';
         }) == end;
}

// A message may be preceded by one empty line (RFC 9112 section 2.2), which belongs to its head.
Fault skip_empty_line(Rest& rest) {
  return !rest.empty() && *rest.at == '\r' ? take_line_end(rest) : Fault::none;
}

Fault parse_request_line(Rest& rest, Head& head) {
  head.method = take_token(rest);
  if (rest.empty()) return Fault::incomplete;
  if (head.method.empty() || *rest.at != ' ') return Fault::bad_request;
  const char* const target = ++rest.at;
  rest.at = first_blank_or_control(rest.at, rest.end);
  head.target = between(target, rest.at);
  if (head.target.size() > k_target_bytes_max) return Fault::uri_too_long;
  if (rest.empty()) return Fault::incomplete;
  if (head.target.empty() || *rest.at != ' ') return Fault::bad_request;
  ++rest.at;
  if (const Fault fault = take_version(rest, head.minor); fault != Fault::none) return fault;
  return take_line_end(rest);
}

// "HTTP/1.1 200 OK"; the reason and the blank before it may be missing.
Fault parse_status_line(Rest& rest, Head& head) {
  if (const Fault fault = take_version(rest, head.minor); fault != Fault::none) return fault;
  constexpr std::ptrdiff_t k_status_size = 4;
  if (rest.end - rest.at < k_status_size) {
    const bool ends = std::memchr(rest.at, '\r', static_cast<std::size_t>(rest.end - rest.at));
    return ends ? Fault::bad_request : Fault::incomplete;
  }
  if (*rest.at != ' ') return Fault::bad_request;
  for (int i = 1; i < k_status_size; ++i) {
    if (rest.at[i] < '0' || rest.at[i] > '9') return Fault::bad_request;
    head.status = head.status * 10 + (rest.at[i] - '0');
  }
  if (head.status < 100 || head.status > 599) return Fault::bad_request;
  const char* const status = rest.at + 1;
  rest.at += k_status_size;
  if (!rest.empty() && *rest.at == ' ') rest.at = first_control(rest.at, rest.end);
  head.status_and_reason = between(status, rest.at);
  return take_line_end(rest);
}

// Why a transfer coding other than a lone "chunked" is refused.  Where chunked is not the last one
// nobody can say where the body ends (RFC 9112 section 6.3); where it is, we lack what precedes it.
Fault fault_of_coding(std::string_view coding) {
  std::string_view last;
  bool others = false;
  bool repeated = false;
  each_word(coding, [&](std::string_view word) {
    others = others || !last.empty();
    repeated = repeated || same_text(last, "chunked");
    last = word;
    return true;
  });
  const bool is_framed = same_text(last, "chunked") && others && !repeated;
  return is_framed ? Fault::not_implemented : Fault::bad_request;
}

Fault settle_request(Head& head, const Gathered& gathered) {
  if (!head.target.starts_with('/') && !is_other_target(head.method, head.target)) {
    return Fault::bad_request;
  }
  if (gathered.hosts == 0 && head.minor >= 1) return Fault::bad_request;
  if (!is_host(head.host)) return Fault::bad_request;
  if (gathered.codings > 0) {
    // A lone "chunked" is the only coding that all recipients read alike.
    if (gathered.lengths > 0 || head.minor == 0 || gathered.codings > 1) return Fault::bad_request;
    if (!same_text(gathered.coding, "chunked")) return fault_of_coding(gathered.coding);
    head.framing = Framing::chunked;
  } else if (gathered.lengths > 0) {
    head.framing = Framing::length;
  }
  settle_persistence(head, gathered);
  return Fault::none;
}

Fault settle_answer(Head& head, const Gathered& gathered, bool to_head) {
  settle_persistence(head, gathered);
  if (gathered.codings > 0 && gathered.lengths > 0) return Fault::bad_request;
  const bool bodiless = to_head || head.status < 200 || head.status == 204 || head.status == 304;
  if (bodiless) {
    head.framing = Framing::none;
  } else if (gathered.codings > 0) {
    if (gathered.codings > 1 || !same_text(gathered.coding, "chunked")) return Fault::bad_request;
    head.framing = Framing::chunked;
  } else if (gathered.lengths > 0) {
    head.framing = Framing::length;
  } else {
    head.framing = Framing::until_close;
    head.keep_alive = false;
  }
  return Fault::none;
}

// Whether a head may begin so: with a token, or with one empty line and a token.
bool begins_a_head(std::string_view bytes) {
  if (bytes.empty() || is_token_byte(bytes[0])) return true;
  if (bytes[0] != '\r') return false;
  if (bytes.size() > 1 && bytes[1] != '\n') return false;
  return bytes.size() <= 2 || is_token_byte(bytes[2]);
}

}  // namespace

bool same_text(std::string_view left, std::string_view right) {
  if (left.size() != right.size()) return false;
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (lower(left[i]) != lower(right[i])) return false;
  }
  return true;
}

bool list_has(std::string_view list, std::string_view word) {
  bool found = false;
  each_word(list, [&](std::string_view item) {
    found = same_text(item, word);
    return !found;
  });
  return found;
}

bool is_token(std::string_view text) {
  if (text.empty()) return false;
  for (const char byte : text) {
    if (!is_token_byte(byte)) return false;
  }
  return true;
}

HeadEnd find_head_end(std::string_view bytes, std::size_t& scanned) {
  using State = HeadEnd::State;
  if (!begins_a_head(bytes)) return {State::bad, 0};
  while (scanned < bytes.size()) {
    const char* const from = bytes.data() + scanned;
    const void* const found = std::memchr(from, '\n', bytes.size() - scanned);
    if (found == nullptr) {
      scanned = bytes.size();
      break;
    }
    const auto at = static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data());
    if (at == 0 || bytes[at - 1] != '\r') return {State::bad, 0};
    scanned = at + 1;
    if (at >= 3 && bytes[at - 2] == '\n') return {State::complete, scanned};
  }
  return {State::incomplete, 0};
}

Fault parse_request(std::string_view bytes, Head& head) {
  reset(head);
  Rest rest{bytes.data(), bytes.data() + bytes.size()};
  if (const Fault fault = skip_empty_line(rest); fault != Fault::none) return fault;
  if (const Fault fault = parse_request_line(rest, head); fault != Fault::none) return fault;
  Gathered gathered;
  if (const Fault fault = parse_fields(rest, head, gathered); fault != Fault::none) return fault;
  head.size = static_cast<std::size_t>(rest.at - bytes.data());
  return settle_request(head, gathered);
}

Fault parse_answer(std::string_view bytes, bool to_head, Head& head) {
  reset(head);
  Rest rest{bytes.data(), bytes.data() + bytes.size()};
  if (const Fault fault = skip_empty_line(rest); fault != Fault::none) return fault;
  if (const Fault fault = parse_status_line(rest, head); fault != Fault::none) return fault;
  Gathered gathered;
  if (const Fault fault = parse_fields(rest, head, gathered); fault != Fault::none) return fault;
  head.size = static_cast<std::size_t>(rest.at - bytes.data());
  return settle_answer(head, gathered, to_head);
}

}  // namespace hitless::net::http1
