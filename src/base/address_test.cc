#include "base/address.h"

#include <gtest/gtest.h>

namespace hitless {
namespace {

TEST(Address, ReadsBackWhatItPrints) {
  for (const char* text : {"127.0.0.1:8080", "[::1]:0", "unix:/run/hitless/api.sock"}) {
    const Result<Address> address = parse_address(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(to_text(*address), text);
    EXPECT_TRUE(address->is_loopback()) << text;
  }
  EXPECT_FALSE(parse_address("192.0.2.1:80")->is_loopback());
}

TEST(Address, RefusesWhatNobodyCanListenOn) {
  const std::string long_path = "unix:/" + std::string(107, 'x');
  for (const std::string& text : {std::string("127.0.0.1"), std::string("127.0.0.1:"),
                                  std::string("127.0.0.1:65536"), std::string("localhost:80"),
                                  std::string("unix:relative"), std::string("unix:"), long_path}) {
    EXPECT_EQ(parse_address(text).error().code(), Code::invalid) << text;
  }
}

}  // namespace
}  // namespace hitless
