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
