// The real binary with a state directory of its own: `hitless serve` as a child of the test, the
// gateway and the instances that it starts, and an API client.
//
// Owner: a test.  At its end everything of that state directory is stopped with `hitless down`, and
// what is then still left is a failure of the test.  Several may live at once.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/file.h"
#include "base/json.h"
#include "base/result.h"
#include "net/http_client.h"

namespace hitless::tests {

// A process that belongs to a state directory: its command line names it.
struct OwnedProcess {
  pid_t pid = 0;
  std::string command;
};

struct ProcessOptions {
  std::vector<std::string> serve_flags;  // after those the fixture gives
  std::vector<std::string> launcher;     // words before the program: env, and what it shall set
  std::filesystem::path state;           // empty: a folder of the fixture's own
  bool has_engines = true;               // false: an empty folder of engines
};

struct ApiAnswer {
  int status = 0;  // 0: no answer
  json::value body;
  std::string text;  // as sent

  const json::object& object() const { return body.as_object(); }
};

// How a command ended.
struct CommandOutcome {
  int status = -1;  // exit status; 128 + N for signal N
  std::string output;
};

// For programs that are no tests, before anything else here: what goes wrong is then printed.
void prepare_outside_of_tests();

class HitlessProcess {
 public:
  // Starts serve and waits until its API answers and a gateway is attached.
  static std::unique_ptr<HitlessProcess> start(ProcessOptions options = {});
  ~HitlessProcess();
  HitlessProcess(const HitlessProcess&) = delete;
  HitlessProcess& operator=(const HitlessProcess&) = delete;

  // serve alone; the rest goes on.
  void kill_serve();         // SIGKILL, and waits for its end
  void start_serve();        // and waits until it is ready
  bool try_start_serve();    // false: it ended before it was ready
  void ask_serve_to_stop();  // SIGTERM, and waits for its end
  bool has_serve_ended();    // by itself; it can be started again then
  void expect_serve_ends();  // waits for it
  pid_t serve_pid() const { return serve_; }

  // `hitless down`.  Everything of this state directory is gone afterwards, or the test has failed.
  void down();

  // A path below "/v1/{project}", or from the root when it begins with "//".
  ApiAnswer api(const std::string& method, const std::string& path, const json::value& body = {});
  ApiAnswer get(const std::string& path) { return api("GET", path); }

  // Runs `hitless ARGUMENTS...` to its end.
  CommandOutcome run(const std::vector<std::string>& arguments) const;
  // Likewise a line for the shell, in which "$0" is hitless and "$1" the state directory.  It ends
  // as the last command of a pipe that failed.
  CommandOutcome run_shell(const std::string& line) const;

  const std::filesystem::path& folder() const { return folder_; }  // open to every user
  const std::filesystem::path& state() const { return state_; }
  const std::filesystem::path& model_server() const { return model_server_; }
  Address gateway() const { return gateway_; }
  std::string token() const;

  // Everything alive that names this state directory or runs the pretend model from folder().
  std::vector<OwnedProcess> processes() const;
  pid_t gateway_pid() const;  // 0: there is none

  // What serve and the gateway said: for the message of a failed test.
  std::string logs() const;

 private:
  CommandOutcome run_to_end(const std::vector<std::string>& argv) const;
  HitlessProcess(ProcessOptions options, std::filesystem::path folder);
  bool wait_until_ready();  // false: serve ended first
  void reap_serve();

  const ProcessOptions options_;
  const std::filesystem::path folder_;
  const std::filesystem::path state_;
  const std::filesystem::path model_server_;
  std::unique_ptr<net::HttpClient> client_;
  std::string project_;
  Address gateway_;
  pid_t serve_ = 0;
  bool is_down_ = false;
};

}  // namespace hitless::tests
