#include "net/response_head.h"

#include <fmt/format.h>
#include <strings.h>

#include <boost/beast/http/status.hpp>

#include <algorithm>
#include <array>

namespace hitless::net {
namespace {

constexpr std::string_view k_token_symbols = "!#$%&'*+-.^_`|~";

bool is_token(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           k_token_symbols.find(c) != std::string_view::npos;
  });
}

bool is_field_value(std::string_view value) {
  return value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

bool is_framing(const std::string& name) {
  constexpr std::array<const char*, 4> k_ours = {"Content-Length", "Transfer-Encoding",
                                                 "Connection", "Keep-Alive"};
  return std::any_of(k_ours.begin(), k_ours.end(),
                     [&name](const char* ours) { return ::strcasecmp(name.c_str(), ours) == 0; });
}

}  // namespace

bool may_have_body(int status) {
  return status >= 200 && status != 204 && status != 304;
}

Result<std::string> write_response_head(const HttpResponse& response, AfterAnswer after,
                                        BodyEnd end) {
  if (response.status < 200 || response.status > 999) {
    return Error(Code::internal, fmt::format("an answer of status {}", response.status));
  }
  const auto reason = boost::beast::http::obsolete_reason(
      boost::beast::http::int_to_status(static_cast<unsigned>(response.status)));
  std::string head;
  head.reserve(256);
  head.append("HTTP/1.1 ").append(std::to_string(response.status)).append(" ");
  head.append(reason.data(), reason.size()).append("\r\n");
  for (const auto& [name, value] : response.headers) {
    if (is_framing(name)) continue;
    if (!is_token(name) || !is_field_value(value)) {
      return Error(Code::internal, fmt::format("header field [{}] is not fit to send", name));
    }
    head.append(name).append(": ").append(value).append("\r\n");
  }
  if (end == BodyEnd::last_chunk) head.append("Transfer-Encoding: chunked\r\n");
  if (end == BodyEnd::length && may_have_body(response.status)) {
    head.append("Content-Length: ").append(std::to_string(response.body.size())).append("\r\n");
  }
  if (after == AfterAnswer::close) head.append("Connection: close\r\n");
  if (after == AfterAnswer::keep_alive_1_0) head.append("Connection: keep-alive\r\n");
  head.append("\r\n");
  return head;
}

HttpResponse plain_response(int status, std::string_view text) {
  HttpResponse response{.status = status, .headers = {{"Content-Type", "text/plain"}}, .body = {}};
  response.body.append(text).append("\n");
  return response;
}

}  // namespace hitless::net
