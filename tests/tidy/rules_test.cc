#include "tests/tidy/rules.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hitless::tidy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// "line: text" for each finding.
std::vector<std::string> texts(const std::vector<Finding>& findings) {
  std::vector<std::string> lines;
  for (const Finding& finding : findings) {
    lines.push_back(fmt::format("{}: {}", finding.line, finding.text));
  }
  return lines;
}

std::string repeated(std::string_view line, std::size_t count) {
  std::string text;
  for (std::size_t index = 0; index < count; ++index) text += line;
  return text;
}

TEST(SizeRule, CatchesLongFilesAndLongFunctions) {
  EXPECT_THAT(check_size({"a.cc", repeated("int a;\n", 600)}), IsEmpty());
  EXPECT_THAT(texts(check_size({"a.md", repeated("word\n", 601)})),
              ElementsAre("0: 601 lines; 600 are allowed"));
  EXPECT_THAT(check_size({"a.cc", "void f() {\n" + repeated("  g();\n", 68) + "}\n"}), IsEmpty());
  EXPECT_THAT(texts(check_size({"a.cc", "void f() {\n" + repeated("  g();\n", 69) + "}\n"})),
              ElementsAre("1: 71 lines in void f(); 70 are allowed"));
}

TEST(TextRule, CatchesTabsBlanksAndNotes) {
  EXPECT_THAT(check_text({"a.cc", "int a;\n"}), IsEmpty());
  EXPECT_THAT(texts(check_text({"a.cc", "\tint a;\nint b; \n"})),
              ElementsAre("1: a tab", "2: a blank at the line's end"));
  EXPECT_THAT(texts(check_text({"a.cc", std::string("// FIX") + "ME later\n"})),
              ElementsAre(HasSubstr("do it")));
  EXPECT_THAT(texts(check_text({"a.cc", "int a;"})), ElementsAre("0: no line end at its end"));
}

TEST(HeaderRule, WantsAGuardAndAComment) {
  EXPECT_THAT(check_header({"a.h", "// What a is.\n#pragma once\n"}), IsEmpty());
  EXPECT_THAT(check_header({"a.cc", "int a;\n"}), IsEmpty());
  EXPECT_THAT(check_header({"a.h", "int a;\n"}), SizeIs(2));
}

TEST(LineNumberRule, CatchesPlacesInDocumentsAndComments) {
  EXPECT_THAT(check_line_numbers({"a.md", "see step() in rollout/step.cc\n"}), IsEmpty());
  EXPECT_THAT(check_line_numbers({"a.md", "listens on 127.0.0.1:8080\n"}), IsEmpty());
  EXPECT_THAT(texts(check_line_numbers({"a.md", "see rollout/step.cc:" + std::string("12\n")})),
              ElementsAre(HasSubstr("a name, not a line")));
  EXPECT_THAT(check_line_numbers({"a.cc", "f();  // like b.h:" + std::string("7\n")}), SizeIs(1));
  EXPECT_THAT(check_line_numbers({"a.cc", "f(\"b.h:7\");\n"}), IsEmpty());
}

TEST(MachinePathRule, CatchesFoldersOfOneMachine) {
  EXPECT_THAT(check_machine_paths({"a.md", "state in ~/.hitless, src/work/ and /var/lib\n"}),
              IsEmpty());
  EXPECT_THAT(check_machine_paths({"a.md", "cd /ro" + std::string("ot/hitless\n")}), SizeIs(1));
  EXPECT_THAT(check_machine_paths({"a.sh", "cd \"/ho" + std::string("me/ann/x\"\n")}), SizeIs(1));
}

TEST(DevCommandRule, CatchesCommandsThatAreNotThere) {
  const std::string dev = "#!/bin/bash\ncmd_test() {\n}\n";
  EXPECT_THAT(check_dev_commands({"a.md", "run `./dev test`\n"}, dev), IsEmpty());
  EXPECT_THAT(texts(check_dev_commands({"a.md", "run `./dev dance`\n"}, dev)),
              ElementsAre("1: ./dev has no command dance"));
}

}  // namespace
}  // namespace hitless::tidy
