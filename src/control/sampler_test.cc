#include "control/sampler.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <map>
#include <mutex>

#include "base/file.h"
#include "net/http_server.h"

namespace hitless::control {
namespace {

const model::ServiceId k_service("s1");

// What a gateway with instances behind it answers, by instance.
class SamplerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto directory = TemporaryDirectory::make("hitless-sampler");
    ASSERT_TRUE(directory) << directory.error().text();
    directory_ = std::make_unique<TemporaryDirectory>(std::move(*directory));
    net::HttpServerOptions options;
    options.listen = {Address{"", 0, (directory_->path() / "gateway.sock").string()}};
    auto server = net::HttpServer::start(
        options,
        [this](const net::HttpRequest& request, const net::HttpPeer&) { return answer(request); });
    ASSERT_TRUE(server) << server.error().text();
    server_ = std::move(*server);
    sampler_ = Sampler::start(clock_, [this] {
      const std::lock_guard lock(mutex_);
      changed_.notify_all();
    });
  }

  void TearDown() override {
    sampler_.reset();
    if (server_) server_->stop();
  }

  net::HttpResponse answer(const net::HttpRequest& request) {
    const std::lock_guard lock(mutex_);
    seen_.push_back(request);
    changed_.notify_all();
    net::HttpResponse response{.status = 200, .headers = {}, .body = R"({"x": 1})"};
    const std::string instance(request.headers.get("X-Hitless-Instance"));
    if (const auto found = answers_.find(instance); found != answers_.end()) {
      response = found->second;
    }
    if (routed_) response.headers.add("X-Hitless-Revision", "2");
    return response;
  }

  static SampleStream stream(std::vector<std::string> instances, std::string_view warm_up,
                             bool borrowed = false) {
    SampleStream made;
    for (const std::string& id : instances) made.instances.emplace_back(id);
    made.requests = std::make_shared<const model::WarmUp>(
        model::warm_up_from_json(parse_json(warm_up).value()).value());
    made.borrowed = borrowed;
    return made;
  }

  SampleTask task(std::vector<SampleStream> old_side, std::vector<SampleStream> new_side,
                  std::uint64_t wanted) {
    return {.rollout = model::RolloutId("r1"),
            .step = 0,
            .service = k_service,
            .gateway = server_->addresses().front(),
            .token = "secret",
            .old_side = std::move(old_side),
            .new_side = std::move(new_side),
            .wanted = wanted};
  }

  // Sends until the task is done; what the stand-in for the gateway saw of instances, in order.
  std::vector<std::string> run(const SampleTask& asked) {
    sampler_->ensure(asked);
    EXPECT_TRUE(eventually([this] { return sampler_->state(k_service).done_at.has_value(); }));
    const std::lock_guard lock(mutex_);
    std::vector<std::string> asked_of;
    for (const net::HttpRequest& request : seen_) {
      asked_of.emplace_back(request.headers.get("X-Hitless-Instance"));
    }
    return asked_of;
  }

  template <class Holds>
  bool eventually(Holds holds) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (std::chrono::steady_clock::now() < end) {
      if (holds()) return true;
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, std::chrono::milliseconds(10));
    }
    return false;
  }

  const SystemClock clock_{};
  std::mutex mutex_;
  std::condition_variable changed_;
  bool routed_ = true;  // answers name a revision
  std::map<std::string, net::HttpResponse> answers_;
  std::vector<net::HttpRequest> seen_;
  std::unique_ptr<TemporaryDirectory> directory_;
  std::unique_ptr<net::HttpServer> server_;
  std::unique_ptr<Sampler> sampler_;
};

TEST_F(SamplerTest, AsksOldAndNewInTurnThroughTheGateway) {
  const auto asked =
      run(task({stream({"old"}, R"([{"path": "/o"}])")},
               {stream({"n1", "n2"}, R"([{"path": "/a?q", "body": "b"}, {"path": "/b"}])")}, 4));
  EXPECT_EQ(asked, (std::vector<std::string>{"old", "n1", "old", "n2", "old", "n1", "old", "n2"}));
  EXPECT_EQ(sampler_->state(k_service).answered, 8U);
  const std::lock_guard lock(mutex_);
  EXPECT_EQ(seen_[0].target, "/v1/infers/s1/o");
  EXPECT_EQ(seen_[1].target, "/v1/infers/s1/a?q");
  EXPECT_EQ(seen_[1].body, "b");
  EXPECT_EQ(seen_[1].headers.get("X-Auth-Token"), "secret");
  EXPECT_EQ(seen_[3].target, "/v1/infers/s1/a?q");
  EXPECT_EQ(seen_[5].target, "/v1/infers/s1/b") << "each instance gets each request";
}

TEST_F(SamplerTest, CountsWhatTheGatewayCannotSee) {
  answers_["new"] = {.status = 200, .headers = {}, .body = R"({"x": 2})"};
  const std::string wanted = R"([{"path": "/", "fields": [{"pointer": "/x", "value": 1}]}])";
  run(task({stream({"old"}, wanted)}, {stream({"new"}, wanted)}, 5));
  EXPECT_EQ(sampler_->state(k_service).unseen_new, 5U);
  EXPECT_EQ(sampler_->state(k_service).unseen_old, 0U);
}

TEST_F(SamplerTest, LeavesServerErrorsToTheGateway) {
  answers_["new"] = {.status = 500, .headers = {}, .body = {}};
  run(task({stream({"old"}, R"([{"path": "/"}])")}, {stream({"new"}, R"([{"path": "/"}])")}, 3));
  EXPECT_EQ(sampler_->state(k_service).unseen_new, 0U);
  EXPECT_EQ(sampler_->state(k_service).answered, 6U);
}

TEST_F(SamplerTest, AsksAnOldSideNoMoreThatDoesNotKnowTheRequest) {
  answers_["old"] = {.status = 404, .headers = {}, .body = {}};
  const auto asked = run(task({stream({"old"}, R"([{"path": "/new"}])", true)},
                              {stream({"new"}, R"([{"path": "/new"}])")}, 3));
  EXPECT_EQ(asked, (std::vector<std::string>{"old", "new", "new", "new"}));
  EXPECT_EQ(sampler_->state(k_service).unseen_old, 0U);
}

TEST_F(SamplerTest, AnOldSideThatDoesNotAnswerHoldsNothingUp) {
  answers_["old"] = {.status = 504, .headers = {}, .body = {}};
  const auto asked = run(
      task({stream({"old"}, R"([{"path": "/"}])")}, {stream({"new"}, R"([{"path": "/"}])")}, 6));
  EXPECT_EQ(std::count(asked.begin(), asked.end(), "old"), 3);
  EXPECT_EQ(std::count(asked.begin(), asked.end(), "new"), 6);
}

TEST_F(SamplerTest, IsDoneAtOnceWithoutRequests) {
  EXPECT_TRUE(
      run(task({stream({"old"}, R"([{"path": "/"}])")}, {stream({"new"}, "[]")}, 0)).empty());
  sampler_->forget(k_service);
  SampleTask none = task({stream({"old"}, R"([{"path": "/"}])")}, {stream({"new"}, "[]")}, 5);
  EXPECT_TRUE(run(none).empty());
  EXPECT_EQ(sampler_->state(k_service).answered, 0U);
}

TEST_F(SamplerTest, WaitsForAGatewayThatRoutesAndGoesOn) {
  routed_ = false;
  const SampleTask asked =
      task({stream({"old"}, R"([{"path": "/"}])")}, {stream({"new"}, R"([{"path": "/"}])")}, 2);
  sampler_->ensure(asked);
  ASSERT_TRUE(eventually([this] {
    const std::lock_guard lock(mutex_);
    return seen_.size() == 1;
  }));
  {
    const std::lock_guard lock(mutex_);
    routed_ = true;
  }
  ASSERT_TRUE(eventually([&] {
    sampler_->ensure(asked);  // as each pass of the loop does
    return sampler_->state(k_service).done_at.has_value();
  }));
  EXPECT_EQ(sampler_->state(k_service).answered, 4U);
}

TEST_F(SamplerTest, AnotherStepBeginsAnew) {
  SampleTask asked =
      task({stream({"old"}, R"([{"path": "/"}])")}, {stream({"new"}, R"([{"path": "/"}])")}, 2);
  EXPECT_EQ(run(asked).size(), 4U);
  EXPECT_EQ(run(asked).size(), 4U) << "the same one is done";
  asked.step = 1;
  EXPECT_EQ(run(asked).size(), 8U);
  EXPECT_EQ(sampler_->state(k_service).answered, 4U);
}

}  // namespace
}  // namespace hitless::control
