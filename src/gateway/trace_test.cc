// W3C Trace Context: what goes on, what is begun anew.
#include "gateway/trace.h"

#include <gtest/gtest.h>

#include "tests/support/gateway_fixture.h"

namespace hitless::gateway {
namespace {

using namespace hitless::testing;

constexpr std::string_view k_trace = "4bf92f3577b34da6a3ce929d0e0e4736";
constexpr std::string_view k_valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(Trace, ReadsAValidParent) {
  EXPECT_EQ(trace_id_of(k_valid), k_trace);
  EXPECT_EQ(trace_id_of("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff"), k_trace);
  // Versions to come: what is known of them, and what may follow.
  EXPECT_EQ(trace_id_of("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), k_trace);
  EXPECT_EQ(trace_id_of("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what"), k_trace);
}

TEST(Trace, RefusesWhatIsNone) {
  for (const std::string_view wrong : {
           "",
           "00",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-011",
           "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.what",
           "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
           "0x-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
           "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
           "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
           "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0X",
           "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
           "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7_01",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902\"7-01",
           "00-4bf92f3577b34da6a3ce929d0e0e473\xff-00f067aa0ba902b7-01",
       }) {
    EXPECT_EQ(trace_id_of(wrong), "") << wrong;
  }
}

// What an instance sees of a request with these fields.
class Traced {
 public:
  Traced()
      : upstream_(RawUpstream::answering(
            [](const RawMessage& message) { return RawUpstream::ok(message.head); })) {
    EXPECT_TRUE(fixture_.adopt_one(upstream_));
  }
  RawMessage call(std::string_view fields) {
    const RawMessage answer = fixture_.call(request("/", "", fields));
    EXPECT_EQ(answer.status(), 200) << answer.wire;
    RawMessage seen;
    seen.head = answer.body;
    return seen;
  }

 private:
  RawUpstream upstream_;
  GatewayFixture fixture_;
};

std::size_t count_of(const std::string& text, std::string_view what) {
  std::size_t count = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) {
    ++count;
  }
  return count;
}

TEST(Trace, AValidOneGoesOnAsItIs) {
  Traced traced;
  const RawMessage seen = traced.call("traceparent: " + std::string(k_valid) +
                                      "\r\nTraceState: a=1,b=2\r\ntracestate: c=3\r\n");
  EXPECT_EQ(seen.field("traceparent"), k_valid);
  EXPECT_EQ(count_of(seen.head, "traceparent"), 1U);
  EXPECT_NE(seen.head.find("TraceState: a=1,b=2\r\ntracestate: c=3\r\n"), std::string::npos);
}

TEST(Trace, OneIsBegunWhereThereIsNone) {
  Traced traced;
  const RawMessage first = traced.call("");
  const RawMessage second = traced.call("");
  const std::string parent = first.field("traceparent");
  EXPECT_EQ(trace_id_of(parent), first.field("X-Request-Id"));
  EXPECT_TRUE(parent.starts_with("00-") && parent.ends_with("-01")) << parent;
  EXPECT_NE(trace_id_of(parent), trace_id_of(second.field("traceparent")));
  EXPECT_NE(parent.substr(k_span_id_at), second.field("traceparent").substr(k_span_id_at));
  EXPECT_EQ(first.head.find("tracestate"), std::string::npos);
}

TEST(Trace, ARequestIdOfTheClientsIsNoTrace) {
  Traced traced;
  const RawMessage seen = traced.call("X-Request-Id: 00000000000000000000000000000000\r\n");
  EXPECT_EQ(seen.field("X-Request-Id"), std::string(32, '0'));
  EXPECT_EQ(trace_id_of(seen.field("traceparent")).size(), k_trace_id_digits);
}

TEST(Trace, AnInvalidOneIsReplacedAndItsStateDropped) {
  Traced traced;
  for (const std::string& fields : {
           std::string("traceparent: nonsense\r\ntracestate: a=1\r\n"),
           std::string("tracestate: a=1\r\n"),
           std::string("traceparent: \r\ntracestate: a=1\r\n"),
           "TRACEPARENT: " + std::string(k_valid) + ", " + std::string(k_valid) +
               "\r\ntracestate: a=1\r\n",
           "traceparent: " + std::string(k_valid) + "\r\nTraceparent: " + std::string(k_valid) +
               "\r\ntracestate: a=1\r\n",
           // It belongs to the client's hop.
           "Connection: traceparent\r\ntraceparent: " + std::string(k_valid) +
               "\r\ntracestate: a=1\r\n",
       }) {
    const RawMessage seen = traced.call(fields);
    EXPECT_EQ(trace_id_of(seen.field("traceparent")), seen.field("X-Request-Id")) << fields;
    EXPECT_EQ(count_of(seen.head, "raceparent"), 1U) << seen.head;
    EXPECT_EQ(seen.head.find("tracestate"), std::string::npos) << fields;
    EXPECT_EQ(seen.head.find(k_trace), std::string::npos) << fields;
  }
}

TEST(Trace, AStateThatBelongsToTheHopStaysBehindAlone) {
  Traced traced;
  const RawMessage seen = traced.call(
      "Connection: tracestate\r\ntracestate: a=1\r\ntraceparent: " + std::string(k_valid) + "\r\n");
  EXPECT_EQ(seen.field("traceparent"), k_valid);
  EXPECT_EQ(seen.head.find("tracestate"), std::string::npos);
}

}  // namespace
}  // namespace hitless::gateway
