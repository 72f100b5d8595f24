#include "control/way_back.h"

#include <gtest/gtest.h>

namespace hitless::control {
namespace {

using model::Revision;

Revision revision(model::RevisionNumber number, const std::string& model) {
  Revision made;
  made.number = number;
  made.config.entries.emplace_back().model = model::ModelId(model);
  return made;
}

bool any(const Revision&) {
  return true;
}

TEST(WayBack, IsWhatServedLastBeforeThePresentOne) {
  const std::vector<Revision> all{revision(1, "a"), revision(2, "b"), revision(3, "c")};
  EXPECT_EQ(way_back({.served = {3, 2, 1}, .revisions = all, .present = 3}, any), 2);
  EXPECT_EQ(way_back({.served = {3, 2, 1}, .revisions = all, .present = 2}, any), 1);
  EXPECT_EQ(way_back({.served = {3, 2, 1}, .revisions = all, .present = 1}, any), 0);
}

TEST(WayBack, PassesOverWhatIsDeletedTheSameOrCannotRun) {
  const std::vector<Revision> all{revision(1, "a"), revision(2, "b"), revision(4, "c"),
                                  revision(5, "c")};
  EXPECT_EQ(way_back({.served = {5, 4, 3, 2, 1}, .revisions = all, .present = 5}, any), 2)
      << "4 is configured as 5, 3 is deleted";
  const auto not_b = [](const Revision& each) { return each.number != 2; };
  EXPECT_EQ(way_back({.served = {5, 4, 3, 2, 1}, .revisions = all, .present = 5}, not_b), 1);
  EXPECT_EQ(way_back({.served = {}, .revisions = all, .present = 5}, any), 0);
}

TEST(WayBack, FromWhatNeverServedIsTheLastThatDid) {
  const std::vector<Revision> all{revision(1, "a"), revision(2, "b"), revision(3, "c")};
  EXPECT_EQ(way_back({.served = {2, 1}, .revisions = all, .present = 3}, any), 2);
  EXPECT_EQ(way_back({.served = {2, 2, 1}, .revisions = all, .present = 0}, any), 2);
}

TEST(WayBack, NamesRevisionsInASentence) {
  EXPECT_EQ(revisions_text({revision(1, "a")}), "revision 1");
  EXPECT_EQ(revisions_text({revision(1, "a"), revision(2, "b"), revision(4, "c")}),
            "revisions 1, 2 and 4");
}

}  // namespace
}  // namespace hitless::control
