// libFuzzer: a head that is accepted and rewritten for the other side is read there as meant: the
// same framing, one Host, nothing of the hop.  The first byte chooses request or answer, and how it
// is written.
#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/answer_head.h"
#include "gateway/request_head.h"
#include "net/http1.h"
#include "tests/fuzz/must.h"
#include "tests/support/strict_request.h"

namespace {

using namespace hitless::net::http1;
using hitless::gateway::Call;
using hitless::gateway::RequestFields;

// What of a call is passed on; "/" where the target is none.
std::string_view rest_of(const Head& head) {
  const std::optional<Call> call = hitless::gateway::parse_call(head.target);
  if (!call.has_value()) return "/";
  must(!call->service.empty() && call->service.find_first_of("/?") == std::string_view::npos);
  return call->rest;
}

// A list of our own to hold the rewritten head's fields against.
bool is_of_the_hop(std::string_view name) {
  for (const char* each : {"keep-alive", "proxy-connection", "te", "expect", "x-auth-token",
                           "x-apig-appcode", "x-hitless-instance"}) {
    if (name == each) return true;
  }
  return false;
}

void rewrite_request(std::string_view bytes, std::uint8_t choice) {
  static Head head, again;
  static RequestFields fields;
  if (parse_request(bytes, head) != Fault::none) return;
  hitless::gateway::read_fields(head, fields);
  const std::string_view rest = rest_of(head);
  hitless::gateway::Text out;
  hitless::gateway::write_request_head(out, head, fields,
                                       {.target = rest,
                                        .request_id = fields.request_id,
                                        .peer = "192.0.2.1",
                                        .keep_authorization = (choice & 2) != 0});
  std::size_t scanned = 0;
  const HeadEnd end = find_head_end(out, scanned);
  must(end.state == HeadEnd::State::complete && end.size == out.size());
  // Four fields of ours may come on top of as many as there may be.
  if (head.field_count + 4 <= k_fields_max) {
    must(parse_request(out, again) == Fault::none);
    must(again.method == head.method && again.framing == head.framing);
    must(again.content_length == head.content_length && again.upgrade == head.upgrade);
    must(again.keep_alive && !again.expect_continue);
    must(again.target == (rest.starts_with('/') ? "" : "/") + std::string(rest));
  }
  const auto strict = hitless::testing::read_strictly(out);
  must(strict.problem.empty());
  for (const auto& [name, value] : strict.fields) must(!is_of_the_hop(name));
  must(strict.count("x-forwarded-for") == 1 && strict.count("x-forwarded-proto") == 1);
  must(strict.count("x-request-id") == 1);
  must((choice & 2) != 0 || strict.count("authorization") == 0);
}

void rewrite_answer(std::string_view bytes, std::uint8_t choice) {
  static Head head, again;
  const bool to_head = (choice & 2) != 0;
  if (parse_answer(bytes, to_head, head) != Fault::none) return;
  (void)hitless::gateway::keep_alive_of(head);
  hitless::gateway::Text out;
  const bool is_interim = head.status < 200 && head.status != 101;
  const bool unchunk = (choice & 4) != 0 && head.framing == Framing::chunked;
  const bool keep_alive = (choice & 8) != 0 && !unchunk && head.framing != Framing::until_close;
  if (is_interim) {
    hitless::gateway::write_interim_head(out, head);
  } else {
    hitless::gateway::write_answer_head(out, head,
                                        {.request_id = "id",
                                         .revision = 7,
                                         .keep_alive = keep_alive,
                                         .to_http10 = (choice & 16) != 0,
                                         .unchunk = unchunk});
  }
  std::size_t scanned = 0;
  const HeadEnd end = find_head_end(out, scanned);
  must(end.state == HeadEnd::State::complete && end.size == out.size());
  if (head.field_count + 3 > k_fields_max) return;
  must(parse_answer(out, to_head, again) == Fault::none);
  must(again.status == head.status);
  must(again.framing == (unchunk ? Framing::until_close : head.framing));
  must(again.framing != Framing::length || again.content_length == head.content_length);
  const bool has_framing = again.framing != Framing::until_close;
  must(is_interim || head.status == 101 || again.keep_alive == (keep_alive && has_framing));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::size_t scanned = 0;
  const HeadEnd end = find_head_end(bytes, scanned);
  if (end.state != HeadEnd::State::complete) return 0;
  if ((data[0] & 1) != 0) {
    rewrite_request(bytes.substr(0, end.size), data[0]);
  } else {
    rewrite_answer(bytes.substr(0, end.size), data[0]);
  }
  return 0;
}
