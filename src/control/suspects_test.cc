#include "control/suspects.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hitless::control {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

model::Usage usage_of(std::string gateway, std::uint64_t first, std::uint64_t second) {
  model::Usage usage;
  usage.gateway = std::move(gateway);
  usage.instances = {{.instance = model::InstanceId("a"), .connect_failures = first},
                     {.instance = model::InstanceId("b"), .connect_failures = second}};
  return usage;
}

TEST(Suspects, AreThoseThatWereNotReachedSinceTheLastLook) {
  Suspects suspects;
  EXPECT_THAT(suspects.take(usage_of("g", 3, 0)), IsEmpty());  // before we looked
  EXPECT_THAT(suspects.take(usage_of("g", 3, 0)), IsEmpty());
  EXPECT_THAT(suspects.take(usage_of("g", 3, 1)), ElementsAre(model::InstanceId("b")));
  EXPECT_THAT(suspects.take(usage_of("g", 4, 2)),
              ElementsAre(model::InstanceId("a"), model::InstanceId("b")));
  EXPECT_THAT(suspects.take(usage_of("g", 4, 2)), IsEmpty());
}

TEST(Suspects, OfANewInstanceAreNewsAtOnce) {
  Suspects suspects;
  model::Usage none;
  none.gateway = "g";
  EXPECT_THAT(suspects.take(none), IsEmpty());
  EXPECT_THAT(suspects.take(usage_of("g", 1, 0)), ElementsAre(model::InstanceId("a")));
}

TEST(Suspects, AnotherGatewayCountsFromWhereItIs) {
  Suspects suspects;
  EXPECT_THAT(suspects.take(usage_of("g", 3, 0)), IsEmpty());
  EXPECT_THAT(suspects.take(usage_of("h", 1, 1)), IsEmpty());
  EXPECT_THAT(suspects.take(usage_of("h", 2, 1)), ElementsAre(model::InstanceId("a")));
}

}  // namespace
}  // namespace hitless::control
