// What goes over the wire before an answer's body.  Pure; any thread.
#pragma once

#include <string>

#include "base/result.h"
#include "net/http.h"

namespace hitless::net {

// What the connection is to do after the answer.
enum class AfterAnswer { keep_alive, keep_alive_1_0, close };

// How its reader knows where the body ends.
enum class BodyEnd { length, last_chunk, close };

// Status line and header fields with the empty line.  Content-Length is that of `body`, and framing
// fields of the answer's own are left out.  A field that would break the framing (a line end in a
// name or value) is an Error (internal).
Result<std::string> write_response_head(const HttpResponse& response, AfterAnswer after,
                                        BodyEnd end = BodyEnd::length);

// 1xx, 204 and 304 have none, whatever the handler put there.
bool may_have_body(int status);

// A short answer in words, for refusals of the server itself.
HttpResponse plain_response(int status, std::string_view text);

}  // namespace hitless::net
