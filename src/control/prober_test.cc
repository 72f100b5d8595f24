#include "control/prober.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <fstream>
#include <mutex>

#include "base/file.h"
#include "control/limits.h"
#include "net/http_server.h"

namespace hitless::control {
namespace {

using std::chrono::milliseconds;

// A model that says of itself what a test wants, behind a socket of its own.
class ProberTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto directory = TemporaryDirectory::make("hitless-prober");
    ASSERT_TRUE(directory) << directory.error().text();
    directory_ = std::make_unique<TemporaryDirectory>(std::move(*directory));
    net::HttpServerOptions options;
    options.listen = {Address{"", 0, (directory_->path() / "model.sock").string()}};
    auto server = net::HttpServer::start(
        options,
        [this](const net::HttpRequest& request, const net::HttpPeer&) { return answer(request); });
    ASSERT_TRUE(server) << server.error().text();
    server_ = std::move(*server);
    prober_ = Prober::start(clock_, [this] { tell(); });
  }

  void TearDown() override {
    prober_.reset();
    if (server_) server_->stop();
  }

  net::HttpResponse answer(const net::HttpRequest& request) {
    const std::lock_guard lock(mutex_);
    seen_.push_back(request);
    changed_.notify_all();
    const auto found = answers_.find(std::string(request.path()));
    return found == answers_.end() ? net::HttpResponse{.status = 200, .headers = {}, .body = "{}"}
                                   : found->second;
  }

  void set_answer(const std::string& path, int status, std::string body = "") {
    const std::lock_guard lock(mutex_);
    answers_[path] = {.status = status, .headers = {}, .body = std::move(body)};
  }

  ProbeTarget target(std::string_view warm_up, bool was_ready = false) {
    ProbeTarget made;
    made.instance = model::InstanceId("i1");
    made.address = server_->addresses().front();
    made.check.period = milliseconds(20);
    made.check.initial_delay = Duration{};
    made.check.failure_threshold = 3;
    made.check.timeout = std::chrono::seconds(10);
    auto read = model::warm_up_from_json(parse_json(warm_up).value());
    EXPECT_TRUE(read) << read.error().text();
    made.warm_up = std::make_shared<const model::WarmUp>(std::move(*read));
    made.started = clock_.now();
    made.was_ready = was_ready;
    return made;
  }

  ProbeState state() const { return prober_->state(model::InstanceId("i1")); }

  template <class Holds>
  bool eventually(Holds holds) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    std::unique_lock lock(mutex_);
    while (std::chrono::steady_clock::now() < end) {
      lock.unlock();
      const bool done = holds();
      lock.lock();
      if (done) return true;
      changed_.wait_for(lock, milliseconds(10));
    }
    return false;
  }
  bool passes() {
    return eventually([this] { return state().probe == rollout::Probe::passing; });
  }
  bool fails() {
    return eventually([this] { return state().probe == rollout::Probe::failing; });
  }

  void tell() {
    const std::lock_guard lock(mutex_);
    changed_.notify_all();
  }

  std::vector<std::string> paths_seen() {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> paths;
    for (const net::HttpRequest& request : seen_) paths.push_back(request.target);
    return paths;
  }
  std::size_t count_seen(std::string_view path) {
    const auto paths = paths_seen();
    return static_cast<std::size_t>(std::count(paths.begin(), paths.end(), path));
  }

  const SystemClock clock_{};
  std::mutex mutex_;
  std::condition_variable changed_;
  bool released_ = false;  // those who wait with their answer give it
  std::map<std::string, net::HttpResponse> answers_;
  std::vector<net::HttpRequest> seen_;
  std::unique_ptr<TemporaryDirectory> directory_;
  std::unique_ptr<net::HttpServer> server_;
  std::unique_ptr<Prober> prober_;
};

TEST_F(ProberTest, WithoutWarmUpRequestsTheHealthCheckIsEnough) {
  prober_->ensure(target("[]"));
  EXPECT_TRUE(passes());
}

TEST_F(ProberTest, SaysThatNothingListensWhenAProgramHadTheTimeTo) {
  ProbeTarget late = target("[]");
  late.address.path = (directory_->path() / "nothing.sock").string();
  late.started = clock_.now() - std::chrono::seconds(5);
  prober_->ensure(late);
  ASSERT_TRUE(fails());
  EXPECT_NE(state().detail.find("its program has to listen there"), std::string::npos)
      << state().detail;
}

// It begins in an hour, so that no machine is slow enough to make it old.
TEST_F(ProberTest, SaysNothingOfAProgramThatHasJustBegun) {
  ProbeTarget young = target("[]");
  young.address.path = (directory_->path() / "nothing.sock").string();
  young.started = clock_.now() + std::chrono::hours(1);
  prober_->ensure(young);
  ASSERT_TRUE(eventually([this] { return prober_->counts().failed > 0; }));
  EXPECT_EQ(state().probe, rollout::Probe::unknown);
  EXPECT_EQ(state().detail, "");
}

TEST_F(ProberTest, SaysWhyItGivesUpAProgramThatHasJustBegun) {
  ProbeTarget young = target("[]");
  young.address.path = (directory_->path() / "nothing.sock").string();
  young.started = clock_.now() + std::chrono::hours(1);
  young.check.initial_delay = -std::chrono::hours(2);
  prober_->ensure(young);
  ASSERT_TRUE(fails());
  EXPECT_NE(state().detail.find("its program has to listen there"), std::string::npos)
      << state().detail;
}

TEST_F(ProberTest, PassesWhenEveryWarmUpRequestWasAnsweredRight) {
  set_answer("/one", 200, R"({"score": 0.91})");
  set_answer("/two", 404);
  prober_->ensure(target(R"([
      {"path": "/one?x=1", "body": {"a": 1}, "headers": {"X-Own": "y"},
       "fields": [{"pointer": "/score", "value": 0.9, "absolute": 0.05}]},
      {"path": "/two", "method": "PUT", "status": 404}])"));
  ASSERT_TRUE(passes());
  EXPECT_EQ(state().detail, "");
  const auto paths = paths_seen();
  ASSERT_GE(paths.size(), 3U);
  EXPECT_EQ(std::vector<std::string>(paths.begin(), paths.begin() + 3),
            (std::vector<std::string>{"/health", "/one?x=1", "/two"}));
  const std::lock_guard lock(mutex_);
  EXPECT_EQ(seen_[1].method, "POST");
  EXPECT_EQ(seen_[1].body, R"({"a":1})");
  EXPECT_EQ(seen_[1].headers.get("Content-Type"), "application/json");
  EXPECT_EQ(seen_[1].headers.get("X-Own"), "y");
  EXPECT_EQ(seen_[1].headers.get("X-Request-Id"), "warm-up-i1-1");
  EXPECT_EQ(seen_[1].headers.get("X-Forwarded-Proto"), "http");
  EXPECT_EQ(seen_[2].method, "PUT");
}

TEST_F(ProberTest, AWrongAnswerNamesTheRequestAndWhatCame) {
  set_answer("/predict", 500, "out of memory");
  prober_->ensure(target(R"([{"path": "/"}, {"path": "/predict", "body": "x"}])"));
  ASSERT_TRUE(fails());
  EXPECT_EQ(state().detail,
            "warm-up request 2: POST /predict answered 500 (out of memory), expected 200");
  EXPECT_EQ(count_seen("/"), 1U) << "what was answered right is not asked again";
  EXPECT_GE(count_seen("/predict"), 3U) << "the failure threshold";
}

TEST_F(ProberTest, AWrongFieldNamesWhatWasExpected) {
  set_answer("/predict", 200, R"({"score": 0.71})");
  prober_->ensure(target(R"([{"path": "/predict", "body": "x",
      "fields": [{"pointer": "/score", "value": 0.9, "absolute": 0.05}]}])"));
  ASSERT_TRUE(fails());
  EXPECT_EQ(state().detail,
            "warm-up request 1: POST /predict answered 200, but field /score is 0.71, expected "
            "0.9 ± 0.05");
}

TEST_F(ProberTest, IsTriedAgainUntilItIsRight) {
  set_answer("/predict", 503, "loading");
  ProbeTarget slow = target(R"([{"path": "/predict"}])");
  slow.check.failure_threshold = 1'000'000;
  prober_->ensure(slow);
  ASSERT_TRUE(eventually([this] { return count_seen("/predict") >= 3; }));
  EXPECT_EQ(state().probe, rollout::Probe::unknown);
  set_answer("/predict", 200);
  EXPECT_TRUE(passes());
}

TEST_F(ProberTest, FailuresInsideTheInitialDelayDoNotCount) {
  set_answer("/predict", 503);
  ProbeTarget patient = target(R"([{"path": "/predict"}])");
  patient.check.initial_delay = std::chrono::hours(1);
  patient.check.failure_threshold = 1;
  prober_->ensure(patient);
  ASSERT_TRUE(eventually([this] { return count_seen("/predict") >= 3; }));
  EXPECT_EQ(state().probe, rollout::Probe::unknown);
  EXPECT_NE(state().detail.find("answered 503"), std::string::npos);
}

TEST_F(ProberTest, OnceReadyOnlyTheHealthCheckGoesOn) {
  prober_->ensure(target(R"([{"path": "/predict"}])"));
  ASSERT_TRUE(passes());
  set_answer("/predict", 500);
  const std::size_t before = count_seen("/health");
  ASSERT_TRUE(eventually([&] { return count_seen("/health") >= before + 3; }));
  EXPECT_EQ(count_seen("/predict"), 1U);
  EXPECT_EQ(state().probe, rollout::Probe::passing);
}

TEST_F(ProberTest, WhatWasReadyForAFormerServeIsNotWarmedUpAgain) {
  set_answer("/predict", 500);
  prober_->ensure(target(R"([{"path": "/predict"}])", true));
  EXPECT_TRUE(passes());
  EXPECT_EQ(count_seen("/predict"), 0U);
}

TEST_F(ProberTest, AnAnswerThatDoesNotComeFailsToo) {
  server_->stop();
  auto deaf = net::HttpServer::start(
      {.listen = {Address{"", 0, (directory_->path() / "deaf.sock").string()}}},
      [this](const net::HttpRequest& request, const net::HttpPeer&) {
        if (request.path() != "/health") {
          std::unique_lock lock(mutex_);
          changed_.wait(lock, [this] { return released_; });
        }
        return net::HttpResponse{.status = 200, .headers = {}, .body = "{}"};
      });
  ASSERT_TRUE(deaf) << deaf.error().text();
  server_ = std::move(*deaf);
  ProbeTarget hangs = target(R"([{"path": "/predict", "timeout_seconds": 0.05}])");
  hangs.check.failure_threshold = 1;
  prober_->ensure(hangs);
  EXPECT_TRUE(fails());
  EXPECT_EQ(state().detail, "warm-up request 1: GET /predict was not answered within 50 ms");
  const std::lock_guard lock(mutex_);
  released_ = true;
  changed_.notify_all();
}

TEST_F(ProberTest, AsksACommandAgainAndAgain) {
  const std::filesystem::path sign = directory_->path() / "up";
  std::filesystem::permissions(directory_->path(), std::filesystem::perms(0755));
  ProbeTarget asked = target("[]");
  asked.check.method = model::HealthCheck::Method::exec;
  asked.check.command = {"test", "-e", sign.string()};
  asked.check.failure_threshold = 1'000'000;
  asked.package = "/";
  prober_->ensure(asked);
  ASSERT_TRUE(eventually([this] { return !state().detail.empty(); })) << "never asked";
  std::ofstream(sign) << "here";
  EXPECT_TRUE(passes()) << state().detail;
  std::filesystem::remove(sign);
  EXPECT_TRUE(eventually([this] { return !state().detail.empty(); })) << "asked no more";
}

TEST_F(ProberTest, ADoubtedInstanceIsAskedBeforeItsTurn) {
  ProbeTarget calm = target("[]");
  calm.check.period = std::chrono::hours(1);
  calm.check.failure_threshold = 1;
  prober_->ensure(calm);
  ASSERT_TRUE(passes());
  set_answer(calm.check.path, 503);
  prober_->doubt(calm.instance);
  EXPECT_TRUE(fails());  // within an hour
  set_answer(calm.check.path, 200, "{}");
  prober_->doubt(calm.instance);
  EXPECT_TRUE(passes());
}

TEST_F(ProberTest, ManyDoubtsAreOneQuestion) {
  ProbeTarget calm = target("[]");
  calm.check.period = std::chrono::hours(1);
  prober_->ensure(calm);
  ASSERT_TRUE(passes());
  const auto began = std::chrono::steady_clock::now();
  std::size_t questions = 0;
  while (std::chrono::steady_clock::now() - began < 3 * k_doubt_interval) {
    for (int i = 0; i < 100; ++i) prober_->doubt(calm.instance);
    const std::lock_guard lock(mutex_);
    questions = seen_.size();
  }
  const auto took = std::chrono::steady_clock::now() - began;
  EXPECT_GE(questions, 2U);
  EXPECT_LE(questions, 2 + static_cast<std::size_t>(took / k_doubt_interval));
}

TEST_F(ProberTest, DoubtsOfWhatIsNotKnownOrNeverWasReadyChangeNothing) {
  prober_->doubt(model::InstanceId("nobody"));
  set_answer("/health", 503);
  ProbeTarget slow = target("[]");
  prober_->ensure(slow);
  prober_->doubt(slow.instance);
  EXPECT_TRUE(fails());
}

}  // namespace
}  // namespace hitless::control
