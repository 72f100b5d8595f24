// Journals of rollouts, what waits, reports beside orders, and databases of version 1.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "store/limits.h"
#include "store/migrate.h"
#include "tests/support/schema.h"
#include "tests/support/store_values.h"

namespace hitless::store {
namespace {

class Journals : public StoreTest {
 protected:
  Result<void> write(const std::string& rollout, const std::string& view) {
    DecisionRecord record;
    record.journal = JournalRow{
        .rollout = model::RolloutId(rollout), .at = at(1), .view = view, .decision = "{}"};
    return store().record(record);
  }
  std::vector<std::string> views(const std::string& rollout) {
    std::vector<std::string> out;
    const auto rows = store().list_journal(model::RolloutId(rollout));
    for (const JournalRow& row : *rows) out.push_back(row.view);
    return out;
  }
};

TEST_F(Journals, KeepTheOrderInWhichTheyWereWritten) {
  add("s1", "first");
  for (int i = 0; i < 12; ++i) ASSERT_TRUE(write("first-of-s1", std::to_string(i)));
  reopen();
  const auto found = views("first-of-s1");
  ASSERT_EQ(found.size(), 12U);
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_EQ(found[i], std::to_string(i));
  const auto size = store().journal_size(model::RolloutId("first-of-s1"));
  EXPECT_EQ(size->rows, 12);
  EXPECT_EQ(size->bytes, 10 * 3 + 2 * 4);
}

TEST_F(Journals, AreKeptOfTheNewestRolloutsOfEachService) {
  model::Service service = add("s1", "first");
  add("s2", "second");
  ASSERT_TRUE(write("first-of-s2", "{}"));
  ASSERT_TRUE(write("first-of-s1", "{}"));
  for (int i = 2; i <= k_journals_kept + 1; ++i) {
    Store::AcceptedChange change{.expected = service, .service = service};
    change.rollout = some_rollout("r" + std::to_string(i), service.id, 1, 2);
    change.service.rollout = change.rollout->id;
    ASSERT_TRUE(store().accept_change(change));
    service = change.service;
    EXPECT_EQ(views("first-of-s1").size(), 1U) << "a rollout without a journal takes none away";
  }
  ASSERT_TRUE(write(service.rollout.text(), "{}"));
  EXPECT_TRUE(views("first-of-s1").empty());
  EXPECT_EQ(views("first-of-s2").size(), 1U);
  ASSERT_TRUE(store().remove_service(service.id));
  EXPECT_TRUE(views(service.rollout.text()).empty());
}

TEST_F(Journals, OfTheNewestRolloutThatWentWrongIsKeptBeyondThem) {
  model::Service service = add("s1", "first");
  const auto next = [&](const std::string& id, model::Phase phase) {
    Store::AcceptedChange change{.expected = service, .service = service};
    change.rollout = some_rollout(id, service.id, 1, 2);
    change.service.rollout = change.rollout->id;
    ASSERT_TRUE(store().accept_change(change));
    service = change.service;
    ASSERT_TRUE(write(id, "{}"));
    change.rollout->phase = phase;
    ASSERT_TRUE(store().update_rollout(*change.rollout));
  };
  next("wrong1", model::Phase::failed);
  next("wrong2", model::Phase::rolled_back);
  for (int i = 0; i < k_journals_kept; ++i) next(fmt::format("r{}", i), model::Phase::succeeded);
  EXPECT_TRUE(views("wrong1").empty());
  EXPECT_EQ(views("wrong2").size(), 1U);
  EXPECT_EQ(views("r0").size(), 1U);
}

TEST_F(Journals, AreWrittenWithTheDecisionOrNotAtAll) {
  const model::Service service = add("s1", "first");
  DecisionRecord record;
  record.rollout = some_rollout("nobody", service.id, 0, 1);
  record.journal =
      JournalRow{.rollout = service.rollout, .at = at(1), .view = "{}", .decision = "{}"};
  EXPECT_FALSE(store().record(record));
  EXPECT_TRUE(views(service.rollout.text()).empty());
}

TEST_F(Journals, AReportIsWrittenBesideAnOrder) {
  const model::Service service = add("s1", "first");
  model::Rollout ordered = *store().find_rollout(service.rollout);
  ordered.orders.paused_at = at(9);
  ASSERT_TRUE(store().update_rollout(ordered));
  model::Report report;
  report.instances_started = 3;
  ASSERT_TRUE(store().update_report(service.rollout, report));
  const auto after = store().find_rollout(service.rollout);
  EXPECT_EQ(after->orders.paused_at, at(9));
  EXPECT_EQ(after->report.instances_started, 3);
  EXPECT_EQ(store().update_report(model::RolloutId("none"), report).error().code(),
            Code::not_found);
}

class Waiting : public StoreTest {};

TEST_F(Waiting, IsOfTheServiceAndOnlyOneChangeTakesItsPlace) {
  const model::Service before = add("s1", "first");
  Store::AcceptedChange change{.expected = before, .service = before};
  change.service.queued = 2;
  change.revision = some_revision(before.id, 2);
  change.revision->who = "root";
  ASSERT_TRUE(store().accept_change(change));
  reopen();
  EXPECT_EQ(store().find_service(before.id)->queued, 2);
  EXPECT_EQ(store().find_revision(before.id, 2)->who, "root");
  change.revision->number = 3;
  EXPECT_EQ(store().accept_change(change).error().code(), Code::conflict);
  // What control writes of a service leaves it alone.
  DecisionRecord record;
  record.service = before;
  ASSERT_TRUE(store().record(record));
  EXPECT_EQ(store().find_service(before.id)->queued, 2);
}

TEST_F(Waiting, ARemovedRevisionLeavesTheReports) {
  const model::Service service = add("s1", "first");
  ASSERT_TRUE(store().remove_revision(service.id, 1));
  EXPECT_EQ(store().find_revision(service.id, 1).error().code(), Code::not_found);
  EXPECT_EQ(store().remove_revision(service.id, 1).error().code(), Code::not_found);
  EXPECT_EQ(store().find_rollout(service.rollout)->plan.to, 1);
}

TEST(Migrated, WhatVersionOneWroteIsReadable) {
  const TemporaryDirectory folder = TemporaryDirectory::make("store-test").value();
  const auto file = folder.path() / "hitless.db";
  const auto old = read_file(testing::source_root() / "src/store/testdata/version_1.sql", 1 << 20);
  ASSERT_TRUE(old) << old.error().text();
  ASSERT_TRUE(Database::open(file).value()->execute(*old));
  auto opened = Store::open(file);
  ASSERT_TRUE(opened) << opened.error().text();
  Store& store = **opened;
  const model::ServiceId id("s1");
  const auto service = store.find_service(id);
  ASSERT_TRUE(service) << service.error().text();
  EXPECT_EQ(service->queued, 0);
  const auto revisions = store.list_revisions(id);
  ASSERT_TRUE(revisions) << revisions.error().text();
  ASSERT_EQ(revisions->size(), 2U);
  EXPECT_EQ(revisions->front().who, "");
  EXPECT_TRUE(revisions->front().config.policy == model::RolloutPolicy());
  const auto rollout = store.find_rollout(model::RolloutId("r1"));
  ASSERT_TRUE(rollout) << rollout.error().text();
  EXPECT_EQ(rollout->plan.strategy, model::Strategy::surge);
  EXPECT_TRUE(rollout->plan.steps.empty());
  EXPECT_TRUE(rollout->orders == model::Orders());
  EXPECT_EQ(rollout->report.during->outcomes.requests, 10U);
  EXPECT_EQ(store.list_instances(id)->size(), 1U);
  EXPECT_EQ(store.list_events({})->total, 1);
  EXPECT_TRUE(store.list_journal(rollout->id)->empty());
  DecisionRecord record;
  record.journal = JournalRow{.rollout = rollout->id, .at = at(1), .view = "{}", .decision = "{}"};
  EXPECT_TRUE(store.record(record));
  ASSERT_TRUE(store.remove_service(id));
  EXPECT_TRUE(store.find_rollout(rollout->id)) << "reports are kept since version 5";
  EXPECT_TRUE(store.list_journal(rollout->id)->empty());
}

}  // namespace
}  // namespace hitless::store
