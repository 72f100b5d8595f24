#include "cli/cli.h"

#include <gtest/gtest.h>

#include <iterator>
#include <sstream>

#include "base/file.h"
#include "cli/api_client.h"

namespace hitless::cli {
namespace {

struct Ran {
  int status = -1;
  std::string out;
  std::string err;
};

Ran run(const std::vector<std::string>& args, const Hooks& hooks = {}) {
  std::ostringstream out, err;
  std::istringstream in;
  Ran ran;
  ran.status = run_cli(args, Io{out, err, in}, hooks);
  ran.out = out.str();
  ran.err = err.str();
  return ran;
}

TEST(CommandLine, HelpNamesEveryCommandAndExitStatus) {
  const Ran ran = run({"--help"});
  EXPECT_EQ(ran.status, 0);
  for (const char* word : {"serve", "gateway", "model", "service", "predict", "rollout", "sim",
                           "config", "completion", "Examples:", "Exit status", "HITLESS_STATE"}) {
    EXPECT_NE(ran.out.find(word), std::string::npos) << word;
  }
  EXPECT_EQ(ran.out.find("shim"), std::string::npos);
}

TEST(CommandLine, HelpOfACommandHasAnExample) {
  const Ran ran = run({"service", "update", "--help"});
  EXPECT_EQ(ran.status, 0);
  EXPECT_NE(ran.out.find("--weight"), std::string::npos);
  EXPECT_NE(ran.out.find("hitless service update speech"), std::string::npos);
}

TEST(CommandLine, HelpOfEveryCommandHasAnExampleOfThatCommand) {
  for (const char* line :
       {"model create",   "model list",     "model show",        "model delete",
        "service create", "service update", "service plan",      "service list",
        "service show",   "service start",  "service stop",      "service delete",
        "service events", "service logs",   "service instances", "service instance-log",
        "rollout list",   "rollout show",   "rollout watch",     "predict"}) {
    std::istringstream words(line);
    std::vector<std::string> args{std::istream_iterator<std::string>(words), {}};
    args.emplace_back("--help");
    const Ran ran = run(args);
    EXPECT_EQ(ran.status, 0) << line;
    const std::size_t examples = ran.out.find("\nExample");
    ASSERT_NE(examples, std::string::npos) << ran.out;
    EXPECT_NE(ran.out.find(std::string("hitless ") + line, examples), std::string::npos) << ran.out;
  }
}

TEST(CommandLine, NamesTheCommandThatIsNotThereAndThoseThatAre) {
  const Ran top = run({"serivce", "list"});
  EXPECT_EQ(top.status, k_exit_usage);
  EXPECT_NE(top.err.find("there is no `hitless serivce`"), std::string::npos) << top.err;
  EXPECT_NE(top.err.find("service"), std::string::npos) << top.err;
  EXPECT_EQ(top.err.find("shim"), std::string::npos) << top.err;
  const Ran below = run({"rollout", "foo"});
  EXPECT_EQ(below.status, k_exit_usage);
  EXPECT_EQ(
      below.err,
      "hitless: there is no `hitless rollout foo`; there are: list, show, pause, resume, abort, "
      "skip, watch\n");
}

TEST(CommandLine, WrongUseIsStatusTwo) {
  EXPECT_EQ(run({}).status, k_exit_usage);
  EXPECT_EQ(run({"serivce"}).status, k_exit_usage);
  EXPECT_EQ(run({"service"}).status, k_exit_usage);
  EXPECT_EQ(run({"service", "create"}).status, k_exit_usage);
  EXPECT_EQ(run({"service", "create", "x", "--count", "0"}).status, k_exit_usage);
  EXPECT_EQ(run({"service", "list", "--colour"}).status, k_exit_usage);
  EXPECT_EQ(run({"completion", "tcsh"}).status, k_exit_usage);
}

TEST(CommandLine, SaysThatNoServeIsThereAndWhatToDo) {
  const auto directory = TemporaryDirectory::make("hitless-cli");
  ASSERT_TRUE(directory);
  const Ran ran = run({"service", "list", "--state", directory->path().string()});
  EXPECT_EQ(ran.status, k_exit_unreachable);
  EXPECT_NE(ran.err.find("hitless serve is not running for"), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("start it with `hitless serve"), std::string::npos) << ran.err;
  EXPECT_EQ(run({"service", "list", "--url", "http://127.0.0.1:1"}).status, k_exit_unreachable);
  EXPECT_EQ(run({"service", "list", "--url", "ftp://x"}).status, k_exit_error);
}

TEST(CommandLine, NamesTheTokenFileThatCannotBeRead) {
  const Ran ran =
      run({"model", "list", "--url", "http://127.0.0.1:1", "--token-file", "/no/such/file"});
  EXPECT_EQ(ran.status, k_exit_error);
  EXPECT_NE(ran.err.find("--token-file"), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("/no/such/file"), std::string::npos) << ran.err;
}

TEST(CommandLine, HandsProcessesTheirArguments) {
  std::vector<std::string> seen;
  Hooks hooks;
  hooks.serve = [&](std::vector<std::string> args) {
    seen = std::move(args);
    return 7;
  };
  EXPECT_EQ(run({"serve", "--state", "/x", "--help", "word"}, hooks).status, 7);
  EXPECT_EQ(seen, (std::vector<std::string>{"--state", "/x", "--help", "word"}));
  EXPECT_EQ(run({"--state", "/y", "serve"}, hooks).status, 7);
  EXPECT_EQ(seen, (std::vector<std::string>{"--state", "/y"}));
  EXPECT_EQ(run({"--state", "/y", "--json", "serve", "word"}, hooks).status, 7);
  EXPECT_EQ(seen, (std::vector<std::string>{"word", "--state", "/y", "--json"}));
  EXPECT_EQ(run({"gateway"}, hooks).status, k_exit_usage);
}

TEST(CommandLine, CompletesWhatTheHooksSay) {
  Hooks hooks;
  hooks.completions = [] {
    return std::vector<CompletionRow>{{"serve", {"--listen"}}, {"config", {"show"}}};
  };
  const Ran ran = run({"completion", "bash"}, hooks);
  EXPECT_NE(ran.out.find("\"serve\") words=\"--listen\""), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("\"config\") words=\"show\""), std::string::npos) << ran.out;
  EXPECT_EQ(ran.out.find("\"serve\") words=\"\""), std::string::npos) << ran.out;
}

TEST(CommandLine, CompletesFromTheCommandTree) {
  const Ran ran = run({"completion", "bash"});
  EXPECT_EQ(ran.status, 0);
  EXPECT_NE(ran.out.find("\"service create\")"), std::string::npos);
  EXPECT_NE(ran.out.find("--max-surge"), std::string::npos);
  EXPECT_EQ(ran.out.find("shim"), std::string::npos);
}

TEST(Url, IsSplitIntoAddressAndPath) {
  const auto url = parse_url("http://localhost:80/v1/x");
  ASSERT_TRUE(url) << url.error().text();
  EXPECT_EQ(to_text(url->address), "127.0.0.1:80");
  EXPECT_EQ(url->path, "/v1/x");
  EXPECT_FALSE(parse_url("https://x"));
  EXPECT_EQ(percent_encoded("a b/ü"), "a%20b%2F%C3%BC");
}

}  // namespace
}  // namespace hitless::cli
