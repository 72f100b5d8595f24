#include "model/route_change.h"

#include <gtest/gtest.h>
#include <map>

namespace hitless::model {
namespace {

ServiceRoute route(int service, int life) {
  ServiceRoute made{.service = ServiceId("s" + std::to_string(100 + service))};
  if (life == 0) return made;
  const std::string id = made.service.text() + "-" + std::to_string(life);
  made.standing = Standing::serving;
  made.shares = {{.revision = life,
                  .weight = 1,
                  .endpoints = {{InstanceId(id), *parse_address("127.0.0.1:80")}}}};
  return made;
}

RouteTable table(Generation generation, const std::map<int, int>& lives, char digest = 'a') {
  RouteTable made{.generation = generation, .token_digests = {std::string(64, digest)}};
  for (const auto& [service, life] : lives) made.services.emplace_back(route(service, life));
  return made;
}

TEST(RouteChange, NamesOnlyWhatIsOther) {
  const RouteChange change =
      change_between(table(4, {{1, 1}, {2, 1}, {3, 1}}), table(5, {{1, 1}, {2, 2}, {4, 0}}));
  EXPECT_EQ(change.services, (std::vector<SharedRoute>{route(2, 2), route(4, 0)}));
  EXPECT_EQ(change.removed, std::vector{ServiceId("s103")});
  EXPECT_FALSE(change.token_digests);
}

TEST(RouteChange, ComesBackFromItsJsonForm) {
  const RouteChange change =
      change_between(table(4, {{1, 1}, {3, 1}}), table(9, {{1, 2}, {2, 1}, {4, 0}}, 'b'));
  const auto back = route_change_from_json(*parse_json(to_json_text(to_json(change))));
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(*back, change);
}

TEST(RouteChange, IsRefusedInABrokenForm) {
  const RouteChange change = change_between(table(4, {{1, 1}}), table(5, {{2, 1}}, 'b'));
  const json::value good = *parse_json(to_json_text(to_json(change)));
  const auto read = route_change_from_json(good);
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_FALSE(route_change_from_json(json::array()));
  for (const char* name : {"base", "generation", "services", "removed", "token_digests"}) {
    json::object bad = good.as_object();
    bad[name] = name == std::string("token_digests") ? json::value(json::array{1}) : json::value(0);
    EXPECT_FALSE(route_change_from_json(bad)) << name;
    if (name == std::string("token_digests")) continue;  // may be left out
    bad.erase(name);
    EXPECT_FALSE(route_change_from_json(bad)) << name;
  }
}

}  // namespace
}  // namespace hitless::model
