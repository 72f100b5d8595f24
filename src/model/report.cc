#include "model/json_members.h"
#include "model/rollout.h"

namespace hitless::model {
namespace {

json::value to_json(const std::optional<Window>& window) {
  if (!window) return nullptr;
  return json::object{{"begin_us", to_micros(window->begin)},
                      {"end_us", to_micros(window->end)},
                      {"outcomes", to_json(window->outcomes)}};
}

Result<std::optional<Window>> find_window(const json::object& from, std::string_view name) {
  HL_TRY_ASSIGN(const json::object* object, find_object(from, name));
  if (object == nullptr) return std::optional<Window>();
  Window window;
  HL_TRY_ASSIGN(window.begin, get_time_micros(*object, "begin_us"));
  HL_TRY_ASSIGN(window.end, get_time_micros(*object, "end_us"));
  HL_TRY_ASSIGN(const json::object* outcomes, get_object(*object, "outcomes"));
  HL_TRY_ASSIGN(window.outcomes, outcomes_from_json(json::value(*outcomes)));
  return std::optional<Window>(std::move(window));
}

Result<PhaseTime> phase_time_from_json(const json::value& value) {
  HL_TRY_ASSIGN(const json::object* object, as_object(value));
  HL_TRY_ASSIGN(const std::string word, get_string(*object, "phase"));
  HL_TRY_ASSIGN(const Phase phase, phase_from_text(word));
  HL_TRY_ASSIGN(const Time begin, get_time_micros(*object, "begin_us"));
  return PhaseTime{.phase = phase, .begin = begin};
}

void put_time(json::object& to, std::string_view name, const std::optional<Time>& time) {
  if (time) to[name] = to_micros(*time);
}

Result<std::optional<Time>> find_time(const json::object& from, std::string_view name) {
  if (from.if_contains(name) == nullptr) return std::optional<Time>();
  HL_TRY_ASSIGN(const Time time, get_time_micros(from, name));
  return std::optional(time);
}

json::value to_json(const InstanceTimes& times) {
  json::object object{
      {"instance", times.instance.text()}, {"revision", times.revision}, {"ending", times.ending}};
  put_time(object, "started_us", times.started);
  put_time(object, "ready_us", times.ready);
  put_time(object, "routed_us", times.routed);
  put_time(object, "drain_begun_us", times.drain_begun);
  put_time(object, "told_to_stop_us", times.told_to_stop);
  put_time(object, "gone_us", times.gone);
  return object;
}

Result<InstanceTimes> instance_times_from_json(const json::value& value) {
  HL_TRY_ASSIGN(const json::object* object, as_object(value));
  InstanceTimes times;
  HL_TRY_ASSIGN(std::string instance, get_string(*object, "instance"));
  times.instance = InstanceId(std::move(instance));
  HL_TRY_ASSIGN(times.revision, get_int(*object, "revision"));
  HL_TRY_ASSIGN(times.ending, get_string(*object, "ending"));
  HL_TRY_ASSIGN(times.started, find_time(*object, "started_us"));
  HL_TRY_ASSIGN(times.ready, find_time(*object, "ready_us"));
  HL_TRY_ASSIGN(times.routed, find_time(*object, "routed_us"));
  HL_TRY_ASSIGN(times.drain_begun, find_time(*object, "drain_begun_us"));
  HL_TRY_ASSIGN(times.told_to_stop, find_time(*object, "told_to_stop_us"));
  HL_TRY_ASSIGN(times.gone, find_time(*object, "gone_us"));
  return times;
}

}  // namespace

json::value to_json(const Report& report) {
  json::array instances;
  for (const InstanceTimes& times : report.instances) instances.push_back(to_json(times));
  json::array phases;
  for (const PhaseTime& time : report.phases) {
    phases.push_back(
        json::object{{"phase", to_text(time.phase)}, {"begin_us", to_micros(time.begin)}});
  }
  return json::object{
      {"before", to_json(report.before)},
      {"during", to_json(report.during)},
      {"after", to_json(report.after)},
      {"phases", std::move(phases)},
      {"instances", std::move(instances)},
      {"instances_started", report.instances_started},
      {"instances_failed", report.instances_failed},
      {"ready_to_routed_us", report.ready_to_routed_us},
      {"drain_to_stop_us", report.drain_to_stop_us},
      {"start_to_ready_us", report.start_to_ready_us},
  };
}

Result<Report> report_from_json(const json::value& value) {
  HL_TRY_ASSIGN(const json::object* object, as_object(value));
  Report report;
  HL_TRY_ASSIGN(report.before, find_window(*object, "before"));
  HL_TRY_ASSIGN(report.during, find_window(*object, "during"));
  HL_TRY_ASSIGN(report.after, find_window(*object, "after"));
  HL_TRY_ASSIGN(report.phases, get_each<PhaseTime>(*object, "phases", phase_time_from_json));
  if (object->if_contains("instances") != nullptr) {  // since database version 2
    HL_TRY_ASSIGN(report.instances,
                  get_each<InstanceTimes>(*object, "instances", instance_times_from_json));
  }
  HL_TRY_ASSIGN(report.instances_started, get_small_int(*object, "instances_started"));
  HL_TRY_ASSIGN(report.instances_failed, get_small_int(*object, "instances_failed"));
  HL_TRY_ASSIGN(report.ready_to_routed_us, get_int(*object, "ready_to_routed_us"));
  HL_TRY_ASSIGN(report.drain_to_stop_us, get_int(*object, "drain_to_stop_us"));
  HL_TRY_ASSIGN(report.start_to_ready_us, get_int(*object, "start_to_ready_us"));
  return report;
}

}  // namespace hitless::model
