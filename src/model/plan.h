// A Plan is the answer to "what would this change do?", and leaves no choices to whoever carries
// it out.  Value; made by rollout::plan_change, stored with its rollout.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/service.h"

namespace hitless::model {

// What a changed field does to instances (docs/life_of_a_rollout.md).
enum class ChangeClass { note, route, scale, replace, refuse };

struct Change {
  ChangeClass change_class = ChangeClass::note;
  std::string field;  // "config[0].model_id"
  std::string from;   // as text; empty when it was not there
  std::string to;
  friend bool operator==(const Change&, const Change&) = default;
};

enum class RolloutKind {
  deploy,  // nothing → a revision: create and start
  update,  // a revision → another
  stop,    // a revision → nothing, kept for the next start
  remove,  // the same, and then the service is gone
};

// Equal instances: one entry of one revision's configuration.
struct Group {
  std::string key;              // template_digest, with "#2" and so on for equal entries
  RevisionNumber revision = 0;  // where the entry stands …
  int entry = 0;                // … and its index there
  int count = 0;                // instances wanted
  int weight = 0;               // percent of the service's traffic
  Duration grace{};
  Duration deploy_timeout{};
  Resources needs;  // what one instance takes of its pool
  friend bool operator==(const Group&, const Group&) = default;
};

// One place in the configuration over time: what stands there and what shall.
// Invariants: one of from and to is there; both with the same key means the instances stay.
struct Slot {
  std::optional<Group> from;
  std::optional<Group> to;
  int surge = 0;        // extra instances allowed while from is replaced by to
  int unavailable = 0;  // instances that may be missing meanwhile

  // Other instances take the place of those that stand here.
  bool is_replaced() const { return from && to && from->key != to->key; }
  // They stay, though their count may change.
  bool is_kept() const { return from && to && from->key == to->key; }
  friend bool operator==(const Slot&, const Slot&) = default;
};

// Instances that a change under way has started and the next one has no use for.
struct Leftover {
  RevisionNumber revision = 0;
  int count = 0;
  friend bool operator==(const Leftover&, const Leftover&) = default;
};

// An example of a fault, and how many requests of the new side it takes to show: on the average,
// and in all but Judgement::miss of the cases.
struct SampleNeed {
  int step = 0;           // of the plan
  bool is_alone = false;  // it is called alone there, and held against what the world may bring
  double old_rate = 0;    // of the old side's answers, or the world's, so many are errors …
  double new_rate = 0;    // … and of the new one's
  std::int64_t requests = 0;
  std::int64_t requests_within = 0;
  friend bool operator==(const SampleNeed&, const SampleNeed&) = default;
};

// What is expected of a plan.  For people; nothing is carried out by it, and of it only `hitless`
// and `unmet` are in the hash, because the rest moves with every measurement.
struct Forecast {
  int lowest = 0;                     // instances that serve at the worst moment
  int highest = 0;                    // instances that run at the fullest moment
  Duration longest_hold{};            // of a request; 0: none is parked
  std::optional<Duration> predicted;  // the whole rollout; none: no start was measured yet
  Duration proof{};                   // so much longer at the most, while it is proved
  std::vector<SampleNeed> samples;    // where it is judged, for each step
  bool hitless = true;
  std::vector<std::string> unmet;  // what keeps it from being hitless, a sentence each
  // Of a change during a change: what else it touches than its slots say.
  std::vector<Leftover> leftovers{};  // by revision; they leave
  int restarts = 0;                   // of what stays, but has been stopped by the one under way
  friend bool operator==(const Forecast&, const Forecast&) = default;
};

struct Plan {
  ServiceId service;
  RolloutKind kind = RolloutKind::update;
  RevisionNumber from = 0;  // 0: nothing served before, so there is no way back
  RevisionNumber to = 0;    // 0: nothing shall serve
  std::vector<Change> changes;
  std::vector<Slot> slots;
  Balance balance = Balance::round_robin;       // of `to`
  Balance balance_from = Balance::round_robin;  // of `from`
  TrafficPolicy traffic{};                      // of `to`
  TrafficPolicy traffic_from{};                 // of `from`
  Duration drain_budget{};  // from "absent from the adopted table" to SIGTERM at the latest
  Strategy strategy = Strategy::none;
  std::string reason;           // why it was picked
  std::vector<BakeStep> steps;  // canary and blue/green; empty: weights follow the instances
  Duration hold{};  // how long a request may be parked while nothing serves; 0: as the gateway says
  Judgement judgement;
  std::uint64_t drop_budget = 0;
  Duration slow_start{};
  Forecast forecast;
  std::string hash;  // over all of the above, but for the forecast's estimates

  bool replaces() const;  // some slot does
  friend bool operator==(const Plan&, const Plan&) = default;
};

std::string_view to_text(ChangeClass change_class);
std::string_view to_text(RolloutKind kind);
json::value to_json(const Plan& plan);
Result<Plan> plan_from_json(const json::value& value);

}  // namespace hitless::model
