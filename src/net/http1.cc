#include "net/http1.h"

#include <cstring>

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
  bool chunked_last = false;
  bool close = false;
  bool stay = false;
  bool connection_upgrade = false;
  bool upgrade_field = false;
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
      gathered.chunked_last = same_text(line.value, "chunked");
      break;
    case Field::connection: take_connection(line.value, head, gathered); break;
    case Field::keep_alive: head.keep_alive_value = line.value; break;
    case Field::upgrade: gathered.upgrade_field = true; break;
    case Field::expect: head.expect_continue = same_text(line.value, "100-continue"); break;
    default: break;
  }
  return Fault::none;
}

// One line without its CRLF.
Fault parse_field(std::string_view text, FieldLine& line) {
  std::size_t colon = 0;
  while (colon < text.size() && is_token_byte(text[colon])) ++colon;
  // Also refuses an empty name, a folded line and a blank before the colon.
  if (colon == 0 || colon == text.size() || text[colon] != ':') return Fault::bad_request;
  line.name = text.substr(0, colon);
  line.value = trimmed(text.substr(colon + 1));
  if (has_control(line.value)) return Fault::bad_request;
  line.field = field_of(line.name);
  return Fault::none;
}

// `bytes` are the lines after the first, with the empty one.
Fault parse_fields(std::string_view bytes, Head& head, Gathered& gathered) {
  while (bytes.size() > 2) {
    const void* const found = std::memchr(bytes.data(), '\n', bytes.size());
    const auto size = static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data()) + 1;
    if (head.field_count == k_fields_max) return Fault::head_too_large;
    FieldLine& line = head.fields[head.field_count++];
    line.line = bytes.substr(0, size);
    if (const Fault fault = parse_field(line.line.substr(0, size - 2), line);
        fault != Fault::none) {
      return fault;
    }
    if (line.field != Field::other) {
      if (const Fault fault = take(line, head, gathered); fault != Fault::none) return fault;
    }
    bytes.remove_prefix(size);
  }
  return Fault::none;
}

void reset(Head& head) {
  head.method = head.target = head.reason = head.host = {};
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
  head.upgrade = gathered.connection_upgrade && gathered.upgrade_field && head.minor >= 1;
}

// "HTTP/1.0" or "HTTP/1.1"; higher minors are read as 1.1 (RFC 9110 section 2.5).
Fault parse_version(std::string_view text, int& minor) {
  if (text.size() != 8 || !text.starts_with("HTTP/") || text[6] != '.') return Fault::bad_request;
  const auto is_digit = [](char byte) { return byte >= '0' && byte <= '9'; };
  if (!is_digit(text[5]) || !is_digit(text[7])) return Fault::bad_request;
  if (text[5] != '1') return Fault::bad_version;
  minor = text[7] == '0' ? 0 : 1;
  return Fault::none;
}

bool is_host(std::string_view text) {
  for (const char byte : text) {
    if (byte == ' ' || byte == '\t' || byte == ',' || byte == '/' || byte == '@') return false;
  }
  return true;
}

bool is_target(std::string_view text) {
  return !text.empty() && !has_blank_or_control(text);
}

Fault parse_request_line(std::string_view line, Head& head) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return Fault::bad_request;
  head.method = line.substr(0, first);
  head.target = line.substr(first + 1, last - first - 1);
  if (!is_token(head.method)) return Fault::bad_request;
  if (head.target.size() > k_target_bytes_max) return Fault::uri_too_long;
  if (!is_target(head.target)) return Fault::bad_request;
  return parse_version(line.substr(last + 1), head.minor);
}

Fault settle_request(Head& head, const Gathered& gathered) {
  if (gathered.hosts == 0 && head.minor >= 1) return Fault::bad_request;
  if (!is_host(head.host)) return Fault::bad_request;
  if (gathered.codings > 0) {
    // A lone "chunked" is the only coding that all recipients read alike.
    if (gathered.lengths > 0 || head.minor == 0 || gathered.codings > 1) return Fault::bad_request;
    if (!gathered.chunked_last) return Fault::not_implemented;
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
    if (gathered.codings > 1 || !gathered.chunked_last) return Fault::bad_request;
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

// The first line without its CRLF; `bytes` loses it.
std::string_view take_first_line(std::string_view& bytes) {
  if (bytes.starts_with("\r\n")) bytes.remove_prefix(2);
  const std::size_t end = bytes.find('\n');
  const std::string_view line = bytes.substr(0, end - 1);
  bytes.remove_prefix(end + 1);
  return line;
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

// A message may be preceded by one empty line (RFC 9112 section 2.2), which belongs to its head.
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
  head.size = bytes.size();
  const std::string_view line = take_first_line(bytes);
  if (const Fault fault = parse_request_line(line, head); fault != Fault::none) return fault;
  Gathered gathered;
  if (const Fault fault = parse_fields(bytes, head, gathered); fault != Fault::none) return fault;
  return settle_request(head, gathered);
}

Fault parse_answer(std::string_view bytes, bool to_head, Head& head) {
  reset(head);
  head.size = bytes.size();
  const std::string_view line = take_first_line(bytes);
  if (line.size() < 12 || line[8] != ' ') return Fault::bad_request;
  if (const Fault fault = parse_version(line.substr(0, 8), head.minor); fault != Fault::none) {
    return fault;
  }
  for (const char digit : line.substr(9, 3)) {
    if (digit < '0' || digit > '9') return Fault::bad_request;
    head.status = head.status * 10 + (digit - '0');
  }
  if (head.status < 100 || head.status > 599) return Fault::bad_request;
  if (line.size() > 12 && line[12] != ' ') return Fault::bad_request;
  head.reason = line.size() > 13 ? line.substr(13) : std::string_view();
  if (has_control(head.reason)) return Fault::bad_request;
  Gathered gathered;
  if (const Fault fault = parse_fields(bytes, head, gathered); fault != Fault::none) return fault;
  return settle_answer(head, gathered, to_head);
}

}  // namespace hitless::net::http1
