#include "control/route_book.h"

#include <gtest/gtest.h>

namespace hitless::control {
namespace {

using model::InstanceId;
using rollout::Routing;

model::ServiceRoute route_to(const std::vector<std::string>& instances) {
  model::ServiceRoute route{.service = model::ServiceId("s"),
                            .standing = model::Standing::serving,
                            .balance = model::Balance::round_robin,
                            .shares = {}};
  model::Share share{.revision = 1, .weight = 100, .endpoints = {}};
  for (const std::string& id : instances) {
    share.endpoints.push_back({.instance = InstanceId(id), .address = {}});
  }
  route.shares.push_back(share);
  return route;
}

TEST(RouteBook, CallsAnInstanceRoutedOnlyOnceEveryWorkerHasIt) {
  RouteBook book;
  book.put(route_to({"a"}));
  EXPECT_TRUE(book.changed());
  book.make_table(5, {});
  EXPECT_EQ(book.routing(InstanceId("a")), Routing::partly);
  book.adopted(4);  // a table of a former serve
  EXPECT_EQ(book.routing(InstanceId("a")), Routing::partly);
  EXPECT_EQ(book.routing(InstanceId("b")), Routing::partly) << "may be in that former table";
  book.adopted(5);
  EXPECT_EQ(book.routing(InstanceId("a")), Routing::full);
  EXPECT_EQ(book.routing(InstanceId("b")), Routing::none);
}

TEST(RouteBook, CallsAnInstanceGoneOnlyOnceNoWorkerHasIt) {
  RouteBook book;
  book.put(route_to({"a"}));
  book.make_table(1, {});
  book.adopted(1);
  book.put(route_to({"b"}));
  book.make_table(2, {});
  EXPECT_EQ(book.routing(InstanceId("a")), Routing::partly);
  EXPECT_EQ(book.routing(InstanceId("b")), Routing::partly);
  book.adopted(2);
  EXPECT_EQ(book.routing(InstanceId("a")), Routing::none);
  EXPECT_EQ(book.routing(InstanceId("b")), Routing::full);
}

TEST(RouteBook, PublishesNothingWhenNothingChanged) {
  RouteBook book;
  book.put(route_to({"a"}));
  book.make_table(1, {});
  book.put(route_to({"a"}));
  EXPECT_FALSE(book.changed());
  book.remove(model::ServiceId("s"));
  EXPECT_TRUE(book.changed());
}

TEST(RouteBook, TrustsNoTableOfARestartedGateway) {
  RouteBook book;
  book.put(route_to({"a"}));
  book.make_table(7, {});
  book.adopted(7);
  book.adopted(0);
  EXPECT_EQ(book.routing(InstanceId("a")), Routing::partly);
  book.adopted(7);
  EXPECT_EQ(book.routing(InstanceId("a")), Routing::full);
}

}  // namespace
}  // namespace hitless::control
