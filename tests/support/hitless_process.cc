#include "tests/support/hitless_process.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdlib>

#include "base/check.h"
#include "base/file.h"
#include "tests/support/subprocess.h"

namespace hitless::tests {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t k_log_bytes_shown = 6000;
constexpr std::size_t k_small_file_bytes = 4096;

std::string binary() {
  const char* named = std::getenv("HITLESS_BINARY");
  return named != nullptr ? named : HITLESS_DEFAULT_BINARY;
}

// The kernel's own limit on arguments is 2 MB; a longer line is none of ours.
constexpr std::size_t k_command_line_max = 1 << 20;

// Short, because sockets lie in it, and open, because instances run as users of their own.
fs::path make_folder() {
  std::string name = "/tmp/hl-XXXXXX";
  HL_CHECK(::mkdtemp(name.data()) != nullptr);
  HL_CHECK(::chmod(name.c_str(), 0755) == 0);
  return name;
}

fs::path copy_model_server(const fs::path& folder) {
  const fs::path copy = folder / "model-server";
  fs::copy_file(HITLESS_MODEL_SERVER, copy);
  fs::permissions(copy, fs::perms(0755));
  return copy;
}

// Words of /proc/<pid>/cmdline; empty for a process that has ended, also while it is read (a stream
// would throw then).
std::string command_line(const fs::path& folder) {
  std::string text = read_file(folder / "cmdline", k_command_line_max).value_or("");
  std::replace(text.begin(), text.end(), '\0', ' ');
  return text;
}

}  // namespace

void prepare_outside_of_tests() {
  ::testing::InitGoogleTest();
}

HitlessProcess::HitlessProcess(ProcessOptions options, fs::path folder)
    : options_(std::move(options)),
      folder_(std::move(folder)),
      state_(options_.state.empty() ? folder_ / "s" : options_.state),
      model_server_(copy_model_server(folder_)),
      client_(net::HttpClient::make()) {
  fs::create_directory(folder_ / "no-engines");
}

std::unique_ptr<HitlessProcess> HitlessProcess::start(ProcessOptions options) {
  std::unique_ptr<HitlessProcess> made(new HitlessProcess(std::move(options), make_folder()));
  made->start_serve();
  return made;
}

HitlessProcess::~HitlessProcess() {
  if (::testing::Test::HasFailure()) fmt::print(stderr, "{}\n", logs());
  if (!is_down_) down();
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

void HitlessProcess::start_serve() {
  EXPECT_TRUE(try_start_serve()) << "serve ended by itself";
}

bool HitlessProcess::try_start_serve() {
  std::vector<std::string> argv = options_.launcher;
  argv.insert(argv.end(), {binary(), "serve", "--state", state_.string(), "--listen", "127.0.0.1:0",
                           "--gateway-listen", "127.0.0.1:0", "--deploy-timeout-min", "1"});
  if (!options_.has_engines) {
    argv.insert(argv.end(), {"--engines", (folder_ / "no-engines").string()});
  }
  argv.insert(argv.end(), options_.serve_flags.begin(), options_.serve_flags.end());
  serve_ = spawn(argv, folder_ / "serve.log");
  is_down_ = false;
  return wait_until_ready();
}

bool HitlessProcess::wait_until_ready() {
  const bool settled = eventually([this] {
    if (has_serve_ended()) return true;  // it never will be
    const ApiAnswer status = get("//hitless/v1/status");
    if (status.status != 200) return false;
    project_ = status.object().at("project_id").as_string();
    const std::string url(status.object().at("gateway_url").as_string());
    constexpr std::string_view k_scheme = "http://";
    if (!url.starts_with(k_scheme)) return false;
    const auto address = parse_address(url.substr(k_scheme.size()));
    HL_CHECK(address.has_value());
    gateway_ = *address;
    return true;
  });
  EXPECT_TRUE(settled) << "serve did not become ready";
  return serve_ != 0;
}

bool HitlessProcess::has_serve_ended() {
  if (serve_ != 0 && wait_for_end(serve_, std::chrono::milliseconds(0))) serve_ = 0;
  return serve_ == 0;
}

void HitlessProcess::expect_serve_ends() {
  if (serve_ != 0) reap_serve();
}

void HitlessProcess::reap_serve() {
  EXPECT_TRUE(wait_for_end(serve_).has_value()) << "serve (pid " << serve_ << ") did not end";
  serve_ = 0;
}

void HitlessProcess::kill_serve() {
  ::kill(serve_, SIGKILL);
  reap_serve();
}

void HitlessProcess::ask_serve_to_stop() {
  ::kill(serve_, SIGTERM);
  reap_serve();
}

void HitlessProcess::down() {
  is_down_ = true;
  const CommandOutcome done = run({"down", "--state", state_.string(), "--grace", "2"});
  EXPECT_EQ(done.status, 0) << "hitless down: " << done.output;
  if (serve_ != 0) reap_serve();
  // A shim ends a moment after its instance; nothing else may be left at all.
  const bool gone = eventually([this] { return processes().empty(); }, std::chrono::seconds(5));
  for (const OwnedProcess& left : processes()) {
    if (!gone) ADD_FAILURE() << "left behind: " << left.pid << " " << left.command;
    ::kill(left.pid, SIGKILL);
  }
}

ApiAnswer HitlessProcess::api(const std::string& method, const std::string& path,
                              const json::value& body) {
  net::HttpCall call;
  call.to.path = (state_ / "api.sock").string();
  call.request.method = method;
  call.request.target =
      path.starts_with("//") ? path.substr(1) : fmt::format("/v1/{}{}", project_, path);
  if (!body.is_null()) {
    call.request.headers.add("Content-Type", "application/json");
    call.request.body = to_json_text(body);
  }
  ApiAnswer answer;
  auto fetched = client_->fetch(std::move(call));
  if (!fetched) {
    answer.text = fetched.error().text();
    return answer;
  }
  answer.status = fetched->status;
  answer.text = fetched->body;
  if (auto parsed = parse_json(fetched->body)) answer.body = *std::move(parsed);
  return answer;
}

CommandOutcome HitlessProcess::run(const std::vector<std::string>& arguments) const {
  std::vector<std::string> argv{binary()};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return run_to_end(argv);
}

CommandOutcome HitlessProcess::run_shell(const std::string& line) const {
  return run_to_end({"/bin/bash", "-c", "set -o pipefail; " + line, binary(), state_.string()});
}

CommandOutcome HitlessProcess::run_to_end(const std::vector<std::string>& argv) const {
  static std::atomic<int> runs = 0;
  const fs::path output = folder_ / fmt::format("run-{}.log", ++runs);
  const pid_t pid = spawn(argv, output);
  CommandOutcome outcome;
  if (const auto status = wait_for_end(pid)) {
    outcome.status = *status;
  } else {
    ::kill(pid, SIGKILL);
    wait_for_end(pid);
  }
  outcome.output = tail_of(output, k_log_bytes_shown);
  return outcome;
}

std::string HitlessProcess::token() const {
  auto token = read_file(state_ / "token", k_small_file_bytes);
  if (!token) return {};
  while (token->ends_with('\n')) token->pop_back();
  return *token;
}

std::vector<OwnedProcess> HitlessProcess::processes() const {
  std::vector<OwnedProcess> found;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    pid_t pid = 0;
    const auto [end, failure] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (failure != std::errc() || end != name.data() + name.size()) continue;
    std::string command = command_line(entry.path());
    const bool ours = command.find(folder_.string() + "/") != std::string::npos ||
                      command.find(state_.string()) != std::string::npos;
    if (ours) found.push_back({pid, std::move(command)});
  }
  return found;
}

pid_t HitlessProcess::gateway_pid() const {
  for (const OwnedProcess& process : processes()) {
    if (process.command.find(" gateway ") != std::string::npos ||
        process.command.starts_with("gateway ")) {
      return process.pid;
    }
  }
  return 0;
}

std::string HitlessProcess::logs() const {
  return fmt::format("--- serve.log\n{}\n--- gateway.log\n{}",
                     tail_of(folder_ / "serve.log", k_log_bytes_shown),
                     tail_of(state_ / "gateway.log", k_log_bytes_shown));
}

}  // namespace hitless::tests
