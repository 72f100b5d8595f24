// Tables on the control link: whole the first time, after that as what they change.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <fcntl.h>
#include <unistd.h>

#include <set>
#include <thread>

#include "gateway/control_frames.h"
#include "net/socket.h"
#include "tests/support/gateway_fixture.h"

namespace hitless::gateway {
namespace {

using namespace hitless::testing;  // the fixture's words are this file's language

// One end of a control link, in plain sight.
class LinkEnd {
 public:
  explicit LinkEnd(UniqueFd fd) : fd_(std::move(fd)) {
    EXPECT_EQ(::fcntl(fd_.get(), F_SETFL, 0), 0);  // reading waits
    const timeval patience{.tv_sec = k_read_seconds, .tv_usec = 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }

  void write(const json::value& message) {
    const std::string frame = encode_frame(message);
    ASSERT_EQ(::send(fd_.get(), frame.data(), frame.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(frame.size()));
  }

  // The next message of one of these types; empty at the end.
  json::object next(const std::set<std::string>& types) {
    for (;;) {
      auto frame = reader_.next();
      if (!frame) return {};
      if (frame->has_value()) {
        if (types.contains(type_of(**frame))) return **std::move(frame);
        continue;
      }
      char buffer[65536];
      const ssize_t got = ::recv(fd_.get(), buffer, sizeof buffer, 0);
      if (got <= 0) return {};
      reader_.append({buffer, static_cast<std::size_t>(got)});
    }
  }

  static std::string type_of(const json::object& message) {
    const json::value* type = message.if_contains("type");
    return type == nullptr ? "none" : std::string(type->as_string());
  }

 private:
  UniqueFd fd_;
  FrameReader reader_;
};

model::RouteTable table(model::Generation generation, const std::set<int>& services) {
  model::RouteTable made{.generation = generation, .token_digests = {std::string(64, 'a')}};
  for (const int service : services) {
    made.services.emplace_back(
        model::ServiceRoute{.service = model::ServiceId("s" + std::to_string(service))});
  }
  return made;
}

// A gateway that says nothing but what a test has it say.
class Publishing : public ::testing::Test {
 protected:
  void SetUp() override {
    listener_ = net::listen_on({.host = {}, .port = 0, .path = socket_.string()}).value();
    ASSERT_EQ(::fcntl(listener_.get(), F_SETFL, 0), 0);  // accept() waits
    client_ = GatewayClient::start(socket_, [] {});
  }

  LinkEnd attach(model::Generation adopted, bool takes_changes = true) {
    LinkEnd link{UniqueFd(::accept(listener_.get(), nullptr, nullptr))};
    link.write(to_json(GatewayHello{.gateway = "g",
                                    .version = "0.1",
                                    .pid = ::getpid(),
                                    .listen = {.host = "127.0.0.1", .port = 80, .path = {}},
                                    .adopted = adopted,
                                    .takes_changes = takes_changes}));
    UsageChange all{.whole = true};
    all.usage.gateway = "g";
    link.write(to_json(all));
    EXPECT_TRUE(is_attached());
    return link;
  }

  bool is_attached() {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(k_read_seconds);
    while (!client_->attached() && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
    }
    return client_->attached().has_value();
  }

  // What the client sent of a table.
  static json::object published(LinkEnd& link) { return link.next({"table", "change"}); }

  static void expect_whole(const json::object& message, model::Generation generation) {
    ASSERT_EQ(LinkEnd::type_of(message), "table");
    EXPECT_EQ(message.at("table").at("generation").to_number<model::Generation>(), generation);
  }
  static void expect_change(const json::object& message, const model::RouteTable& before,
                            const model::RouteTable& after) {
    ASSERT_EQ(LinkEnd::type_of(message), "change");
    const auto change = model::route_change_from_json(message.at("change"));
    ASSERT_TRUE(change) << change.error().text();
    EXPECT_EQ(*change, model::change_between(before, after));
  }

  const TemporaryDirectory folder_ = TemporaryDirectory::make("publish").value();
  const std::filesystem::path socket_ = folder_.path() / "gateway.sock";
  UniqueFd listener_;
  std::unique_ptr<GatewayClient> client_;
};

TEST_F(Publishing, SaysOnlyWhatChangesWhereTheGatewayHasTheTableBefore) {
  {
    LinkEnd link = attach(0);
    client_->publish(table(1, {1, 2}));
    expect_whole(published(link), 1);
    client_->publish(table(2, {1, 2, 3}));
    expect_change(published(link), table(1, {1, 2}), table(2, {1, 2, 3}));
  }
  {
    LinkEnd link = attach(2);  // the same one again: it says what it has
    client_->publish(table(3, {3}));
    expect_change(published(link), table(2, {1, 2, 3}), table(3, {3}));
  }
  LinkEnd link = attach(0);  // one that has been started again
  expect_whole(published(link), 3);
}

TEST_F(Publishing, SendsTheWholeTableWhereAChangeWasRefused) {
  LinkEnd link = attach(0);
  client_->publish(table(1, {1}));
  expect_whole(published(link), 1);
  client_->publish(table(2, {1, 2}));
  expect_change(published(link), table(1, {1}), table(2, {1, 2}));
  const json::value refusal = refusal_message(Error(Code::conflict, "a test says so"));
  link.write(refusal);
  expect_whole(published(link), 2);
  link.write(refusal);  // nothing better to send
  client_->publish(table(3, {1}));
  expect_whole(published(link), 3);
}

TEST_F(Publishing, SaysAllToAGatewayThatKnowsNoChanges) {
  LinkEnd link = attach(0, false);
  client_->publish(table(1, {1}));
  expect_whole(published(link), 1);
  client_->publish(table(2, {1, 2}));
  expect_whole(published(link), 2);
}

TEST(Adopting, TakesAChangeOfTheTableThatIsThereAndNoOther) {
  GatewayFixture fixture;
  fixture.stop_client();
  const Address at{.host = {}, .port = 0, .path = fixture.options().control_socket.string()};
  const net::SocketAddress address = net::to_socket_address(at).value();
  UniqueFd fd(net::open_stream_socket(AF_UNIX));
  ASSERT_EQ(::connect(fd.get(), &address.any, address.size), 0);
  LinkEnd link(std::move(fd));
  EXPECT_EQ(link.next({"hello"}).at("takes_changes"), true);
  const auto adopted = [&](model::Generation generation) {
    for (;;) {
      const json::object usage = link.next({"usage", "refused"});
      if (LinkEnd::type_of(usage) != "usage") return false;
      const auto said = usage.at("usage").at("adopted").to_number<model::Generation>();
      if (said == generation) return true;
    }
  };
  link.write(change_message(model::change_between(table(1, {}), table(2, {1}))));
  EXPECT_EQ(LinkEnd::type_of(link.next({"refused"})), "refused") << "there is no table";
  link.write(table_message(table(5, {1})));
  EXPECT_TRUE(adopted(5));
  link.write(change_message(model::change_between(table(5, {1}), table(6, {1, 2}))));
  EXPECT_TRUE(adopted(6));
  link.write(change_message(model::change_between(table(5, {1}), table(7, {1, 2}))));
  EXPECT_EQ(LinkEnd::type_of(link.next({"refused"})), "refused") << "it has 6";
  link.write(change_message(model::change_between(table(6, {1, 2}), table(8, {2}))));
  EXPECT_TRUE(adopted(8));
}

}  // namespace
}  // namespace hitless::gateway
