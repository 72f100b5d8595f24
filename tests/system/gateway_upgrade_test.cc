// The gateway replaces itself under load: nothing refused, nothing reset, nothing counted twice;
// and whoever is killed in the middle, a gateway serves.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <future>
#include <random>

#include "tests/support/raw_socket.h"
#include "tests/support/secure_load.h"
#include "tests/system/under_load.h"

namespace hitless::tests {
namespace {

class GatewayUpgrade : public UnderLoad {
 protected:
  static int replacements() { return requests_wanted() > 100'000 ? 100 : 10; }

  // All gateways of the state directory, the leaving ones as well.
  std::vector<pid_t> gateways() {
    std::vector<pid_t> pids;
    for (const OwnedProcess& process : hitless().processes()) {
      const bool is_upgrade = process.command.find(" gateway upgrade ") != std::string::npos;
      if (!is_upgrade && process.command.find(" gateway ") != std::string::npos) {
        pids.push_back(process.pid);
      }
    }
    return pids;
  }
  bool wait_for_one_gateway() {
    return eventually([this] { return gateways().size() == 1; });
  }

  CommandOutcome upgrade(const std::vector<std::string>& flags = {}) {
    std::vector<std::string> arguments{"gateway", "upgrade", "--state", hitless().state().string(),
                                       "--json"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    return hitless().run(arguments);
  }
  // How long it took, milliseconds.
  std::int64_t expect_upgraded() {
    const CommandOutcome done = upgrade();
    EXPECT_EQ(done.status, 0) << done.output;
    if (done.status != 0) return -1;
    const json::object report = parse_json(done.output).value().get_object();
    EXPECT_EQ(report.at("listen").as_string(), to_text(hitless().gateway()));
    pid_ = report.at("pid").to_number<pid_t>();
    predecessor_ = report.at("predecessor_pid").to_number<pid_t>();
    return report.at("took_ms").to_number<std::int64_t>();
  }

  // What the load counted, and so many of our own.
  void expect_counted_with(std::int64_t ours) {
    const std::int64_t wanted = static_cast<std::int64_t>(load().stop().requests) + ours;
    const bool alike =
        eventually([&] { return service().invocations() == wanted; }, std::chrono::seconds(10));
    EXPECT_TRUE(alike) << service().invocations() << " of " << wanted;
  }

  std::string head_of_call(const std::string& query) {
    return fmt::format(
        "POST /v1/infers/{}/predict{} HTTP/1.1\r\nHost: test\r\nX-Auth-Token: {}\r\n"
        "Content-Length: 2\r\n\r\n{{}}",
        service().id(), query, hitless().token());
  }

  pid_t pid_ = 0;          // of the last upgrade
  pid_t predecessor_ = 0;  // likewise
};

TEST_F(GatewayUpgrade, ManyUnderLoadRefuseResetAndLoseNothing) {
  start_hitless({"--gateway-workers", "2"});
  LoadOptions options;
  options.fresh_connections = 6;
  start({{.model_id = import("v1"), .count = 2}}, options);
  std::vector<std::int64_t> took;
  const int count = replacements();
  for (int i = 0; i < count; ++i) {
    took.push_back(expect_upgraded());
    go_on(requests_wanted() / static_cast<std::uint64_t>(count) / 2);
  }
  EXPECT_TRUE(wait_for_one_gateway());
  EXPECT_EQ(gateways(), std::vector<pid_t>{pid_});
  std::sort(took.begin(), took.end());
  fmt::print("{} replacements, each {} ms at the least, {} in the middle, {} at the most\n", count,
             took.front(), took[took.size() / 2], took.back());
  expect_no_failure();
  const Outcome outcome = load().stop();
  EXPECT_EQ(outcome.count(Ending::refused), 0U);
  EXPECT_EQ(outcome.count(Ending::reset), 0U);
  EXPECT_EQ(outcome.count(Ending::truncated), 0U);
  expect_counted_alike();
}

TEST_F(GatewayUpgrade, AStreamGoesOnAndAQuietConnectionIsNotReset) {
  start_hitless();
  start({{.model_id = import("v1"), .count = 1}});
  RawSocket quiet = RawSocket::connect(hitless().gateway());
  ASSERT_TRUE(quiet.send(head_of_call("")));
  ASSERT_NE(quiet.read_answer().find(" 200 "), std::string::npos);
  RawSocket stream = RawSocket::connect(hitless().gateway());
  constexpr int k_ticks = 100;
  ASSERT_TRUE(stream.send(head_of_call(fmt::format("?ticks={}&every_ms=50", k_ticks))));
  ASSERT_NE(stream.read_until("data: 3\n").find(" 200 "), std::string::npos);
  expect_upgraded();
  EXPECT_EQ(gateways().size(), 2U) << "the old one has a stream";
  EXPECT_NE(upgrade({"--wait", "0"}).status, 0);
  const std::string rest = stream.read_until(fmt::format("data: {}\n", k_ticks));
  EXPECT_NE(rest.find(fmt::format("data: {}\n", k_ticks)), std::string::npos) << "it was cut";
  // Asked again, it is served by the old one, or was told in time that the connection is over.
  const bool sent = quiet.send(head_of_call(""));
  const std::string answer = sent ? quiet.read_answer() : "";
  EXPECT_TRUE(answer.empty() || answer.find("Connection: close") != std::string::npos) << answer;
  EXPECT_TRUE(wait_for_one_gateway());
  EXPECT_EQ(gateways(), std::vector<pid_t>{pid_});
  expect_no_failure();
}

// With a certificate of its own, on a port that the system chooses.
class SecureGatewayUpgrade : public GatewayUpgrade {
 protected:
  void start_secure(const std::vector<std::string>& flags = {}) {
    folder_ = std::make_unique<TemporaryDirectory>(
        std::move(TemporaryDirectory::make("hitless-certificate")).value());
    make_certificate();
    std::vector<std::string> all{
        "--gateway-workers",         "2",           "--gateway-tls-listen", "127.0.0.1:0",
        "--gateway-tls-certificate", certificate(), "--gateway-tls-key",    key()};
    all.insert(all.end(), flags.begin(), flags.end());
    start_hitless(all);
    LoadOptions plain;
    plain.kept_connections = 4;
    plain.fresh_connections = 1;
    start({{.model_id = import("v1"), .count = 2}}, plain);
  }
  std::string certificate() const { return (folder_->path() / "site.crt").string(); }
  std::string key() const { return (folder_->path() / "site.key").string(); }
  void make_certificate() {
    const std::string made = (folder_->path() / "new").string();
    const pid_t openssl = spawn({"/usr/bin/openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                                 "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                                 "/CN=load.test", "-keyout", made + ".key", "-out", made + ".crt"},
                                folder_->path() / "openssl.log");
    ASSERT_EQ(wait_for_end(openssl), 0) << tail_of(folder_->path() / "openssl.log", 1000);
    std::filesystem::rename(made + ".key", key());
    std::filesystem::rename(made + ".crt", certificate());
  }
  // Of the gateway that was started last, from its log.
  Address tls_address() {
    const std::string log =
        read_file(hitless().state() / "gateway.log", std::size_t{16} << 20).value_or("");
    constexpr std::string_view k_word = "tls_listen=";
    const std::size_t at = log.rfind(k_word);
    if (at == std::string::npos) return {};
    const std::size_t begin = at + k_word.size();
    return parse_address(log.substr(begin, log.find(' ', begin) - begin)).value();
  }
  SecureLoadOptions secure_options() {
    return {.gateway = tls_address(),
            .certificate = certificate(),
            .service = service().id(),
            .token = hitless().token(),
            .seed = seed()};
  }

  std::unique_ptr<TemporaryDirectory> folder_;
};

TEST_F(SecureGatewayUpgrade, ManyUnderTlsAndHttp2RefuseResetAndLoseNothing) {
  start_secure();
  const Address address = tls_address();
  ASSERT_NE(address.port, 0);
  SecureLoad secure(secure_options());
  const int count = replacements();
  const std::uint64_t each = requests_wanted() / static_cast<std::uint64_t>(count) / 2;
  ASSERT_TRUE(secure.wait_for_more(each));
  for (int i = 0; i < count; ++i) {
    expect_upgraded();
    EXPECT_TRUE(secure.wait_for_more(each)) << "after replacement " << i;
    EXPECT_EQ(tls_address(), address);
  }
  EXPECT_TRUE(wait_for_one_gateway());
  EXPECT_EQ(gateways(), std::vector<pid_t>{pid_});
  const SecureOutcome outcome = secure.stop();
  fmt::print("{} replacements: {}", count, describe(outcome));
  EXPECT_EQ(outcome.failed(), 0U);
  EXPECT_GT(outcome.http2, 0U);
  EXPECT_GT(outcome.good, outcome.http2);
  // Most of the six kept connections of each time: some may just have been between two.
  EXPECT_GE(outcome.told_to_go, static_cast<std::uint64_t>(count) * 4);
  expect_no_failure();
  expect_counted_with(static_cast<std::int64_t>(outcome.good));
}

// A certificate is read again by whoever takes over; one that cannot be read leaves the old
// gateway.
TEST_F(SecureGatewayUpgrade, ABadCertificateLeavesTheOldGatewayServing) {
  start_secure({"--gateway-tls-redirect"});
  const std::vector<pid_t> before = gateways();
  std::filesystem::rename(key(), key() + ".away");
  const CommandOutcome refused = upgrade();
  EXPECT_EQ(refused.status, 1);
  EXPECT_NE(refused.output.find("site.key"), std::string::npos) << refused.output;
  EXPECT_EQ(gateways(), before);
  SecureLoad secure(secure_options());
  EXPECT_TRUE(secure.wait_for_more(100));
  std::filesystem::rename(key() + ".away", key());
  expect_upgraded();
  EXPECT_TRUE(secure.wait_for_more(500));
  const SecureOutcome outcome = secure.stop();
  EXPECT_EQ(outcome.failed(), 0U) << describe(outcome);
  // What was asked for at the first start is still so.
  RawSocket plain = RawSocket::connect(hitless().gateway());
  ASSERT_TRUE(plain.send(head_of_call("")));
  EXPECT_NE(plain.read_until("\r\n\r\n").find(" 308 "), std::string::npos);
}

// The instance that a leaving gateway still has a request on may not be stopped, though the new
// gateway has none there.
TEST_F(GatewayUpgrade, ARolloutMeanwhileWaitsForRequestsOfTheOldGateway) {
  start_hitless();
  start({{.model_id = import("v1"), .count = 1, .grace_seconds = 1}});
  RawSocket slow = RawSocket::connect(hitless().gateway());
  constexpr int k_slow_ms = 4000;
  ASSERT_TRUE(slow.send(head_of_call(fmt::format("?sleep_ms={}", k_slow_ms))));
  go_on(200);
  expect_upgraded();
  EXPECT_EQ(change({{.model_id = import("v2"), .count = 1, .grace_seconds = 1}}), "succeeded");
  const std::string answer = slow.read_answer();
  EXPECT_NE(answer.find(" 200 "), std::string::npos) << answer;
  EXPECT_NE(answer.find("v1"), std::string::npos) << answer;
  expect_settled(last_rollout(), 1);
  expect_no_failure();
  expect_counted_with(1);
}

TEST_F(GatewayUpgrade, DuringRolloutsLosesNothing) {
  start_hitless();
  const std::string models[] = {import("v1"), import("v2")};
  start({{.model_id = models[0], .count = 2}});
  for (int i = 1; i <= replacements(); ++i) {
    const std::string rollout = service().update({{.model_id = models[i % 2], .count = 2}});
    expect_upgraded();
    EXPECT_EQ(service().wait_for_end(rollout), "succeeded");
    last_rollout_ = rollout;
  }
  go_on(500);
  expect_settled(last_rollout(), 2);
  expect_no_failure();
  expect_counted_alike();
}

TEST_F(GatewayUpgrade, TwoAtOnceComeOneAfterTheOther) {
  start_hitless();
  start({{.model_id = import("v1"), .count = 1}});
  const pid_t first = gateways().front();
  auto other = std::async(std::launch::async, [this] { return upgrade(); });
  const CommandOutcome one = upgrade();
  const CommandOutcome two = other.get();
  EXPECT_EQ(one.status, 0) << one.output;
  EXPECT_EQ(two.status, 0) << two.output;
  EXPECT_TRUE(wait_for_one_gateway());
  EXPECT_NE(gateways().front(), first);
  expect_no_failure();
  expect_counted_alike();
}

TEST_F(GatewayUpgrade, ServeReplacesAGatewayOfAnotherVersion) {
  start_hitless();
  start({{.model_id = import("v1"), .count = 1}});
  const pid_t first = gateways().front();
  hitless().ask_serve_to_stop();
  const pid_t older = spawn({HITLESS_OLDER_GATEWAY, "gateway", hitless().state().string()},
                            hitless().folder() / "older.log");
  EXPECT_TRUE(eventually([&] { return gateways() == std::vector<pid_t>{older}; }));
  EXPECT_NE(older, first);
  hitless().start_serve();
  EXPECT_EQ(wait_for_end(older), 0);
  EXPECT_TRUE(wait_for_one_gateway());
  EXPECT_EQ(change({{.model_id = import("v2"), .count = 1}}), "succeeded");
  expect_no_failure();
  expect_counted_alike();
}

TEST_F(GatewayUpgrade, WithoutAGatewayItSaysSo) {
  start_hitless();
  hitless().down();
  const CommandOutcome refused = upgrade();
  EXPECT_EQ(refused.status, 1);
  EXPECT_NE(refused.output.find("no gateway runs here"), std::string::npos) << refused.output;
  const CommandOutcome nowhere =
      hitless().run({"gateway", "upgrade", "--state", (hitless().folder() / "none").string()});
  EXPECT_EQ(nowhere.status, 1);
  EXPECT_NE(nowhere.output.find("there is no state directory"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(hitless().folder() / "none"));
}

// What a killed gateway had in hand is lost with it; nobody is refused, and one gateway is left.
class KilledInAnUpgrade : public GatewayUpgrade {
 protected:
  static constexpr int k_kills = 8;
  static constexpr std::size_t k_log_max = 16 << 20;

  void SetUp() override {
    start_hitless();
    const LoadOptions options;
    at_once_ = static_cast<std::uint64_t>(options.kept_connections + options.fresh_connections);
    start({{.model_id = import("v1"), .count = 2}}, options);
  }
  std::chrono::milliseconds moment() {
    return std::chrono::milliseconds(std::uniform_int_distribution<>(0, 60)(random_));
  }
  // Times that a gateway has given all it has to another.
  std::size_t handovers() {
    const std::string log = read_file(hitless().state() / "gateway.log", k_log_max).value_or("");
    constexpr std::string_view k_word = "gateway_hands_over";
    std::size_t count = 0;
    for (std::size_t at = log.find(k_word); at != std::string::npos; ++count) {
      at = log.find(k_word, at + k_word.size());
    }
    return count;
  }
  // Runs an upgrade beside us and kills who is picked among the gateways at some moment after it
  // has begun, or after both have the sockets.  A stream keeps the old one from ending before; what
  // came of it.
  enum class From { the_start, the_handover };
  template <class Pick>
  std::string kill_during_upgrade(From from, Pick pick) {
    const std::size_t before = handovers();
    const pid_t old = gateways().front();
    RawSocket stream = RawSocket::connect(hitless().gateway());
    EXPECT_TRUE(stream.send(head_of_call("?ticks=30&every_ms=50")));
    EXPECT_NE(stream.read_until("data: 1\n").find(" 200 "), std::string::npos);
    auto going_on = std::async(std::launch::async, [this] { return upgrade(); });
    const auto has_begun = [&] {
      return from == From::the_start ? gateways().size() >= 2 : handovers() > before;
    };
    EXPECT_TRUE(eventually(has_begun, k_patience, std::chrono::milliseconds(1)));
    std::this_thread::sleep_for(moment());
    const pid_t killed = pick(old);
    if (killed != 0) ::kill(killed, SIGKILL);
    going_on.get();
    const std::uint64_t good = load().totals().good;
    EXPECT_TRUE(eventually([&] { return load().totals().good > good + 500; }))
        << describe(load().totals());
    const std::string rest = stream.read_until("data: 30\n");
    stream.close();  // else it would be closed in its turn, seconds later
    EXPECT_TRUE(wait_for_one_gateway());
    return rest;
  }
  void expect_only_what_was_in_hand() {
    expect_upgraded();  // whatever happened, it goes on from here
    EXPECT_TRUE(load().wait_for(requests_wanted(), std::chrono::minutes(5)));
    const Outcome outcome = load().stop();
    EXPECT_LE(outcome.failed(), k_kills * at_once_) << describe(outcome);
    EXPECT_EQ(outcome.count(Ending::refused), 0U) << describe(outcome);
    EXPECT_EQ(outcome.count(Ending::wrong_body), 0U) << describe(outcome);
    fmt::print("{} killed: {}", k_kills, describe(outcome));
  }

  std::uint64_t at_once_ = 0;
  std::mt19937_64 random_{seed()};
};

TEST_F(KilledInAnUpgrade, TheNewGatewayLeavesTheOldOneServing) {
  for (int i = 0; i < k_kills; ++i) {
    pid_t old = 0;
    const std::string stream = kill_during_upgrade(From::the_start, [this, &old](pid_t before) {
      old = before;
      for (const pid_t pid : gateways()) {
        if (pid != before) return pid;
      }
      return pid_t{0};
    });
    EXPECT_NE(stream.find("data: 30\n"), std::string::npos) << stream;
    EXPECT_EQ(gateways(), std::vector<pid_t>{old});
  }
  expect_only_what_was_in_hand();
}

TEST_F(KilledInAnUpgrade, TheOldGatewayLeavesTheNewOneServing) {
  for (int i = 0; i < k_kills; ++i) {
    kill_during_upgrade(From::the_handover, [](pid_t old) { return old; });
  }
  expect_only_what_was_in_hand();
}

TEST_F(KilledInAnUpgrade, ServeIsNotMissed) {
  for (int i = 0; i < k_kills; ++i) {
    const std::string stream = kill_during_upgrade(From::the_start, [this](pid_t) {
      hitless().kill_serve();
      return pid_t{0};
    });
    EXPECT_NE(stream.find("data: 30\n"), std::string::npos) << stream;
    hitless().start_serve();
  }
  expect_no_failure();
  expect_counted_with(k_kills);  // the streams
}

}  // namespace
}  // namespace hitless::tests
