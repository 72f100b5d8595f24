#include "model/route_change.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <functional>
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
  for (const auto& [service, life] : lives) made.services.push_back(route(service, life));
  return made;
}

// Of twelve services; -1: is not there.
std::map<int, int> some_lives() {
  const auto drawn = *rc::gen::container<std::vector<int>>(12, rc::gen::inRange(-1, 3));
  std::map<int, int> lives;
  for (int service = 0; service < 12; ++service) {
    const int life = drawn[static_cast<std::size_t>(service)];
    if (life >= 0) lives[service] = life;
  }
  return lives;
}

RC_GTEST_PROP(RouteChange, BetweenTwoTablesMakesTheSecondOfTheFirst, ()) {
  const RouteTable before = table(4, some_lives());
  const RouteTable after = table(9, some_lives(), *rc::gen::element('a', 'b'));
  const RouteChange change = change_between(before, after);
  RC_ASSERT(change.token_digests.has_value() == (before.token_digests != after.token_digests));
  const auto wire = route_change_from_json(*parse_json(to_json_text(to_json(change))));
  RC_ASSERT(wire);
  RC_ASSERT(*wire == change);
  const auto applied = apply(before, *wire);
  RC_ASSERT(applied);
  RC_ASSERT(*applied == after);
}

TEST(RouteChange, NamesOnlyWhatIsOther) {
  const RouteChange change =
      change_between(table(4, {{1, 1}, {2, 1}, {3, 1}}), table(5, {{1, 1}, {2, 2}, {4, 0}}));
  EXPECT_EQ(change.services, (std::vector{route(2, 2), route(4, 0)}));
  EXPECT_EQ(change.removed, std::vector{ServiceId("s103")});
  EXPECT_FALSE(change.token_digests);
}

TEST(RouteChange, IsRefusedWhereItDoesNotBelong) {
  const RouteTable before = table(4, {{1, 1}, {2, 1}});
  const RouteChange good = change_between(before, table(5, {{1, 2}}));
  struct Row {
    const char* name;
    std::function<void(RouteChange&)> breaks;
    Code code;
  };
  const Row rows[] = {
      {"another base", [](RouteChange& c) { c.base = 3; }, Code::conflict},
      {"an unknown service goes", [](RouteChange& c) { c.removed.emplace_back("s777"); },
       Code::corrupt},
      {"one goes and changes",
       [](RouteChange& c) { c.removed.insert(c.removed.begin(), ServiceId("s101")); },
       Code::corrupt},
      {"an instance twice",
       [](RouteChange& c) { c.services[0].shares.push_back(c.services[0].shares[0]); },
       Code::corrupt},
      {"out of order", [](RouteChange& c) { c.services.insert(c.services.begin(), route(9, 1)); },
       Code::corrupt},
  };
  ASSERT_TRUE(apply(before, good));
  for (const Row& row : rows) {
    RouteChange bad = good;
    row.breaks(bad);
    const auto applied = apply(before, bad);
    ASSERT_FALSE(applied) << row.name;
    EXPECT_EQ(applied.error().code(), row.code) << row.name << ": " << applied.error().text();
  }
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
