#include "control/reporter.h"

#include "control/limits.h"

namespace hitless::control {
namespace {

std::string setting_of(const ServiceState& state) {
  return "readings/" + state.service.id.text();
}

json::value to_json(const std::optional<Reading>& reading) {
  if (!reading) return nullptr;
  return {{"at", to_micros(reading->at)}, {"total", model::to_json(reading->total)}};
}

Result<std::optional<Reading>> find_reading(const json::object& from, std::string_view name) {
  HL_TRY_ASSIGN(const json::object* object, find_object(from, name));
  if (object == nullptr) return std::optional<Reading>();
  HL_TRY_ASSIGN(const std::int64_t at, get_int(*object, "at"));
  const json::value* total = object->if_contains("total");
  if (total == nullptr) return Error(Code::corrupt, "a reading without a total");
  HL_TRY_ASSIGN(model::Outcomes outcomes, model::outcomes_from_json(*total));
  return std::optional<Reading>(Reading{.at = from_micros(at), .total = std::move(outcomes)});
}

model::Window window(const Reading& from, const Reading& to) {
  return {.begin = from.at, .end = to.at, .outcomes = to.total.since(from.total)};
}

}  // namespace

Result<void> Reporter::begin(ServiceState& state, Time now) {
  state.at_end.reset();
  state.at_start = traffic_.reading(state.service.id, now);
  const auto earlier = traffic_.earlier(state.service.id, now);
  // One that is there was written by a serve that died before it could write the reading.
  if (earlier && earlier->at < now && !state.rollout->report.before) {
    state.rollout->report.before = window(*earlier, *state.at_start);
    HL_TRY(store_.update_report(state.rollout->id, state.rollout->report));
  }
  return save(state);
}

Result<void> Reporter::end(ServiceState& state, Time now) {
  if (awaits_held(state, now)) return {};
  if (!state.at_end) state.at_end = traffic_.mark(state.service.id, now);
  if (!state.at_start) return {};
  // The reading first: a report that says what came before its end is looked at again after it.
  HL_TRY(save(state));
  model::Report report = state.rollout->report;
  report.during = window(*state.at_start, *state.at_end);
  return keep(state, std::move(report));
}

bool Reporter::awaits_held(const ServiceState& state, Time now) const {
  if (!state.at_start || now - state.rollout->phase_at >= k_held_answers_wait) return false;
  const model::Outcomes during =
      traffic_.reading(state.service.id, now).total.since(state.at_start->total);
  return during.held > during.held_done;
}

std::optional<Time> Reporter::due(const ServiceState& state) const {
  if (!state.rollout || state.is_rolling_out()) return std::nullopt;
  if (state.at_start && !state.rollout->report.during) {
    return state.rollout->phase_at + k_held_answers_wait;
  }
  if (!state.at_end || state.rollout->report.after) return std::nullopt;
  return state.at_end->at + k_report_window;
}

Result<void> Reporter::complete(ServiceState& state, Time now) {
  if (!state.at_end) return {};
  model::Report report = state.rollout->report;
  report.after = window(*state.at_end, traffic_.reading(state.service.id, now));
  HL_TRY(keep(state, std::move(report)));
  state.at_end.reset();
  return {};
}

Result<void> Reporter::restore(ServiceState& state, Time now) {
  HL_TRY_ASSIGN(const auto text, store_.find_setting(setting_of(state)));
  if (!text || !state.rollout) return {};
  HL_TRY_ASSIGN(const json::value value, parse_json(*text));
  if (!value.is_object()) return Error(Code::corrupt, setting_of(state) + " is not an object");
  const json::object& object = value.get_object();
  HL_TRY_ASSIGN(const std::string rollout, get_string(object, "rollout"));
  HL_TRY_ASSIGN(const auto start, find_reading(object, "start"));
  if (rollout != state.rollout->id.text()) {
    return start ? finish_superseded(model::RolloutId(rollout), *start, now) : Result<void>();
  }
  state.at_start = start;
  if (state.rollout->report.after) return {};
  HL_TRY_ASSIGN(state.at_end, find_reading(object, "end"));
  return {};
}

// What comes after it is the next one's to tell.
Result<void> Reporter::finish_superseded(const model::RolloutId& id, const Reading& start,
                                         Time now) {
  auto found = store_.find_rollout(id);
  if (!found) return found.error().code() == Code::not_found ? Result<void>() : found.error();
  if (found->report.during) return {};
  found->report.during = window(start, traffic_.reading(found->service, now));
  return store_.update_report(id, found->report);
}

// What the store does not take is not yet so, and is tried again.
Result<void> Reporter::keep(ServiceState& state, model::Report report) {
  HL_TRY(store_.update_report(state.rollout->id, report));
  state.rollout->report = std::move(report);
  return {};
}

Result<void> Reporter::save(const ServiceState& state) {
  return store_.put_setting(setting_of(state), to_json_text({{"rollout", state.rollout->id.text()},
                                                             {"start", to_json(state.at_start)},
                                                             {"end", to_json(state.at_end)}}));
}

}  // namespace hitless::control
