#include "model/route.h"

#include <gtest/gtest.h>

#include <functional>

namespace hitless::model {
namespace {

RouteTable sample() {
  const auto endpoint = [](const char* instance, const char* address) {
    return Endpoint{InstanceId(instance), *parse_address(address)};
  };
  ServiceRoute a{ServiceId("a"), Standing::serving, Balance::least_connections, {}};
  a.shares.push_back(
      {1, 90, {endpoint("a-r1-1", "127.0.0.1:8001"), endpoint("a-r1-2", "[::1]:2")}});
  a.shares.push_back({2, 10, {endpoint("a-r2-1", "unix:/run/a.sock")}});
  a.shares.push_back({3, 0, {}});
  ServiceRoute b{ServiceId("b"), Standing::stopped, Balance::source_ip, {}};
  return RouteTable{7, {a, b}, {std::string(64, 'e')}};
}

TEST(RouteTable, ComesBackFromItsJsonForm) {
  const RouteTable table = sample();
  const auto text = to_json_text(to_json(table));
  const Result<RouteTable> back = route_table_from_json(*parse_json(text));
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(*back, table);
}

using Breaks = std::function<void(RouteTable&)>;

Breaks change(std::size_t service, const std::function<void(ServiceRoute&)>& breaks) {
  return [=](RouteTable& table) { table.services[service].change(breaks); };
}

TEST(RouteTable, RefusesWhatBreaksItsInvariants) {
  struct Row {
    const char* name;
    Breaks breaks;
  };
  const Row rows[] = {
      {"generation 0", [](RouteTable& t) { t.generation = 0; }},
      {"services out of order", [](RouteTable& t) { std::swap(t.services[0], t.services[1]); }},
      {"a service twice", change(1, [](ServiceRoute& r) { r.service = ServiceId("a"); })},
      {"an instance twice",
       change(0,
              [](ServiceRoute& r) { r.shares[1].endpoints[0].instance = InstanceId("a-r1-1"); })},
      {"weight without endpoints", change(0, [](ServiceRoute& r) { r.shares[2].weight = 1; })},
      {"serving without weight",
       change(1, [](ServiceRoute& r) { r.standing = Standing::serving; })},
      {"stopped with weight", change(0, [](ServiceRoute& r) { r.standing = Standing::stopped; })},
      {"a weight too large", change(0, [](ServiceRoute& r) { r.shares[0].weight = 1001; })},
      {"a short digest", [](RouteTable& t) { t.token_digests[0] = "abc"; }},
      {"no service id", change(0, [](ServiceRoute& r) { r.service = ServiceId(); })},
  };
  for (const Row& row : rows) {
    RouteTable table = sample();
    row.breaks(table);
    EXPECT_FALSE(route_table_from_json(to_json(table))) << row.name;
  }
}

TEST(RouteTable, SharesItsRoutesWithItsCopies) {
  const RouteTable table = sample();
  RouteTable copy = table;
  EXPECT_EQ(&*copy.services[0], &*table.services[0]);
  copy.services[1].change([](ServiceRoute& route) { route.balance = Balance::round_robin; });
  EXPECT_EQ(&*copy.services[0], &*table.services[0]);
  EXPECT_EQ(table, sample());
  EXPECT_NE(copy, table);
}

TEST(RouteTable, RefusesOtherShapes) {
  for (const char* text :
       {"[]", "{}", R"({"generation":1})", R"({"generation":1,"services":{},"token_digests":[]})",
        R"({"generation":1,"services":[1],"token_digests":[]})",
        R"({"generation":"1","services":[],"token_digests":[]})",
        R"({"generation":1,"services":[],"token_digests":[1]})"}) {
    EXPECT_FALSE(route_table_from_json(*parse_json(text))) << text;
  }
}

}  // namespace
}  // namespace hitless::model
