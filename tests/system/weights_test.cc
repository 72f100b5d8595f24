// Weights between two versions: exact, and changed without touching an instance.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/system/under_load.h"

namespace hitless::tests {
namespace {

// What each version answered between two readings.
struct Shares {
  double left = 0;
  double right = 0;
  double all() const { return left + right; }
};

Shares shares_since(const Outcome& before, const Outcome& after) {
  return {static_cast<double>(after.good_of("v1") - before.good_of("v1")),
          static_cast<double>(after.good_of("v2") - before.good_of("v2"))};
}

class Weights : public UnderLoad {
 protected:
  // Exact shares, ±1 in 1000, but for what is under way while the count is read.
  void expect_shares(double left_percent) {
    const Outcome before = load().totals();
    go_on(requests_wanted() / 2);
    const Shares shares = shares_since(before, load().totals());
    const double under_way = 40;
    EXPECT_NEAR(shares.left, shares.all() * left_percent / 100, shares.all() / 1000 + under_way)
        << shares.left << " of " << shares.all();
  }

  std::vector<std::int64_t> pids() {
    std::vector<std::int64_t> found;
    for (const json::value& each : service().live_instances()) {
      found.push_back(each.at("pid").to_number<std::int64_t>());
    }
    return found;
  }
};

TEST_F(Weights, AreExactBeforeAndAfterAChangeThatTouchesNoInstance) {
  start_hitless();
  const std::string v1 = import("v1");
  const std::string v2 = import("v2");
  start({{.model_id = v1, .count = 2, .weight = 90}, {.model_id = v2, .count = 1, .weight = 10}});
  const auto before = pids();
  EXPECT_EQ(before.size(), 3U);
  expect_shares(90);
  EXPECT_EQ(change({{.model_id = v1, .count = 2, .weight = 35},
                    {.model_id = v2, .count = 1, .weight = 65}}),
            "succeeded");
  EXPECT_EQ(pids(), before);
  expect_shares(35);
  expect_settled(last_rollout(), 3);
  expect_no_failure();
  expect_counted_alike();
}

TEST_F(Weights, CanMoveEverythingToTheOtherVersionAndDropTheFirst) {
  start_hitless();
  const std::string v1 = import("v1");
  const std::string v2 = import("v2");
  start({{.model_id = v1, .count = 2}});
  EXPECT_EQ(change({{.model_id = v1, .count = 2, .weight = 100},
                    {.model_id = v2, .count = 2, .weight = 0}}),
            "succeeded");
  EXPECT_EQ(load().totals().good_of("v2"), 0U);
  EXPECT_EQ(change({{.model_id = v1, .count = 2, .weight = 0},
                    {.model_id = v2, .count = 2, .weight = 100}}),
            "succeeded");
  EXPECT_EQ(change({{.model_id = v2, .count = 2}}), "succeeded");
  expect_settled(last_rollout(), 2);
  expect_no_failure();
}

}  // namespace
}  // namespace hitless::tests
