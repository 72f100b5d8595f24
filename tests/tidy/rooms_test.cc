#include "tests/tidy/rooms.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hitless::tidy {
namespace {

const Rooms k_rooms = rooms_of(
    "# hitless_room(no USES such)\n"
    "\nhitless_room(base LIBS spdlog::spdlog)"
    "\nhitless_room(model USES base)"
    "\nhitless_room(rollout USES base model)"
    "\nhitless_room(store USES base model LIBS\n  SQLite::SQLite3)"
    "\nhitless_room(pools USES model)"
    "\nhitless_room(control USES rollout store pools)"
    "\nhitless_room(api USES control)");

std::vector<std::string> against(const std::string& path, const std::string& include) {
  std::vector<std::string> texts;
  const File file{path, "#include " + include + "\n"};
  if (file.starts_with("src/")) {
    for (Finding& finding : check_room_includes(file, k_rooms)) texts.push_back(finding.text);
  }
  for (Finding& finding : check_library_includes(file)) texts.push_back(finding.text);
  return texts;
}

TEST(Rooms, AreReadFromCMakeWithWhatTheyReach) {
  EXPECT_THAT(k_rooms.at("base"), testing::IsEmpty());
  EXPECT_THAT(k_rooms.at("store"), testing::ElementsAre("base", "model"));
  EXPECT_THAT(k_rooms.at("control"),
              testing::ElementsAre("base", "model", "pools", "rollout", "store"));
  EXPECT_FALSE(k_rooms.contains("no"));
}

TEST(Rooms, MayIncludeThemselvesAndWhatTheyUse) {
  EXPECT_THAT(against("src/model/a.h", "\"model/b.h\""), testing::IsEmpty());
  EXPECT_THAT(against("src/model/a.h", "\"base/id.h\""), testing::IsEmpty());
  EXPECT_THAT(against("src/control/a.cc", "\"base/id.h\""), testing::IsEmpty());
  EXPECT_THAT(against("src/model/a_test.cc", "\"tests/support/b.h\""), testing::IsEmpty());
}

TEST(Rooms, MustNotIncludeUpwards) {
  EXPECT_THAT(against("src/base/a.h", "\"model/ids.h\""), testing::SizeIs(1));
  EXPECT_THAT(against("src/store/a.cc", "\"rollout/step.h\""),
              testing::ElementsAre(testing::HasSubstr("does not decide")));
}

TEST(Rooms, MustNotTakeWhatIsForbiddenByName) {
  EXPECT_THAT(against("src/api/a.cc", "\"control/port.h\""), testing::IsEmpty());
  EXPECT_THAT(against("src/api/a.cc", "\"control/loop.h\""),
              testing::ElementsAre(testing::HasSubstr("port alone")));
  EXPECT_THAT(against("src/api/a.cc", "\"pools/driver.h\""), testing::SizeIs(1));
  EXPECT_THAT(against("src/control/a.cc", "\"pools/process_pool.h\""), testing::SizeIs(1));
  EXPECT_THAT(against("src/control/a_test.cc", "\"pools/process_pool.h\""), testing::IsEmpty());
  EXPECT_THAT(against("src/api/a_test.cc", "\"pools/driver.h\""), testing::SizeIs(1));
}

TEST(Rooms, AreNamedInEveryInclude) {
  EXPECT_THAT(against("src/model/a.cc", "\"ids.h\""),
              testing::ElementsAre(testing::HasSubstr("room's name")));
  EXPECT_THAT(against("src/attic/a.cc", "\"base/id.h\""),
              testing::ElementsAre(testing::HasSubstr("no room attic")));
}

TEST(Libraries, StayInTheirPlace) {
  EXPECT_THAT(against("src/store/a.cc", "<sqlite3.h>"), testing::IsEmpty());
  EXPECT_THAT(against("src/store/a.h", "<sqlite3.h>"), testing::SizeIs(1));
  EXPECT_THAT(against("src/control/a.cc", "<sqlite3.h>"), testing::SizeIs(1));
  EXPECT_THAT(against("src/base/json.h", "<boost/json.hpp>"), testing::IsEmpty());
  EXPECT_THAT(against("src/base/log.h", "<boost/json.hpp>"), testing::SizeIs(1));
  EXPECT_THAT(against("src/model/a_test.cc", "<rapidcheck.h>"), testing::IsEmpty());
  EXPECT_THAT(against("src/model/a.cc", "<rapidcheck.h>"), testing::SizeIs(1));
}

TEST(Libraries, AreKnown) {
  EXPECT_THAT(against("src/base/a.cc", "<zmq.hpp>"),
              testing::ElementsAre(testing::HasSubstr("no library")));
  EXPECT_THAT(against("src/base/a.cc", "<sys/epoll.h>"), testing::IsEmpty());
  EXPECT_THAT(against("src/base/a.cc", "<vector>"), testing::IsEmpty());
}

}  // namespace
}  // namespace hitless::tidy
