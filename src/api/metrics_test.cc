#include "api/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/metrics_reader.h"

namespace hitless::api {
namespace {

TEST(ServeMetrics, TellWhatControlCounted) {
  control::LoopCounts counts;
  counts.passes = 12;
  counts.store_errors = 1;
  counts.probes_passed = 30;
  counts.probes_failed = 4;
  counts.suspects = 2;
  counts.services = {{"running", 3}, {"failed", 1}};
  counts.rollouts = {{"succeeded", 3}, {"baking", 1}};
  counts.instances = {{"routed", 7}};
  counts.published = 9;
  counts.adopted = 8;
  const testing::MetricsReader metrics(metrics_text(counts, "1.2.3"));
  EXPECT_THAT(metrics.faults(), ::testing::IsEmpty());
  EXPECT_EQ(metrics.value("hitless_services{status=\"running\"}"), 3);
  EXPECT_EQ(metrics.value("hitless_rollouts{phase=\"baking\"}"), 1);
  EXPECT_EQ(metrics.value("hitless_instances{state=\"routed\"}"), 7);
  EXPECT_EQ(metrics.value("hitless_probes_total{result=\"failed\"}"), 4);
  EXPECT_EQ(metrics.value("hitless_suspects_probed_total"), 2);
  EXPECT_EQ(metrics.value("hitless_control_passes_total"), 12);
  EXPECT_EQ(metrics.value("hitless_store_errors_total"), 1);
  EXPECT_EQ(metrics.value("hitless_table_published_generation"), 9);
  EXPECT_EQ(metrics.value("hitless_table_adopted_generation"), 8);
  EXPECT_EQ(metrics.value("hitless_build_info{version=\"1.2.3\"}"), 1);
}

// A reader that accepts everything would prove nothing.
TEST(ServeMetrics, AreReadByAReaderThatRefuses) {
  for (const char* wrong : {
           "a_total 1\n",                                   // no family
           "# HELP a x\n# TYPE a counter\na 1\n",           // not _total
           "# HELP a x\n# TYPE a gauge\na 1",               // no line end
           "# HELP a x\n# TYPE a gauge\na{b=\"c} 1\n",      // open quote
           "# HELP a x\n# TYPE a gauge\na{b=\"c\",} 1\n",   // a comma too many
           "# HELP a x\n# TYPE a gauge\na{b=\"c\"} one\n",  // no number
           "# HELP a x\n# TYPE a gauge\na 1\na 1\n",        // twice
           "# HELP a x\n# TYPE a gauge\nb 1\n",             // another's
           "# HELP a x\n# TYPE a histogram\na_bucket{le=\"1\"} 2\na_bucket{le=\"+Inf\"} 1\n"
           "a_sum 1\na_count 1\n",  // falls
           "# HELP a x\n# TYPE a histogram\na_bucket{le=\"1\"} 1\na_sum 1\na_count 1\n",
       }) {
    EXPECT_FALSE(testing::MetricsReader(wrong).faults().empty()) << wrong;
  }
}

}  // namespace
}  // namespace hitless::api
