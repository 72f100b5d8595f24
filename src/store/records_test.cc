#include <gtest/gtest.h>

#include "store/limits.h"
#include "tests/support/store_values.h"

namespace hitless::store {
namespace {

using model::Stage;

class Instances : public StoreTest {};
class Events : public StoreTest {};
class Counters : public StoreTest {};

TEST_F(Instances, AreReadAsWrittenByOrdinal) {
  const model::Service service = add("s1", "first");
  model::Instance second = some_instance(service.id, 2);
  second.stage = Stage::ready;
  second.ending = model::Ending::exited;
  second.detail = "exit status 1";
  second.ready_at = at(3);
  second.routed_at = at(4);
  second.address = Address{.host = {}, .port = 0, .path = "/run/x.sock"};
  model::Instance first = some_instance(service.id, 1);
  first.address = Address{.host = "127.0.0.1", .port = 8080, .path = {}};
  ASSERT_TRUE(store().record({.instances = {second, first}}));
  reopen();
  EXPECT_EQ(*store().list_instances(service.id), (std::vector{first, second}));
  EXPECT_EQ(*store().next_ordinal(service.id), 3);

  first.stage = Stage::gone;
  first.address = {};
  ASSERT_TRUE(store().record({.instances = {first}}));
  EXPECT_EQ(*store().list_instances(service.id), (std::vector{first, second}));
}

TEST_F(Instances, TellWhatAStartOfTheirModelTakes) {
  const model::Service service = add("s1", "first");  // revision 1 is of m1
  const model::ModelId model("m1");
  EXPECT_EQ(*store().start_time(model), std::nullopt);
  const auto start = [&](int ordinal, int seconds) {
    model::Instance instance = some_instance(service.id, ordinal);
    instance.created_at = at(ordinal * 1000);
    instance.ready_at = instance.created_at + std::chrono::seconds(seconds);
    instance.stage = ordinal % 2 == 0 ? Stage::gone : Stage::ready;
    ASSERT_TRUE(store().record({.instances = {instance}}));
  };
  start(1, 7);
  EXPECT_EQ(*store().start_time(model), std::chrono::seconds(7));
  start(2, 100);
  start(3, 8);
  EXPECT_EQ(*store().start_time(model), std::chrono::seconds(8));
  for (int ordinal = 4; ordinal < 4 + k_starts_measured; ++ordinal) start(ordinal, 2);
  EXPECT_EQ(*store().start_time(model), std::chrono::seconds(2)) << "only the newest count";
  model::Instance other = some_instance(service.id, 50);
  other.entry = 1;  // not an entry of m1
  other.created_at = at(90'000);
  other.ready_at = at(99'000);
  ASSERT_TRUE(store().record({.instances = {other}}));
  EXPECT_EQ(*store().start_time(model), std::chrono::seconds(2));
  EXPECT_EQ(*store().start_time(model::ModelId("another")), std::nullopt);
}

TEST_F(Instances, AnOrdinalIsGivenOnce) {
  const model::Service service = add("s1", "first");
  ASSERT_TRUE(store().record({.instances = {some_instance(service.id, 1)}}));
  model::Instance twin = some_instance(service.id, 1);
  twin.id = model::InstanceId("other");
  EXPECT_EQ(store().record({.instances = {twin}}).error().code(), Code::conflict);
}

TEST_F(Instances, GoneOnesAreKeptUpToALimit) {
  model::Service service = add("s1", "first");
  DecisionRecord decision;
  for (int ordinal = 1; ordinal <= k_gone_kept + 20; ++ordinal) {
    decision.instances.push_back(some_instance(service.id, ordinal));
    if (ordinal > 3) decision.instances.back().stage = Stage::gone;
  }
  // Those of the rollout under way stay, however many.
  ASSERT_TRUE(store().record(decision));
  EXPECT_EQ(store().list_instances(service.id)->size(), decision.instances.size());
  service.rollout = {};
  ASSERT_TRUE(store().update_service(service));
  ASSERT_TRUE(store().record(decision));
  const std::vector<model::Instance> kept = *store().list_instances(service.id);
  EXPECT_EQ(kept.size(), k_gone_kept + 3U);
  EXPECT_EQ(kept[2].ordinal, 3);
  EXPECT_EQ(kept[3].ordinal, 21);
  EXPECT_EQ(*store().next_ordinal(service.id), k_gone_kept + 21);
}

TEST_F(Events, AreListedNewestFirstAndFiltered) {
  model::Event abnormal = some_event("s1", "update failed, 50% done", at(2));
  abnormal.type = model::EventType::abnormal;
  ASSERT_TRUE(
      store().add_events({some_event("s1", "one", at(1)), abnormal,
                          some_event("s2", "other", at(3)), some_event("s1", "same time", at(2))}));
  const auto texts = [&](const EventQuery& query) {
    std::string joined;
    const auto page = store().list_events(query).value();
    for (const auto& event : page.rows) joined += event.text + "; ";
    return joined;
  };
  EXPECT_EQ(texts({.subject = "s1"}), "same time; update failed, 50% done; one; ");
  EXPECT_EQ(texts({.page = {.ascending = true}, .subject = "s1"}),
            "one; update failed, 50% done; same time; ");
  EXPECT_EQ(texts({.type = "abnormal"}), "update failed, 50% done; ");
  EXPECT_EQ(texts({.text = "%"}), "update failed, 50% done; ");
  EXPECT_EQ(texts({.from = at(3)}), "other; ");
  EXPECT_EQ(texts({.to = at(1)}), "one; ");
  EXPECT_EQ(store().list_events({.type = "abnormal"})->rows[0], abnormal);
  EXPECT_EQ(store().list_events({.page = {.limit = 1}})->total, 4);
}

TEST_F(Events, AgeOut) {
  ASSERT_TRUE(store().add_model(some_model("m1")));
  ASSERT_TRUE(store().add_events({some_event("s1", "old", at(0)), some_event("m1", "old", at(0))}));
  const Time later = at(0) + k_service_events_kept + std::chrono::seconds(1);
  ASSERT_TRUE(store().add_events({some_event("s1", "new", later)}));
  EXPECT_EQ(store().list_events({.subject = "s1"})->total, 1);
  EXPECT_EQ(store().list_events({.subject = "m1"})->total, 1);
  const Time much_later = at(0) + k_model_events_kept + std::chrono::seconds(1);
  ASSERT_TRUE(store().add_events({some_event("s1", "newer", much_later)}));
  EXPECT_EQ(store().list_events({})->total, 1);
}

TEST_F(Counters, GenerationsOnlyRiseAlsoAfterReopening) {
  model::Generation last = 0;
  for (int i = 0; i < k_generations_reserved + 5; ++i) {
    const model::Generation next = *store().take_generation();
    ASSERT_EQ(next, last + 1);
    last = next;
  }
  for (int i = 0; i < 3; ++i) {
    reopen();
    const model::Generation next = *store().take_generation();
    EXPECT_GT(next, last);
    last = next;
  }
}

TEST_F(Counters, SettingsAreKept) {
  EXPECT_EQ(*store().find_setting("x"), std::nullopt);
  ASSERT_TRUE(store().put_setting("x", "one"));
  ASSERT_TRUE(store().put_setting("x", std::string("two\0three", 9)));
  ASSERT_TRUE(store().put_setting("y", ""));
  reopen();
  EXPECT_EQ(*store().find_setting("x"), std::string("two\0three", 9));
  EXPECT_EQ(*store().find_setting("y"), "");
}

}  // namespace
}  // namespace hitless::store
