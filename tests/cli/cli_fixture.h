// The commands against the API as it runs, with a port behind it that runs nothing.
#pragma once

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "cli/cli.h"
#include "tests/support/api_fixture.h"

namespace hitless::cli {

using World = testing::FakePort::World;

struct Ran {
  int status = -1;
  std::string out;
  std::string err;
  json::object as_json() const {
    const auto value = parse_json(out);
    EXPECT_TRUE(value && value->is_object()) << out;
    return value && value->is_object() ? value->get_object() : json::object();
  }
};

class Cli : public testing::ApiFixture {
 protected:
  Ran run(std::vector<std::string> args, bool terminal = false) {
    args.insert(args.begin(), {"--state", state().string()});
    return run_bare(args, terminal);
  }

  static Ran run_bare(const std::vector<std::string>& args, bool terminal = false) {
    std::ostringstream out, err;
    std::istringstream in("{}");
    Io io{out, err, in};
    io.terminal = io.colour = terminal;
    io.columns = [] { return std::size_t{40}; };
    io.rows = [] { return std::size_t{9}; };
    io.poll_every = io.ask_every = std::chrono::milliseconds(1);
    Ran ran;
    ran.status = run_cli(args, io, {});
    ran.out = out.str();
    ran.err = err.str();
    return ran;
  }

  // A model in two versions and the service "speech" on the first.
  void deploy() {
    ASSERT_EQ(run({"model", "create", "vad", "0.0.1", "--from", "/srv/vad"}).status, 0);
    ASSERT_EQ(run({"model", "create", "vad", "0.0.2", "--from", "/srv/vad"}).status, 0);
    const Ran ran = run({"service", "create", "speech", "--model", "vad:0.0.1", "--count", "2"});
    ASSERT_EQ(ran.status, 0) << ran.err;
  }

  static bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
  }
};

}  // namespace hitless::cli
