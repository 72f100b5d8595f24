// A gateway in this process with its control client, for tests of the data path.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/crypto.h"
#include "base/file.h"
#include "gateway/client.h"
#include "gateway/server.h"
#include "tests/support/raw_http.h"

namespace hitless::testing {

inline constexpr const char* k_token = "test-token";
inline constexpr const char* k_service = "11111111-2222-3333-4444-555555555555";

inline model::Endpoint endpoint(const std::string& instance, const Address& address) {
  return {.instance = model::InstanceId(instance), .address = address};
}

inline model::ServiceRoute serving(std::vector<model::Share> shares,
                                   std::string service = k_service) {
  return {.service = model::ServiceId(std::move(service)),
          .standing = model::Standing::serving,
          .balance = model::Balance::round_robin,
          .shares = std::move(shares)};
}

// "POST /v1/infers/<service><path>" with the token.
inline std::string request(std::string_view path = "/", std::string_view body = "hello",
                           std::string_view fields = "", std::string_view method = "POST") {
  std::string text(method);
  text.append(" /v1/infers/").append(k_service).append(path).append(" HTTP/1.1\r\nHost: test\r\n");
  text.append("X-Auth-Token: ").append(k_token).append("\r\n").append(fields);
  if (method != "GET" && method != "HEAD") {
    text.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n");
  }
  return text.append("\r\n").append(method == "GET" || method == "HEAD" ? "" : body);
}

class GatewayFixture {
 public:
  explicit GatewayFixture(gateway::Limits limits = {}, std::size_t workers = 2,
                          std::optional<gateway::TlsOptions> tls = std::nullopt)
      : directory_(std::move(TemporaryDirectory::make("hitless-gateway")).value()) {
    options_.control_socket = directory_.path() / "gateway.sock";
    options_.address_file = directory_.path() / "gateway.address";
    options_.version = "of-the-test";
    options_.workers = workers;
    options_.limits = limits;
    options_.tls = std::move(tls);
    start_gateway();
    start_client();
  }
  ~GatewayFixture() {
    client_.reset();
    gateway_.reset();
  }

  void start_gateway() {
    gateway_ = std::move(gateway::Gateway::start(options_)).value();
    address_ = gateway_->address();
  }
  void stop_gateway() { gateway_.reset(); }
  void start_client() {
    client_ = gateway::GatewayClient::start(options_.control_socket, [this] {
      const std::lock_guard<std::mutex> lock(mutex_);
      changed_.notify_all();
    });
  }
  void stop_client() { client_.reset(); }
  // Before anything is published.
  void restart_with(gateway::Signals signals) {
    stop_client();
    stop_gateway();
    options_.signals = std::move(signals);
    start_gateway();
    start_client();
  }
  const std::filesystem::path& folder() const { return directory_.path(); }

  gateway::Gateway& gateway() { return *gateway_; }
  gateway::GatewayClient& client() { return *client_; }
  const gateway::GatewayOptions& options() const { return options_; }
  const Address& address() const { return address_; }  // also of a gateway that took over
  RawConnection connect(int receive_buffer = 0) {
    return RawConnection::connect(address_, receive_buffer);
  }
  RawMessage call(const std::string& text) {
    RawConnection connection = connect();
    connection.write(text);
    return connection.read_message();
  }

  // Waits until the usage is so; false after the deadline.
  bool eventually(const std::function<bool(const model::Usage&)>& holds) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(k_read_seconds);
    std::unique_lock<std::mutex> lock(mutex_);
    while (!holds(client_->usage())) {
      if (changed_.wait_until(lock, deadline) == std::cv_status::timeout) {
        return holds(client_->usage());
      }
    }
    return true;
  }

  model::Generation publish(std::vector<model::SharedRoute> services,
                            const std::string& token = k_token) {
    model::RouteTable table{.generation = ++generation_,
                            .services = std::move(services),
                            .token_digests = {sha256_hex(token)}};
    client_->publish(std::move(table));
    return generation_;
  }
  // Publishes and waits until every worker has it.
  bool adopt(std::vector<model::SharedRoute> services, const std::string& token = k_token) {
    const model::Generation generation = publish(std::move(services), token);
    return eventually([&](const model::Usage& usage) { return usage.adopted >= generation; });
  }
  bool adopt_one(const RawUpstream& upstream, model::RevisionNumber revision = 1) {
    return adopt({serving({{revision, 100, {endpoint("i1", upstream.address())}}})});
  }

  // The sum over all revisions of the service, when `count` requests have been accounted.
  model::Outcomes outcomes_of(std::uint64_t count, const std::string& service = k_service) {
    model::Outcomes sum;
    eventually([&](const model::Usage& usage) {
      sum = {};
      for (const auto& revision : usage.revisions) {
        if (revision.service.text() == service) sum += revision.outcomes;
      }
      return sum.requests >= count;
    });
    return sum;
  }

 private:
  TemporaryDirectory directory_;
  gateway::GatewayOptions options_;
  std::unique_ptr<gateway::Gateway> gateway_;
  Address address_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::unique_ptr<gateway::GatewayClient> client_;
  model::Generation generation_ = 0;
};

}  // namespace hitless::testing
