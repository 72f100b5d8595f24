// A reader of requests that forgives nothing: what the gateway sends to an instance must be such
// that two parsers cannot disagree about it.  Shares no code with the gateway's own parser.
//
// Pure; any thread.
#pragma once

#include <algorithm>
#include <cctype>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hitless::testing {

struct StrictRequest {
  std::string method;
  std::string target;
  std::string body;
  std::vector<std::pair<std::string, std::string>> fields;  // names in small letters
  std::string problem;                                      // empty: well-formed so far
  bool whole = false;
  std::size_t size = 0;  // of the bytes, when whole

  std::size_t count(std::string_view name) const {
    return static_cast<std::size_t>(std::count_if(
        fields.begin(), fields.end(), [&](const auto& field) { return field.first == name; }));
  }
  std::string field(std::string_view name) const {
    for (const auto& [each, value] : fields) {
      if (each == name) return value;
    }
    return "";
  }
};

namespace strict_request {

// The lines up to the empty one; none when that has not come.
inline std::optional<std::vector<std::string>> lines_of(std::string_view bytes, std::size_t& at) {
  const std::size_t end = bytes.find("\r\n\r\n", at);
  if (end == std::string_view::npos) return std::nullopt;
  std::vector<std::string> lines;
  while (at < end) {
    const std::size_t next = std::min(bytes.find("\r\n", at), end);
    lines.emplace_back(bytes.substr(at, next - at));
    at = next + 2;
  }
  at = end + 4;
  return lines;
}

inline bool has_control(std::string_view line) {
  return std::any_of(line.begin(), line.end(), [](char byte) {
    return (static_cast<unsigned char>(byte) < 0x20 && byte != '\t') || byte == 0x7f;
  });
}

// "Name: value"; empty when it is not one.
inline std::pair<std::string, std::string> split(const std::string& line) {
  const std::size_t colon = line.find(':');
  constexpr std::string_view k_marks = "!#$%&'*+-.^_`|~";
  std::string name = line.substr(0, std::min(colon, line.size()));
  for (char& byte : name) {
    const auto value = static_cast<unsigned char>(byte);
    if (value > 127 || (!std::isalnum(value) && k_marks.find(byte) == std::string_view::npos)) {
      return {};
    }
    byte = static_cast<char>(std::tolower(value));
  }
  if (colon == std::string::npos || has_control(line)) return {};
  std::string value = line.substr(colon + 1);
  value.erase(0, value.find_first_not_of(" \t"));
  value.erase(value.find_last_not_of(" \t") + 1);
  return {std::move(name), std::move(value)};
}

inline std::string problem_of_start(const std::string& line, StrictRequest& request) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string::npos || last == first) return "request line: " + line;
  request.method = line.substr(0, first);
  request.target = line.substr(first + 1, last - first - 1);
  const bool target_is_good = request.target.starts_with('/') && !has_control(line) &&
                              request.target.find_first_of(" \t") == std::string::npos;
  if (!target_is_good || line.substr(last) != " HTTP/1.1") return "request line: " + line;
  return "";
}

// In a list with commas.
inline bool has_word(std::string list, const std::string& word) {
  std::replace(list.begin(), list.end(), '\t', ' ');
  for (std::size_t at = list.find(word); at != std::string::npos; at = list.find(word, at + 1)) {
    const std::size_t before = list.find_last_not_of(' ', at - 1);
    const std::size_t after = list.find_first_not_of(' ', at + word.size());
    const bool begins = at == 0 || before == std::string::npos || list[before] == ',';
    if (begins && (after == std::string::npos || list[after] == ',')) return true;
  }
  return false;
}

inline std::string problem_of_fields(const StrictRequest& request) {
  const std::size_t lengths = request.count("content-length");
  const std::size_t codings = request.count("transfer-encoding");
  if (request.count("host") != 1) return "not one Host";
  if (lengths + codings > 1) return "framing is said twice";
  const std::string length = request.field("content-length");
  const bool is_number = !length.empty() && length.size() <= 18 &&
                         std::all_of(length.begin(), length.end(),
                                     [](char byte) { return byte >= '0' && byte <= '9'; });
  if (lengths == 1 && !is_number) return "length: " + length;
  if (lengths == 1 && length.size() > 1 && length[0] == '0') return "length: " + length;
  if (codings == 1 && request.field("transfer-encoding") != "chunked") return "coding";
  for (const char* name : {"keep-alive", "proxy-connection", "te", "x-auth-token", "expect"}) {
    if (request.count(name) != 0) return std::string(name) + " was passed on";
  }
  const std::string connection = request.field("connection");
  if (!connection.empty() && connection != "upgrade") return "connection: " + connection;
  if (has_word(request.field("upgrade"), "h2c")) return "upgrade to HTTP/2";
  if ((connection == "upgrade") != (request.count("upgrade") > 0)) return "half an upgrade";
  return "";
}

// False when it is not whole; a problem makes it whole.
inline bool read_chunks(std::string_view bytes, std::size_t& at, StrictRequest& request) {
  for (;;) {
    const std::size_t end = bytes.find("\r\n", at);
    if (end == std::string_view::npos) return false;
    const std::string line(bytes.substr(at, end - at));
    at = end + 2;
    const std::size_t digits = std::min(line.find(';'), line.size());
    const bool is_hex =
        digits > 0 && digits < 16 && line.find_first_not_of("0123456789abcdefABCDEF") >= digits;
    if (!is_hex || has_control(line)) {
      request.problem = "chunk size: " + line;
      return true;
    }
    const std::size_t size = std::stoull(line.substr(0, digits), nullptr, 16);
    if (size == 0) break;
    if (bytes.size() - at < size + 2) return false;
    request.body += bytes.substr(at, size);
    at += size;
    if (bytes.substr(at, 2) != "\r\n") request.problem = "no CRLF behind a chunk";
    if (!request.problem.empty()) return true;
    at += 2;
  }
  at -= 2;  // so that the end without trailers is found like the one with them
  const auto trailers = lines_of(bytes, at);
  if (!trailers.has_value()) return false;
  for (std::size_t i = 1; i < trailers->size(); ++i) {
    const auto [name, value] = split((*trailers)[i]);
    if (name.empty() || name == "content-length" || name == "transfer-encoding" || name == "host") {
      request.problem = "trailer: " + (*trailers)[i];
    }
  }
  return true;
}

}  // namespace strict_request

// The request at the front of `bytes`.
inline StrictRequest read_strictly(std::string_view bytes) {
  using namespace strict_request;
  StrictRequest request;
  std::size_t at = 0;
  const auto lines = lines_of(bytes, at);
  if (!lines.has_value()) return request;
  request.problem = problem_of_start(lines->front(), request);
  for (std::size_t i = 1; i < lines->size(); ++i) {
    request.fields.push_back(split((*lines)[i]));
    if (request.fields.back().first.empty()) request.problem = "field: " + (*lines)[i];
  }
  if (request.problem.empty()) request.problem = problem_of_fields(request);
  if (!request.problem.empty()) {
    request.whole = true;
  } else if (request.count("transfer-encoding") == 1) {
    request.whole = read_chunks(bytes, at, request);
  } else {
    const std::string length = request.field("content-length");
    const std::size_t size = length.empty() ? 0 : std::stoull(length);
    request.whole = bytes.size() - at >= size;
    request.body = bytes.substr(at, size);
    at += size;
  }
  request.size = at;
  return request;
}

}  // namespace hitless::testing
