// Metrics: the format, what is counted, and who answers for it.
#include "gateway/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/limits.h"
#include "tests/support/gateway_fixture.h"
#include "tests/support/metrics_reader.h"

namespace hitless::gateway {
namespace {

using namespace hitless::testing;
using ::testing::IsEmpty;

Address admin_of(const GatewayFixture& fixture) {
  return {.host = {}, .port = 0, .path = admin_socket(fixture.options().control_socket).string()};
}

RawMessage ask(const Address& address, const std::string& text) {
  RawConnection connection = RawConnection::connect(address);
  connection.write(text);
  return connection.read_message();
}

std::string metrics_at(const Address& address) {
  const RawMessage answer = ask(address, "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(answer.status(), 200) << answer.wire;
  EXPECT_EQ(answer.field("Content-Type"), MetricsText::k_content_type);
  return answer.body;
}

MetricsReader read(const std::string& text) {
  MetricsReader reader(text);
  EXPECT_THAT(reader.faults(), IsEmpty());
  return reader;
}

std::string of(const std::string& name, const std::string& revision, const std::string& more = "") {
  return name + "{service=\"" + k_service + "\",revision=\"" + revision + "\"" + more + "}";
}

TEST(Metrics, CountRequestsByServiceRevisionAndClass) {
  RawUpstream upstream(RawUpstream::answering([](const RawMessage& message) {
    if (message.head.find(" /broken ") != std::string::npos) {
      return std::string("HTTP/1.1 500 Oh\r\nContent-Length: 3\r\n\r\noh\n");
    }
    return RawUpstream::ok("answered");
  }));
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream, 3));
  RawConnection client = fixture.connect();
  for (const char* path : {"/", "/", "/broken"}) {
    client.write(request(path));
    client.read_message();
  }
  fixture.call("GET /elsewhere HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_EQ(fixture.outcomes_of(3).requests, 3U);
  ASSERT_EQ(fixture.outcomes_of(1, "").requests, 1U);
  const MetricsReader metrics = read(metrics_at(admin_of(fixture)));
  EXPECT_EQ(metrics.value(of("hitless_gateway_requests_total", "3", ",code=\"2xx\"")), 2);
  EXPECT_EQ(metrics.value(of("hitless_gateway_requests_total", "3", ",code=\"5xx\"")), 1);
  EXPECT_EQ(metrics.value(of("hitless_gateway_failed_requests_total", "3")), 0);
  EXPECT_EQ(metrics.value(of("hitless_gateway_request_duration_seconds_count", "3")), 3);
  EXPECT_GT(metrics.value(of("hitless_gateway_request_duration_seconds_sum", "3")), 0);
  EXPECT_EQ(metrics.value(of("hitless_gateway_first_byte_seconds_count", "3")), 3);
  EXPECT_EQ(metrics.value(of("hitless_gateway_request_body_bytes_total", "3")), 15);
  EXPECT_EQ(metrics.value(of("hitless_gateway_response_body_bytes_total", "3")), 8 + 8 + 3);
  EXPECT_EQ(metrics.value(of("hitless_gateway_in_flight_requests", "3")), 0);
  EXPECT_EQ(
      metrics.value("hitless_gateway_requests_total{service=\"\",revision=\"\",code=\"4xx\"}"), 1);
  EXPECT_EQ(metrics.value("hitless_gateway_client_connections"), 1);  // the other has left
  EXPECT_EQ(metrics.value("hitless_gateway_table_generation"), 1);
  EXPECT_EQ(metrics.value("hitless_gateway_workers"), 2);
  EXPECT_EQ(metrics.value("hitless_gateway_build_info{version=\"of-the-test\"}"), 1);
  EXPECT_GT(metrics.value("process_cpu_seconds_total"), 0);
  EXPECT_GT(metrics.value("process_resident_memory_bytes"), 1e6);
  const double age =
      static_cast<double>(std::time(nullptr)) - metrics.value("process_start_time_seconds");
  EXPECT_GT(age, -2);
  EXPECT_EQ(read(metrics_at(admin_of(fixture))).value("process_start_time_seconds"),
            metrics.value("process_start_time_seconds"))
      << "the beginning does not move";
  EXPECT_LT(age, 24 * 3600);
}

TEST(Metrics, TellWhatWaitsAndWhatIsInFlight) {
  std::mutex mutex;
  std::condition_variable changed;
  bool may_answer = false;
  RawUpstream upstream(RawUpstream::answering([&](const RawMessage&) {
    std::unique_lock<std::mutex> lock(mutex);
    changed.wait(lock, [&] { return may_answer; });
    return RawUpstream::ok("");
  }));
  GatewayFixture fixture;
  model::ServiceRoute waiting = serving({});
  waiting.standing = model::Standing::not_ready;
  ASSERT_TRUE(fixture.adopt({waiting}));
  RawConnection client = fixture.connect();
  client.write(request());
  const auto eventually = [&](const std::string& series, double wanted) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(k_read_seconds);
    double value = -1;
    while (value != wanted && std::chrono::steady_clock::now() < deadline) {
      value = read(metrics_at(admin_of(fixture))).value(series);
    }
    EXPECT_EQ(value, wanted) << series;
  };
  eventually("hitless_gateway_waiting_requests", 1);
  ASSERT_TRUE(fixture.adopt_one(upstream));
  eventually(of("hitless_gateway_in_flight_requests", "1"), 1);
  eventually("hitless_gateway_waiting_requests", 0);
  {
    const std::lock_guard<std::mutex> lock(mutex);
    may_answer = true;
  }
  changed.notify_all();
  EXPECT_EQ(client.read_message().status(), 200);
  eventually(of("hitless_gateway_in_flight_requests", "1"), 0);
  eventually(of("hitless_gateway_held_requests_total", "1"), 1);
}

TEST(Metrics, HistogramsHaveEachDurationInItsBucket) {
  model::RouteTable table{
      .generation = 1, .services = {serving({{1, 100, {}}})}, .token_digests = {}};
  MetricsInput input{.version = "v", .usage = {}, .table = &table, .workers = {}, .record = {}};
  model::RevisionUsage usage{
      .service = model::ServiceId(k_service), .revision = 1, .outcomes = {}, .group = "g"};
  for (const std::uint64_t micros : {0ULL, 255ULL, 256ULL, 1023ULL, 1024ULL, 90'000'000ULL}) {
    usage.outcomes.latency.record(micros);
    usage.outcomes.latency_us += micros;
  }
  input.usage.revisions = {usage};
  const MetricsReader metrics = read(metrics_text(input));
  const auto bucket = [&](const std::string& edge) {
    return metrics.value(
        of("hitless_gateway_request_duration_seconds_bucket", "1", ",le=\"" + edge + "\""));
  };
  EXPECT_EQ(bucket("0.000256"), 2);
  EXPECT_EQ(bucket("0.000512"), 3);
  EXPECT_EQ(bucket("0.001024"), 4);
  EXPECT_EQ(bucket("0.002048"), 5);
  EXPECT_EQ(bucket("67.108864"), 5);
  EXPECT_EQ(bucket("+Inf"), 6);
}

TEST(Metrics, TellWhatLimitsAndCircuitsRefuse) {
  const Address nowhere{.host = "127.0.0.1", .port = 1, .path = {}};
  model::RouteTable table{.generation = 1,
                          .services = {serving({{1, 100, {endpoint("i1", nowhere)}}})},
                          .token_digests = {}};
  model::Usage usage;
  usage.instances.push_back(
      {.instance = model::InstanceId("i1"), .circuit_opened = 5, .circuits_open = 2});
  usage.revisions.push_back(
      {.service = model::ServiceId(k_service), .revision = 0, .outcomes = {}, .group = {}});
  usage.revisions[0].outcomes.rate_limited = 7;
  usage.revisions[0].outcomes.concurrency_limited = 8;
  usage.revisions[0].outcomes.circuit_open = 9;
  const MetricsReader metrics = read(
      metrics_text({.version = "v", .usage = usage, .table = &table, .workers = {}, .record = {}}));
  EXPECT_EQ(metrics.value(of("hitless_gateway_rate_limited_requests_total", "")), 7);
  EXPECT_EQ(metrics.value(of("hitless_gateway_concurrency_limited_requests_total", "")), 8);
  EXPECT_EQ(metrics.value(of("hitless_gateway_circuit_open_requests_total", "")), 9);
  EXPECT_EQ(metrics.value(of("hitless_gateway_circuits_opened_total", "1")), 5);
  EXPECT_EQ(metrics.value(of("hitless_gateway_circuits_open", "1")), 2);
}

TEST(Metrics, AreReadableWhateverIsInALabel) {
  model::RouteTable table{.generation = 1,
                          .services = {serving({{1, 100, {}}}, "quote\" backslash\\ line\nend}")},
                          .token_digests = {}};
  const std::string text =
      metrics_text({.version = "\"", .usage = {}, .table = &table, .workers = {}, .record = {}});
  const MetricsReader metrics = read(text);
  EXPECT_EQ(metrics.value("hitless_gateway_in_flight_requests{service=\"quote\\\" backslash\\\\ "
                          "line\\nend}\",revision=\"1\"}"),
            0);
}

TEST(Metrics, HaveABoundedNumberOfSeries) {
  model::RouteTable table{.generation = 1, .services = {}, .token_digests = {}};
  for (std::size_t i = 0; i < k_metrics_services_max + 5; ++i) {
    table.services.push_back(serving({{1, 100, {}}}, "s" + std::to_string(i)));
  }
  // A revision that is routed no more has no series, however many there were.
  model::Usage usage;
  for (model::RevisionNumber revision = 2; revision < 50; ++revision) {
    usage.revisions.push_back(
        {.service = model::ServiceId("s0"), .revision = revision, .outcomes = {}});
    usage.revisions.back().outcomes.by_class[2] = 1;
  }
  const MetricsReader metrics = read(
      metrics_text({.version = "v", .usage = usage, .table = &table, .workers = {}, .record = {}}));
  EXPECT_EQ(metrics.value("hitless_gateway_services_left_out"), 5);
  EXPECT_EQ(metrics.count("hitless_gateway_in_flight_requests"), 1 + 2 * k_metrics_services_max);
  EXPECT_EQ(metrics.count("hitless_gateway_requests_total"), 0U);
}

TEST(Admin, AnswersNothingElse) {
  GatewayFixture fixture;
  const Address admin = admin_of(fixture);
  EXPECT_EQ(ask(admin, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").status(), 404);
  EXPECT_EQ(ask(admin, "POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").status(),
            405);
  EXPECT_EQ(ask(admin, "nonsense\r\n\r\n").status(), 400);
  EXPECT_EQ(ask(admin, "GET /metrics HTTP/1.1\r\nHost: a\r\nX: " +
                           std::string(2 * k_admin_head_bytes_max, 'x') + "\r\n\r\n")
                .status(),
            400);
  RawConnection head = RawConnection::connect(admin);
  head.write("HEAD /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
  const std::string answer = head.read_all();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_TRUE(answer.ends_with("\r\n\r\n"));
}

TEST(Admin, IsOnAPortWhereOneWasAskedFor) {
  GatewayFixture fixture;
  fixture.restart_with({.access_record = {}, .admin_listen = "127.0.0.1:0"});
  const std::vector<Address> addresses = fixture.gateway().admin_addresses();
  ASSERT_EQ(addresses.size(), 2U);
  read(metrics_at(addresses[0]));
  EXPECT_NE(addresses[1].port, 0);
  read(metrics_at(addresses[1]));
}

TEST(Admin, ManyWhoSayNothingAreBounded) {
  GatewayFixture fixture;
  const Address admin = admin_of(fixture);
  std::vector<RawConnection> silent;
  for (std::size_t i = 0; i < k_admin_connections_max; ++i) {
    silent.push_back(RawConnection::connect(admin));
  }
  RawConnection beyond = RawConnection::connect(admin);
  EXPECT_EQ(beyond.read_all(), "");  // closed at once
  silent.clear();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(k_read_seconds);
  RawMessage answer;
  while (answer.status() != 200 && std::chrono::steady_clock::now() < deadline) {
    answer = ask(admin, "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
  }
  EXPECT_EQ(answer.status(), 200);
}

TEST(Admin, GoesOverToTheGatewayThatTakesOverWithAllThatWasCounted) {
  RawUpstream upstream(
      RawUpstream::answering([](const RawMessage&) { return RawUpstream::ok(""); }));
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  fixture.call(request());
  ASSERT_EQ(fixture.outcomes_of(1).requests, 1U);
  GatewayOptions options = fixture.options();
  options.version = "next";
  options.take_over = std::chrono::seconds(k_read_seconds);
  options.workers = 0;
  const auto next = std::move(Gateway::start(options)).value();
  ASSERT_TRUE(next->wait_settled());
  fixture.call(request());
  ASSERT_EQ(fixture.outcomes_of(2).requests, 2U);
  const MetricsReader metrics = read(metrics_at(admin_of(fixture)));
  EXPECT_EQ(metrics.value("hitless_gateway_build_info{version=\"next\"}"), 1);
  EXPECT_EQ(metrics.value(of("hitless_gateway_requests_total", "1", ",code=\"2xx\"")), 2);
}

}  // namespace
}  // namespace hitless::gateway
