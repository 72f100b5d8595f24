// The real ONNX engine on a Unix socket in a folder of its own, for tests.
#pragma once

#include <chrono>
#include <memory>
#include <thread>

#include "base/check.h"
#include "net/http_client.h"
#include "tests/support/child_process.h"
#include "tests/support/raw_socket.h"

namespace hitless::tests {

// Owner: one test, one thread.  ready() first.
class OnnxEngine {
 public:
  OnnxEngine(const std::string& program, const std::filesystem::path& package,
             std::vector<std::string> more = {})
      : folder_(*TemporaryDirectory::make("onnx")) {
    std::filesystem::create_directory(folder_.path() / "home");
    std::vector<std::string> arguments = {program,
                                          "--model-dir",
                                          package.string(),
                                          "--name",
                                          "vad",
                                          "--listen",
                                          "unix:" + socket_path().string()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    child_ = std::make_unique<ChildProcess>(
        ChildOptions{.arguments = std::move(arguments),
                     .environment = {"HOME=" + home().string(), "TMPDIR=" + home().string()},
                     .folder = folder_.path()});
  }

  // Waits until it answers that it is ready; false when it ends or patience does.
  bool ready() {
    const auto until =
        std::chrono::steady_clock::now() + std::chrono::milliseconds(k_patience_millis);
    while (std::chrono::steady_clock::now() < until && !child_->has_ended()) {
      const auto answer = client_->fetch(call("GET", "/v2/health/ready"));
      if (answer && answer->status == 200) return true;
      child_->has_ended(5);  // the pause between two looks, over at once when it ends
    }
    return false;
  }

  net::HttpCall call(std::string method, std::string target, std::string body = "") const {
    net::HttpCall made;
    made.to = address();
    made.request.method = std::move(method);
    made.request.target = std::move(target);
    made.request.body = std::move(body);
    made.total_timeout = std::chrono::milliseconds(k_patience_millis);
    return made;
  }

  net::HttpResponse ask(std::string method, std::string target, std::string body = "") {
    auto answer = client_->fetch(call(std::move(method), std::move(target), std::move(body)));
    if (answer) return std::move(*answer);
    return {.status = 0, .headers = {}, .body = answer.error().text()};
  }

  Address address() const { return {.host = {}, .port = 0, .path = socket_path().string()}; }
  std::filesystem::path socket_path() const { return folder_.path() / "s"; }
  std::filesystem::path home() const { return folder_.path() / "home"; }
  ChildProcess& child() { return *child_; }
  net::HttpClient& client() { return *client_; }

 private:
  TemporaryDirectory folder_;
  std::unique_ptr<ChildProcess> child_;
  std::unique_ptr<net::HttpClient> client_ = net::HttpClient::make();
};

}  // namespace hitless::tests
