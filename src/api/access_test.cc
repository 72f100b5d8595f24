// Who may call, what every answer carries, and what is answered to a wrong address.
#include <gtest/gtest.h>

#include "tests/support/api_fixture.h"

namespace hitless::api {
namespace {

class Access : public testing::ApiFixture {
 protected:
  net::HttpRequest services(net::HttpHeaders headers = {}) {
    return {"GET", "/v1/" + std::string(testing::k_project) + "/services", std::move(headers), ""};
  }
};

TEST_F(Access, OnTheUnixSocketNeedsNoToken) {
  EXPECT_EQ(send(services()).status, 200);
}

TEST_F(Access, OverTcpNeedsTheToken) {
  const auto none = send(services(), true);
  EXPECT_EQ(refusal(none), "401 ModelArts.0201");
  EXPECT_EQ(none.headers.get("Content-Type"), "application/json");
  EXPECT_EQ(refusal(send(services({{"X-Auth-Token", "wrong"}}), true)), "401 ModelArts.0203");
  EXPECT_EQ(refusal(send(services({{"Authorization", "Bearer "}}), true)), "401 ModelArts.0201");
  EXPECT_EQ(send(services({{"X-Auth-Token", testing::k_token}}), true).status, 200);
  const std::string bearer = std::string("Bearer ") + testing::k_token;
  EXPECT_EQ(send(services({{"Authorization", bearer}}), true).status, 200);
}

TEST_F(Access, OnlyToItsProject) {
  EXPECT_EQ(refusal(send({"GET", "/v1/ffffffffffffffffffffffffffffffff/services", {}, ""})),
            "403 ModelArts.0210");
}

TEST_F(Access, EchoesSaneRequestIdsAndMakesOthers) {
  EXPECT_EQ(send(services({{"X-Request-Id", "abc-1.2_3"}})).headers.get("X-Request-Id"),
            "abc-1.2_3");
  const auto replaced = send(services({{"X-Request-Id", "a b<script>"}}));
  EXPECT_EQ(replaced.headers.get("X-Request-Id").size(), 32U);
  EXPECT_EQ(send({"GET", "/nowhere", {}, ""}).headers.get("X-Request-Id").size(), 32U);
}

TEST_F(Access, AnswersUnknownAddressesInTheContractsShape) {
  for (const std::string path : {"/", "/v1", "/v1/infers/x", "/v2/x/pools", "/hitless/v1/x"}) {
    EXPECT_EQ(refusal(send({"GET", path, {}, ""})), "404 APIG.0101") << path;
  }
  EXPECT_EQ(refusal(call("GET", "/workspaces")), "404 APIG.0101");
}

TEST_F(Access, AnswersWrongMethodsWithThePossibleOnes) {
  const auto response = call("PATCH", "/services/some-id", "{}");
  EXPECT_EQ(refusal(response), "405 APIG.0101");
  EXPECT_EQ(response.headers.get("Allow"), "GET, PUT, DELETE");
}

TEST_F(Access, ToleratesWhatClientsSend) {
  const auto response = call("GET", "/services?workspace_id=&offset=0&unknown=1&limit=&tags=");
  EXPECT_EQ(response.status, 200) << response.body;
  net::HttpRequest typed = services({{"Content-Type", "application/json;charset=UTF-8"}});
  EXPECT_EQ(send(typed).status, 200);
}

TEST_F(Access, ShowsTheStatus) {
  const auto response = send({"GET", "/hitless/v1/status", {}, ""});
  ASSERT_EQ(response.status, 200);
  const json::object status = object_of(response);
  EXPECT_EQ(text(status, "version"), "0.1.0");
  EXPECT_EQ(text(status, "project_id"), testing::k_project);
  EXPECT_EQ(text(status, "gateway_url"), "http://127.0.0.1:9");
  EXPECT_EQ(status.at("warnings").get_array().size(), 1U);
}

}  // namespace
}  // namespace hitless::api
