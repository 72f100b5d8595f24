#include "bench/gateway/template.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"

namespace hitless::bench {
namespace {

TEST(BenchTemplate, FillsEveryPlaceAndTheMarkedLines) {
  const std::string text =
      "listen @listen@;\n  #large# buffer 64k;  # why\n  #stream# off; @listen@\n";
  EXPECT_EQ(fill_template(text, {{"listen", "1.2.3.4:5"}}, "large"),
            "listen 1.2.3.4:5;\n  buffer 64k;  # why\n  #stream# off; 1.2.3.4:5\n");
  EXPECT_EQ(fill_template("#large# x", {}, ""), "#large# x");
  EXPECT_EQ(fill_template("unix@/x @...@ a@b", {}, ""), "unix@/x @...@ a@b");
}

TEST(BenchTemplateDeathTest, AForgottenPlaceOrValueIsADefect) {
  EXPECT_DEATH(fill_template("@listen@", {}, ""), "has_place");
  EXPECT_DEATH(fill_template("nothing", {{"listen", "x"}}, ""), "replace_all");
}

// The configurations themselves: each has the places and the marks that the benchmark knows.
TEST(BenchTemplate, TheConfigurationsHaveTheirPlacesAndMarks) {
  const std::filesystem::path folder = HITLESS_BENCH_CONFIGS;
  const std::string nginx = read_file(folder / "nginx.conf", 64 * 1024).value();
  const std::string haproxy = read_file(folder / "haproxy.cfg", 64 * 1024).value();
  for (const std::string& text : {nginx, haproxy}) {
    for (const char* what : {"@listen@", "@upstream@", "@connections@", "#large# ", "#stream# "}) {
      EXPECT_NE(text.find(what), std::string::npos) << what;
    }
  }
}

TEST(BenchTemplate, TheConfigurationsOfReplaceHaveTheirPlaces) {
  const std::filesystem::path folder = HITLESS_REPLACE_CONFIGS;
  const std::map<std::string, std::string> both{
      {"listen", "1.2.3.4:5"}, {"folder", "/x"}, {"servers", "server one;"}};
  auto nginx = both;
  nginx["user"] = "somebody";
  for (const auto& [name, values] : {std::pair("nginx.conf", nginx), {"haproxy.cfg", both}}) {
    const std::string text = read_file(folder / name, 64 * 1024).value();
    const std::string filled = fill_template(text, values, "");
    EXPECT_NE(filled.find("  server one;\n"), std::string::npos) << filled;
    EXPECT_NE(filled.find("1.2.3.4:5"), std::string::npos) << filled;
  }
}

}  // namespace
}  // namespace hitless::bench
