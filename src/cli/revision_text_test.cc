#include "cli/revision_text.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace hitless::cli {
namespace {

json::array rows(const char* text) {
  auto value = parse_json(text);
  EXPECT_TRUE(value && value->is_array()) << text;
  return value && value->is_array() ? value->get_array() : json::array();
}

// Rows of the API's list, turned round for reading.
json::array newest_first(const char* text) {
  json::array out = rows(text);
  std::reverse(out.begin(), out.end());
  return out;
}

TEST(RevisionText, NamesTheFieldsThatDiffer) {
  const json::array two = newest_first(R"([
    {"revision": 2, "load_balancer_policy": "SOURCE_IP", "rollout_policy": {"overlap": "queue"},
     "config": [{"model_id": "b", "model_name": "vad", "model_version": "0.0.2",
                 "instance_count": 2, "envs": {"LEVEL": "2", "NEW": "x"}}]},
    {"revision": 1, "load_balancer_policy": "ROUND_ROBIN", "rollout_policy": {"overlap": "refuse"},
     "config": [{"model_id": "a", "model_name": "vad", "model_version": "0.0.1",
                 "instance_count": 2, "envs": {"LEVEL": "1", "OLD": "y"}}]}])");
  EXPECT_EQ(change_of(two, 1),
            "envs.LEVEL 1 → 2, envs.NEW x, envs.OLD y → none, model vad:0.0.1 → vad:0.0.2, "
            "load_balancer_policy ROUND_ROBIN → SOURCE_IP, rollout_policy.overlap refuse → queue");
  EXPECT_EQ(change_of(two, 0), "") << "there is none before";
  EXPECT_EQ(models_of(two[1].get_object()), "vad:0.0.2 x2");
}

TEST(RevisionText, NumbersTheEntriesWhereThereAreSeveral) {
  const json::array two = newest_first(R"([
    {"revision": 2, "config": [{"model_id": "a", "weight": 80}, {"model_id": "b", "weight": 20}]},
    {"revision": 1, "config": [{"model_id": "a", "weight": 100}]}])");
  EXPECT_EQ(change_of(two, 1), "config[0].weight 100 → 80, config[1].model b");
  const json::array back = newest_first(R"([
    {"revision": 2, "config": [{"model_id": "a", "weight": 100}]},
    {"revision": 1, "config": [{"model_id": "a", "weight": 100}, {"model_id": "b"}]}])");
  EXPECT_EQ(change_of(back, 1), "config[1].model b → none");
}

TEST(RevisionText, SaysWhatARollbackWentBackTo) {
  const json::array three = newest_first(R"([
    {"revision": 7, "config": [{"model_id": "a"}]},
    {"revision": 6, "config": [{"model_id": "b"}]},
    {"revision": 4, "config": [{"model_id": "a"}]}])");
  EXPECT_EQ(change_of(three, 2), "back to 4");
  EXPECT_EQ(change_of(three, 1), "model a → b");
}

TEST(RevisionText, SaysWhereNothingDiffers) {
  EXPECT_EQ(change_of(newest_first(R"([{"revision": 2}, {"revision": 1}])"), 1), "nothing");
}

}  // namespace
}  // namespace hitless::cli
