#include "gateway/control_frames.h"

#include <gtest/gtest.h>

namespace hitless::gateway {
namespace {

json::object hello() {
  const GatewayHello hello{.gateway = "ab",
                           .version = "0.1",
                           .pid = 7,
                           .listen = {.host = "127.0.0.1", .port = 80, .path = {}},
                           .adopted = 3};
  FrameReader reader;
  reader.append(encode_frame(to_json(hello)));
  const auto message = reader.next();
  return **message;
}

TEST(Hello, IsReadAsItWasWritten) {
  const Result<GatewayHello> read = hello_from_json(hello());
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(read->adopted, 3U);
  EXPECT_EQ(read->pid, 7);
}

TEST(Hello, WithANumberThatCannotBeIsRefused) {
  const std::pair<const char*, std::int64_t> rows[] = {
      {"adopted", -3}, {"pid", 0}, {"pid", -7}, {"pid", std::int64_t{1} << 40}, {"protocol", 2}};
  for (const auto& [member, number] : rows) {
    json::object message = hello();
    message[member] = number;
    EXPECT_FALSE(hello_from_json(message)) << member << " " << number;
  }
}

TEST(Frames, LargerThanAnyTableAreRefusedBeforeTheyCome) {
  FrameReader reader;
  reader.append(std::string_view("\x7f\xff\xff\xff", 4));
  EXPECT_FALSE(reader.next());
}

// As the other side reads it.
json::object sent(const Offer& offer) {
  return parse_json(to_json_text(to_json(offer))).value().get_object();
}

TEST(Offers, SayAllThatIsHandedOver) {
  Offer offer{.version = "1.2",
              .pid = 7,
              .listen = {.host = "127.0.0.1", .port = 80, .path = {}},
              .counts = "c",
              .descriptors = 5};
  json::object message = sent(offer);
  EXPECT_EQ(message.at("protocol").to_number<int>(), k_handover_protocol);
  auto read = offer_from_json(message);
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(read->listen, offer.listen);
  EXPECT_FALSE(read->tls.has_value());
  EXPECT_EQ(read->tls_descriptors, 0U);

  offer.tls = TlsOptions{.listen = {.host = "127.0.0.1", .port = 443, .path = {}},
                         .certificates = {{.certificate = "/a.crt", .key = "/a.key"},
                                          {.certificate = "/b.crt", .key = "/b.key"}},
                         .redirect = true};
  offer.tls_descriptors = 2;
  message = sent(offer);
  // Whoever knows nothing of TLS must not take these sockets for plain ones.
  EXPECT_EQ(message.at("protocol").to_number<int>(), k_tls_handover_protocol);
  read = offer_from_json(message);
  ASSERT_TRUE(read) << read.error().text();
  ASSERT_TRUE(read->tls.has_value());
  EXPECT_EQ(read->tls->listen, offer.tls->listen);
  ASSERT_EQ(read->tls->certificates.size(), 2U);
  EXPECT_EQ(read->tls->certificates[1].key, "/b.key");
  EXPECT_TRUE(read->tls->redirect);
  EXPECT_EQ(read->tls_descriptors, 2U);
}

TEST(Offers, OfSocketsThatCannotBeAreRefused) {
  Offer offer{.version = "1.2",
              .pid = 7,
              .listen = {.host = "127.0.0.1", .port = 80, .path = {}},
              .tls = TlsOptions{.listen = {.host = "127.0.0.1", .port = 443, .path = {}},
                                .certificates = {},
                                .redirect = false},
              .counts = "c",
              .descriptors = 5};
  for (const std::size_t count : {0U, 5U, 6U}) {
    offer.tls_descriptors = count;
    EXPECT_FALSE(offer_from_json(sent(offer))) << count;
  }
  offer.tls_descriptors = 4;
  EXPECT_TRUE(offer_from_json(sent(offer)));
}

TEST(Frames, ComeWholeHoweverTheyAreCut) {
  const std::string bytes =
      encode_frame(hello()) + encode_frame(budget_message("shutdown", Duration(5)));
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    FrameReader reader;
    std::size_t count = 0;
    for (const std::string& piece : {bytes.substr(0, cut), bytes.substr(cut)}) {
      reader.append(piece);
      for (;;) {
        auto message = reader.next();
        ASSERT_TRUE(message);
        if (!message->has_value()) break;
        ++count;
      }
    }
    EXPECT_EQ(count, 2U) << cut;
  }
}

}  // namespace
}  // namespace hitless::gateway
