// A client's request head as the instance gets it: the call address taken off the target, what
// belongs to the hop or to us taken out, what the instance should know put in.
//
// Pure; views into the parsed head.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/text.h"
#include "net/http1.h"

namespace hitless::gateway {

// "/v1/infers/{service}[/path][?query]"; also in absolute form.
struct Call {
  std::string_view service;
  std::string_view rest;  // path and query for the instance; may lack the leading '/'
};
std::optional<Call> parse_call(std::string_view target);
// The target's path and query, when it is absolute or not.
std::string_view origin_form_of_absolute(std::string_view target);
inline std::string_view origin_form(std::string_view target) {
  return target.starts_with('/') ? target : origin_form_of_absolute(target);
}

// What the fields say to us.
struct RequestFields {
  enum class Use : std::uint8_t { forward, drop, authorization };
  std::array<Use, net::http1::k_fields_max> uses;
  std::string_view auth_token;  // X-Auth-Token
  std::string_view bearer;      // the token of Authorization: Bearer
  std::string_view app_code;    // X-Apig-AppCode
  std::string_view request_id;  // empty when absent or not fit to be passed on
  std::string_view instance;    // X-Hitless-Instance: the one that shall answer
  std::string_view revision;    // X-Hitless-Revision: the one that shall answer
  // Of the one traceparent, when it is valid.  Otherwise neither it nor a tracestate goes on.
  std::string_view trace_id;
  std::array<std::string_view, 4> forwarded_for;
  std::size_t forwarded_for_count = 0;
  std::string_view traceparent;  // as it came, and how many there are of them
  std::uint8_t traceparents = 0;
  std::uint8_t tracestates = 0;
  bool is_framing_plain = true;  // Content-Length and Transfer-Encoding can go on as they are
};
void read_fields(const net::http1::Head& head, RequestFields& fields);

// What of a client's request ids is passed on: printable, and short enough to be kept at hand.
inline constexpr std::size_t k_request_id_bytes_max = 64;

struct Forwarding {
  std::string_view target;
  std::string_view request_id;
  std::string_view traceparent;    // empty: the client's goes on
  std::string_view peer;           // the client's address
  bool keep_authorization = true;  // false: it carried our token
  bool is_encrypted = false;       // the client's connection to us
};
// Where the same request is to be made over TLS; false: the client did not say whom it calls.
bool write_https_location(std::string& out, const net::http1::Head& head, std::uint16_t port);

void write_request_head(Text& out, const net::http1::Head& head, const RequestFields& fields,
                        const Forwarding& forwarding);

}  // namespace hitless::gateway
