// The real binary with a handful of TCP ports: what a plan says of them is what happens.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/support/hitless_process.h"
#include "tests/support/pretend_service.h"
#include "tests/support/subprocess.h"

namespace hitless::tests {
namespace {

// Not valid when somebody listens there.
UniqueFd listen_on(int port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(static_cast<std::uint16_t>(port));
  name.sin_addr.s_addr = htonl(INADDR_ANY);
  const bool bound = ::bind(fd.get(), reinterpret_cast<sockaddr*>(&name), sizeof name) == 0;
  if (!bound || ::listen(fd.get(), 1) != 0) fd.reset();
  return fd;
}

// The first of so many in a row that nobody listens on, below the kernel's ephemeral range.
int find_ports(int count) {
  constexpr int k_first = 21000, k_span = 2000;
  const int own = static_cast<int>(::getpid()) * 7;
  for (int tried = 0; tried < k_span; tried += count) {
    const int first = k_first + (own + tried) % k_span;
    int free = 0;
    while (free < count && listen_on(first + free)) ++free;
    if (free == count) return first;
  }
  ADD_FAILURE() << "no ports in a row are free";
  return k_first;
}

class PoolOfPorts : public ::testing::Test {
 protected:
  void start(int ports) {
    first_ = find_ports(ports);
    hitless_ = HitlessProcess::start(
        {.serve_flags = {"--port-first", fmt::format("{}", first_), "--port-last",
                         fmt::format("{}", first_ + ports - 1)}});
    ASSERT_TRUE(hitless_);
    one_ = import_model(*hitless_, {.version = "v1", .listen = "tcp"});
    two_ = import_model(*hitless_, {.version = "v2", .listen = "tcp"});
  }

  void serve(int count) {
    service_.emplace(*hitless_, "ported", std::vector<Entry>{{.model_id = one_, .count = count}});
    ASSERT_EQ(service_->wait_for_end(service_->newest_rollout()), "succeeded");
  }

  ApiAnswer ask_plan(const std::string& model, int count, json::object more = {}) {
    more["config"] = to_config({{.model_id = model, .count = count}});
    return hitless_->api("POST", service_->path() + "/plan", more);
  }

  int first_ = 0;
  std::unique_ptr<HitlessProcess> hitless_;
  std::optional<PretendService> service_;
  std::string one_, two_;
};

TEST_F(PoolOfPorts, IsFullWhenEachInstanceHasOne) {
  start(2);
  serve(2);
  const ApiAnswer plan = ask_plan(two_, 2);
  ASSERT_EQ(plan.status, 200) << plan.text;
  EXPECT_EQ(plan.object().at("strategy").as_string(), "hold_and_swap") << plan.text;

  const ApiAnswer green = ask_plan(two_, 2, {{"rollout_policy", {{"strategy", "blue_green"}}}});
  EXPECT_EQ(green.status, 400);
  EXPECT_NE(green.text.find("2 TCP ports are needed, 0 are free"), std::string::npos) << green.text;
  const ApiAnswer more = ask_plan(two_, 3);
  EXPECT_EQ(more.status, 400);
  EXPECT_NE(more.text.find("3 TCP ports are needed, 2 are"), std::string::npos) << more.text;

  const std::string rollout = service_->update({{.model_id = two_, .count = 2}});
  EXPECT_EQ(service_->wait_for_end(rollout), "succeeded")
      << to_json_text(service_->rollout(rollout));
}

TEST_F(PoolOfPorts, HasRoomForInstancesThatListenOnASocket) {
  start(2);
  serve(2);
  const std::string socket = import_model(*hitless_, {.version = "v3", .listen = "unix"});
  const ApiAnswer plan = ask_plan(socket, 2);
  ASSERT_EQ(plan.status, 200) << plan.text;
  EXPECT_EQ(plan.object().at("strategy").as_string(), "surge") << plan.text;
  const std::string rollout = service_->update({{.model_id = socket, .count = 2}});
  EXPECT_EQ(service_->wait_for_end(rollout), "succeeded")
      << to_json_text(service_->rollout(rollout));
}

// Somebody else takes the port between the plan and the start: it waits, and nothing has exited.
TEST_F(PoolOfPorts, ThatAnotherProgramListensOnAreWaitedFor) {
  start(1);
  serve(1);
  ASSERT_EQ(service_->wait_for_end(service_->set_status("stopped")), "succeeded");
  UniqueFd stranger = listen_on(first_);
  ASSERT_TRUE(stranger);
  const ApiAnswer started = hitless_->api("PUT", service_->path(), {{"status", "running"}});
  if (started.status != 200) {  // the pool had counted again by then
    EXPECT_NE(started.text.find("1 TCP ports are needed, 0 are"), std::string::npos)
        << started.text;
    return;
  }
  const std::string rollout = service_->newest_rollout();
  EXPECT_TRUE(eventually([&] {
    return to_json_text(service_->rollout(rollout)).find("no room") != std::string::npos;
  })) << to_json_text(service_->rollout(rollout));
  stranger.reset();
  EXPECT_EQ(service_->wait_for_end(rollout), "succeeded")
      << to_json_text(service_->rollout(rollout));
}

}  // namespace
}  // namespace hitless::tests
