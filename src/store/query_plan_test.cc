// What is asked often goes through an index, however many rows there are.
#include <gmock/gmock.h>

#include "store/sqlite.h"
#include "store/test_faults.h"
#include "tests/support/store_values.h"

namespace hitless::store {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class QueryPlan : public StoreTest {
 protected:
  // The plan of the last statement that `ask` runs.
  std::string plan_of(const std::function<void(Store&)>& ask) {
    std::string last;
    {
      const StatementWatch watch([&](const std::string& sql) { last = sql; });
      reopen();
      ask(store());
      store_.reset();
    }
    const auto database = Database::open(file()).value();
    Statement explain = database->prepare("EXPLAIN QUERY PLAN " + last).value();
    std::string plan;
    while (explain.step().value()) plan.append(explain.text(3)).append("\n");
    return plan;
  }
  static auto uses(const std::string& index) {
    return AllOf(HasSubstr(index), Not(HasSubstr("TEMP B-TREE")));
  }
};

TEST_F(QueryPlan, PagesOfServicesAreReadInOrder) {
  const auto list = [](const ServiceQuery& query) {
    return [query](Store& store) { ASSERT_TRUE(store.list_services(query)); };
  };
  EXPECT_THAT(plan_of(list({})), uses("services_by_publish"));
  EXPECT_THAT(plan_of(list({.page = {.ascending = true}})), uses("services_by_publish"));
  EXPECT_THAT(plan_of(list({.page = {.sort_by = "transition_at"}})),
              uses("services_by_transition"));
  EXPECT_THAT(plan_of(list({.page = {.sort_by = "service_name"}})), uses("USING INDEX"));
  EXPECT_THAT(plan_of(list({.status = "running"})), uses("services_by_status"));
  EXPECT_THAT(plan_of(list({.name = "part"})), uses("services_by_publish"));
  EXPECT_THAT(plan_of(list({.id = "s1"})), HasSubstr("(id=?)"));
}

TEST_F(QueryPlan, TheNewestRolloutAndWhatServedAreReadInOrder) {
  const model::ServiceId service("s1");
  EXPECT_THAT(plan_of([&](Store& store) { ASSERT_TRUE(store.newest_rollout(service)); }),
              uses("rollouts_by_service"));
  EXPECT_THAT(plan_of([&](Store& store) { ASSERT_TRUE(store.page_rollouts(service, {})); }),
              uses("rollouts_by_service"));
  EXPECT_THAT(plan_of([&](Store& store) { ASSERT_TRUE(store.list_served(service)); }),
              uses("rollouts_by_service"));
}

TEST_F(QueryPlan, PagesOfModelsAreReadInOrder) {
  const auto list = [](const std::string& sort) {
    return [sort](Store& store) {
      ASSERT_TRUE(store.list_models({.page = {.sort_by = sort}, .name = "x"}));
    };
  };
  EXPECT_THAT(plan_of(list("")), uses("models_by_created"));
  EXPECT_THAT(plan_of(list("model_version")), uses("models_by_version"));
  EXPECT_THAT(plan_of(list("model_size")), uses("models_by_size"));
}

TEST_F(QueryPlan, TheControlLoopSearchesAndNeverScans) {
  const model::ServiceId id("s1");
  EXPECT_THAT(plan_of([&](Store& s) { ASSERT_TRUE(s.list_instances(id)); }),
              AllOf(uses("(service=?)"), Not(HasSubstr("SCAN"))));
  EXPECT_THAT(plan_of([&](Store& s) { ASSERT_TRUE(s.list_rollouts(id)); }),
              uses("rollouts_by_service"));
  EXPECT_THAT(plan_of([&](Store& s) { ASSERT_TRUE(s.list_revisions(id)); }),
              AllOf(uses("(service=?)"), Not(HasSubstr("SCAN"))));
  EXPECT_THAT(plan_of([&](Store& s) { ASSERT_TRUE(s.next_ordinal(id)); }),
              AllOf(HasSubstr("(service=?)"), Not(HasSubstr("SCAN"))));
  EXPECT_THAT(plan_of([&](Store& s) { ASSERT_TRUE(s.next_revision(id)); }),
              AllOf(HasSubstr("(service=?)"), Not(HasSubstr("SCAN"))));
}

TEST_F(QueryPlan, StartTimesAreFoundByModel) {
  EXPECT_THAT(plan_of([](Store& s) { ASSERT_TRUE(s.start_time(model::ModelId("m1"))); }),
              AllOf(HasSubstr("revision_models_by_model"), HasSubstr("(service=?"),
                    Not(HasSubstr("SCAN"))));
}

TEST_F(QueryPlan, EventsAreFoundBySubjectAndByTime) {
  EXPECT_THAT(plan_of([](Store& s) { ASSERT_TRUE(s.list_events({.subject = "s1"})); }),
              uses("events_by_subject"));
  EXPECT_THAT(plan_of([](Store& s) { ASSERT_TRUE(s.list_events({.from = at(1)})); }),
              uses("events_by_time"));
}

}  // namespace
}  // namespace hitless::store
