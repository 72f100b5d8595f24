#include <gmock/gmock.h>

#include "tests/support/store_values.h"

namespace hitless::store {
namespace {

using model::ModelId;
using testing::ElementsAre;

class Models : public StoreTest {
 protected:
  std::vector<std::string> ids(const ModelQuery& query) {
    std::vector<std::string> ids;
    const auto page = store().list_models(query).value();
    for (const auto& version : page.rows) {
      ids.push_back(version.id.text());
    }
    return ids;
  }
};

TEST_F(Models, AreReadAsWritten) {
  const model::ModelVersion version = some_model("m1");
  ASSERT_TRUE(store().add_model(version));
  reopen();
  EXPECT_EQ(*store().find_model(version.id), version);
  EXPECT_EQ(store().find_model(ModelId("none")).error(),
            Error(Code::not_found, "model none does not exist"));
}

TEST_F(Models, NameAndVersionAreUniqueTogether) {
  ASSERT_TRUE(store().add_model(some_model("m1")));
  ASSERT_TRUE(store().add_model(some_model("m2", "vad", "0.0.2")));
  EXPECT_EQ(store().add_model(some_model("m3")).error(),
            Error(Code::conflict, "model vad already has a version 0.0.1"));
  EXPECT_EQ(store().add_model(some_model("m1", "other")).error().code(), Code::conflict);
  EXPECT_EQ(store().update_model(some_model("m2")).error().code(), Code::conflict);
}

TEST_F(Models, UpdateReplacesEverything) {
  ASSERT_TRUE(store().add_model(some_model("m1")));
  model::ModelVersion changed = some_model("m1", "renamed", "9.9.9");
  changed.status = model::ModelStatus::failed;
  changed.error = "no model.onnx";
  changed.launch.engine = model::Engine::onnx;
  changed.wire = {};
  ASSERT_TRUE(store().update_model(changed));
  EXPECT_EQ(*store().find_model(changed.id), changed);
  EXPECT_EQ(store().update_model(some_model("m9")).error().code(), Code::not_found);
}

TEST_F(Models, ListFiltersSortsAndCounts) {
  ASSERT_TRUE(store().add_model(some_model("m1", "a_b", "0.0.10")));
  ASSERT_TRUE(store().add_model(some_model("m2", "a-b", "0.0.9")));
  model::ModelVersion odd = some_model("m3", "100%", "1.0.0");
  odd.type = "Custom";
  odd.status = model::ModelStatus::publishing;
  odd.created_at = at(9);
  odd.size_bytes = 1;
  ASSERT_TRUE(store().add_model(odd));

  EXPECT_THAT(ids({}), ElementsAre("m3", "m2", "m1"));
  EXPECT_THAT(ids({.page = {.sort_by = "model_version", .ascending = true}}),
              ElementsAre("m2", "m1", "m3"));
  EXPECT_THAT(ids({.page = {.sort_by = "model_size", .ascending = true}}),
              ElementsAre("m3", "m1", "m2"));
  EXPECT_THAT(ids({.name = "_"}), ElementsAre("m1"));
  EXPECT_THAT(ids({.name = "%"}), ElementsAre("m3"));
  EXPECT_THAT(ids({.name = "\\"}), ElementsAre());
  EXPECT_THAT(ids({.name = "A-B"}), ElementsAre("m2"));
  EXPECT_THAT(ids({.name = "a-", .exact_name = true}), ElementsAre());
  EXPECT_THAT(ids({.name = "a-b", .exact_name = true}), ElementsAre("m2"));
  EXPECT_THAT(ids({.version = "0.0.9"}), ElementsAre("m2"));
  EXPECT_THAT(ids({.status = "publishing"}), ElementsAre("m3"));
  EXPECT_THAT(ids({.description = "SPEECH"}), ElementsAre("m3", "m2", "m1"));
  EXPECT_THAT(ids({.type = "onnx"}), ElementsAre("m2", "m1"));
  EXPECT_THAT(ids({.not_type = "onnx"}), ElementsAre("m3"));

  const auto page = store().list_models({.page = {.offset = 1, .limit = 1}}).value();
  EXPECT_EQ(page.total, 3);
  ASSERT_EQ(page.rows.size(), 1U);
  EXPECT_EQ(page.rows[0].id, ModelId("m2"));
  EXPECT_EQ(store().list_models({.page = {.sort_by = "name; DROP"}}).error().code(), Code::invalid);
  EXPECT_EQ(store().list_models({.page = {.offset = -1}}).error().code(), Code::invalid);
}

TEST_F(Models, InUseAreNotRemoved) {
  for (const std::string id : {"m1", "m2", "m3"}) {
    ASSERT_TRUE(store().add_model(some_model(id, id)));
  }
  model::Service service = add("s1", "first", "m1");
  // The deploy rollout is under way.
  EXPECT_EQ(store().remove_model(ModelId("m1")).error(),
            Error(Code::conflict, "model m1 is in use by: first"));
  // It ended and left nothing.
  service.rollout = {};
  ASSERT_TRUE(store().update_service(service));
  model::Instance instance = some_instance(service.id, 1);
  ASSERT_TRUE(store().record({.instances = {instance}}));
  // A live instance runs it still.
  EXPECT_EQ(store().remove_model(ModelId("m1")).error().code(), Code::conflict);
  instance.stage = model::Stage::gone;
  ASSERT_TRUE(store().record({.instances = {instance}}));
  ASSERT_TRUE(store().remove_model(ModelId("m1")));
  EXPECT_EQ(store().remove_model(ModelId("m1")).error().code(), Code::not_found);
  // The current revision names it.
  model::Service second = add("s2", "second", "m2");
  second.rollout = {};
  second.revision = 1;
  ASSERT_TRUE(store().update_service(second));
  EXPECT_EQ(store().remove_model(ModelId("m2")).error().code(), Code::conflict);
  EXPECT_TRUE(store().remove_model(ModelId("m3")));
}

}  // namespace
}  // namespace hitless::store
