#include "rollout/sim/sim.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "rollout/phase.h"
#include "rollout/plan.h"
#include "rollout/sim/invariants.h"
#include "rollout/sim/stray_check.h"
#include "rollout/sim/words.h"
#include "rollout/sim/world.h"

namespace hitless::rollout {
namespace {

using model::Phase;
using Words = std::vector<std::string>;

// More decisions without time passing would be a loop; more in one run a world that never rests.
constexpr int k_rounds_max = 100;
constexpr int k_run_max = 10'000;

class Simulator {
 public:
  Simulator() : world_(model::ServiceId("sim"), 1000) {}

  Result<void> obey(const Words& words) {
    transcript_ += fmt::format("> {}\n", fmt::join(words, " "));
    const std::string& verb = words[0];
    if (verb == "pool") return obey_pool(words);
    if (verb == "serve" || verb == "put") return obey_change(words);
    if (verb == "stop") return obey_stop();
    if (verb == "tick") return obey_tick(words);
    if (verb == "run") return pass_time(std::nullopt), Result<void>();
    if (verb == "show") return show(), Result<void>();
    if (verb == "adopt") return obey_adopt(words);
    if (verb == "kill") return obey_kill(words);
    if (is_order(verb)) return obey_order(words);
    if (verb == "traffic" || verb == "drop") return obey_requests(words);
    if (verb == "ready" || verb == "fail" || verb == "crash" || verb == "in-flight")
      return obey_instance(words);
    return obey_habit(words);
  }

  std::string take() { return std::move(transcript_); }

 private:
  static Error wrong(std::string_view want) {
    return Error(Code::invalid, fmt::format("want: {}", want));
  }

  Result<void> obey_pool(const Words& words) {
    if (words.size() < 2) return wrong("pool NUMBER [memory=MIB]");
    HL_TRY_ASSIGN(world_.capacity, read_number(words[1]));
    has_pool_ = true;
    if (words.size() == 3 && words[2].starts_with("memory=")) {
      HL_TRY_ASSIGN(world_.room.memory_mib, read_number(words[2].substr(7)));
    }
    react();
    return {};
  }

  Result<void> obey_change(const Words& words) {
    HL_TRY_ASSIGN(auto config, read_config(words, 1));
    model::Revision revision;
    revision.number = ++revisions_;
    revision.config = std::move(config);
    HL_TRY_ASSIGN(model::Plan plan, make_plan(revision));
    if (words[0] == "serve") {
      world_.serve(std::move(plan));
      serving_ = std::move(revision);
      return {};
    }
    target_ = std::move(revision);
    tell_plan(plan);
    world_.begin(std::move(plan));
    react();
    return {};
  }

  Result<void> obey_stop() {
    HL_TRY_ASSIGN(model::Plan plan, make_plan(std::nullopt));
    target_.reset();
    world_.begin(std::move(plan));
    react();
    return {};
  }

  Result<model::Plan> make_plan(std::optional<model::Revision> to) {
    PlanInput input;
    input.service = model::ServiceId("sim");
    if (target_ && world_.base() == target_->number) serving_ = target_;
    input.from = serving_;
    input.to = std::move(to);
    input.kind = !input.to    ? model::RolloutKind::stop
                 : input.from ? model::RolloutKind::update
                              : model::RolloutKind::deploy;
    if (has_pool_) {
      input.capacity = world_.empty_pool();
      input.room = world_.room_beside(input.from);
    }
    HL_TRY_ASSIGN(model::Plan plan, plan_change(input));
    name_groups(input.from, plan);
    name_groups(input.to, plan);
    return plan;
  }

  void name_groups(const std::optional<model::Revision>& revision, const model::Plan& plan) {
    if (!revision) return;
    for (const model::Slot& slot : plan.slots) {
      for (const auto* group : {&slot.from, &slot.to}) {
        if (!*group || (*group)->revision != revision->number) continue;
        const auto& entry = revision->config.entries[static_cast<std::size_t>((*group)->entry)];
        names_[(*group)->key] = entry.model.text();
      }
    }
    apply_habits();
  }

  void tell_plan(const model::Plan& plan) {
    for (const model::Change& change : plan.changes) {
      transcript_ += fmt::format("  plan: {} {}: {} -> {}\n", model::to_text(change.change_class),
                                 change.field, change.from.empty() ? "-" : change.from,
                                 change.to.empty() ? "-" : change.to);
    }
    transcript_ += fmt::format("  plan: strategy {}: {}\n", to_text(plan.strategy), plan.reason);
    for (const model::BakeStep& step : plan.steps) {
      transcript_ += fmt::format("  plan: step {} %, bake {:g} s\n", step.weight,
                                 std::chrono::duration<double>(step.bake).count());
    }
  }

  Result<void> obey_tick(const Words& words) {
    if (words.size() != 2) return wrong("tick TIME");
    HL_TRY_ASSIGN(const Duration time, read_duration(words[1]));
    pass_time(world_.now() + time);
    return {};
  }

  Result<void> obey_adopt(const Words& words) {
    if (words.size() != 2 || (words[1] != "on" && words[1] != "off")) return wrong("adopt on|off");
    world_.adopts_by_itself = words[1] == "on";
    if (world_.adopts_by_itself) world_.adopt();
    react();
    return {};
  }

  Result<void> obey_kill(const Words& words) {
    if (words.size() != 2 || words[1] != "controller") return wrong("kill controller");
    const Decision decision = decide();
    world_.record(decision);
    tell("control is killed before it does anything");
    world_.restart_control();
    return {};
  }

  Result<void> obey_instance(const Words& words) {
    SimInstance* instance = words.size() < 2 ? nullptr : world_.find("-" + words[1]);
    if (instance == nullptr) return wrong(words[0] + " INSTANCE, one that is there");
    if (words[0] == "ready") world_.set_ready(*instance);
    if (words[0] == "fail") world_.set_failing(*instance, "HTTP 503 from /health");
    if (words[0] == "crash") world_.crash(*instance, "exit status 1");
    if (words[0] == "in-flight") {
      if (words.size() != 3) return wrong("in-flight INSTANCE NUMBER");
      HL_TRY_ASSIGN(const int requests, read_number(words[2]));
      instance->in_flight = static_cast<std::uint64_t>(std::max(0, requests));
    }
    react();
    return {};
  }

  static bool is_order(const std::string& verb) {
    return verb == "pause" || verb == "resume" || verb == "abort" || verb == "skip" ||
           verb == "samples-done";
  }

  Result<void> obey_order(const Words& words) {
    if (words.size() != 1) return wrong("pause, resume, abort, skip, samples-done");
    if (words[0] == "pause") world_.pause();
    if (words[0] == "resume") world_.resume();
    if (words[0] == "abort") world_.orders.abort = "aborted by its user";
    if (words[0] == "skip") world_.orders.skip = world_.step() + 1;
    if (words[0] == "samples-done") world_.samples_done = true;
    react();
    return {};
  }

  Result<void> obey_requests(const Words& words) {
    if (words.size() != 2) return wrong(words[0] + " NUMBER");
    HL_TRY_ASSIGN(const int number, read_number(words[1]));
    if (words[0] == "traffic") world_.traffic.per_second = number;
    if (words[0] == "drop") world_.dropped += static_cast<std::uint64_t>(std::max(0, number));
    react();
    return {};
  }

  Result<void> obey_manner(const Words& words) {
    Manner& manner = manners_[words[0]];
    if (words[1] == "errors") {
      HL_TRY_ASSIGN(manner.errors, read_number(words[2]));
    } else {
      HL_TRY_ASSIGN(manner.latency, read_duration(words[2]));
    }
    apply_habits();
    return {};
  }

  Result<void> obey_habit(const Words& words) {
    if (words.size() == 3 && (words[1] == "errors" || words[1] == "latency"))
      return obey_manner(words);
    Habit& habit = habits_[words[0]];
    const bool hangs = words.size() == 2 && words[1] == "hangs";
    const bool after = words.size() == 4 && words[2] == "after";
    if (!hangs && !after) return wrong("a command, or MODEL ready|fails|exits after TIME");
    if (hangs) {
      habit = {std::chrono::hours(10'000), {}, {}};
    } else {
      HL_TRY_ASSIGN(const Duration time, read_duration(words[3]));
      if (words[1] == "ready") habit = {time, {}, {}};
      if (words[1] == "fails") habit = {std::chrono::hours(10'000), time, {}};
      if (words[1] == "exits") habit.exits_after = time;
    }
    apply_habits();
    return {};
  }

  // A model's habits and manners are those of its groups; "B.2" is the second instance of B.
  void apply_habits() {
    for (const auto& [key, name] : names_) {
      world_.habits[key] = habits_[name];
      world_.manners[key] = manners_[name];
      for (const auto& [model, habit] : habits_) {
        if (!model.starts_with(name + ".")) continue;
        if (const auto nth = read_number(std::string_view(model).substr(name.size() + 1)))
          world_.odd_ones[key][*nth] = habit;
      }
    }
  }

  Decision decide() {
    const View view = world_.view();
    if (view.plan.hash.empty()) return {};
    const bool over = is_end(view.phase);
    Decision decision =
        over ? tend(view, view.phase == Phase::succeeded ? Side::to : Side::from) : step(view);
    for (const std::string& broken :
         over ? check_tend(view, decision) : check_step(view, decision)) {
      tell("BROKEN PROMISE: " + broken);
    }
    for (const std::string& broken : check_strays(view, decision, world_.route_before())) {
      tell("BROKEN PROMISE: " + broken);
    }
    if (!over && decision.phase == Phase::succeeded) serving_ = target_ ? target_ : serving_;
    report(view, decision);
    return decision;
  }

  // Decides and performs until nothing changes; time stands still.
  std::optional<Time> react() {
    for (int round = 0; round < k_rounds_max; ++round) {
      const Phase before = world_.phase();
      const Decision decision = decide();
      const bool published = decision.route == world_.published_route();
      world_.record(decision);
      world_.perform();
      const bool quiet = decision.moves.empty() && decision.starts.empty() &&
                         decision.phase == before && published;
      if (quiet) return decision.wake_at;
    }
    tell("BROKEN PROMISE: it does not come to rest");
    return std::nullopt;
  }

  void pass_time(std::optional<Time> till) {
    for (int round = 0; round < k_run_max; ++round) {
      std::optional<Time> next = react();
      const std::optional<Time> event = world_.next_event();
      if (event && (!next || *event < *next)) next = event;
      if (!next || (till && *next > *till)) break;
      world_.advance(std::max(Duration{}, *next - world_.now()));
    }
    if (till) {
      world_.advance(*till - world_.now());
      react();
    }
  }

  void tell(const std::string& text) {
    const double now = std::chrono::duration<double>(world_.now().time_since_epoch()).count();
    transcript_ += fmt::format("{:>9.3f} s  {}\n", now, text);
  }

  static std::string short_id(const model::InstanceId& id) {
    return id.text().substr(id.text().find('-') + 1);
  }

  void report(const View& view, const Decision& decision) {
    for (const MoveInstance& move : decision.moves) {
      const auto seen = std::find_if(
          view.instances.begin(), view.instances.end(),
          [&](const InstanceView& instance) { return instance.recorded.id == move.id; });
      if (seen == view.instances.end()) continue;
      tell(fmt::format("{} {} -> {}{}", short_id(move.id), model::to_text(seen->recorded.stage),
                       model::to_text(move.stage),
                       move.detail.empty() ? "" : " (" + move.detail + ")"));
    }
    for (const StartInstance& start : decision.starts) {
      tell(fmt::format("start {} of {}", short_id(start.id), names_[start.group]));
    }
    const std::string route = route_text(decision.route);
    if (route != last_route_) tell("route: " + route);
    last_route_ = route;
    if (decision.phase != view.phase) {
      tell(fmt::format("{} -> {}: {}", model::to_text(view.phase), model::to_text(decision.phase),
                       decision.why));
    }
    last_why_ = decision.why;
  }

  std::string route_text(const model::ServiceRoute& route) {
    if (route.standing == model::Standing::stopped) return "stopped";
    if (route.shares.empty()) return "nothing is ready";
    std::string text;
    for (const model::Share& share : route.shares) {
      std::string endpoints;
      for (const model::Endpoint& endpoint : share.endpoints) {
        endpoints += (endpoints.empty() ? "" : " ") + short_id(endpoint.instance);
      }
      text += fmt::format("{}r{} weight {} [{}]", text.empty() ? "" : ", ", share.revision,
                          share.weight, endpoints);
    }
    return text;
  }

  void show() {
    const std::string why = last_why_.empty() ? step(world_.view()).why : last_why_;
    tell(fmt::format("{}: {}", model::to_text(world_.phase()), why));
    if (world_.traffic.longest_hold() > Duration{}) {
      const std::chrono::duration<double> held = world_.traffic.longest_hold();
      transcript_ += fmt::format("    longest hold {:.3f} s, {} requests given up\n", held.count(),
                                 world_.traffic.given_up());
    }
    if (world_.evidence() && world_.traffic.per_second > 0) {
      transcript_ += fmt::format("    evidence: {}\n", world_.evidence()->text);
    }
    for (const SimInstance& instance : world_.instances()) {
      if (instance.recorded.stage == model::Stage::gone) continue;
      transcript_ += fmt::format(
          "    {:<6} {:<3} {}{}\n", short_id(instance.recorded.id), names_[instance.recorded.group],
          model::to_text(instance.recorded.stage),
          instance.in_flight == 0 ? "" : fmt::format(", {} in flight", instance.in_flight));
    }
  }

  World world_;
  bool has_pool_ = false;  // plans know of it
  model::RevisionNumber revisions_ = 0;
  std::optional<model::Revision> serving_;
  std::optional<model::Revision> target_;
  std::map<std::string, std::string> names_;  // by group key
  std::map<std::string, Habit> habits_;       // by model, or by model.number
  std::map<std::string, Manner> manners_;     // by model
  std::string last_route_;
  std::string last_why_;
  std::string transcript_;
};

}  // namespace

Result<std::string> run_scenario(std::string_view text) {
  Simulator simulator;
  for (const Command& command : split_scenario(text)) {
    const Result<void> obeyed = simulator.obey(command.words);
    if (!obeyed) return obeyed.error().context(fmt::format("line {}", command.line));
  }
  return simulator.take();
}

}  // namespace hitless::rollout
