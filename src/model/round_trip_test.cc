// What is written as JSON text and read back is the same value, for all values.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "model/model_version.h"
#include "model/rollout.h"

namespace hitless::model {
namespace {

std::string any_text() {
  static const std::vector<std::string> k_pieces{
      "", "a", "model-7", "\"quoted\\\"", "\n\t", "ü→漢", std::string("\0", 1)};
  return *rc::gen::elementOf(k_pieces) + *rc::gen::elementOf(k_pieces);
}

Duration any_duration() {
  return Duration(*rc::gen::inRange<std::int64_t>(0, 1LL << 50));
}
Time any_time() {
  return from_micros(*rc::gen::inRange<std::int64_t>(0, 1LL << 52));
}

json::object any_wire() {
  json::object wire;
  wire["name"] = any_text();
  wire["number"] = *rc::gen::arbitrary<std::int64_t>();
  wire["nested"] = json::array{nullptr, true, json::object{{"x", 0.5}}};
  return wire;
}

template <class T>
std::vector<T> some(T (*any)()) {
  std::vector<T> values;
  const int count = *rc::gen::inRange(0, 4);
  for (int i = 0; i < count; ++i) values.push_back(any());
  return values;
}

double any_double() {
  return *rc::gen::arbitrary<double>();
}
int any_int() {
  return *rc::gen::arbitrary<int>();
}
Balance any_balance() {
  return static_cast<Balance>(*rc::gen::inRange(0, 3));
}

ConfigEntry any_entry() {
  ConfigEntry entry;
  entry.model = ModelId(any_text());
  entry.weight = any_int();
  entry.specification = any_text();
  entry.resources = {.cpu_millis = any_int(), .memory_mib = any_int(), .gpus = any_int()};
  entry.instance_count = any_int();
  for (const std::string& name : some(any_text)) entry.envs[name] = any_text();
  entry.pool = any_text();
  entry.knobs = {.max_surge = any_double(),
                 .max_unavailable = any_double(),
                 .grace = any_duration(),
                 .deploy_timeout = any_duration()};
  entry.wire = any_wire();
  return entry;
}

std::optional<Group> any_group() {
  if (*rc::gen::inRange(0, 3) == 0) return std::nullopt;
  return Group{.key = any_text(),
               .revision = any_int(),
               .entry = any_int(),
               .count = any_int(),
               .weight = any_int(),
               .grace = any_duration(),
               .deploy_timeout = any_duration(),
               .needs = {.cpu_millis = any_int(), .memory_mib = any_int(), .gpus = any_int()}};
}

Slot any_slot() {
  return Slot{.from = any_group(), .to = any_group(), .surge = any_int(), .unavailable = any_int()};
}

Change any_change() {
  return Change{.change_class = static_cast<ChangeClass>(*rc::gen::inRange(0, 5)),
                .field = any_text(),
                .from = any_text(),
                .to = any_text()};
}

Leftover any_leftover() {
  return {.revision = any_int(), .count = any_int()};
}

SampleNeed any_sample() {
  return {.step = any_int(),
          .is_alone = *rc::gen::arbitrary<bool>(),
          .old_rate = any_double(),
          .new_rate = any_double(),
          .requests = any_int(),
          .requests_within = any_int()};
}

Plan any_plan() {
  Plan plan;
  plan.service = ServiceId(any_text());
  plan.kind = static_cast<RolloutKind>(*rc::gen::inRange(0, 4));
  plan.from = any_int();
  plan.to = any_int();
  plan.changes = some(any_change);
  plan.slots = some(any_slot);
  plan.balance = any_balance();
  plan.balance_from = any_balance();
  plan.drain_budget = any_duration();
  plan.strategy = static_cast<Strategy>(*rc::gen::inRange(0, 6));
  plan.hold = any_duration();
  plan.slow_start = any_duration();
  plan.drop_budget = static_cast<std::uint64_t>(*rc::gen::inRange(0, 1000));
  plan.forecast.lowest = any_int();
  plan.forecast.highest = any_int();
  plan.forecast.longest_hold = any_duration();
  if (*rc::gen::arbitrary<bool>()) plan.forecast.predicted = any_duration();
  plan.forecast.proof = any_duration();
  plan.forecast.samples = some(any_sample);
  plan.forecast.hitless = *rc::gen::arbitrary<bool>();
  plan.forecast.unmet = some(any_text);
  plan.forecast.leftovers = some(any_leftover);
  plan.forecast.restarts = any_int();
  plan.reason = any_text();
  plan.hash = any_text();
  return plan;
}

std::optional<Window> any_window() {
  if (*rc::gen::inRange(0, 3) == 0) return std::nullopt;
  Window window{.begin = any_time(), .end = any_time(), .outcomes = {}};
  window.outcomes.requests = *rc::gen::arbitrary<std::uint32_t>();
  window.outcomes.by_class[2] = *rc::gen::arbitrary<std::uint32_t>();
  window.outcomes.held_longest_us = *rc::gen::arbitrary<std::uint32_t>();
  window.outcomes.latency.record(*rc::gen::arbitrary<std::uint32_t>());
  return window;
}

std::optional<Time> maybe_time() {
  return *rc::gen::arbitrary<bool>() ? std::optional(any_time()) : std::nullopt;
}

InstanceTimes any_instance_times() {
  return {.instance = InstanceId(any_text()),
          .revision = any_int(),
          .started = maybe_time(),
          .ready = maybe_time(),
          .routed = maybe_time(),
          .drain_begun = maybe_time(),
          .told_to_stop = maybe_time(),
          .gone = maybe_time(),
          .ending = any_text()};
}

std::uint64_t any_count() {
  return *rc::gen::arbitrary<std::uint32_t>();
}

Measure any_measure() {
  return {.name = any_text(),
          .what = any_text(),
          .old_events = *rc::gen::arbitrary<std::uint32_t>(),
          .old_total = *rc::gen::arbitrary<std::uint32_t>(),
          .new_events = *rc::gen::arbitrary<std::uint32_t>(),
          .new_total = *rc::gen::arbitrary<std::uint32_t>(),
          .apart = {any_count(), any_count(), any_count(), any_count()},
          .bar = any_double(),
          .limit_us = any_int(),
          .log_ratio = any_double(),
          .verdict = static_cast<Verdict>(*rc::gen::inRange(0, 3)),
          .seen = {any_count(), any_count(), any_count(), any_count()},
          .settled = {any_count(), any_count(), any_count(), any_count()},
          .mark = {any_count(), any_count(), any_count(), any_count()},
          .settled_ratio = any_double()};
}

Evidence any_evidence() {
  return {.verdict = static_cast<Verdict>(*rc::gen::inRange(0, 3)),
          .text = any_text(),
          .step = any_int(),
          .called = static_cast<Called>(*rc::gen::inRange(0, 3)),
          .measures = some(any_measure)};
}

Pause any_pause() {
  return {any_time(), any_time()};
}

Rollout any_course() {
  Rollout rollout;
  rollout.step = any_int();
  rollout.who = any_text();
  rollout.baking_at = maybe_time();
  rollout.orders = {
      .paused_at = maybe_time(), .abort = any_text(), .skip = any_int(), .pauses = some(any_pause)};
  rollout.lacks_room = *rc::gen::arbitrary<bool>();
  if (*rc::gen::arbitrary<bool>()) rollout.evidence = any_evidence();
  rollout.earlier = some(any_evidence);
  if (*rc::gen::arbitrary<bool>()) rollout.stray_shares = some(any_int);
  if (*rc::gen::arbitrary<bool>()) {
    rollout.lost_before = LostRequests{{"", any_count()}, {any_text(), any_count()}};
  }
  return rollout;
}

PhaseTime any_phase_time() {
  return {.phase = static_cast<Phase>(*rc::gen::inRange(0, 10)), .begin = any_time()};
}

Report any_report() {
  Report report;
  report.before = any_window();
  report.during = any_window();
  report.after = any_window();
  report.phases = some(any_phase_time);
  report.instances = some(any_instance_times);
  report.instances_started = any_int();
  report.instances_failed = any_int();
  report.ready_to_routed_us = any_int();
  report.drain_to_stop_us = any_int();
  report.start_to_ready_us = any_int();
  return report;
}

template <class T>
json::value through_text(const T& value) {
  return parse_json(to_json_text(to_json(value))).value();
}

RC_GTEST_PROP(RoundTrip, ServiceConfigIsExact, ()) {
  const ServiceConfig config{.entries = some(any_entry), .balance = any_balance()};
  RC_ASSERT(*service_config_from_json(through_text(config)) == config);
}

RC_GTEST_PROP(RoundTrip, PlanIsExact, ()) {
  const Plan plan = any_plan();
  RC_ASSERT(*plan_from_json(through_text(plan)) == plan);
}

// A Report has no equality of its own; its JSON holds all of it, member by member.
RC_GTEST_PROP(RoundTrip, ReportIsExact, ()) {
  const Report report = any_report();
  const Report back = *report_from_json(through_text(report));
  RC_ASSERT(to_json(back) == to_json(report));
  RC_ASSERT(back.before.has_value() == report.before.has_value());
  RC_ASSERT(!back.during ||
            (back.during->outcomes == report.during->outcomes &&
             back.during->begin == report.during->begin && back.during->end == report.during->end));
  RC_ASSERT(back.phases.size() == report.phases.size());
  RC_ASSERT(back.start_to_ready_us == report.start_to_ready_us);
  RC_ASSERT(back.drain_to_stop_us == report.drain_to_stop_us);
}

RC_GTEST_PROP(RoundTrip, CourseIsExact, ()) {
  const Rollout rollout = any_course();
  Rollout back;
  RC_ASSERT(read_course(parse_json(to_json_text(course_to_json(rollout))).value(), back));
  RC_ASSERT(back.step == rollout.step);
  RC_ASSERT(back.who == rollout.who);
  RC_ASSERT(back.lacks_room == rollout.lacks_room);
  RC_ASSERT(back.baking_at == rollout.baking_at);
  RC_ASSERT(back.orders == rollout.orders);
  RC_ASSERT(back.evidence == rollout.evidence);
  RC_ASSERT(back.earlier == rollout.earlier);
  RC_ASSERT(back.lost_before == rollout.lost_before);
  RC_ASSERT(back.stray_shares == rollout.stray_shares);
}

// Eighths: JSON numbers with more digits lose the last one on the way through the parser.
double any_eighth() {
  return *rc::gen::inRange(0, 8'000) / 8.0;
}

WarmUpField any_warm_up_field() {
  static const std::vector<std::string> k_pointers{"", "/score", "/a~1b/0", "/ü/~0"};
  static const std::vector<json::value> k_values{
      nullptr, true, 7, "text", 0.125, json::array{1, 2.5, json::object{{"x", nullptr}}}};
  WarmUpField field;
  field.pointer = *rc::gen::elementOf(k_pointers);
  field.value = k_values[*rc::gen::inRange<std::size_t>(0, k_values.size())];
  const bool numbers = field.value.is_number() || field.value.is_array();
  if (numbers) field.absolute = any_eighth();
  if (numbers && *rc::gen::arbitrary<bool>()) field.relative = 0.5;
  return field;
}

WarmUpRequest any_warm_up_request() {
  WarmUpRequest request;
  request.method = *rc::gen::elementOf(std::vector<std::string>{"POST", "PUT", "OPTIONS"});
  request.path = *rc::gen::elementOf(std::vector<std::string>{"/", "/predict?x=%20", "/a/b"});
  for (const char* name : {"X-One", "content-type", "X-Two"}) {
    if (*rc::gen::arbitrary<bool>()) request.headers.emplace_back(name, "a \xc3\xbc \"b\"");
  }
  if (*rc::gen::arbitrary<bool>()) {
    request.body = any_text();
  } else {
    request.body_file = *rc::gen::elementOf(std::vector<std::string>{"a", "warm_up/in.bin"});
  }
  request.status = *rc::gen::inRange(200, 600);
  request.fields = some(any_warm_up_field);
  request.timeout = Duration(*rc::gen::inRange<std::int64_t>(1'000, 600'000'000));
  return request;
}

RC_GTEST_PROP(RoundTrip, LaunchIsExact, ()) {
  Launch launch;
  launch.engine = static_cast<Engine>(*rc::gen::inRange(0, 2));
  launch.command = some(any_text);
  launch.listens_on_unix = *rc::gen::arbitrary<bool>();
  launch.health.method = static_cast<HealthCheck::Method>(*rc::gen::inRange(0, 2));
  launch.health.path = any_text();
  launch.health.command = some(any_text);
  launch.health.period = any_duration();
  launch.health.initial_delay = any_duration();
  launch.health.failure_threshold = any_int();
  launch.health.timeout = any_duration();
  launch.warm_up = some(any_warm_up_request);
  RC_ASSERT(*launch_from_json(through_text(launch)) == launch);
}

TEST(RoundTrip, ErrorsNameThePlaceThatIsWrong) {
  Plan written;
  written.slots = {Slot{.from = Group{}, .to = {}}};
  json::value plan = to_json(written);
  plan.at("slots").at(0).at("from").as_object()["count"] = "two";
  EXPECT_EQ(plan_from_json(plan).error().text(), "slots[0]: field [count] must be an integer");
  EXPECT_FALSE(plan_from_json(json::value(1)));
  EXPECT_FALSE(service_config_from_json(json::object{{"entries", 1}}));
  EXPECT_FALSE(report_from_json(json::object{}));
}

TEST(TemplateDigest, ChangesWithWhatReplacesInstancesOnly) {
  ConfigEntry base;
  base.envs["A"] = "1";
  const auto digest_with = [&](auto change) {
    ConfigEntry entry = base;
    change(entry);
    return template_digest(entry);
  };
  const std::string same = template_digest(base);
  EXPECT_EQ(same, digest_with([](ConfigEntry& e) { e.weight = 1; }));
  EXPECT_EQ(same, digest_with([](ConfigEntry& e) { e.instance_count = 7; }));
  EXPECT_EQ(same, digest_with([](ConfigEntry& e) { e.knobs.max_surge = 3; }));
  EXPECT_EQ(same, digest_with([](ConfigEntry& e) { e.knobs.max_unavailable = 3; }));
  EXPECT_EQ(same, digest_with([](ConfigEntry& e) { e.knobs.deploy_timeout = Duration(1); }));
  EXPECT_EQ(same, digest_with([](ConfigEntry& e) { e.wire["weight"] = 5; }));

  EXPECT_NE(same, digest_with([](ConfigEntry& e) { e.model = ModelId("n"); }));
  EXPECT_NE(same, digest_with([](ConfigEntry& e) { e.specification = "t"; }));
  EXPECT_NE(same, digest_with([](ConfigEntry& e) { e.resources.cpu_millis = 1; }));
  EXPECT_NE(same, digest_with([](ConfigEntry& e) { e.resources.memory_mib = 1; }));
  EXPECT_NE(same, digest_with([](ConfigEntry& e) { e.envs["A"] = "2"; }));
  EXPECT_NE(same, digest_with([](ConfigEntry& e) { e.pool = "p"; }));
  EXPECT_NE(same, digest_with([](ConfigEntry& e) { e.knobs.grace = Duration(1); }));
  EXPECT_NE(same, digest_with([](ConfigEntry& e) { e.wire["affinity"] = "x"; }));
  EXPECT_NE(same, digest_with([](ConfigEntry& e) {
              e.wire["additional_properties"] = {{"persistent_volumes", {{"name", "v"}}}};
            }));
}

TEST(TemplateDigest, DoesNotDependOnTheOrderOfMembers) {
  ConfigEntry one, two;
  one.wire = parse_json(R"({"affinity": {"a": 1, "b": {"c": 2, "d": 3}}})")->get_object();
  two.wire = parse_json(R"({"affinity": {"b": {"d": 3, "c": 2}, "a": 1}})")->get_object();
  EXPECT_EQ(template_digest(one), template_digest(two));
}

}  // namespace
}  // namespace hitless::model
