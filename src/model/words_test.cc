#include <gtest/gtest.h>

#include "model/event.h"
#include "model/instance.h"
#include "model/model_version.h"
#include "model/rollout.h"
#include "model/service.h"

namespace hitless::model {
namespace {

// Every enumerator from the first on, to the words and back.
template <class E, class FromText>
void expect_words(std::initializer_list<std::string_view> words, FromText from_text) {
  int value = 0;
  for (const std::string_view word : words) {
    const auto enumerator = static_cast<E>(value++);
    EXPECT_EQ(to_text(enumerator), word);
    const Result<E> back = from_text(word);
    ASSERT_TRUE(back) << word;
    EXPECT_EQ(*back, enumerator);
  }
  EXPECT_EQ(from_text("nonsense").error().code(), Code::invalid);
  EXPECT_FALSE(from_text(""));
}

TEST(Words, AreTheWireWordsInBothDirections) {
  expect_words<ServiceStatus>({"deploying", "waiting", "pending", "running", "concerning", "failed",
                               "stopping", "stopped", "finished", "deleting"},
                              service_status_from_text);
  expect_words<ModelStatus>({"publishing", "published", "failed", "building", "building_failed"},
                            model_status_from_text);
  expect_words<Engine>({"onnx", "custom"}, engine_from_text);
  expect_words<Stage>({"starting", "ready", "draining", "stopping", "gone"}, stage_from_text);
  expect_words<Ending>({"none", "retired", "exited", "never_ready"}, ending_from_text);
  expect_words<EventType>({"normal", "abnormal"}, event_type_from_text);
  expect_words<Phase>({"planned", "starting", "shifting", "baking", "draining", "rolling_back",
                       "succeeded", "rolled_back", "failed", "superseded"},
                      phase_from_text);
}

TEST(Words, OfPlansAndBalance) {
  EXPECT_EQ(to_text(ChangeClass::note), "note");
  EXPECT_EQ(to_text(ChangeClass::route), "route");
  EXPECT_EQ(to_text(ChangeClass::scale), "scale");
  EXPECT_EQ(to_text(ChangeClass::replace), "replace");
  EXPECT_EQ(to_text(ChangeClass::refuse), "refuse");
  EXPECT_EQ(to_text(RolloutKind::deploy), "deploy");
  EXPECT_EQ(to_text(RolloutKind::update), "update");
  EXPECT_EQ(to_text(RolloutKind::stop), "stop");
  EXPECT_EQ(to_text(RolloutKind::remove), "remove");
  for (const std::string_view word : {"ROUND_ROBIN", "LEAST_CONNECTIONS", "SOURCE_IP"}) {
    EXPECT_EQ(to_wire(*balance_from_wire(word)), word);
  }
  EXPECT_EQ(balance_from_wire("RANDOM").error().text(),
            "[RANDOM] is no load-balancer policy; one of: ROUND_ROBIN, LEAST_CONNECTIONS, "
            "SOURCE_IP");
}

TEST(Phase, EndsInFourWays) {
  for (const Phase phase : {Phase::planned, Phase::starting, Phase::shifting, Phase::baking,
                            Phase::draining, Phase::rolling_back}) {
    EXPECT_FALSE(is_terminal(phase)) << to_text(phase);
  }
  for (const Phase phase :
       {Phase::succeeded, Phase::rolled_back, Phase::failed, Phase::superseded}) {
    EXPECT_TRUE(is_terminal(phase)) << to_text(phase);
  }
}

}  // namespace
}  // namespace hitless::model
