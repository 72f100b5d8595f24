// RFC 9113 section by section: what a client does against it, and what it must then see.  After
// every case the upstream has seen no request that was not meant for it.
#include <gtest/gtest.h>

#include "tests/support/http2_call.h"

namespace hitless::gateway {
namespace {

using namespace hitless::testing;  // the fixture's words are this file's language

// RFC 9113 section 7.
enum : std::uint32_t {
  k_no_error = 0,
  k_protocol_error = 1,
  k_flow_control_error = 3,
  k_stream_closed = 5,
  k_frame_size_error = 6,
  k_refused_stream = 7,
  k_compression_error = 9,
  k_enhance_your_calm = 11,
};
constexpr int k_end_headers = Http2Frame::k_end_headers;
constexpr int k_whole = k_end_headers | Http2Frame::k_end_stream;

// The head of a good call with one field replaced, or left out where `value` is null.
Http2Fields with(const std::string& name, const char* value) {
  Http2Fields fields;
  for (const auto& field : call()) {
    if (field.first != name) {
      fields.push_back(field);
    } else if (value != nullptr) {
      fields.emplace_back(name, value);
    }
  }
  return fields;
}

// What a client sees of what it did, when everything it sent has been looked at.
struct Seen {
  std::optional<std::uint32_t> goaway;  // the connection was ended, with this code
  std::optional<std::uint32_t> reset;   // stream 1 was
  int status = 0;                       // of the answer on stream 1
};

// Acknowledgements go before all else: what came of the first ping's predecessors is there when the
// second's is.
Seen look(Http2Peer& peer) {
  Seen seen;
  if (!peer.ping() || !peer.ping()) {
    if (peer.goaway().has_value()) seen.goaway = peer.goaway()->code();
  }
  seen.reset = peer.so_far(1).reset;
  seen.status = peer.so_far(1).status;
  return seen;
}

struct Rule {
  const char* name;
  std::function<void(Http2Peer&)> act;
  std::uint32_t code;
};

void PrintTo(const Rule& rule, std::ostream* out) {
  *out << rule.name;
}
std::string name_of(const ::testing::TestParamInfo<Rule>& info) {
  return info.param.name;
}

class Http2Rules : public ::testing::TestWithParam<Rule> {
 protected:
  Http2Rules()
      : upstream_(RawUpstream::answering([](const RawMessage&) { return RawUpstream::ok("ok"); },
                                         &requests_)) {
    EXPECT_TRUE(fixture_.adopt_one(upstream_));
  }

  std::atomic<int> requests_ = 0;
  RawUpstream upstream_;
  GatewayFixture fixture_{{}, 1};
};

class Http2ConnectionErrors : public Http2Rules {};

TEST_P(Http2ConnectionErrors, EndTheConnectionWithTheirCode) {
  Http2Peer peer(fixture_.address());
  GetParam().act(peer);
  peer.ping();
  const std::optional<Http2Frame> goaway = peer.read_to_end();
  ASSERT_TRUE(goaway.has_value());
  EXPECT_EQ(goaway->code(), GetParam().code);
  EXPECT_EQ(peer.connection().last_error(), 0) << "an orderly end, so that the GOAWAY arrives";
  // Other clients do not notice.
  EXPECT_EQ(fixture_.call(request()).status(), 200);
}

std::string settings(std::uint32_t id, std::uint32_t value) {
  return big_endian(id, 2) + big_endian(value);
}

INSTANTIATE_TEST_SUITE_P(
    Rfc9113, Http2ConnectionErrors,
    ::testing::Values(
        Rule{"S4_2_DataLongerThanAllowed",
             [](Http2Peer& peer) {
               peer.headers(1, call(), false);
               peer.data(1, std::string(16'385, 'x'));
             },
             k_frame_size_error},
        Rule{"S4_2_HeadersLongerThanAllowed",
             [](Http2Peer& peer) {
               peer.send(Http2Frame::headers, k_whole, 1, std::string(16'385, '\x80'));
             },
             k_frame_size_error},
        Rule{
            "S4_3_ABlockThatCannotBeDecoded",
            [](Http2Peer& peer) { peer.send(Http2Frame::headers, k_whole, 1, "\xff\xff\xff\xff"); },
            k_compression_error},
        Rule{"S4_3_AnotherFrameInsideAHead",
             [](Http2Peer& peer) {
               peer.send(Http2Frame::headers, 0, 1, literals(call()));
               peer.send(Http2Frame::ping, 0, 0, "12345678");
             },
             k_protocol_error},
        Rule{"S5_1_DataOnAnIdleStream", [](Http2Peer& peer) { peer.data(1, "x"); },
             k_protocol_error},
        Rule{"S5_1_ResetOfAnIdleStream", [](Http2Peer& peer) { peer.reset(1, 8); },
             k_protocol_error},
        Rule{"S5_1_WindowOfAnIdleStream", [](Http2Peer& peer) { peer.open_window(1, 8); },
             k_protocol_error},
        Rule{"S5_1_1_AStreamOfTheServers", [](Http2Peer& peer) { peer.headers(2, call()); },
             k_protocol_error},
        Rule{"S6_1_DataOnTheConnection", [](Http2Peer& peer) { peer.data(0, "x"); },
             k_protocol_error},
        Rule{"S6_1_PaddingLongerThanItsFrame",
             [](Http2Peer& peer) {
               peer.headers(1, call(), false);
               peer.send(Http2Frame::data, Http2Frame::k_padded, 1, "\x05xx");
             },
             k_protocol_error},
        Rule{"S6_2_HeadersOnTheConnection", [](Http2Peer& peer) { peer.headers(0, call()); },
             k_protocol_error},
        Rule{"S6_2_PaddingLongerThanItsFrame",
             [](Http2Peer& peer) {
               peer.send(Http2Frame::headers, k_whole | Http2Frame::k_padded, 1, "\x20xx");
             },
             k_protocol_error},
        Rule{"S6_3_PriorityOnTheConnection",
             [](Http2Peer& peer) { peer.send(Http2Frame::priority, 0, 0, std::string(5, '\0')); },
             k_protocol_error},
        Rule{"S6_4_ResetOfTheConnection", [](Http2Peer& peer) { peer.reset(0, 8); },
             k_protocol_error},
        Rule{"S6_4_ResetOfAnotherLength",
             [](Http2Peer& peer) {
               peer.headers(1, call(), false);
               peer.send(Http2Frame::rst_stream, 0, 1, "abc");
             },
             k_frame_size_error},
        Rule{"S6_5_SettingsOfAStream",
             [](Http2Peer& peer) { peer.send(Http2Frame::settings, 0, 1, ""); }, k_protocol_error},
        Rule{"S6_5_SettingsOfAnotherLength",
             [](Http2Peer& peer) { peer.send(Http2Frame::settings, 0, 0, "abc"); },
             k_frame_size_error},
        Rule{"S6_5_AnAcknowledgementWithSettings",
             [](Http2Peer& peer) {
               peer.send(Http2Frame::settings, Http2Frame::k_ack, 0, settings(4, 1));
             },
             k_frame_size_error},
        Rule{"S6_5_2_PushThatIsNeitherOnNorOff",
             [](Http2Peer& peer) { peer.send(Http2Frame::settings, 0, 0, settings(2, 2)); },
             k_protocol_error},
        Rule{"S6_5_2_AWindowTooLarge",
             [](Http2Peer& peer) { peer.send(Http2Frame::settings, 0, 0, settings(4, 1U << 31)); },
             k_flow_control_error},
        Rule{"S6_5_2_FramesTooSmall",
             [](Http2Peer& peer) { peer.send(Http2Frame::settings, 0, 0, settings(5, 16'383)); },
             k_protocol_error},
        Rule{"S6_5_2_FramesTooLarge",
             [](Http2Peer& peer) { peer.send(Http2Frame::settings, 0, 0, settings(5, 1U << 24)); },
             k_protocol_error},
        Rule{"S6_6_APromiseByAClient",
             [](Http2Peer& peer) {
               peer.headers(1, call(), false);
               peer.send(Http2Frame::push_promise, k_end_headers, 1,
                         big_endian(2) + literals(call()));
             },
             k_protocol_error},
        Rule{"S6_7_APingOfAStream",
             [](Http2Peer& peer) { peer.send(Http2Frame::ping, 0, 1, "12345678"); },
             k_protocol_error},
        Rule{"S6_7_APingOfAnotherLength",
             [](Http2Peer& peer) { peer.send(Http2Frame::ping, 0, 0, "1234567"); },
             k_frame_size_error},
        Rule{"S6_8_GoawayOfAStream",
             [](Http2Peer& peer) { peer.send(Http2Frame::goaway, 0, 1, std::string(8, '\0')); },
             k_protocol_error},
        Rule{"S6_9_AWindowOpenedByNothing", [](Http2Peer& peer) { peer.open_window(0, 0); },
             k_protocol_error},
        // A stream's error, which we make the connection's (section 5.4.1 allows it).
        Rule{"S6_9_AStreamsWindowOpenedByNothing",
             [](Http2Peer& peer) {
               peer.headers(1, call(), false);
               peer.open_window(1, 0);
             },
             k_protocol_error},
        Rule{"S6_9_AWindowUpdateOfAnotherLength",
             [](Http2Peer& peer) { peer.send(Http2Frame::window_update, 0, 0, "abc"); },
             k_frame_size_error},
        Rule{"S6_9_1_AWindowBeyondItsMost",
             [](Http2Peer& peer) { peer.open_window(0, 0x7fffffff); }, k_flow_control_error},
        Rule{"S6_10_AContinuationOfNothing",
             [](Http2Peer& peer) {
               peer.send(Http2Frame::continuation, k_end_headers, 1, literals(call()));
             },
             k_protocol_error},
        Rule{"S6_10_AContinuationOnTheConnection",
             [](Http2Peer& peer) {
               peer.send(Http2Frame::headers, 0, 1, literals(call()));
               peer.send(Http2Frame::continuation, k_end_headers, 0, "");
             },
             k_protocol_error},
        Rule{"S6_10_AContinuationOfAnotherStream",
             [](Http2Peer& peer) {
               peer.send(Http2Frame::headers, 0, 1, literals(call()));
               peer.send(Http2Frame::continuation, k_end_headers, 3, "");
             },
             k_protocol_error},
        Rule{"S10_5_ContinuationsWithoutEnd",
             [](Http2Peer& peer) {
               peer.send(Http2Frame::headers, 0, 1, literals(call()));
               for (int i = 0; i < 20; ++i) {
                 peer.send(Http2Frame::continuation, 0, 1, literal("x", "y"));
               }
             },
             k_enhance_your_calm},
        Rule{"S10_5_PingsWithoutEnd",
             [](Http2Peer& peer) {
               for (int i = 0; i < 2000; ++i) peer.send(Http2Frame::ping, 0, 0, "12345678");
             },
             k_enhance_your_calm},
        Rule{"S10_5_SettingsWithoutEnd",
             [](Http2Peer& peer) {
               for (int i = 0; i < 2000; ++i) peer.send(Http2Frame::settings, 0, 0, "");
             },
             k_enhance_your_calm},
        Rule{"S10_5_EmptyDataWithoutEnd",
             [](Http2Peer& peer) {
               peer.headers(1, call(), false);
               for (int i = 0; i < 2000; ++i) peer.data(1, "", false);
             },
             k_enhance_your_calm},
        Rule{"S10_5_StreamsThatAreResetAtOnceWithoutEnd",
             [](Http2Peer& peer) {
               std::string frames;
               for (std::uint32_t id = 1; id < 2000; id += 2) {
                 frames += Http2Peer::frame(Http2Frame::headers, k_whole, id, literals(call()));
                 frames += Http2Peer::frame(Http2Frame::rst_stream, 0, id, big_endian(8));
               }
               peer.connection().write(frames);
             },
             k_enhance_your_calm},
        Rule{"S10_5_StreamsThatMakeUsResetThemWithoutEnd",
             [](Http2Peer& peer) {
               for (std::uint32_t batch = 0; batch < 10; ++batch) {
                 std::string frames;
                 for (std::uint32_t i = 0; i < 100; ++i) {
                   const std::uint32_t id = 200 * batch + 2 * i + 1;
                   frames +=
                       Http2Peer::frame(Http2Frame::headers, k_end_headers, id, literals(call()));
                   frames +=
                       Http2Peer::frame(Http2Frame::window_update, 0, id, big_endian(0x7fffffff));
                 }
                 if (!peer.connection().write(frames) || !peer.ping()) return;
               }
             },
             k_enhance_your_calm}),
    name_of);

class Http2StreamErrors : public Http2Rules {};

TEST_P(Http2StreamErrors, ResetTheStreamAndNothingElse) {
  Http2Peer peer(fixture_.address());
  GetParam().act(peer);
  const Seen seen = look(peer);
  EXPECT_FALSE(seen.goaway.has_value());
  EXPECT_EQ(seen.reset, GetParam().code);
  EXPECT_EQ(seen.status, 0);
  peer.headers(101, call());
  EXPECT_EQ(peer.answer(101).status, 200);
  EXPECT_EQ(requests_, 1) << "a request that must be refused reached the instance";
}

// A request whose head is wrong.
Rule malformed(const char* name, const Http2Fields& fields) {
  return {name, [fields](Http2Peer& peer) { peer.headers(1, fields); }, k_protocol_error};
}
Rule malformed(const char* name, const std::string& field, const std::string& value) {
  return malformed(name, call("POST", "/", {{field, value}}));
}

INSTANTIATE_TEST_SUITE_P(
    Rfc9113, Http2StreamErrors,
    ::testing::Values(
        Rule{"S6_9_1_AWindowBeyondItsMost",
             [](Http2Peer& peer) {
               peer.headers(1, call(), false);
               peer.open_window(1, 0x7fffffff);
             },
             k_flow_control_error},
        Rule{"S8_1_ASecondHeadThatDoesNotEndTheStream",
             [](Http2Peer& peer) {
               peer.headers(1, call(), false);
               peer.headers(1, {{"x-more", "m"}}, false);
             },
             k_protocol_error},
        Rule{"S8_1_PseudoFieldsInTrailers",
             [](Http2Peer& peer) {
               peer.headers(1, call(), false);
               peer.headers(1, {{":method", "GET"}});
             },
             k_protocol_error},
        Rule{"S8_1_1_MoreThanTheStatedLength",
             [](Http2Peer& peer) {
               peer.headers(1, call("POST", "/", {{"content-length", "3"}}), false);
               peer.data(1, "abcGET /evil HTTP/1.1\r\nHost: a\r\n\r\n");
             },
             k_protocol_error},
        Rule{"S8_1_1_LessThanTheStatedLength",
             [](Http2Peer& peer) {
               peer.headers(1, call("POST", "/", {{"content-length", "5"}}), false);
               peer.data(1, "abc");
             },
             k_protocol_error},
        Rule{"S8_1_1_AStatedLengthAndNoBody",
             [](Http2Peer& peer) {
               peer.headers(1, call("POST", "/", {{"content-length", "5"}}));
             },
             k_protocol_error},
        malformed("S8_1_1_TwoLengths",
                  call("POST", "/", {{"content-length", "0"}, {"content-length", "0"}})),
        malformed("S8_1_1_ALengthThatIsAList", "content-length", "0, 0"),
        malformed("S8_1_1_ALengthWithASign", "content-length", "+0"),
        malformed("S8_2_1_ANameInCapitals", "X-Upper", "a"),
        malformed("S8_2_1_ANameWithABlank", "x y", "a"),
        malformed("S8_2_1_ANameWithAColon", "x:y", "a"),
        malformed("S8_2_1_ANameWithALineEnd", "x\r\nevil", "a"),
        malformed("S8_2_1_AnEmptyName", "", "a"),
        malformed("S8_2_1_AValueWithALineEnd", "x-a", "b\r\nTransfer-Encoding: chunked"),
        malformed("S8_2_1_AValueWithALineFeed", "x-a", "b\nx-c: d"),
        malformed("S8_2_1_AValueWithACarriageReturn", "x-a", "b\rc"),
        malformed("S8_2_1_AValueWithNul", "x-a", std::string("b\0c", 3)),
        malformed("S8_2_1_AValueThatBeginsBlank", "x-a", " b"),
        malformed("S8_2_1_AValueThatEndsBlank", "x-a", "b\t"),
        malformed("S8_2_2_Connection", "connection", "close"),
        malformed("S8_2_2_KeepAlive", "keep-alive", "timeout=5"),
        malformed("S8_2_2_ProxyConnection", "proxy-connection", "close"),
        malformed("S8_2_2_TransferEncoding", "transfer-encoding", "chunked"),
        malformed("S8_2_2_Upgrade", "upgrade", "h2c"),
        malformed("S8_2_2_TeOtherThanTrailers", "te", "trailers, deflate"),
        malformed("S8_3_APseudoFieldBehindOthers", ":authority", "other"),
        malformed("S8_3_AnUnknownPseudoField", Http2Fields{{":method", "GET"},
                                                           {":scheme", "http"},
                                                           {":path", "/"},
                                                           {":authority", "a"},
                                                           {":other", "x"}}),
        malformed("S8_3_APseudoFieldOfAnswers", Http2Fields{{":method", "GET"},
                                                            {":scheme", "http"},
                                                            {":path", "/"},
                                                            {":authority", "a"},
                                                            {":status", "200"}}),
        malformed("S8_3_1_NoMethod", with(":method", nullptr)),
        malformed("S8_3_1_NoScheme", with(":scheme", nullptr)),
        malformed("S8_3_1_NoPath", with(":path", nullptr)),
        malformed("S8_3_1_AnEmptyPath", with(":path", "")),
        malformed("S8_3_1_APathThatIsNone", with(":path", "v1/infers")),
        malformed("S8_3_1_APathWithABlank", with(":path", "/v1 HTTP/1.1")),
        malformed("S8_3_1_APathWithALineEnd", with(":path", "/ HTTP/1.1\r\nHost: evil\r\n\r\n")),
        malformed("S8_3_1_AMethodWithABlank", with(":method", "GET /evil")),
        malformed("S8_3_1_AMethodWithALineEnd", with(":method", "GET\r\n")),
        malformed("S8_3_1_AnAuthorityWithAUser", with(":authority", "user@test")),
        malformed("S8_3_1_AnAuthorityWithALineEnd", with(":authority", "test\r\nX-Evil: y")),
        malformed("S8_3_1_AHostThatDiffers", "host", "other"),
        malformed("S8_3_1_TwoMethods", Http2Fields{{":method", "GET"},
                                                   {":method", "POST"},
                                                   {":scheme", "http"},
                                                   {":path", "/"},
                                                   {":authority", "a"}}),
        malformed("S8_5_ConnectWithAPath", with(":method", "CONNECT"))),
    name_of);

class Http2Tolerance : public Http2Rules {};

TEST_P(Http2Tolerance, AnswersAllTheSame) {
  Http2Peer peer(fixture_.address());
  GetParam().act(peer);
  peer.headers(1, call());
  EXPECT_EQ(peer.answer(1).status, 200);
  EXPECT_FALSE(peer.goaway().has_value());
}

INSTANTIATE_TEST_SUITE_P(
    Rfc9113, Http2Tolerance,
    ::testing::Values(
        Rule{"S4_1_AnUnknownFrame", [](Http2Peer& peer) { peer.send(0x2a, 0xff, 0, "any"); }, 0},
        Rule{"S4_1_FlagsThatMeanNothing",
             [](Http2Peer& peer) { peer.send(Http2Frame::ping, 0xfe, 0, "12345678"); }, 0},
        Rule{"S5_3_2_PriorityBeforeItsStream",
             [](Http2Peer& peer) { peer.send(Http2Frame::priority, 0, 1, std::string(5, '\0')); },
             0},
        Rule{"S6_5_2_AnUnknownSetting",
             [](Http2Peer& peer) { peer.send(Http2Frame::settings, 0, 0, settings(0x99, 7)); }, 0},
        Rule{"S6_9_AWindowOpened", [](Http2Peer& peer) { peer.open_window(0, 1000); }, 0}),
    name_of);

using Http2Sections = Http2Rules;

TEST_F(Http2Sections, S3_4_TheFirstFrameIsSettings) {
  RawConnection client = fixture_.connect();
  client.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" +
               Http2Peer::frame(Http2Frame::ping, 0, 0, "12345678"));
  const std::string all = client.read_all();
  EXPECT_NE(all.find(Http2Peer::frame(Http2Frame::goaway, 0, 0,
                                      big_endian(0) + big_endian(k_protocol_error))
                         .substr(3, 6)),
            std::string::npos);
  EXPECT_EQ(client.last_error(), 0);
}

TEST_F(Http2Sections, S5_1_DataBehindTheEndOfAStream) {
  Http2Peer peer(fixture_.address());
  peer.headers(1, call());
  peer.data(1, "more");
  peer.ping();
  const Seen seen = look(peer);
  EXPECT_TRUE(seen.goaway == k_stream_closed || seen.reset == k_stream_closed ||
              seen.status == 200);
  EXPECT_LE(requests_, 1);
}

// It might be the trailers of a stream that we have reset a moment ago: no error, and no request.
TEST_F(Http2Sections, S5_1_1_AStreamThatWasPassedOverIsNotOpened) {
  Http2Peer peer(fixture_.address());
  peer.headers(5, call());
  EXPECT_EQ(peer.answer(5).status, 200);
  peer.headers(3, call());
  EXPECT_TRUE(peer.ping() && peer.ping());
  EXPECT_EQ(peer.so_far(3).status, 0);
  EXPECT_EQ(requests_, 1);
}

TEST_F(Http2Sections, S5_1_2_NoMoreStreamsThanWeSaid) {
  Limits limits;
  limits.http2_streams_max = 2;
  GatewayFixture fixture(limits);
  ASSERT_TRUE(fixture.adopt_one(upstream_));
  Http2Peer peer(fixture.address());
  // Our settings are not known to the client yet: it is told to try again.
  for (std::uint32_t id = 1; id <= 5; id += 2) peer.headers(id, call(), false);
  EXPECT_EQ(peer.answer(5).reset, k_refused_stream);
  for (std::uint32_t id = 1; id <= 3; id += 2) {
    peer.data(id, "x");
    EXPECT_EQ(peer.answer(id).status, 200);
  }
}

TEST_F(Http2Sections, S6_5_3_SettingsAreAcknowledged) {
  Http2Peer peer(fixture_.address());
  Http2Frame frame = peer.read(Http2Frame::settings);
  EXPECT_EQ(frame.flags, 0) << "ours come first";
  frame = peer.read(Http2Frame::settings);
  EXPECT_EQ(frame.flags, Http2Frame::k_ack);
}

TEST_F(Http2Sections, S6_7_APingComesBackAsItWas) {
  Http2Peer peer(fixture_.address());
  peer.send(Http2Frame::ping, 0, 0, "abcdefgh");
  const Http2Frame frame = peer.read(Http2Frame::ping);
  EXPECT_EQ(frame.flags, Http2Frame::k_ack);
  EXPECT_EQ(frame.payload, "abcdefgh");
}

TEST_F(Http2Sections, S6_9_2_ANewInitialWindowHoldsForOpenStreams) {
  Http2Peer peer(fixture_.address(), settings(4, 1));
  peer.headers(1, call());
  EXPECT_EQ(peer.read(Http2Frame::data).payload, "o");
  EXPECT_TRUE(peer.ping());
  peer.send(Http2Frame::settings, 0, 0, settings(4, 2));
  EXPECT_EQ(peer.answer(1).body, "ok");
}

TEST_F(Http2Sections, S6_10_AHeadMayComeInPieces) {
  Http2Peer peer(fixture_.address());
  const std::string block = literals(call("POST", "/", {{"x-long", std::string(300, 'l')}}));
  peer.send(Http2Frame::headers, Http2Frame::k_end_stream, 1, block.substr(0, 10));
  peer.send(Http2Frame::continuation, 0, 1, block.substr(10, 20));
  peer.send(Http2Frame::continuation, k_end_headers, 1, block.substr(30));
  EXPECT_EQ(peer.answer(1).status, 200);
}

TEST_F(Http2Sections, S6_8_GoawayLetsOpenStreamsEnd) {
  Http2Peer peer(fixture_.address());
  peer.headers(1, call(), false);
  peer.send(Http2Frame::goaway, 0, 0, std::string(8, '\0'));
  peer.data(1, "x");
  EXPECT_EQ(peer.answer(1).body, "ok");
}

TEST_F(Http2Sections, S8_3_1_HostMayStandForAuthority) {
  Http2Peer peer(fixture_.address());
  Http2Fields fields = with(":authority", nullptr);
  fields.emplace_back("host", "test");
  peer.headers(1, fields);
  EXPECT_EQ(peer.answer(1).status, 200);
}

TEST_F(Http2Sections, S10_5_1_AHeadTooLargeIsAnswered) {
  Http2Peer peer(fixture_.address());
  std::string block = literals(call());
  for (int i = 0; i < 3; ++i) block += literal("x-large", std::string(14'000, 'l'));
  peer.send(Http2Frame::headers, Http2Frame::k_end_stream, 1, block.substr(0, 16'000));
  peer.send(Http2Frame::continuation, 0, 1, block.substr(16'000, 16'000));
  peer.send(Http2Frame::continuation, k_end_headers, 1, block.substr(32'000));
  EXPECT_EQ(peer.answer(1).status, 431);
  EXPECT_EQ(requests_, 0);
}

}  // namespace
}  // namespace hitless::gateway
