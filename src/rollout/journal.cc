#include "rollout/journal.h"

#include <array>

#include "rollout/members.h"
#include "rollout/phase.h"

// Found by argument through Kind, so they cannot stand in an unnamed namespace.
namespace hitless::rollout {

// In the order of the enumerators.
static constexpr std::array<std::string_view, 3> k_processes = {"absent", "running", "exited"};
static constexpr std::array<std::string_view, 3> k_probes = {"unknown", "passing", "failing"};
static constexpr std::array<std::string_view, 3> k_routings = {"none", "partly", "full"};
static constexpr std::array<std::string_view, 3> k_standings = {"serving", "not_ready", "stopped"};
static constexpr std::array<std::string_view, 3> k_balances = {"round_robin", "least_connections",
                                                               "source_ip"};
static constexpr std::array<std::string_view, 5> k_stages = {"starting", "ready", "draining",
                                                             "stopping", "gone"};
static constexpr std::array<std::string_view, 4> k_endings = {"none", "retired", "exited",
                                                              "never_ready"};
static constexpr std::array<std::string_view, 10> k_phase_words = {
    "planned",      "starting",  "shifting",    "baking", "draining",
    "rolling_back", "succeeded", "rolled_back", "failed", "superseded"};

static const auto& words_of(Kind<Process>) {
  return k_processes;
}
static const auto& words_of(Kind<Probe>) {
  return k_probes;
}
static const auto& words_of(Kind<Routing>) {
  return k_routings;
}
static const auto& words_of(Kind<model::Standing>) {
  return k_standings;
}
static const auto& words_of(Kind<model::Balance>) {
  return k_balances;
}
static const auto& words_of(Kind<model::Stage>) {
  return k_stages;
}
static const auto& words_of(Kind<model::Ending>) {
  return k_endings;
}
static const auto& words_of(Kind<model::Phase>) {
  return k_phase_words;
}

template <class Visit>
static void visit_members(Visit& visit, Kind<Room>) {
  visit("cpu_millis", &Room::cpu_millis);
  visit("memory_mib", &Room::memory_mib);
  visit("gpus", &Room::gpus);
  visit("ports", &Room::ports);
  visit("instances", &Room::instances);
}

template <class Visit>
static void visit_members(Visit& visit, Kind<model::Resources>) {
  visit("cpu_millis", &model::Resources::cpu_millis);
  visit("memory_mib", &model::Resources::memory_mib);
  visit("gpus", &model::Resources::gpus);
  visit("ports", &model::Resources::ports);
}

template <class Visit>
static void visit_members(Visit& visit, Kind<model::Pause>) {
  visit("begin_us", &model::Pause::begin);
  visit("end_us", &model::Pause::end);
}

template <class Visit>
static void visit_members(Visit& visit, Kind<model::Orders>) {
  visit("paused_us", &model::Orders::paused_at);
  visit("abort", &model::Orders::abort);
  visit("skip", &model::Orders::skip);
  visit("pauses", &model::Orders::pauses);
}

template <class Visit>
static void visit_members(Visit& visit, Kind<model::Instance>) {
  using model::Instance;
  visit("id", &Instance::id);
  visit("rollout", &Instance::rollout);
  visit("group", &Instance::group);
  visit("revision", &Instance::revision);
  visit("entry", &Instance::entry);
  visit("ordinal", &Instance::ordinal);
  visit("stage", &Instance::stage);
  visit("ending", &Instance::ending);
  visit("detail", &Instance::detail);
  visit("created_us", &Instance::created_at);
  visit("stage_us", &Instance::stage_at);
  visit("ready_us", &Instance::ready_at);
  visit("routed_us", &Instance::routed_at);
  visit("address", &Instance::address);
}

template <class Visit>
static void visit_members(Visit& visit, Kind<InstanceView>) {
  visit("recorded", &InstanceView::recorded);
  visit("process", &InstanceView::process);
  visit("process_detail", &InstanceView::process_detail);
  visit("probe", &InstanceView::probe);
  visit("probe_detail", &InstanceView::probe_detail);
  visit("routing", &InstanceView::routing);
  visit("in_flight", &InstanceView::in_flight);
  visit("needs", &InstanceView::needs);
}

template <class Visit>
static void visit_members(Visit& visit, Kind<View>) {
  visit("now_us", &View::now);
  visit("rollout", &View::rollout);
  visit("phase", &View::phase);
  visit("reason", &View::reason);
  visit("phase_us", &View::phase_at);
  visit("progress_us", &View::progress_at);
  visit("step", &View::step);
  visit("baking_us", &View::baking_at);
  visit("orders", &View::orders);
  visit("stray_shares", &View::stray_shares);
  visit("old_side", &View::old_side);
  visit("new_side", &View::new_side);
  visit("requests_us", &View::requests_at);
  visit("evidence", &View::evidence);
  visit("samples_done", &View::samples_done);
  visit("dropped", &View::dropped);
  visit("instances", &View::instances);
  visit("next_ordinal", &View::next_ordinal);
  visit("room", &View::room);
  visit("watched_since_us", &View::watched_since);
  visit("adopted", &View::adopted);
}

template <class Visit>
static void visit_members(Visit& visit, Kind<StartInstance>) {
  visit("id", &StartInstance::id);
  visit("group", &StartInstance::group);
  visit("revision", &StartInstance::revision);
  visit("entry", &StartInstance::entry);
  visit("ordinal", &StartInstance::ordinal);
}

template <class Visit>
static void visit_members(Visit& visit, Kind<MoveInstance>) {
  visit("id", &MoveInstance::id);
  visit("stage", &MoveInstance::stage);
  visit("ending", &MoveInstance::ending);
  visit("detail", &MoveInstance::detail);
  visit("grace_us", &MoveInstance::grace);
}

template <class Visit>
static void visit_members(Visit& visit, Kind<model::Endpoint>) {
  visit("instance", &model::Endpoint::instance);
  visit("address", &model::Endpoint::address);
}

template <class Visit>
static void visit_members(Visit& visit, Kind<model::Share>) {
  visit("revision", &model::Share::revision);
  visit("weight", &model::Share::weight);
  visit("group", &model::Share::group);
  visit("endpoints", &model::Share::endpoints);
}

template <class Visit>
static void visit_members(Visit& visit, Kind<model::ServiceRoute>) {
  using model::ServiceRoute;
  visit("service", &ServiceRoute::service);
  visit("standing", &ServiceRoute::standing);
  visit("balance", &ServiceRoute::balance);
  visit("shares", &ServiceRoute::shares);
  visit("hold_us", &ServiceRoute::hold);
  visit("traffic", &ServiceRoute::traffic);
}

template <class Visit>
static void visit_members(Visit& visit, Kind<Decision>) {
  visit("phase", &Decision::phase);
  visit("step", &Decision::step);
  visit("baking_us", &Decision::baking_at);
  visit("evidence", &Decision::evidence);
  visit("why", &Decision::why);
  visit("reason", &Decision::reason);
  visit("moves", &Decision::moves);
  visit("starts", &Decision::starts);
  visit("route", &Decision::route);
  visit("wake_us", &Decision::wake_at);
  visit("percent", &Decision::percent);
  visit("lacks_room", &Decision::lacks_room);
}

json::value to_json(const View& view) {
  return write_value(view);
}

Result<View> view_from_json(const json::value& value, const model::Plan& plan) {
  View view;
  HL_TRY(read_value(value, view));
  view.plan = plan;
  for (InstanceView& each : view.instances) each.recorded.service = plan.service;
  return view;
}

json::value to_json(const Decision& decision) {
  return write_value(decision);
}

Result<Decision> decision_from_json(const json::value& value) {
  Decision decision;
  HL_TRY(read_value(value, decision));
  return decision;
}

std::vector<std::string> differences(const Decision& recorded, const Decision& today) {
  const json::value then = to_json(recorded);
  const json::value now = to_json(today);
  const json::object& before = then.get_object();
  const json::object& after = now.get_object();
  std::vector<std::string> out;
  const auto shown = [](const json::object& from, std::string_view name) {
    const json::value* value = from.if_contains(name);
    return value == nullptr ? std::string("none") : to_json_text(*value);
  };
  const auto compare = [&](std::string_view name) {
    const std::string left = shown(before, name);
    const std::string right = shown(after, name);
    if (left != right) out.push_back(fmt::format("{}: {}, now {}", name, left, right));
  };
  for (const auto& member : before) compare(member.key());
  for (const auto& member : after) {
    if (!before.contains(member.key())) compare(member.key());
  }
  return out;
}

}  // namespace hitless::rollout
