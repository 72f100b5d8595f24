// The real gateway and the requests of tests/refusals/.
#include <gtest/gtest.h>

#include "tests/support/gateway_process.h"
#include "tests/support/http2_refusals.h"
#include "tests/support/refusal_trial.h"

namespace hitless::testing {
namespace {

TEST(Refusals, AreAnsweredAndNothingBehindThemReachesTheInstance) {
  WatchingUpstream upstream;
  GatewayProcess gateway;
  ASSERT_TRUE(gateway.start(upstream.address()));
  RefusalTrial(gateway.address(),
               {.call = "/v1/infers/" + std::string(k_service),
                .token = "X-Auth-Token: " + std::string(k_token) + "\r\n"},
               upstream)
      .run();
}

TEST(Refusals, OfHttp2AreRefusedBeforeTheyAreHttp11) {
  WatchingUpstream upstream;
  GatewayProcess gateway;
  ASSERT_TRUE(gateway.start(upstream.address()));
  Http2RefusalTrial(gateway.address(),
                    {.call = "/v1/infers/" + std::string(k_service),
                     .token = "X-Auth-Token: " + std::string(k_token) + "\r\n"},
                    upstream)
      .run();
}

}  // namespace
}  // namespace hitless::testing
