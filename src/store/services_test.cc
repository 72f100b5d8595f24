#include <gmock/gmock.h>

#include "tests/support/store_values.h"

namespace hitless::store {
namespace {

using model::Phase;
using model::ServiceId;
using testing::ElementsAre;

class Services : public StoreTest {
 protected:
  std::vector<std::string> ids(const ServiceQuery& query) {
    std::vector<std::string> ids;
    const auto page = store().list_services(query).value();
    for (const auto& service : page.rows) {
      ids.push_back(service.id.text());
    }
    return ids;
  }

  // What a PUT makes of `service` while its rollout is under way.
  Store::AcceptedChange change_of(const model::Service& service) {
    Store::AcceptedChange change{.expected = service,
                                 .service = service,
                                 .revision = some_revision(service.id, 2, "m2"),
                                 .rollout = some_rollout("second", service.id, 1, 2),
                                 .superseded = store().find_rollout(service.rollout).value(),
                                 .events = {some_event(service.id.text(), "updating")}};
    change.superseded->phase = Phase::superseded;
    change.superseded->ended_at = at(7);
    change.service.rollout = change.rollout->id;
    change.service.description = "changed";
    return change;
  }
};

TEST_F(Services, AreReadAsWritten) {
  const model::Service service = add("s1", "first");
  reopen();
  EXPECT_EQ(shown(*store().find_service(service.id)), shown(service));
  EXPECT_EQ(shown(*store().find_service_by_name("first")), shown(service));
  EXPECT_EQ(shown(*store().find_revision(service.id, 1)), shown(some_revision(service.id, 1)));
  EXPECT_EQ(shown(*store().find_rollout(service.rollout)),
            shown(some_rollout("first-of-s1", service.id, 0, 1)));
  EXPECT_EQ(store().list_events({.subject = "s1"})->total, 1);
}

TEST_F(Services, WhatIsNotThereIsSaid) {
  EXPECT_EQ(store().find_service(ServiceId("x")).error(),
            Error(Code::not_found, "service x does not exist"));
  EXPECT_EQ(store().find_service_by_name("x").error().code(), Code::not_found);
  EXPECT_EQ(store().find_revision(ServiceId("x"), 1).error().code(), Code::not_found);
  EXPECT_EQ(store().find_rollout(model::RolloutId("x")).error().code(), Code::not_found);
  EXPECT_EQ(store().update_service(some_service("x", "x")).error().code(), Code::not_found);
  EXPECT_EQ(store().remove_service(ServiceId("x")).error().code(), Code::not_found);
  EXPECT_EQ(store().update_rollout(some_rollout("x", ServiceId("x"), 0, 1)).error().code(),
            Code::not_found);
  EXPECT_EQ(store().record({.instances = {some_instance(ServiceId("x"), 1)}}).error().code(),
            Code::not_found);
}

TEST_F(Services, NamesAreUniqueAndAFailedAddLeavesNothing) {
  add("s1", "first");
  const model::Service again = some_service("s2", "first");
  EXPECT_EQ(store()
                .add_service(again, some_revision(again.id, 1), some_rollout("r", again.id, 0, 1),
                             {some_event("s2", "begin")})
                .error(),
            Error(Code::conflict, "a service named first exists"));
  const model::Service other = some_service("s3", "third");
  EXPECT_EQ(store()
                .add_service(other, some_revision(other.id, 1),
                             some_rollout("first-of-s1", other.id, 0, 1), {})
                .error()
                .code(),
            Code::conflict);
  EXPECT_EQ(store().find_service(other.id).error().code(), Code::not_found);
  EXPECT_EQ(store().list_events({})->total, 1);
}

TEST_F(Services, AnAcceptedChangeIsOneWhole) {
  const model::Service service = add("s1", "first");
  const Store::AcceptedChange change = change_of(service);
  ASSERT_TRUE(store().accept_change(change));
  reopen();
  EXPECT_EQ(shown(*store().find_service(service.id)), shown(change.service));
  EXPECT_EQ(shown(*store().find_revision(service.id, 2)), shown(*change.revision));
  EXPECT_EQ(shown(*store().find_rollout(change.rollout->id)), shown(*change.rollout));
  EXPECT_EQ(shown(*store().find_rollout(service.rollout)), shown(*change.superseded));
  EXPECT_EQ(store().list_revisions(service.id)->size(), 2U);
  const std::vector<model::Rollout> rollouts = *store().list_rollouts(service.id);
  ASSERT_EQ(rollouts.size(), 2U);
  EXPECT_EQ(rollouts[0].id.text(), "second");
  EXPECT_EQ(*store().next_revision(service.id), 3);
}

TEST_F(Services, AChangeToAMovedWorldIsRefusedWhole) {
  const model::Service service = add("s1", "first");
  const Store::AcceptedChange change = change_of(service);
  model::Service moved = service;
  moved.status = model::ServiceStatus::running;
  moved.revision = 1;
  ASSERT_TRUE(store().update_service(moved));
  EXPECT_EQ(store().accept_change(change).error(),
            Error(Code::conflict,
                  "service first changed meanwhile: it was deploying at revision 0 in rollout "
                  "first-of-s1 and is running at revision 1 in rollout first-of-s1"));
  moved = service;
  moved.rollout = {};
  ASSERT_TRUE(store().update_service(moved));
  EXPECT_EQ(store().accept_change(change).error().code(), Code::conflict);
  EXPECT_EQ(*store().next_revision(service.id), 2);
  EXPECT_EQ(store().list_rollouts(service.id)->size(), 1U);
  ASSERT_TRUE(store().update_service(service));
  EXPECT_TRUE(store().accept_change(change));
  EXPECT_EQ(store().accept_change(change).error().code(), Code::conflict);
}

TEST_F(Services, ARevisionNumberIsGivenOnce) {
  const model::Service service = add("s1", "first");
  Store::AcceptedChange change = change_of(service);
  change.revision->number = 1;
  EXPECT_EQ(store().accept_change(change).error(),
            Error(Code::conflict, "service s1 already has a revision 1"));
}

TEST_F(Services, ListFiltersSortsAndCounts) {
  add("s1", "b_1");
  add("s2", "a-1", "m2");
  model::Service third = add("s3", "c");
  third.status = model::ServiceStatus::running;
  third.publish_at = at(100);
  third.transition_at = at(0);
  third.infer_type = "batch";
  third.rollout = {};
  third.revision = 1;
  ASSERT_TRUE(store().update_service(third));
  EXPECT_THAT(ids({}), ElementsAre("s3", "s2", "s1"));
  EXPECT_THAT(ids({.page = {.sort_by = "service_name", .ascending = true}}),
              ElementsAre("s2", "s1", "s3"));
  EXPECT_THAT(ids({.page = {.sort_by = "transition_at"}}), ElementsAre("s2", "s1", "s3"));
  EXPECT_THAT(ids({.id = "s2"}), ElementsAre("s2"));
  EXPECT_THAT(ids({.name = "_"}), ElementsAre("s1"));
  EXPECT_THAT(ids({.model = "m1"}), ElementsAre("s3", "s1"));
  EXPECT_THAT(ids({.infer_type = "batch"}), ElementsAre("s3"));
  EXPECT_THAT(ids({.status = "running"}), ElementsAre("s3"));
  EXPECT_THAT(ids({.name = "'; DROP TABLE services; --"}), ElementsAre());
  const auto page = store().list_services({.page = {.offset = 2, .limit = 5}}).value();
  EXPECT_EQ(page.total, 3);
  EXPECT_EQ(page.rows.size(), 1U);
  EXPECT_EQ(store().list_services({.page = {.sort_by = "x"}}).error().text(),
            "sort_by [x] must be one of: publish_at, service_name, transition_at");
}

TEST_F(Services, RemovalTakesAllThatHangsOnItButItsReports) {
  const model::Service service = add("s1", "first");
  const model::Service other = add("s2", "second");
  ASSERT_TRUE(store().record({.instances = {some_instance(service.id, 1)}}));
  ASSERT_TRUE(store().remove_service(service.id));
  EXPECT_TRUE(store().list_revisions(service.id)->empty());
  EXPECT_TRUE(store().list_instances(service.id)->empty());
  ASSERT_EQ(store().list_rollouts(service.id)->size(), 1U);
  reopen();
  EXPECT_EQ(store().find_rollout(service.rollout)->service, service.id);
  EXPECT_EQ(store().list_events({.subject = "s1"})->total, 0);
  EXPECT_TRUE(store().find_service(other.id));
}

TEST_F(Services, AnEndedRolloutStaysEnded) {
  const model::Service service = add("s1", "first");
  model::Rollout rollout = *store().find_rollout(service.rollout);
  rollout.phase = Phase::succeeded;
  rollout.ended_at = at(8);
  rollout.report.instances_started = 2;
  ASSERT_TRUE(store().update_rollout(rollout));
  rollout.report.instances_started = 3;  // the window after it is filled later
  ASSERT_TRUE(store().update_rollout(rollout));
  EXPECT_EQ(shown(*store().find_rollout(rollout.id)), shown(rollout));
  model::Rollout late = rollout;
  late.phase = Phase::shifting;
  EXPECT_EQ(store().record({.rollout = late}).error(),
            Error(Code::conflict, "rollout first-of-s1 has ended meanwhile: succeeded"));
  EXPECT_EQ(shown(*store().find_rollout(rollout.id)), shown(rollout));
}

TEST_F(Services, ADecisionWritesWhatControlOwnsOnly) {
  const model::Service service = add("s1", "first");
  model::Service edited = service;
  edited.description = "edited meanwhile";
  ASSERT_TRUE(store().update_service(edited));
  model::Service state = service;
  state.status = model::ServiceStatus::running;
  state.progress = 100;
  ASSERT_TRUE(store().record({.service = state}));
  EXPECT_EQ(store().find_service(service.id)->description, "edited meanwhile");
  EXPECT_EQ(store().find_service(service.id)->status, model::ServiceStatus::running);
}

}  // namespace
}  // namespace hitless::store
