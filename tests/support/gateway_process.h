// The real `hitless gateway`, alone, with a control client of the test's in the place of serve.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "base/crypto.h"
#include "gateway/client.h"
#include "tests/support/child_process.h"
#include "tests/support/gateway_fixture.h"
#include "tests/support/subprocess.h"

namespace hitless::testing {

// Owner: one test, one thread.  start() first.
class GatewayProcess {
 public:
  explicit GatewayProcess(int workers = 2)
      : workers_(std::to_string(workers)),
        folder_(std::move(TemporaryDirectory::make("hitless-gateway")).value()) {}
  ~GatewayProcess() {
    client_.reset();
    if (process_ == nullptr) return;
    process_->signal(SIGTERM);
    EXPECT_EQ(process_->wait(k_end_millis), 0) << process_->errors();
  }

  // With a table of one service, k_service, whose only instance listens at `instance`.
  ::testing::AssertionResult start(const Address& instance) {
    return start({endpoint("i1", instance)});
  }
  // … whose instances are these.
  ::testing::AssertionResult start(std::vector<model::Endpoint> instances) {
    const char* binary = std::getenv("HITLESS_BINARY");
    if (binary == nullptr) return ::testing::AssertionFailure() << "HITLESS_BINARY is not set";
    process_ = std::make_unique<tests::ChildProcess>(
        tests::ChildOptions{.arguments = {binary, "gateway", "--state", folder_.path().string(),
                                          "--listen", "127.0.0.1:0", "--workers", workers_},
                            .environment = {},
                            .folder = folder_.path()});
    client_ = gateway::GatewayClient::start(folder_.path() / "gateway.sock", [] {});
    if (!route(std::move(instances))) {
      return ::testing::AssertionFailure() << "no gateway: " << process_->errors();
    }
    address_ = client_->attached()->listen;
    return ::testing::AssertionSuccess();
  }

  // Waits until every worker sends traffic to these and to no other.
  bool route(std::vector<model::Endpoint> instances) {
    client_->publish({.generation = ++generation_,
                      .services = {serving({{1, 100, std::move(instances)}})},
                      .token_digests = {sha256_hex(k_token)}});
    return tests::eventually([&] { return client_->adopted() >= generation_; });
  }
  // Waits until nothing is in flight to one that is routed to no more: it may be ended then.
  bool wait_until_drained(const std::string& instance) {
    return tests::eventually(
        [&] { return client_->usage().find(model::InstanceId(instance)) == nullptr; });
  }

  model::Usage usage() const { return client_->usage(); }
  const Address& address() const { return address_; }
  pid_t pid() const { return process_->pid(); }
  std::string log() const { return process_->output() + process_->errors(); }

 private:
  static constexpr int k_end_millis = 60'000;

  const std::string workers_;
  TemporaryDirectory folder_;
  std::unique_ptr<tests::ChildProcess> process_;
  std::unique_ptr<gateway::GatewayClient> client_;
  model::Generation generation_ = 0;
  Address address_;
};

}  // namespace hitless::testing
