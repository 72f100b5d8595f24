#include "gateway/answers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "base/check.h"

namespace hitless::gateway {
namespace {

// A service that is not ready now may be in a second: instances start in about that time.
constexpr int k_retry_soon_s = 1;

constexpr std::array<AnswerRule, 28> k_rules{{
    {Cause::healthy, 200, "", "", false, 0},
    {Cause::bad_request, 400, "ModelArts.0101", "The request is not valid HTTP/1.1.", false, 0},
    {Cause::uri_too_long, 414, "ModelArts.0101", "The request target is too long.", false, 0},
    {Cause::head_too_large, 431, "ModelArts.0101", "The request head is too large.", false, 0},
    {Cause::not_implemented, 501, "ModelArts.0101",
     "The method or transfer coding is not supported.", false, 0},
    {Cause::bad_version, 505, "ModelArts.0101", "The HTTP version is not supported.", false, 0},
    {Cause::request_timeout, 408, "ModelArts.4205",
     "The request did not arrive completely in time.", false, 0},
    {Cause::use_https, 308, "APIG.0101", "Call this address over HTTPS.", false, 0},
    {Cause::no_address, 404, "APIG.0101",
     "The address is unknown. Call /v1/infers/{service_id}, as access_address shows it.", false, 0},
    {Cause::no_token, 401, "ModelArts.0201",
     "No token. Send X-Auth-Token, Authorization: Bearer or X-Apig-AppCode.", false, 0},
    {Cause::wrong_token, 401, "APIG.0301", "The token is not valid.", false, 0},
    {Cause::unknown_service, 404, "ModelArts.4204", "There is no such service.", false, 0},
    {Cause::not_started, 400, "ModelArts.4203", "The service is not started.", false, 0},
    {Cause::body_too_large, 413, "ModelArts.4104", "The request body is too large.", false, 0},
    {Cause::no_table, 503, "ModelArts.4302", "The gateway has no routes yet.", true,
     k_retry_soon_s},
    {Cause::bad_revision, 400, "ModelArts.0101", "X-Hitless-Revision must be a revision's number.",
     false, 0},
    {Cause::absent_revision, 404, "ModelArts.4204",
     "No instance of the revision that X-Hitless-Revision names is ready.", false, 0},
    {Cause::rate_limited, 429, "ModelArts.4206", "The service's rate limit is reached.", false,
     k_retry_soon_s},
    {Cause::too_many_at_once, 429, "ModelArts.4206",
     "The service has as many requests in progress as it may.", false, k_retry_soon_s},
    {Cause::circuit_open, 503, "ModelArts.4302",
     "The service's instances have not answered lately and are not called for now.", true,
     k_retry_soon_s},
    {Cause::hold_full, 503, "ModelArts.4302",
     "No instance is ready and too many requests wait already.", true, k_retry_soon_s},
    {Cause::hold_expired, 503, "ModelArts.4302", "No instance became ready in time.", true,
     k_retry_soon_s},
    {Cause::refused, 503, "ModelArts.4302", "Every instance refused the connection.", true,
     k_retry_soon_s},
    {Cause::closed_early, 500, "ModelArts.4503",
     "The instance closed the connection before it answered.", true, 0},
    {Cause::invalid_answer, 500, "ModelArts.4503", "The instance's answer is not valid HTTP/1.1.",
     true, 0},
    {Cause::answer_timeout, 504, "ModelArts.4503", "The instance did not answer in time.", true, 0},
    {Cause::shutting_down, 503, "ModelArts.4700", "The gateway is shutting down.", true,
     k_retry_soon_s},
    {Cause::stream_budget, 503, "ModelArts.4700",
     "The stream was ended because what serves it goes. Ask again.", false, k_retry_soon_s},
}};

std::string_view reason_of(int status) {
  switch (status) {
    case 200: return "OK";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 404: return "Not Found";
    case 408: return "Request Timeout";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    default: return "";
  }
}

}  // namespace

std::string_view word_of(Cause cause) {
  switch (cause) {
    case Cause::healthy: return "";
    case Cause::bad_request: return "bad_request";
    case Cause::uri_too_long: return "uri_too_long";
    case Cause::head_too_large: return "head_too_large";
    case Cause::not_implemented: return "not_implemented";
    case Cause::bad_version: return "bad_version";
    case Cause::request_timeout: return "request_timeout";
    case Cause::no_address: return "no_address";
    case Cause::no_token: return "no_token";
    case Cause::wrong_token: return "wrong_token";
    case Cause::unknown_service: return "unknown_service";
    case Cause::not_started: return "not_started";
    case Cause::body_too_large: return "body_too_large";
    case Cause::no_table: return "no_table";
    case Cause::hold_full: return "hold_full";
    case Cause::hold_expired: return "hold_expired";
    case Cause::refused: return "refused";
    case Cause::closed_early: return "closed_early";
    case Cause::invalid_answer: return "invalid_answer";
    case Cause::answer_timeout: return "answer_timeout";
    case Cause::shutting_down: return "shutting_down";
    case Cause::stream_budget: return "stream_budget";
    case Cause::use_https: return "use_https";
    case Cause::bad_revision: return "bad_revision";
    case Cause::absent_revision: return "absent_revision";
    case Cause::rate_limited: return "rate_limited";
    case Cause::too_many_at_once: return "too_many_at_once";
    case Cause::circuit_open: return "circuit_open";
  }
  return "";
}

const AnswerRule& rule_of(Cause cause) {
  const AnswerRule& rule = k_rules[static_cast<std::size_t>(cause)];
  HL_DCHECK(rule.cause == cause);
  return rule;
}

Cause cause_of(net::http1::Fault fault) {
  using net::http1::Fault;
  switch (fault) {
    case Fault::uri_too_long: return Cause::uri_too_long;
    case Fault::head_too_large: return Cause::head_too_large;
    case Fault::not_implemented: return Cause::not_implemented;
    case Fault::bad_version: return Cause::bad_version;
    default: return Cause::bad_request;
  }
}

int retry_after(Duration wait) {
  const std::int64_t seconds = std::chrono::ceil<std::chrono::seconds>(wait).count();
  return static_cast<int>(std::max<std::int64_t>(1, seconds));
}

// Request ids and texts need no escaping: ids are checked on entry, texts are ours.
void write_error_body(std::string& out, Cause cause, std::string_view request_id) {
  const AnswerRule& rule = rule_of(cause);
  fmt::format_to(std::back_inserter(out),
                 R"({{"error_code":"{}","error_msg":"{}","request_id":"{}"}})", rule.code,
                 rule.text, request_id);
}

void write_answer(std::string& out, Cause cause, const AnswerContext& context) {
  const AnswerRule& rule = rule_of(cause);
  std::string body;
  if (cause == Cause::healthy) {
    body = R"({"status":"ok"})";
  } else {
    write_error_body(body, cause, context.request_id);
  }
  auto to = std::back_inserter(out);
  fmt::format_to(to, "HTTP/1.1 {} {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
                 rule.status, reason_of(rule.status), body.size());
  fmt::format_to(to, "X-Request-Id: {}\r\n", context.request_id);
  if (context.revision != 0) {
    fmt::format_to(to, "X-Hitless-Revision: {}\r\n", context.revision);
  }
  const int again_in = std::max(rule.retry_after_s, context.retry_after_s);
  if (again_in != 0) fmt::format_to(to, "Retry-After: {}\r\n", again_in);
  if (!context.location.empty()) fmt::format_to(to, "Location: {}\r\n", context.location);
  if (rule.status == 401) out.append("WWW-Authenticate: Bearer\r\n");
  if (!context.keep_alive) out.append("Connection: close\r\n");
  out.append("\r\n");
  if (!context.to_head) out.append(body);
}

}  // namespace hitless::gateway
