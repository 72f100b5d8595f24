#include "gateway/table_change.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <functional>

namespace hitless::gateway {
namespace {

using model::InstanceId;
using model::RouteChange;
using model::RouteTable;
using model::ServiceId;
using model::ServiceRoute;

std::string name_of(int service) {
  return "s" + std::to_string(100 + service);
}

// Served by one instance, by `life`; 0: by none.
ServiceRoute route(int service, int life, const std::string& instance = "") {
  ServiceRoute made{.service = ServiceId(name_of(service))};
  if (life == 0) return made;
  const std::string own = name_of(service) + "-" + std::to_string(life);
  made.standing = model::Standing::serving;
  made.shares = {{.revision = life,
                  .weight = 1,
                  .endpoints = {{InstanceId(instance.empty() ? own : instance),
                                 *parse_address("127.0.0.1:80")}}}};
  return made;
}

RouteTable table(model::Generation generation, const std::map<int, int>& lives, char digest = 'a') {
  RouteTable made{.generation = generation, .token_digests = {std::string(64, digest)}};
  for (const auto& [service, life] : lives) made.services.emplace_back(route(service, life));
  return made;
}

// Of twelve services; one that is left out is not there.
std::map<int, int> some_lives() {
  const auto drawn = *rc::gen::container<std::vector<int>>(12, rc::gen::inRange(-1, 3));
  std::map<int, int> lives;
  for (int service = 0; service < 12; ++service) {
    const int life = drawn[static_cast<std::size_t>(service)];
    if (life >= 0) lives[service] = life;
  }
  return lives;
}

// Whatever the way there, by changes or by whole tables: the last one is what it has, and the
// changes that it made lead there, too.
RC_GTEST_PROP(TableHistory, BecomesTheTableThatItIsTold, ()) {
  TableHistory history;
  std::map<std::string, model::SharedRoute> adopted;  // as a worker puts it together
  RouteTable last;
  for (model::Generation generation = 1; generation <= 6; ++generation) {
    const RouteTable next = table(generation, some_lives(), *rc::gen::element('a', 'b'));
    const bool whole = generation == 1 || *rc::gen::arbitrary<bool>();
    const auto made =
        whole ? history.advance(next) : history.advance(model::change_between(last, next));
    RC_ASSERT(made);
    for (const ServiceId& service : (*made)->removed) {
      RC_ASSERT(adopted.erase(service.text()) == 1U);
    }
    for (const ServiceChange& each : (*made)->changed) {
      adopted.insert_or_assign(each.route->service.text(), each.route);
    }
    RC_ASSERT(history.table() == next);
    RC_ASSERT(adopted.size() == next.services.size());
    for (const model::SharedRoute& each : next.services) {
      RC_ASSERT(adopted.at(each->service.text()) == each);
    }
    last = next;
  }
}

TEST(TableHistory, RefusesAChangeThatDoesNotBelong) {
  const RouteTable before = table(4, {{1, 1}, {2, 1}, {3, 1}});
  const RouteChange good = model::change_between(before, table(5, {{1, 2}, {2, 1}}));
  struct Row {
    const char* name;
    std::function<void(RouteChange&)> breaks;
    Code code;
  };
  const Row rows[] = {
      {"another base", [](RouteChange& c) { c.base = 3; }, Code::conflict},
      {"no later one", [](RouteChange& c) { c.generation = 4; }, Code::conflict},
      {"an unknown service goes", [](RouteChange& c) { c.removed.emplace_back("s777"); },
       Code::corrupt},
      {"one goes twice", [](RouteChange& c) { c.removed.push_back(c.removed[0]); }, Code::corrupt},
      {"one goes and changes",
       [](RouteChange& c) { c.removed.insert(c.removed.begin(), ServiceId("s101")); },
       Code::corrupt},
      {"an instance twice",
       [](RouteChange& c) {
         c.services[0].change([](ServiceRoute& r) { r.shares.push_back(r.shares[0]); });
       },
       Code::corrupt},
      {"another service's instance", [](RouteChange& c) { c.services = {route(1, 2, "s102-1")}; },
       Code::corrupt},
      {"an instance in two changed services",
       [](RouteChange& c) { c.services.emplace_back(route(4, 1, "s101-2")); }, Code::corrupt},
      {"weight without endpoints",
       [](RouteChange& c) {
         c.services[0].change([](ServiceRoute& r) { r.shares[0].endpoints.clear(); });
       },
       Code::corrupt},
      {"a short digest", [](RouteChange& c) { c.token_digests = {"abc"}; }, Code::corrupt},
      {"out of order", [](RouteChange& c) { c.services.insert(c.services.begin(), route(9, 1)); },
       Code::corrupt},
      {"twice", [](RouteChange& c) { c.services.push_back(c.services[0]); }, Code::corrupt},
  };
  TableHistory history;
  EXPECT_FALSE(history.advance(good)) << "there is no table";
  ASSERT_TRUE(history.advance(before));
  for (const Row& row : rows) {
    RouteChange bad = good;
    row.breaks(bad);
    const auto made = history.advance(bad);
    ASSERT_FALSE(made) << row.name;
    EXPECT_EQ(made.error().code(), row.code) << row.name << ": " << made.error().text();
    EXPECT_EQ(history.table(), before) << row.name;
  }
  ASSERT_TRUE(history.advance(good));
  EXPECT_EQ(history.table(), table(5, {{1, 2}, {2, 1}}));
}

// In one change: from a service that changes, and from one that goes.
TEST(TableHistory, LetsInstancesMoveFromServiceToService) {
  TableHistory history;
  ASSERT_TRUE(history.advance(table(1, {{1, 1}, {2, 1}, {3, 1}})));
  RouteTable next = table(2, {});
  next.services = {route(1, 1, "s102-1"), route(2, 1, "s103-1")};
  const auto moved = history.advance(model::change_between(history.table(), next));
  ASSERT_TRUE(moved) << moved.error().text();
  EXPECT_EQ(history.table(), next);
  // They belong to where they are now.
  RouteTable last = table(3, {{3, 1}});
  last.services.insert(last.services.begin(), next.services.begin(), next.services.end());
  EXPECT_FALSE(history.advance(model::change_between(next, last)));
  EXPECT_EQ(history.table(), next);
}

// A change costs what it changes: all other routes are those that were there.
TEST(TableHistory, SharesWhatAChangeDoesNotTouch) {
  TableHistory history;
  ASSERT_TRUE(history.advance(table(1, {{1, 1}, {2, 1}})));
  const RouteTable first = history.table();
  const auto made = history.advance(model::change_between(first, table(2, {{1, 1}, {2, 2}})));
  ASSERT_TRUE(made);
  ASSERT_EQ((*made)->changed.size(), 1U);
  EXPECT_EQ(&*(*made)->changed[0].route, &*history.table().services[1]);
  EXPECT_EQ(&*history.table().services[0], &*first.services[0]);
  // Also where a table comes whole.
  ASSERT_TRUE(history.advance(table(3, {{1, 1}, {2, 3}})));
  EXPECT_EQ(&*history.table().services[0], &*first.services[0]);
}

}  // namespace
}  // namespace hitless::gateway
