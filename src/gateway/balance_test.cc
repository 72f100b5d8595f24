#include "gateway/balance.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <deque>
#include <map>

#include "gateway/session.h"

namespace hitless::gateway {
namespace {

// A service as a worker has it, without the table around it.
class Service {
 public:
  struct Part {
    std::string group;
    std::uint32_t weight = 0;
    std::vector<std::string> instances;
    model::RevisionNumber revision = 1;
  };

  explicit Service(const std::vector<Part>& parts) {
    std::vector<std::uint32_t> weights;
    for (const Part& part : parts) {
      ShareEntry& share = entry.shares.emplace_back();
      share.revision = part.revision;
      share.weight = part.weight;
      share.group = number_of(part.group);
      for (const std::string& instance : part.instances) {
        Endpoint& endpoint = endpoints_.emplace_back();
        endpoint.instance = model::InstanceId(instance);
        endpoint.number = number_of(instance);
        share.endpoints.push_back(&endpoint);
      }
      weights.push_back(part.weight);
    }
    entry.schedule = std::make_shared<Schedule>(weights);
  }

  std::string instance_of(const std::string& session) {
    return pick(entry, {.client = {}, .tried = {}, .session = session}).endpoint->instance.text();
  }
  Endpoint& endpoint(const std::string& instance) {
    for (Endpoint& each : endpoints_) {
      if (each.instance.text() == instance) return each;
    }
    return endpoints_.emplace_back();
  }

  ServiceEntry entry;

 private:
  std::deque<Endpoint> endpoints_;
};

std::string group_of(const std::string& instance) {
  return instance.substr(0, 1);
}

// "a1 … an".
std::vector<std::string> instances_of(const std::string& group, int count) {
  std::vector<std::string> names;
  for (int i = 1; i <= count; ++i) names.push_back(group + std::to_string(i));
  return names;
}

constexpr int k_sessions = 300;

// A session goes from one group to another only if that one's weight rose beside it; within a group
// only when instances come or go.
RC_GTEST_PROP(Sticky, WeightsMoveSessionsOnlyToWhatRoseInWeight, ()) {
  std::vector<Service::Part> before;
  std::vector<Service::Part> after;
  for (const std::string group : {"a", "b", "c", "d"}) {
    const int count = *rc::gen::inRange(1, 5);
    const auto weight = [] { return *rc::gen::inRange<std::uint32_t>(0, 101); };
    before.push_back({group, weight(), instances_of(group, count)});
    after.push_back({group, weight(), instances_of(group, *rc::gen::inRange(1, 5))});
  }
  const auto serves = [](const std::vector<Service::Part>& parts) {
    std::uint32_t total = 0;
    for (const auto& part : parts) total += part.weight;
    return total > 0;
  };
  RC_PRE(serves(before) && serves(after));
  Service old_one(before);
  Service new_one(after);
  const auto weight_in = [](const std::vector<Service::Part>& parts, const std::string& group) {
    for (const auto& part : parts) {
      if (part.group == group) return static_cast<double>(part.weight);
    }
    return 0.0;
  };
  const int salt = *rc::gen::arbitrary<int>();
  for (int i = 0; i < k_sessions; ++i) {
    const std::string session = std::to_string(salt) + "-" + std::to_string(i);
    const std::string from = old_one.instance_of(session);
    const std::string to = new_one.instance_of(session);
    if (group_of(from) == group_of(to)) continue;
    const double given = weight_in(after, group_of(from)) * weight_in(before, group_of(to));
    const double taken = weight_in(after, group_of(to)) * weight_in(before, group_of(from));
    RC_ASSERT(taken > given);
  }
}

// A rollout, step by step: nobody goes twice, and at its end all have gone.
TEST(Sticky, ARolloutMovesEachSessionOnceFromOldToNew) {
  std::map<int, std::string> at;
  for (int percent = 0; percent <= 100; percent += 5) {
    const auto part = static_cast<std::uint32_t>(percent);
    // Instances of both sides come and go on the way.
    Service service({{"o", 100 - part, instances_of("o", 1 + (100 - percent) / 25)},
                     {"n", part, instances_of("n", 1 + percent / 25), 2}});
    int news = 0;
    for (int i = 0; i < 2000; ++i) {
      const std::string group = group_of(service.instance_of("session-" + std::to_string(i)));
      ASSERT_FALSE(at[i] == "n" && group == "o") << "session " << i << " at " << percent << " %";
      at[i] = group;
      news += group == "n" ? 1 : 0;
    }
    EXPECT_NEAR(news, 20 * percent, 100) << "at " << percent << " %";
  }
}

TEST(Sticky, AnInstanceThatComesTakesItsPartAndMovesNobodyElse) {
  Service three({{"a", 100, instances_of("a", 3)}});
  Service four({{"a", 100, instances_of("a", 4)}});
  int moved = 0;
  for (int i = 0; i < 2000; ++i) {
    const std::string session = "session-" + std::to_string(i);
    const std::string before = three.instance_of(session);
    const std::string after = four.instance_of(session);
    if (before == after) continue;
    ASSERT_EQ(after, "a4");
    ++moved;
  }
  EXPECT_NEAR(moved, 500, 100);
}

// Two shares of one group: the second has an instance that starts slowly.
TEST(Sticky, AnInstanceThatStartsSlowlyHasFewerSessions) {
  Service service({{"a", 20, {"a1", "a2"}}, {"a", 1, {"a3"}}, {"b", 21, {"b1"}}});
  std::map<std::string, int> counts;
  for (int i = 0; i < 4200; ++i) ++counts[service.instance_of("session-" + std::to_string(i))];
  EXPECT_NEAR(counts["a1"], 1000, 120);
  EXPECT_NEAR(counts["a2"], 1000, 120);
  EXPECT_NEAR(counts["a3"], 100, 50);
  EXPECT_NEAR(counts["b1"], 2100, 150);
}

TEST(Sticky, ASessionWhoseInstanceRefusesGoesToAnotherOfItsGroup) {
  Service service({{"a", 50, {"a1", "a2"}}, {"b", 50, {"b1", "b2"}}});
  for (int i = 0; i < 100; ++i) {
    const std::string session = "session-" + std::to_string(i);
    const std::string first = service.instance_of(session);
    Endpoint* const tried[] = {&service.endpoint(first)};
    const Picked other = pick(service.entry, {.client = {}, .tried = tried, .session = session});
    ASSERT_NE(other.endpoint, tried[0]);
    ASSERT_EQ(group_of(other.endpoint->instance.text()), group_of(first));
  }
}

TEST(Pinned, ARevisionIsServedByItsInstancesWhateverItsWeight) {
  Service service({{"a", 100, {"a1"}, 1}, {"b", 0, {"b1", "b2"}, 2}, {"c", 0, {}, 3}});
  std::map<std::string, int> counts;
  for (int i = 0; i < 100; ++i) {
    const Picked picked = pick(service.entry, {.client = {}, .tried = {}, .pinned = 2});
    ASSERT_EQ(picked.share->revision, 2);
    ++counts[picked.endpoint->instance.text()];
  }
  EXPECT_EQ(counts["b1"], 50);
  EXPECT_EQ(counts["b2"], 50);
  for (const model::RevisionNumber absent : {3, 4}) {
    const Picked picked = pick(service.entry, {.client = {}, .tried = {}, .pinned = absent});
    EXPECT_EQ(picked.endpoint, nullptr);
    EXPECT_TRUE(picked.is_revision_absent);
  }
}

TEST(Pinned, TestersTakeNobodysTurnAndKeepToTheWeightsInsideTheirRevision) {
  Service service({{"a", 60, {"a1"}, 2}, {"b", 20, {"b1"}, 2}, {"c", 20, {"c1"}, 1}});
  std::map<std::string, int> turns;
  std::map<std::string, int> pinned;
  for (int i = 0; i < 1000; ++i) {
    ++turns[pick(service.entry, {.client = {}, .tried = {}}).endpoint->instance.text()];
    ++pinned[pick(service.entry, {.client = {}, .tried = {}, .pinned = 2})
                 .endpoint->instance.text()];
  }
  EXPECT_EQ(turns["a1"], 600);
  EXPECT_EQ(turns["b1"], 200);
  EXPECT_EQ(turns["c1"], 200);
  EXPECT_NEAR(pinned["a1"], 750, 5);
  EXPECT_NEAR(pinned["b1"], 250, 5);
}

TEST(Replay, StaysWithItsGroupThoughAnotherHasTheSameRevision) {
  Service service({{"a", 90, {"a1"}, 1}, {"b", 10, {"b1"}, 1}});
  for (int i = 0; i < 20; ++i) {
    const Picked picked =
        pick(service.entry,
             {.client = {}, .tried = {}, .revision = 1, .group = service.entry.shares[1].group});
    ASSERT_EQ(picked.endpoint->instance.text(), "b1");
  }
}

TEST(CircuitBreaker, KeepsRequestsFromAnInstanceWhoseCircuitIsOpen) {
  Service service({{"a", 100, {"a1", "a2"}}, {"b", 0, {"b1"}, 2}});
  service.entry.traffic.breaker = {.failures = 1, .open = std::chrono::seconds(1)};
  const net::Instant now = net::Instant(std::chrono::seconds(100));
  const auto next = [&](net::Instant when) {
    return pick(service.entry, {.client = {}, .tried = {}, .now = when});
  };
  service.endpoint("a1").circuit.failed(service.entry.traffic.breaker, now);
  for (int i = 0; i < 10; ++i) ASSERT_EQ(next(now).endpoint->instance.text(), "a2");
  service.endpoint("a2").circuit.failed(service.entry.traffic.breaker,
                                        now + std::chrono::milliseconds(300));
  const Picked none = next(now + std::chrono::milliseconds(300));
  EXPECT_EQ(none.endpoint, nullptr);
  EXPECT_EQ(none.trial_at, now + std::chrono::seconds(1));
  EXPECT_EQ(next(now + std::chrono::seconds(1)).endpoint->instance.text(), "a1");
}

TEST(CircuitBreaker, SaysWhenAPinnedRevisionIsTriedAgainWhateverItsWeight) {
  Service service({{"a", 100, {"a1"}}, {"b", 0, {"b1"}, 2}});
  service.entry.traffic.breaker = {.failures = 1, .open = std::chrono::seconds(1)};
  const net::Instant now = net::Instant(std::chrono::seconds(100));
  const auto fail = [&](const std::string& instance, net::Instant when) {
    service.endpoint(instance).circuit.failed(service.entry.traffic.breaker, when);
  };
  fail("a1", now);
  fail("b1", now + std::chrono::milliseconds(300));
  const net::Instant when = now + std::chrono::milliseconds(500);
  const Picked none = pick(service.entry, {.client = {}, .tried = {}, .pinned = 2, .now = when});
  EXPECT_EQ(none.endpoint, nullptr);
  EXPECT_FALSE(none.is_revision_absent);
  EXPECT_EQ(none.trial_at, now + std::chrono::milliseconds(1300)) << "and not when a1 is";
}

net::http1::Head head_of(std::string_view text) {
  net::http1::Head head;
  EXPECT_EQ(net::http1::parse_request(text, head), net::http1::Fault::none);
  return head;
}

TEST(Session, IsReadFromItsHeaderOrCookie) {
  const model::Sticky header{model::Sticky::By::header, "X-Session"};
  const model::Sticky cookie{model::Sticky::By::cookie, "sid"};
  const std::string text =
      "GET / HTTP/1.1\r\nHost: a\r\nx-session: one\r\nCookie: nosid=3; sid2=4\r\n"
      "Cookie: a=b;  sid = two ; c=d\r\n\r\n";
  const net::http1::Head head = head_of(text);
  EXPECT_EQ(session_of(head, header), "one");
  EXPECT_EQ(session_of(head, cookie), "two");
  const std::string bare = "GET / HTTP/1.1\r\nHost: a\r\nCookie: sid; sid=\r\n\r\n";
  const net::http1::Head without = head_of(bare);
  EXPECT_EQ(session_of(without, header), "");
  EXPECT_EQ(session_of(without, cookie), "");
}

// Other gateways and later versions must place sessions alike.
TEST(Session, NumbersNeverChange) {
  EXPECT_EQ(number_of("a"), 198367012849983736U);
}

}  // namespace
}  // namespace hitless::gateway
