#include "bench/gateway/link.h"

#include "base/check.h"
#include "base/crypto.h"

namespace hitless::bench {
namespace {

// Under valgrind everything takes fifty times as long.
constexpr std::chrono::seconds k_adoption_patience{120};

}  // namespace

model::ServiceRoute route_to(const std::string& service, std::vector<model::Endpoint> endpoints) {
  model::Share share{.revision = 1, .weight = 100, .endpoints = std::move(endpoints)};
  return {.service = model::ServiceId(service),
          .standing = model::Standing::serving,
          .balance = model::Balance::least_connections,
          .shares = {std::move(share)}};
}

Link::Link(const std::filesystem::path& control_socket)
    : client_(gateway::GatewayClient::start(control_socket, [this] {
        const std::lock_guard<std::mutex> lock(mutex_);
        changed_.notify_all();
      })) {}

Link::~Link() {
  client_.reset();
}

template <typename Condition>
bool Link::wait(std::chrono::seconds patience, Condition holds) {
  std::unique_lock<std::mutex> lock(mutex_);
  return changed_.wait_for(lock, patience, holds);
}

Address Link::attach(std::chrono::seconds patience) {
  if (!wait(patience, [this] { return client_->attached().has_value(); })) return {};
  return client_->attached()->listen;
}

std::chrono::nanoseconds Link::adopt(std::vector<model::SharedRoute> services) {
  model::RouteTable table{.generation = ++generation_,
                          .services = std::move(services),
                          .token_digests = {sha256_hex(k_token)}};
  const auto began = std::chrono::steady_clock::now();
  client_->publish(std::move(table));
  HL_CHECK(wait(k_adoption_patience, [this] { return client_->adopted() >= generation_; }));
  return std::chrono::steady_clock::now() - began;
}

void Link::wait_until_drained(const std::string& instance) {
  HL_CHECK(wait(k_adoption_patience,
                [&] { return client_->usage().find(model::InstanceId(instance)) == nullptr; }));
}

}  // namespace hitless::bench
