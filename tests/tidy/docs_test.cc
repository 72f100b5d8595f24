#include "tests/tidy/docs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hitless::tidy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> texts(const std::vector<Finding>& findings) {
  std::vector<std::string> lines;
  for (const Finding& finding : findings) lines.push_back(finding.text);
  return lines;
}

TEST(RoomsDescribed, CatchesMissingUnknownAndBareRooms) {
  const Rooms rooms = rooms_of("\nhitless_room(base)\nhitless_room(net USES base)");
  const std::string base = "### `src/base/`\nThe ground.\n**Invariant:** knows nobody.\n";
  EXPECT_THAT(
      check_rooms_described({"A.md", base + "### `src/net/`\nX **Invariant:** y.\n"}, rooms),
      IsEmpty());
  EXPECT_THAT(texts(check_rooms_described({"A.md", base + "### `src/attic/`\n"}, rooms)),
              ElementsAre("there is no room src/attic/", "lacks a heading ### `src/net/`"));
  EXPECT_THAT(texts(check_rooms_described({"A.md", "### `src/net/`\nX.\n" + base}, rooms)),
              ElementsAre("src/net/ has no invariant"));
}

TEST(Links, LeadToFiles) {
  const auto exists = [](const std::string& path) { return path == "docs/a.md"; };
  EXPECT_THAT(check_links({"docs/b.md", "[a](a.md#part) and [web](https://x.example/y)"}, exists),
              IsEmpty());
  EXPECT_THAT(texts(check_links({"docs/b.md", "[a](../a.md)"}, exists)),
              ElementsAre("a.md is not there"));
  EXPECT_THAT(texts(check_links({"src/x.h", "// see doc" + std::string("s/none.md")}, exists)),
              ElementsAre(std::string("docs/") + "none.md is not there"));
}

TEST(Decisions, HaveANumberOfTheirOwn) {
  EXPECT_THAT(check_decisions({{"docs/decisions/0001-epoll.md", "# 1. A loop of ours\n"}}),
              IsEmpty());
  EXPECT_THAT(texts(check_decisions({{"docs/decisions/epoll.md", "# A loop\n"}})),
              ElementsAre("must be named 0001-words.md"));
  EXPECT_THAT(texts(check_decisions({{"docs/decisions/0002-a.md", "# 2. A\n"},
                                     {"docs/decisions/0002-b.md", "# 3. B\n"}})),
              ElementsAre("number 0002 is taken twice", "must begin with \"# 2. \""));
}

TEST(LimitsDocument, ListsNamesValuesAndReasons) {
  const std::string document =
      limits_document({{"src/a/limits.h",
                        "// All limits.\n#pragma once\n\n"
                        "struct Limits {\n"
                        "  // A long head is a mistake;\n"
                        "  // others say so too.\n"
                        "  std::size_t head_bytes_max = 32 * 1024;\n"
                        "  Duration wait =\n      std::chrono::seconds(2);\n"
                        "};\n"
                        "inline constexpr int k_tries = 3;  // enough\n"
                        "inline constexpr Duration k_a{5};\n"}});
  EXPECT_THAT(document, testing::HasSubstr("## `src/a/limits.h`\n"));
  EXPECT_THAT(document, testing::HasSubstr("| `head_bytes_max` | `32 * 1024` | A long head is a "
                                           "mistake; others say so too. |\n"
                                           "| `wait` | `std::chrono::seconds(2)` |  |\n"
                                           "| `k_tries` | `3` | enough |\n"
                                           "| `k_a` | `5` |  |\n"));
}

TEST(GeneratedPart, IsFoundAndReplaced) {
  const std::string document = "a\n<!-- generated: x -->\nold\n<!-- end -->\nb\n";
  EXPECT_EQ(generated_part(document, "x"), "old\n");
  EXPECT_EQ(generated_part(document, "y"), "");
  EXPECT_EQ(with_generated_part(document, "x", "new\n"),
            "a\n<!-- generated: x -->\nnew\n<!-- end -->\nb\n");
  EXPECT_EQ(with_generated_part(document, "y", "new\n"), document);
}

}  // namespace
}  // namespace hitless::tidy
