#include "rollout/journal.h"

#include <gtest/gtest.h>

#include <random>

#include "rollout/phase.h"
#include "rollout/sim/replay.h"

namespace hitless::rollout {
namespace {

// Views and decisions in which any member may stand at any value.
class Any {
 public:
  explicit Any(std::uint64_t seed) : rng_(seed) {}

  View view(const model::Plan& plan) {
    View view;
    view.plan = plan;
    view.now = time();
    view.rollout = model::RolloutId(text());
    view.phase = k_phases[below(k_phases.size())];
    view.reason = text();
    view.phase_at = time();
    view.progress_at = time();
    view.step = number();
    view.baking_at = maybe_time();
    view.orders = {.paused_at = maybe_time(), .abort = text(), .skip = number()};
    if (flag()) view.orders.pauses = {{time(), time()}, {time(), time()}};
    if (flag()) view.stray_shares = {number(), number()};
    view.old_side = outcomes();
    view.new_side = outcomes();
    if (flag()) view.evidence = evidence();
    view.samples_done = flag();
    view.dropped = below(1'000'000);
    for (std::size_t i = below(4); i > 0; --i) view.instances.push_back(instance(plan));
    view.next_ordinal = number();
    if (flag()) view.room = {.cpu_millis = number(), .memory_mib = -1, .gpus = number()};
    view.watched_since = time();
    view.adopted = flag();
    return view;
  }

  Decision decision() {
    Decision decision;
    decision.phase = k_phases[below(k_phases.size())];
    decision.step = number();
    decision.baking_at = maybe_time();
    if (flag()) decision.evidence = evidence();
    decision.why = text();
    decision.reason = text();
    decision.lacks_room = flag();
    if (flag()) {
      decision.moves.push_back({.id = model::InstanceId(text()),
                                .stage = one<model::Stage>(5),
                                .ending = one<model::Ending>(4),
                                .detail = text(),
                                .grace = Duration(number())});
    }
    if (flag()) {
      decision.starts.push_back({.id = model::InstanceId(text()),
                                 .group = text(),
                                 .revision = number(),
                                 .entry = number(),
                                 .ordinal = number()});
    }
    decision.route = route();
    decision.wake_at = maybe_time();
    decision.percent = number();
    return decision;
  }

 private:
  std::size_t below(std::size_t end) { return rng_() % end; }
  bool flag() { return below(2) == 0; }
  int number() { return static_cast<int>(below(200)) - 20; }
  Time time() { return from_micros(static_cast<std::int64_t>(below(1'900'000'000'000'000))); }
  std::optional<Time> maybe_time() { return flag() ? std::optional(time()) : std::nullopt; }
  template <class E>
  E one(std::size_t count) {
    return static_cast<E>(below(count));
  }
  std::string text() {
    static const char* const k_texts[] = {"", "r1-2", "µ \"quoted\"\n", "HTTP 503 from /health"};
    return k_texts[below(4)];
  }
  Address address() {
    if (flag()) return {};
    return flag() ? Address{.host = "127.0.0.1", .port = 4711, .path = {}}
                  : Address{.host = {}, .port = 0, .path = "/run/a.sock"};
  }

  model::Outcomes outcomes() {
    model::Outcomes value;
    if (flag()) return value;
    value.requests = below(1'000'000);
    value.by_class[below(6)] = below(1000);
    value.streams = below(10);
    value.held_longest_us = below(1'000'000);
    for (int i = 0; i < 50; ++i) value.latency.record(below(10'000'000));
    for (int i = 0; i < 50; ++i) value.first_byte.record(below(10'000));
    value.held_for.record(below(1'000'000));
    return value;
  }

  model::Evidence evidence() {
    model::Evidence value;
    value.verdict = one<model::Verdict>(3);
    value.text = text();
    value.step = number();
    value.measures.push_back({.name = "errors",
                              .what = text(),
                              .old_events = below(100),
                              .new_total = below(1000),
                              .limit_us = number(),
                              .log_ratio = static_cast<double>(rng_()) / 7e15,
                              .verdict = one<model::Verdict>(3)});
    return value;
  }

  InstanceView instance(const model::Plan& plan) {
    InstanceView value;
    value.recorded.id = model::InstanceId(text());
    value.recorded.service = plan.service;
    value.recorded.rollout = model::RolloutId(text());
    value.recorded.group = text();
    value.recorded.revision = number();
    value.recorded.entry = number();
    value.recorded.ordinal = number();
    value.recorded.stage = one<model::Stage>(5);
    value.recorded.ending = one<model::Ending>(4);
    value.recorded.detail = text();
    value.recorded.created_at = time();
    value.recorded.stage_at = time();
    value.recorded.ready_at = maybe_time();
    value.recorded.routed_at = maybe_time();
    value.recorded.address = address();
    value.process = one<Process>(3);
    value.process_detail = text();
    value.probe = one<Probe>(3);
    value.probe_detail = text();
    value.routing = one<Routing>(3);
    value.in_flight = below(1000);
    value.needs = {.cpu_millis = number(), .memory_mib = number(), .gpus = number()};
    return value;
  }

  model::ServiceRoute route() {
    model::ServiceRoute value;
    value.service = model::ServiceId(text());
    value.standing = one<model::Standing>(3);
    value.balance = one<model::Balance>(3);
    value.traffic.concurrency = static_cast<std::int64_t>(below(100));
    value.hold = Duration(number());
    if (flag()) return value;
    value.shares.push_back({.revision = number(),
                            .weight = static_cast<std::uint32_t>(below(1000)),
                            .endpoints = {{model::InstanceId(text()), address()}},
                            .group = text()});
    return value;
  }

  std::mt19937_64 rng_;
};

model::Plan some_plan() {
  model::Plan plan;
  plan.service = model::ServiceId("s");
  plan.from = 1;
  plan.to = 2;
  plan.hash = "h";
  return plan;
}

template <class T>
json::value through_text(const T& value) {
  return parse_json(to_json_text(to_json(value))).value();
}

TEST(Journal, ReadsBackExactlyWhatWasWritten) {
  const model::Plan plan = some_plan();
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    Any any(seed);
    const View view = any.view(plan);
    const Result<View> read = view_from_json(through_text(view), plan);
    ASSERT_TRUE(read) << read.error().text();
    ASSERT_TRUE(*read == view) << seed << ": " << to_json_text(to_json(view));
    const Decision decision = any.decision();
    const Result<Decision> decided = decision_from_json(through_text(decision));
    ASSERT_TRUE(decided) << decided.error().text();
    ASSERT_TRUE(*decided == decision) << seed << ": " << to_json_text(to_json(decision));
    EXPECT_TRUE(differences(decision, *decided).empty());
  }
}

TEST(Journal, WritesEachWordAsTheModelDoes) {
  for (const model::Phase phase : k_phases) {
    View view;
    view.phase = phase;
    const json::value written = to_json(view);
    if (phase == model::Phase::planned) continue;  // the default is left out
    EXPECT_EQ(written.at("phase").get_string(), model::to_text(phase));
  }
  for (const auto stage : {model::Stage::draining, model::Stage::stopping, model::Stage::gone}) {
    for (const auto ending : {model::Ending::retired, model::Ending::never_ready}) {
      const MoveInstance move{.id = {}, .stage = stage, .ending = ending};
      const json::value written = to_json(Decision{.moves = {move}}).at("moves").at(0);
      EXPECT_EQ(written.at("stage").get_string(), model::to_text(stage));
      EXPECT_EQ(written.at("ending").get_string(), model::to_text(ending));
    }
  }
}

TEST(Journal, SaysWhatCannotBeRead) {
  const auto error_of = [](const char* text) {
    const auto read = view_from_json(parse_json(text).value(), some_plan());
    return read ? std::string("read") : read.error().text();
  };
  EXPECT_NE(error_of(R"({"phase":"dancing"})").find("dancing"), std::string::npos);
  EXPECT_NE(error_of(R"({"instances":[{"in_flight":-1}]})").find("in_flight"), std::string::npos);
  EXPECT_NE(error_of("[]").find("not an object"), std::string::npos);
}

std::string journal_of(const View& view, const Decision& decision) {
  return to_json_text(json::object{{"rollout", "r"}, {"plan", model::to_json(view.plan)}}) + "\n" +
         to_json_text(json::object{{"view", to_json(view)}, {"decision", to_json(decision)}}) +
         "\n\n";
}

TEST(Replay, TellsTheSameStoryAgain) {
  View view;
  view.plan = some_plan();
  view.now = from_micros(5);
  const Result<Replay> replay = replay_journal(journal_of(view, step(view)));
  ASSERT_TRUE(replay) << replay.error().text();
  EXPECT_EQ(replay->decisions, 1);
  EXPECT_EQ(replay->different, 0) << replay->transcript;
  EXPECT_NE(replay->transcript.find("    0.000 s  planned"), std::string::npos)
      << replay->transcript;
}

TEST(Replay, SaysWhereTodayDecidesOtherwise) {
  View view;
  view.plan = some_plan();
  Decision other = step(view);
  other.phase = model::Phase::rolling_back;
  other.starts.push_back({.id = model::InstanceId("s-r2-1"), .group = "g"});
  const Result<Replay> replay = replay_journal(journal_of(view, other));
  ASSERT_TRUE(replay) << replay.error().text();
  EXPECT_EQ(replay->different, 1);
  EXPECT_NE(replay->transcript.find("DIFFERS phase: \"rolling_back\", now"), std::string::npos)
      << replay->transcript;
  EXPECT_NE(replay->transcript.find("DIFFERS starts:"), std::string::npos) << replay->transcript;
}

TEST(Replay, NamesTheLineThatIsNoJournals) {
  EXPECT_NE(replay_journal("").error().text().find("first line"), std::string::npos);
  View view;
  view.plan = some_plan();
  const std::string broken = journal_of(view, {}) + "{\"view\": {}}\n";
  EXPECT_NE(replay_journal(broken).error().text().find("line 4"), std::string::npos)
      << replay_journal(broken).error().text();
}

}  // namespace
}  // namespace hitless::rollout
