#include "gateway/http2_head.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "net/http1_text.h"

namespace hitless::gateway {
namespace {

using net::Http2Field;
using net::http1::Field;
using net::http1::FieldLine;
using net::http1::Head;

// What each field costs beyond its bytes (RFC 9113 section 10.5.1).
constexpr std::size_t k_field_overhead = 32;

constexpr std::array<std::string_view, 4> k_pseudo = {":method", ":scheme", ":authority", ":path"};

// They describe an HTTP/1.1 connection (RFC 9113 section 8.2.2).
constexpr std::array<std::string_view, 5> k_of_connections = {
    "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"};

bool has_control(std::string_view text) {
  const char* const end = text.data() + text.size();
  return net::http1::first_control(text.data(), end) != end;
}

bool has_blank_or_control(std::string_view text) {
  const char* const end = text.data() + text.size();
  return net::http1::first_blank_or_control(text.data(), end) != end;
}

bool is_token(std::string_view text) {
  const char* const end = text.data() + text.size();
  return !text.empty() && net::http1::token_end(text.data(), end) == end;
}

bool is_name(std::string_view name) {
  return is_token(name) && std::none_of(name.begin(), name.end(),
                                        [](char byte) { return byte >= 'A' && byte <= 'Z'; });
}

bool is_value(std::string_view value) {
  if (has_control(value)) return false;
  return value.empty() ||
         (!net::http1::is_blank(value.front()) && !net::http1::is_blank(value.back()));
}

bool is_forbidden(std::string_view name, std::string_view value) {
  if (name == "te") return value != "trailers";
  return std::find(k_of_connections.begin(), k_of_connections.end(), name) !=
         k_of_connections.end();
}

void add_line(std::string& lines, std::string_view name, std::string_view value) {
  lines.append(name).append(": ").append(value).append("\r\n");
}

bool is_path(std::string_view path, std::string_view method) {
  if (path == "*") return method == "OPTIONS";
  return path.starts_with('/') && !has_blank_or_control(path);
}

bool is_authority(std::string_view authority) {
  return !has_blank_or_control(authority) &&
         authority.find_first_of("@/,?#") == std::string_view::npos;
}

bool has_content(std::string_view method) {
  return method == "POST" || method == "PUT" || method == "PATCH";
}

// Appends the name in small letters and says where it stands.
std::string_view small_name(std::string& text, std::string_view name) {
  const std::size_t at = text.size();
  for (const char byte : name) text.push_back(net::http1::lower(byte));
  return std::string_view(text).substr(at);
}

}  // namespace

bool Http2RequestHead::add(std::string_view name, std::string_view value) {
  bytes_ += name.size() + value.size() + k_field_overhead;
  if (!is_value(value)) return false;
  if (name.starts_with(':')) return !regular_begun_ && add_pseudo(name, value);
  regular_begun_ = true;
  if (!is_name(name) || is_forbidden(name, value)) return false;
  return is_too_large() || add_regular(name, value);
}

bool Http2RequestHead::add_pseudo(std::string_view name, std::string_view value) {
  const auto* const found = std::find(k_pseudo.begin(), k_pseudo.end(), name);
  if (found == k_pseudo.end()) return false;
  const auto index = static_cast<std::size_t>(found - k_pseudo.begin());
  const auto bit = static_cast<std::uint8_t>(1U << index);
  if ((seen_ & bit) != 0) return false;
  seen_ = static_cast<std::uint8_t>(seen_ | bit);
  const std::array<std::string*, 4> to = {&method_, &scheme_, &authority_, &path_};
  if (!is_too_large()) *to[index] = value;
  return true;
}

bool Http2RequestHead::add_regular(std::string_view name, std::string_view value) {
  if (name == "cookie") {
    cookies_.append(cookies_.empty() ? "" : "; ").append(value);
  } else if (name == "host") {
    if (!host_.empty()) return false;
    host_ = value;
  } else if (name == "content-length") {
    if (!length_.empty() || value.empty()) return false;
    length_ = value;
  } else if (name != "te" && name != "http2-settings") {
    add_line(lines_, name, value);
  }
  return true;
}

bool Http2RequestHead::is_complete() const {
  if (!is_token(method_) || !is_authority(authority_)) return false;
  if (method_ == "CONNECT") return !authority_.empty() && scheme_.empty() && path_.empty();
  if (scheme_.empty() || !is_path(path_, method_)) return false;
  // Two names for one origin: who reads which would decide where the request goes.
  return host_.empty() || authority_.empty() || net::http1::same_text(host_, authority_);
}

bool Http2RequestHead::write(std::string& out, bool at_end) const {
  if (!is_complete()) return false;
  const std::string& host = authority_.empty() ? host_ : authority_;
  out.append(method_).append(" ").append(method_ == "CONNECT" ? authority_ : path_);
  out.append(" HTTP/1.1\r\n");
  if (!host.empty()) add_line(out, "host", host);
  out.append(lines_);
  if (!cookies_.empty()) add_line(out, "cookie", cookies_);
  if (!length_.empty()) {
    add_line(out, "content-length", length_);
  } else if (!at_end) {
    add_line(out, "transfer-encoding", "chunked");
  } else if (has_content(method_)) {
    add_line(out, "content-length", "0");
  }
  out.append("\r\n");
  return true;
}

bool add_trailer(std::string& lines, std::string_view name, std::string_view value) {
  if (!is_name(name) || !is_value(value) || is_forbidden(name, value)) return false;
  add_line(lines, name, value);
  return true;
}

void to_http2(const Head& head, std::string& text, std::vector<Http2Field>& fields) {
  fields.clear();
  text.clear();
  text.reserve(head.size);
  text.append(std::to_string(head.status));
  fields.push_back({":status", text});
  for (std::size_t i = 0; i < head.field_count; ++i) {
    const FieldLine& line = head.fields[i];
    if (line.field != Field::other && line.field != Field::content_length) continue;
    fields.push_back({small_name(text, line.name), line.value});
  }
}

void to_http2(std::string_view lines, std::string& text, std::vector<Http2Field>& fields) {
  fields.clear();
  text.clear();
  text.reserve(lines.size());
  while (lines.size() > 2) {
    const std::size_t end = lines.find("\r\n");
    const std::string_view line = lines.substr(0, end);
    lines.remove_prefix(end + 2);
    const std::size_t colon = line.find(':');
    std::string_view value = line.substr(colon + 1);
    while (!value.empty() && net::http1::is_blank(value.front())) value.remove_prefix(1);
    while (!value.empty() && net::http1::is_blank(value.back())) value.remove_suffix(1);
    const std::string_view name = small_name(text, line.substr(0, colon));
    if (!is_forbidden(name, value) && name != "te") fields.push_back({name, value});
  }
}

}  // namespace hitless::gateway
