#include "gateway/listening.h"

#include <gtest/gtest.h>

#include "tests/support/gateway_fixture.h"

namespace hitless::gateway {
namespace {

using namespace hitless::testing;  // the fixture's words are this file's language

class ListeningTest : public ::testing::Test {
 protected:
  std::filesystem::path memory() const { return folder_.path() / "address"; }
  static Address any_port() { return {.host = "127.0.0.1", .port = 0, .path = {}}; }

  const TemporaryDirectory folder_ = TemporaryDirectory::make("listening").value();
};

TEST_F(ListeningTest, AskedForAnyPortItTakesTheOneItHadBefore) {
  auto first = listen_as_before(any_port(), memory()).value();
  const Address address = first.address;
  EXPECT_NE(address.port, 0);
  for (int i = 0; i < 3; ++i) {
    first.fd.reset();
    first = listen_as_before(any_port(), memory()).value();
    EXPECT_EQ(first.address, address);
  }
}

TEST_F(ListeningTest, APortThatWasTakenMeanwhileIsReplacedByAnother) {
  const auto taken = listen_as_before(any_port(), memory()).value();
  const auto other = listen_as_before(any_port(), memory()).value();
  EXPECT_NE(other.address.port, taken.address.port);
  // From now on that one is kept.
  EXPECT_EQ(*read_file(memory(), 100), to_text(other.address) + "\n");
}

TEST_F(ListeningTest, WhatIsRememberedOfAnotherHostOrUnreadableIsNotUsed) {
  for (const char* const text : {"127.0.0.2:1\n", "unix:/x\n", "nonsense", ""}) {
    ASSERT_TRUE(write_file_atomically(memory(), text));
    const auto made = listen_as_before(any_port(), memory());
    ASSERT_TRUE(made) << text;
    EXPECT_EQ(*read_file(memory(), 100), to_text(made->address) + "\n");
  }
}

TEST_F(ListeningTest, APortThatWasChosenIsNeverShared) {
  const auto first = listen_as_before(any_port(), {}).value();
  const auto second = listen_as_before(first.address, memory());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), Code::conflict);
  EXPECT_FALSE(std::filesystem::exists(memory()));
}

TEST_F(ListeningTest, ARestartedGatewayIsFoundWhereItWas) {
  GatewayFixture fixture;
  const Address before = fixture.address();
  fixture.stop_gateway();
  fixture.start_gateway();
  EXPECT_EQ(fixture.address(), before);
}

}  // namespace
}  // namespace hitless::gateway
