// Every tests/scenarios/*.txt against the .golden beside it.  HITLESS_GOLDEN=write writes them.
#include "rollout/sim/sim.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace hitless::rollout {
namespace {

std::string read(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<std::filesystem::path> scenarios() {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(HITLESS_SCENARIOS)) {
    if (entry.path().extension() == ".txt") found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

class Scenario : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(Scenario, GoesAsItsTranscriptSays) {
  const Result<std::string> transcript = run_scenario(read(GetParam()));
  ASSERT_TRUE(transcript) << transcript.error().text();
  EXPECT_EQ(transcript->find("BROKEN PROMISE"), std::string::npos) << *transcript;
  std::filesystem::path golden = GetParam();
  golden.replace_extension(".golden");
  const char* mode = std::getenv("HITLESS_GOLDEN");
  if (mode != nullptr && std::string_view(mode) == "write") std::ofstream(golden) << *transcript;
  EXPECT_EQ(*transcript, read(golden));
}

INSTANTIATE_TEST_SUITE_P(All, Scenario, testing::ValuesIn(scenarios()),
                         [](const auto& scenario) { return scenario.param.stem().string(); });

TEST(Simulator, NamesTheLineItDoesNotUnderstand) {
  const Result<std::string> transcript = run_scenario("pool 2\ntick soon\n");
  ASSERT_FALSE(transcript);
  EXPECT_EQ(transcript.error().code(), Code::invalid);
  EXPECT_NE(transcript.error().text().find("line 2"), std::string::npos);
}

}  // namespace
}  // namespace hitless::rollout
