#include "control/subprocess.h"

#include <gtest/gtest.h>

#include "base/file.h"

namespace hitless::control {
namespace {

CommandRun shell(const std::string& script, Duration timeout = std::chrono::seconds(20)) {
  return {.argv = {"sh", "-c", script}, .directory = "/", .timeout = timeout};
}

TEST(Subprocess, GivesStatusAndOutput) {
  const Result<CommandEnd> end = run_command(shell("echo out; echo err >&2; exit 3"));
  ASSERT_TRUE(end);
  EXPECT_EQ(end->status, 3);
  EXPECT_EQ(end->output, "out\nerr\n");
}

TEST(Subprocess, WaitsForOneThatClosesItsOutputEarly) {
  const Result<CommandEnd> end = run_command(shell("exec >&- 2>&-; sleep 0.1; exit 4"));
  ASSERT_TRUE(end);
  EXPECT_EQ(end->status, 4);
}

TEST(Subprocess, EndsAWholeGroupWhenTheTimeIsUp) {
  const Result<CommandEnd> end =
      run_command(shell("sleep 1000 & sleep 1000", std::chrono::milliseconds(50)));
  EXPECT_EQ(end.error().code(), Code::timeout);
}

TEST(Subprocess, HasACleanEnvironmentAndNoRights) {
  ASSERT_EQ(::setenv("SECRET_OF_SERVE", "x", 1), 0);
  const Result<CommandEnd> end = run_command(shell("echo ${SECRET_OF_SERVE-none} $(id -u)"));
  ASSERT_TRUE(end);
  EXPECT_EQ(end->output.substr(0, 5), "none ");
  if (::geteuid() == 0) {
    EXPECT_EQ(end->output, "none 65534\n");
  }
}

TEST(Subprocess, SaysThatACommandDoesNotExist) {
  const Result<CommandEnd> end = run_command({.argv = {"/nonexistent/command"}, .directory = "/"});
  ASSERT_TRUE(end);
  EXPECT_EQ(end->status, 127);
  EXPECT_EQ(end->output, "cannot run /nonexistent/command: No such file or directory");
}

TEST(Subprocess, SaysWhatAFolderThatIsClosedNeeds) {
  const auto folder = TemporaryDirectory::make("hitless-subprocess");
  ASSERT_TRUE(folder);
  const std::filesystem::path program = folder->path() / "program";
  ASSERT_TRUE(write_file_atomically(program, "#!/bin/sh\n", 0644));
  const Result<CommandEnd> end = run_command({.argv = {program.string()}, .directory = "/"});
  ASSERT_TRUE(end);
  EXPECT_EQ(end->status, 127);
  EXPECT_NE(end->output.find("chmod o+x"), std::string::npos) << end->output;
}

}  // namespace
}  // namespace hitless::control
