// The access record: what its lines say, and that no disk is ever a client's concern.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>

#include <fstream>
#include <random>
#include <thread>

#include "tests/support/gateway_fixture.h"

namespace hitless::gateway {
namespace {

using namespace hitless::testing;

constexpr std::size_t k_text_max = 64 * 1024 * 1024;

json::object parsed(const std::string& line) {
  auto value = parse_json(line);
  EXPECT_TRUE(value) << line;
  return value && value->is_object() ? value->get_object() : json::object();
}

std::vector<json::object> lines_of(const std::string& text) {
  std::vector<json::object> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(parsed(line));
  return lines;
}

std::string text_in(const std::filesystem::path& file) {
  return read_file(file, k_text_max).value_or("");
}

// A line is in the file a quarter of a second after its request: at least so many.
std::vector<json::object> lines_in(const std::filesystem::path& file, std::size_t count) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(k_read_seconds);
  for (;;) {
    const std::string text = text_in(file);
    const auto have = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
    if (have >= count || std::chrono::steady_clock::now() > deadline) return lines_of(text);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

std::string string_of(const json::object& line, const char* name) {
  const json::value* value = line.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "(none)";
}

std::int64_t number_of(const json::object& line, const char* name) {
  const json::value* value = line.if_contains(name);
  if (value == nullptr || !value->is_number()) return -1;
  return value->to_number<std::int64_t>();
}

class Recording {
 public:
  explicit Recording(Limits limits = {})
      : fixture(limits), file(fixture.folder() / "access.jsonl") {
    fixture.restart_with({.access_record = file});
  }
  GatewayFixture fixture;
  const std::filesystem::path file;
};

TEST(AccessRecord, SaysWhatHappenedToARequest) {
  RawUpstream upstream(
      RawUpstream::answering([](const RawMessage&) { return RawUpstream::ok("answered"); }));
  Recording recording;
  ASSERT_TRUE(recording.fixture.adopt_one(upstream, 7));
  const RawMessage answer = recording.fixture.call(request("/some/path?secret=1", "hello"));
  ASSERT_EQ(answer.status(), 200);
  const auto lines = lines_in(recording.file, 1);
  ASSERT_EQ(lines.size(), 1U);
  const json::object& line = lines[0];
  EXPECT_EQ(string_of(line, "service"), k_service);
  EXPECT_EQ(number_of(line, "revision"), 7);
  EXPECT_EQ(string_of(line, "instance"), "i1");
  EXPECT_EQ(string_of(line, "method"), "POST");
  EXPECT_EQ(string_of(line, "path"), std::string("/v1/infers/") + k_service + "/some/path");
  EXPECT_EQ(number_of(line, "status"), 200);
  EXPECT_EQ(number_of(line, "bytes_in"), 5);
  EXPECT_EQ(number_of(line, "bytes_out"), 8);
  EXPECT_GE(number_of(line, "first_byte_us"), 0);
  EXPECT_GE(number_of(line, "duration_us"), number_of(line, "first_byte_us"));
  EXPECT_EQ(string_of(line, "client"), "127.0.0.1");
  EXPECT_EQ(string_of(line, "request_id"), answer.field("X-Request-Id"));
  EXPECT_EQ(string_of(line, "trace_id"), answer.field("X-Request-Id"));
  for (const char* absent : {"held_us", "retries", "error", "stream"}) {
    EXPECT_FALSE(line.contains(absent)) << absent;
  }
  EXPECT_EQ(string_of(line, "time").size(), 27U);
}

TEST(AccessRecord, TellsTimeByTheWallClock) {
  AccessClock clock;
  std::string text(AccessClock::k_size, ' ');
  const auto seconds = [&](net::Instant instant) {
    clock.write(instant, text.data());
    std::tm parts{};
    EXPECT_NE(::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts), nullptr) << text;
    return ::timegm(&parts) * 1'000'000LL + std::stoll(text.substr(20, 6));
  };
  const net::Instant now = net::monotonic_now();
  const auto wall = std::chrono::duration_cast<std::chrono::microseconds>(
                        std::chrono::system_clock::now().time_since_epoch())
                        .count();
  const std::int64_t first = seconds(now);
  EXPECT_LT(std::abs(first - wall), 1'000'000);
  // Over the edge of a second and of the micros' digits, to the microsecond.
  for (const std::int64_t later : {1LL, 999'999LL, 1'000'000LL, 1'000'001LL, 61'234'567LL}) {
    const std::int64_t told = seconds(now + Duration(later));
    EXPECT_LT(std::abs(told - first - later), 100'000) << text;  // the wall clock may be set
  }
}

TEST(AccessRecord, TellsWhyARequestFailed) {
  RawUpstream upstream([](RawConnection& connection) {
    connection.read_message();
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
  });
  Recording recording;
  ASSERT_TRUE(recording.fixture.adopt_one(upstream));
  recording.fixture.call(request());
  recording.fixture.call("GET /elsewhere HTTP/1.1\r\nHost: a\r\n\r\n");
  recording.fixture.call("GET /bad\x01 HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto lines = lines_in(recording.file, 3);
  ASSERT_EQ(lines.size(), 3U);
  std::map<std::string, const json::object*> by_error;
  for (const json::object& line : lines) by_error[string_of(line, "error")] = &line;
  ASSERT_TRUE(by_error.contains("cut") && by_error.contains("no_address") &&
              by_error.contains("bad_request"));
  EXPECT_EQ(number_of(*by_error["cut"], "bytes_out"), 4);
  EXPECT_EQ(string_of(*by_error["no_address"], "path"), "/elsewhere");
  EXPECT_FALSE(by_error["no_address"]->contains("service"));
  EXPECT_GT(number_of(*by_error["no_address"], "bytes_out"), 0);
  EXPECT_EQ(number_of(*by_error["bad_request"], "status"), 400);
}

TEST(AccessRecord, TellsOfHoldsAndRetries) {
  RawUpstream upstream(
      RawUpstream::answering([](const RawMessage&) { return RawUpstream::ok(""); }));
  Recording recording;
  model::ServiceRoute waiting = serving({});
  waiting.standing = model::Standing::not_ready;
  ASSERT_TRUE(recording.fixture.adopt({waiting}));
  RawConnection client = recording.fixture.connect();
  client.write(request());
  // One that refuses stands first in the table; whichever worker asks, the other answers.
  Address refusing;
  {
    RawUpstream gone([](RawConnection&) {});
    refusing = gone.address();
  }
  ASSERT_TRUE(
      recording.fixture.eventually([](const model::Usage& usage) { return usage.adopted > 0; }));
  ASSERT_TRUE(recording.fixture.adopt({serving({{1, 100, {endpoint("gone", refusing)}}})}));
  ASSERT_TRUE(recording.fixture.eventually([](const model::Usage& usage) {
    const auto* gone = usage.find(model::InstanceId("gone"));
    return gone != nullptr && gone->connect_failures > 0;
  }));
  ASSERT_TRUE(recording.fixture.adopt_one(upstream));
  EXPECT_EQ(client.read_message().status(), 200);
  const auto lines = lines_in(recording.file, 1);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_GT(number_of(lines[0], "held_us"), 0);
  EXPECT_GE(number_of(lines[0], "retries"), 1);
  EXPECT_EQ(string_of(lines[0], "instance"), "i1");
}

TEST(AccessRecord, LinesAreJsonWhateverIsInThem) {
  std::mt19937 random(11);
  AccessClock clock;
  for (int round = 0; round < 2000; ++round) {
    const auto bytes = [&](std::size_t size_max) {
      std::string text(random() % (size_max + 1), '\0');
      const bool wild = random() % 2 == 0;
      for (char& byte : text) {
        byte = wild ? static_cast<char>(random() % 256) : "ab\"\\\n\x7f\x80 /"[random() % 9];
      }
      return text;
    };
    const std::string path = "/" + bytes(40), instance = bytes(20), client = bytes(9);
    const AccessFacts facts{.ended = net::monotonic_now(),
                            .scope = {},
                            .instance = instance,
                            .method = "POST",
                            .target = path,
                            .client = client,
                            .request_id = "r",
                            .trace_id = {},
                            .error = {}};
    std::string line(access_line_bytes_max(facts), '\0');
    char* const end = write_access_line(line.data(), facts, clock);
    line.resize(static_cast<std::size_t>(end - line.data()));
    ASSERT_EQ(line.back(), '\n');
    ASSERT_EQ(line.find('\n'), line.size() - 1) << line;
    const json::object read = parsed(line);
    std::string latin;  // as the parser gives it back: UTF-8
    for (const char each : path.substr(0, path.find('?'))) {
      const auto byte = static_cast<unsigned char>(each);
      if (byte < 0x80) {
        latin.push_back(each);
      } else {
        latin.push_back(static_cast<char>(0xc0 | (byte >> 6)));
        latin.push_back(static_cast<char>(0x80 | (byte & 0x3f)));
      }
    }
    ASSERT_EQ(string_of(read, "path"), latin);
  }
}

TEST(AccessRecord, AFullDiskLosesLinesAndNoRequest) {
  RawUpstream upstream(
      RawUpstream::answering([](const RawMessage&) { return RawUpstream::ok(""); }));
  GatewayFixture fixture;
  fixture.restart_with({.access_record = "/dev/full"});
  ASSERT_TRUE(fixture.adopt_one(upstream));
  RawConnection client = fixture.connect();
  for (int i = 0; i < 50; ++i) {
    client.write(request());
    ASSERT_EQ(client.read_message().status(), 200);
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(k_read_seconds);
  while (fixture.gateway().access_counts().lost < 50 &&
         std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(fixture.gateway().access_counts().lost, 50U);
  EXPECT_EQ(fixture.gateway().access_counts().written, 0U);
}

// A pipe that nobody reads is a disk that takes nothing more.
TEST(AccessRecord, ADiskThatStallsBlocksNoWorkerAndTheGapIsTold) {
  RawUpstream upstream(
      RawUpstream::answering([](const RawMessage&) { return RawUpstream::ok(""); }));
  GatewayFixture fixture({}, 1);
  const std::filesystem::path pipe = fixture.folder() / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const UniqueFd reader(::open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  fixture.restart_with({.access_record = pipe});
  ASSERT_TRUE(fixture.adopt_one(upstream));
  RawConnection client = fixture.connect();
  const std::string text = request("/" + std::string(900, 'x'));
  std::uint64_t sent = 0;
  const auto ask = [&] {
    ++sent;
    client.write(text);
    ASSERT_EQ(client.read_message().status(), 200);
  };
  // More than the pipe and all chunks hold.
  const std::size_t enough = 2 * (k_access_chunks_per_worker + 2) * k_access_chunk_bytes / 1000;
  while (sent < enough) ask();
  std::string read;
  std::uint64_t lines = 0;
  std::uint64_t dropped = 0;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(k_read_seconds);
  while (lines + dropped < sent && std::chrono::steady_clock::now() < deadline) {
    // A line is written a quarter of a second later; the gap is told with the next one.
    pollfd wait{.fd = reader.get(), .events = POLLIN, .revents = 0};
    if (::poll(&wait, 1, 500) == 0) ask();
    char buffer[65536];
    const ssize_t got = ::read(reader.get(), buffer, sizeof buffer);
    if (got <= 0) continue;
    read.append(buffer, static_cast<std::size_t>(got));
    lines = dropped = 0;
    for (const json::object& line : lines_of(read.substr(0, read.rfind('\n') + 1))) {
      if (line.contains("dropped")) {
        dropped += static_cast<std::uint64_t>(number_of(line, "dropped"));
      } else {
        ++lines;
      }
    }
  }
  EXPECT_EQ(lines + dropped, sent);
  EXPECT_GT(dropped, 0U);
  EXPECT_GT(lines, enough / 4);
}

TEST(AccessRecord, BeginsAnewWhenItsFileWasMoved) {
  RawUpstream upstream(
      RawUpstream::answering([](const RawMessage&) { return RawUpstream::ok(""); }));
  Recording recording;
  ASSERT_TRUE(recording.fixture.adopt_one(upstream));
  recording.fixture.call(request("/first"));
  ASSERT_EQ(lines_in(recording.file, 1).size(), 1U);
  const std::filesystem::path moved = recording.fixture.folder() / "moved";
  std::filesystem::rename(recording.file, moved);
  recording.fixture.gateway().reopen_access_record();
  recording.fixture.call(request("/second"));
  const auto lines = lines_in(recording.file, 1);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_TRUE(string_of(lines[0], "path").ends_with("/second"));
  EXPECT_EQ(lines_in(moved, 1).size(), 1U);
}

TEST(AccessRecord, KeepsTwoFilesBelowItsShareOfTheDisk) {
  const TemporaryDirectory folder = std::move(TemporaryDirectory::make("hitless-access")).value();
  const std::filesystem::path file = folder.path() / "access.jsonl";
  constexpr std::uint64_t k_share = 512 * 1024;
  auto writer = std::move(AccessWriter::start(file, k_share, 1)).value();
  auto buffer = std::make_unique<AccessBuffer>(writer.get());
  constexpr std::uint64_t k_lines = 20'000;
  std::uint64_t put = 0;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(k_read_seconds);
  while (writer->counts().written < k_lines && std::chrono::steady_clock::now() < deadline) {
    buffer->put({.ended = net::monotonic_now(), .method = "GET", .target = "/x", .client = "c"});
    if (++put % 100 == 0) buffer->flush();
  }
  buffer->flush();
  while (writer->counts().written + buffer->dropped() < put &&
         std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  ASSERT_EQ(writer->counts().written + buffer->dropped(), put);
  buffer.reset();
  writer.reset();  // it may be renaming
  const std::filesystem::path older = file.string() + ".1";
  // A file is full by a batch more than its half at most.
  const std::uint64_t slack = k_access_chunk_bytes * k_access_chunks_per_worker;
  EXPECT_GE(std::filesystem::file_size(older), k_share / 2);
  EXPECT_LE(std::filesystem::file_size(older), k_share / 2 + slack);
  EXPECT_LE(std::filesystem::file_size(file), k_share / 2 + slack);
  for (const auto& each : {older, file}) lines_of(text_in(each));  // each one is JSON
}

TEST(AccessRecord, AGatewayThatTakesOverGoesOnWithIt) {
  RawUpstream upstream(
      RawUpstream::answering([](const RawMessage&) { return RawUpstream::ok(""); }));
  Recording recording;
  ASSERT_TRUE(recording.fixture.adopt_one(upstream));
  recording.fixture.call(request("/before"));
  GatewayOptions options = recording.fixture.options();
  options.take_over = std::chrono::seconds(k_read_seconds);
  options.workers = 0;
  options.signals = {};
  options.signals_as_before = true;
  const auto next = std::move(Gateway::start(options)).value();
  ASSERT_TRUE(next->wait_settled());
  pollfd has_left{
      .fd = recording.fixture.gateway().shutdown_event(), .events = POLLIN, .revents = 0};
  ASSERT_EQ(::poll(&has_left, 1, k_read_seconds * 1000), 1);
  recording.fixture.call(request("/after"));
  const auto lines = lines_in(recording.file, 2);
  ASSERT_EQ(lines.size(), 2U);
  // The line is in the file a moment before it is counted.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(k_read_seconds);
  while (next->access_counts().written < 1 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  EXPECT_EQ(next->access_counts().written, 1U);
}

TEST(AccessRecord, AFolderThatIsNotThereStopsTheStart) {
  GatewayFixture fixture;
  GatewayOptions options = fixture.options();
  options.control_socket = fixture.folder() / "another.sock";
  options.signals.access_record = fixture.folder() / "missing" / "access.jsonl";
  const auto started = Gateway::start(options);
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().text().find("missing/access.jsonl"), std::string::npos);
}

}  // namespace
}  // namespace hitless::gateway
