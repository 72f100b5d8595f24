// Holds the rules against this repository.
#include "tests/tidy/repository.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <regex>
#include <set>

#include "tests/tidy/docs.h"
#include "tests/tidy/rooms.h"
#include "tests/tidy/rules.h"

#ifdef HITLESS_HAS_PHASES
#include "rollout/phase.h"
#endif

namespace hitless::tidy {
namespace {

// Fails with one line a finding, in the form that editors jump to.
void expect_none(const std::vector<Finding>& findings) {
  for (const Finding& finding : findings) {
    ADD_FAILURE() << fmt::format("{}:{}: {}", finding.file, finding.line, finding.text);
  }
}

void expect_none_in_files(const std::function<bool(const File&)>& is_meant,
                          const std::function<std::vector<Finding>(const File&)>& rule) {
  std::size_t count = 0;
  for (const File& file : repository_files()) {
    if (!is_meant(file)) continue;
    ++count;
    expect_none(rule(file));
  }
  EXPECT_GT(count, 0U) << "no file was looked at";
}

const File& existing(std::string_view path) {
  const File* file = find_file(path);
  if (file == nullptr) {
    ADD_FAILURE() << path << " is missing";
    static const File k_nothing;
    return k_nothing;
  }
  return *file;
}

std::vector<File> files_that(const std::function<bool(const File&)>& are_meant) {
  std::vector<File> files;
  for (const File& file : repository_files()) {
    if (are_meant(file)) files.push_back(file);
  }
  return files;
}

void expect_document(std::string_view path, const std::string& wanted) {
  if (writes_documents()) {
    std::ofstream(repository_root() / path) << wanted;
    return;
  }
  EXPECT_TRUE(existing(path).text == wanted)
      << path << " is not as the code has it; write it anew with: "
      << "HITLESS_WRITE_DOCS=1 build/dev/bin/tidy_test";
}

bool is_any(const File&) {
  return true;
}
bool is_cpp(const File& file) {
  return file.is_cpp();
}
bool is_room_source(const File& file) {
  return file.is_cpp() && file.starts_with("src/");
}
bool is_written_by_hand(const File& file) {
  return file.is_cpp() || file.is_markdown() || file.ends_with(".sh") || file.ends_with(".py") ||
         file.starts_with("scripts/") || file.path == "dev";
}

TEST(Repository, KeepsFilesAndFunctionsShort) {
  expect_none_in_files(is_written_by_hand, check_size);
}

TEST(Repository, KeepsTextClean) {
  expect_none_in_files(is_any, check_text);
}

TEST(Repository, ExplainsEveryHeader) {
  expect_none_in_files(is_cpp, check_header);
}

TEST(Repository, PointsAtNamesNotLines) {
  expect_none_in_files(is_any, check_line_numbers);
}

TEST(Repository, NamesNoFolderOfOneMachine) {
  expect_none_in_files(is_any, check_machine_paths);
}

TEST(Repository, KeepsTheOrderOfItsRooms) {
  const Rooms rooms = rooms_of(existing("src/CMakeLists.txt").text);
  expect_none_in_files(is_room_source,
                       [&](const File& file) { return check_room_includes(file, rooms); });
}

TEST(Repository, KeepsLibrariesInTheirPlace) {
  expect_none_in_files(is_cpp, check_library_includes);
}

TEST(Repository, DescribesEveryRoom) {
  expect_none(check_rooms_described(existing("ARCHITECTURE.md"),
                                    rooms_of(existing("src/CMakeLists.txt").text)));
}

TEST(Repository, LinksToWhatIsThere) {
  const auto is_no_sample = [](const File& file) { return !file.starts_with("tests/tidy/"); };
  expect_none_in_files(is_no_sample, [](const File& file) {
    return check_links(file, [](const std::string& path) {
      return std::filesystem::exists(repository_root() / path);
    });
  });
}

TEST(Repository, TeachesCommandsThatExist) {
  const std::string& dev = existing("dev").text;
  expect_none_in_files([](const File& file) { return file.is_markdown(); },
                       [&](const File& file) { return check_dev_commands(file, dev); });
}

TEST(Repository, NumbersItsDecisions) {
  expect_none(check_decisions(
      files_that([](const File& file) { return file.starts_with("docs/decisions/"); })));
}

TEST(Repository, ListsItsLimits) {
  expect_document(
      "docs/limits.md",
      limits_document(files_that([](const File& file) { return file.ends_with("/limits.h"); })));
}

// Each metric stands in a room's metrics.h, and in the page that people read.
TEST(Repository, DescribesItsMetrics) {
  const auto names_in = [](const std::string& text, const std::string& quote) {
    const std::regex name(quote + "((?:hitless|process)_[a-z_]+)" + quote);
    std::set<std::string> names;
    for (std::sregex_iterator at(text.begin(), text.end(), name), end; at != end; ++at) {
      names.insert((*at)[1]);
    }
    return names;
  };
  std::string code = existing("src/base/metrics_text.cc").text;
  for (const File& file :
       files_that([](const File& each) { return each.ends_with("/metrics.h"); })) {
    code += file.text;
  }
  const std::set<std::string> told = names_in(code, "\"");
  EXPECT_FALSE(told.empty());
  EXPECT_EQ(names_in(existing("docs/operating/metrics.md").text, "`"), told);
}

#ifdef HITLESS_HAS_PHASES
TEST(Repository, DrawsThePhasesThatTheCodeHas) {
  const std::string& document = existing("ARCHITECTURE.md").text;
  ASSERT_FALSE(generated_part(document, "phases").empty());
  const std::string picture = fmt::format("```\n{}```\n", rollout::phase_picture());
  expect_document("ARCHITECTURE.md", with_generated_part(document, "phases", picture));
}
#endif

}  // namespace
}  // namespace hitless::tidy
