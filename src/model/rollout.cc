#include "model/rollout.h"

#include "model/json_members.h"
#include "model/words.h"

namespace hitless::model {
namespace {

constexpr Words<Phase, 10> k_phases{{
    {Phase::planned, "planned"},
    {Phase::starting, "starting"},
    {Phase::shifting, "shifting"},
    {Phase::baking, "baking"},
    {Phase::draining, "draining"},
    {Phase::rolling_back, "rolling_back"},
    {Phase::succeeded, "succeeded"},
    {Phase::rolled_back, "rolled_back"},
    {Phase::failed, "failed"},
    {Phase::superseded, "superseded"},
}};

json::object lost_to_json(const LostRequests& lost) {
  json::object object;
  for (const auto& [group, count] : lost) object[group] = count;
  return object;
}

Result<LostRequests> lost_from_json(const json::value& value) {
  HL_TRY_ASSIGN(const json::object* object, as_object(value));
  LostRequests lost;
  for (const auto& row : *object) {
    HL_TRY_ASSIGN(lost[std::string(row.key())], get_count(*object, row.key()));
  }
  return lost;
}

json::array pauses_to_json(const std::vector<Pause>& pauses) {
  json::array out;
  for (const Pause& pause : pauses) {
    out.push_back({{"begin_us", to_micros(pause.begin)}, {"end_us", to_micros(pause.end)}});
  }
  return out;
}

Result<Pause> pause_from_json(const json::value& value) {
  HL_TRY_ASSIGN(const json::object* object, as_object(value));
  Pause pause;
  HL_TRY_ASSIGN(pause.begin, get_time_micros(*object, "begin_us"));
  HL_TRY_ASSIGN(pause.end, get_time_micros(*object, "end_us"));
  return pause;
}

Result<std::vector<int>> shares_from_json(const json::object& object) {
  return get_each<int>(object, "stray_shares", [](const json::value& item) -> Result<int> {
    boost::system::error_code failure;
    const int share = item.to_number<int>(failure);
    if (failure) return Error(Code::corrupt, "is no whole number");
    return share;
  });
}

}  // namespace

json::value course_to_json(const Rollout& rollout) {
  json::object object{{"step", rollout.step},
                      {"who", rollout.who},
                      {"abort", rollout.orders.abort},
                      {"skip", rollout.orders.skip}};
  if (rollout.lacks_room) object["lacks_room"] = true;
  if (rollout.baking_at) object["baking_us"] = to_micros(*rollout.baking_at);
  if (rollout.orders.paused_at) object["paused_us"] = to_micros(*rollout.orders.paused_at);
  if (!rollout.orders.pauses.empty()) object["pauses"] = pauses_to_json(rollout.orders.pauses);
  if (rollout.stray_shares) object["stray_shares"] = json::value_from(*rollout.stray_shares);
  if (rollout.evidence) object["evidence"] = to_json(*rollout.evidence);
  if (!rollout.earlier.empty()) {
    json::array earlier;
    for (const Evidence& evidence : rollout.earlier) earlier.push_back(to_json(evidence));
    object["earlier_evidence"] = std::move(earlier);
  }
  if (rollout.lost_before) object["lost_before"] = lost_to_json(*rollout.lost_before);
  return object;
}

Result<void> read_course(const json::value& value, Rollout& rollout) {
  HL_TRY_ASSIGN(const json::object* object, as_object(value));
  if (object->empty()) return {};  // of database version 1
  HL_TRY_ASSIGN(rollout.step, get_small_int(*object, "step"));
  HL_TRY_ASSIGN(rollout.who, get_string(*object, "who"));
  HL_TRY_ASSIGN(rollout.orders.abort, get_string(*object, "abort"));
  HL_TRY_ASSIGN(rollout.orders.skip, get_small_int(*object, "skip"));
  rollout.lacks_room = object->if_contains("lacks_room") != nullptr;
  if (object->if_contains("baking_us") != nullptr) {
    HL_TRY_ASSIGN(rollout.baking_at, get_time_micros(*object, "baking_us"));
  }
  if (object->if_contains("paused_us") != nullptr) {
    HL_TRY_ASSIGN(rollout.orders.paused_at, get_time_micros(*object, "paused_us"));
  }
  if (object->if_contains("pauses") != nullptr) {
    HL_TRY_ASSIGN(rollout.orders.pauses, get_each<Pause>(*object, "pauses", pause_from_json));
  }
  if (object->if_contains("stray_shares") != nullptr) {
    HL_TRY_ASSIGN(rollout.stray_shares, shares_from_json(*object));
  }
  if (const json::value* evidence = object->if_contains("evidence")) {
    HL_TRY_ASSIGN(rollout.evidence, evidence_from_json(*evidence));
  }
  if (object->if_contains("earlier_evidence") != nullptr) {
    HL_TRY_ASSIGN(rollout.earlier,
                  get_each<Evidence>(*object, "earlier_evidence", evidence_from_json));
  }
  if (const json::value* lost = object->if_contains("lost_before")) {
    HL_TRY_ASSIGN(rollout.lost_before, lost_from_json(*lost));
  }
  return {};
}

void end_pause(Orders& orders, Time now) {
  if (!orders.paused_at) return;
  orders.pauses.push_back({*orders.paused_at, std::max(now, *orders.paused_at)});
  orders.paused_at.reset();
}

Orders handed_on(Orders orders, Time now) {
  end_pause(orders, now);
  Orders next;
  next.pauses = std::move(orders.pauses);
  return next;
}

Time running_from(const Orders& orders, Time mark, Time now) {
  Duration stood{};
  const auto add = [&](Time begin, Time end) {
    stood += std::max(Duration{}, std::min(end, now) - std::max(begin, mark));
  };
  for (const Pause& pause : orders.pauses) add(pause.begin, pause.end);
  if (orders.paused_at) add(*orders.paused_at, now);
  return mark + stood;
}

bool is_terminal(Phase phase) {
  switch (phase) {
    case Phase::planned:
    case Phase::starting:
    case Phase::shifting:
    case Phase::baking:
    case Phase::draining:
    case Phase::rolling_back: return false;
    case Phase::succeeded:
    case Phase::rolled_back:
    case Phase::failed:
    case Phase::superseded: return true;
  }
  return true;
}

std::string_view to_text(Phase phase) {
  return text_of(k_phases, phase);
}

Result<Phase> phase_from_text(std::string_view text) {
  return value_of(k_phases, text, "phase of a rollout");
}

}  // namespace hitless::model
