// The gateway's own answers: one table from what went wrong to what the client is told
// (contract: error codes).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "model/ids.h"
#include "net/http1.h"

namespace hitless::gateway {

enum class Cause : std::uint8_t {
  healthy,      // not an error: /healthz
  bad_request,  // not HTTP/1.x as RFC 9112 wants it
  uri_too_long,
  head_too_large,
  not_implemented,  // a transfer coding or method that we do not forward
  bad_version,
  request_timeout,  // the client began a request and did not finish it
  use_https,        // plain HTTP, where only TLS is served
  no_address,       // not a call address
  no_token,
  wrong_token,
  unknown_service,
  not_started,
  body_too_large,
  no_table,         // control has not told us anything yet
  bad_revision,     // X-Hitless-Revision is no number
  absent_revision,  // … or that of a revision without a ready instance
  rate_limited,
  too_many_at_once,  // the service's concurrency limit
  circuit_open,      // no instance of the service is called at the moment
  hold_full,         // too many requests wait for the service already
  hold_expired,      // no endpoint became ready in time
  refused,           // every endpoint refused the connection
  closed_early,      // the instance closed before it answered, and may have taken the request
  invalid_answer,    // the instance's answer is not HTTP
  answer_timeout,    // no first byte in time
  shutting_down,
  stream_budget,  // a stream has outlived its place for as long as it may
};

struct AnswerRule {
  Cause cause;
  int status;
  std::string_view code;  // contract's error code
  std::string_view text;
  bool failed;        // counts as failed by hitless
  int retry_after_s;  // 0: no Retry-After, unless the context has one
};
const AnswerRule& rule_of(Cause cause);
Cause cause_of(net::http1::Fault fault);
std::string_view word_of(Cause cause);  // the enumerator's name; empty for what is no error

// For what is possible again in so long: whole seconds, and at least one.
int retry_after(Duration wait);

struct AnswerContext {
  std::string_view request_id;
  model::RevisionNumber revision = 0;  // 0: none was chosen
  bool keep_alive = true;
  bool to_head = false;            // no body
  std::string_view location = {};  // of a redirect
  int retry_after_s = 0;           // 0: as the rule says
};
// {"error_code":…,"error_msg":…,"request_id":…}
void write_error_body(std::string& out, Cause cause, std::string_view request_id);
// Appends head and body.
void write_answer(std::string& out, Cause cause, const AnswerContext& context);

}  // namespace hitless::gateway
