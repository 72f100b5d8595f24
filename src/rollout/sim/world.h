// A pretend world in virtual time: a pool, a prober, a gateway, and the memory that control would
// have.  The simulator (sim.h) and the property tests drive the same step() with it that
// control drives with the real one.  No clock, no randomness of its own.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "rollout/plan.h"
#include "rollout/sim/traffic.h"
#include "rollout/step.h"

namespace hitless::rollout {

// What instances of one group do once they run.
struct Habit {
  Duration ready_after = std::chrono::seconds(1);  // start → probe passes
  std::optional<Duration> fails_after;  // start → probe fails, if it has not passed yet
  std::optional<Duration> exits_after;  // start → process ends by itself
};

// One instance in the world: what control recorded, and how it is.
struct SimInstance {
  model::Instance recorded;
  model::Resources needs;
  Habit habit;
  bool was_told_to_run = false;
  bool was_told_to_stop = false;
  Process process = Process::absent;
  std::string process_detail;
  Probe health = Probe::unknown;  // how it is …
  Probe probe = Probe::unknown;   // … and what the prober has seen of it
  std::string probe_detail;
  std::uint64_t in_flight = 0;
  Time started_at;
  std::optional<Time> stops_at;  // told to stop: gone then
  std::optional<Time> seen_at;   // the prober sees its health then
  Routing routing = Routing::none;
};

// Order of calls per round: view, step or tend, record, perform; advance between rounds.
class World {
 public:
  World(model::ServiceId service, int capacity);

  // Control's side.
  void begin(model::Plan plan);  // takes the place of the one under way
  View view() const;
  void look(View& view) const;  // the same, into one that was looked into before
  void record(const Decision& decision);
  // Does what the record asks for and has not been done; stops after `actions_max` actions, as if
  // control were killed there.  Gives the number of actions.
  int perform(int actions_max = 1 << 20);
  void pause();
  void resume();
  void restart_control();  // a fresh control: the prober knows nothing, no route is decided

  // The world's side.
  void advance(Duration duration);
  std::optional<Time> next_event() const;
  void adopt();  // every worker takes the published route
  void set_ready(SimInstance& instance);
  void set_failing(SimInstance& instance, std::string detail);
  void crash(SimInstance& instance, std::string detail);
  // Every instance of the plan's `to` is ready and routed, as if the rollout had ended long ago.
  void serve(model::Plan plan);

  Time now() const { return now_; }
  model::Phase phase() const { return phase_; }
  const model::Plan& plan() const { return plan_; }
  int step() const { return step_; }
  const std::optional<model::Evidence>& evidence() const { return evidence_; }
  model::RevisionNumber base() const;  // base_of() a rollout under way; 0: none is
  const model::ServiceRoute& adopted_route() const { return adopted_; }
  const model::ServiceRoute& published_route() const { return published_; }
  // What was published when the rollout under way began.
  const model::ServiceRoute& route_before() const { return before_; }
  std::vector<SimInstance>& instances() { return instances_; }
  const std::vector<SimInstance>& instances() const { return instances_; }
  SimInstance* find(const std::string& id_end);  // by the end of its id; nullptr: none
  std::vector<Present> present() const;  // of a change under way; what is not on its way out
  int free_room() const;
  // As control tells plans of the pool: all of it, and what is left beside this service; then
  // `from` takes its part, which runs or may have to come back.
  Room empty_pool() const;
  Room room_beside(const std::optional<model::Revision>& from) const;

  std::map<std::string, Habit> habits;                   // by group key
  std::map<std::string, std::map<int, Habit>> odd_ones;  // of the n-th of a group, from 1
  std::map<std::string, Manner> manners;                 // by group key
  Traffic traffic;
  model::Orders orders;                                 // of the rollout under way
  std::uint64_t dropped = 0;                            // likewise, beside those held too long
  bool samples_done = false;                            // likewise
  Room room;                                            // of the pool, empty; instances: capacity
  bool adopts_by_itself = true;                         // as soon as a route is published
  bool refuses_starts = false;                          // ensure_running fails
  int capacity = 0;                                     // instances the pool can hold
  Duration stop_time = std::chrono::milliseconds(50);   // told to stop → gone
  Duration probe_time = std::chrono::milliseconds(20);  // health → seen by the prober

 private:
  std::vector<model::Instance> recorded() const;
  void put_ready(const model::Group& group);
  void start(SimInstance& instance);
  void come_about(SimInstance& instance);  // what is due by now
  std::optional<Time> next_event_of(const SimInstance& instance) const;
  void note_routed();
  void pass(Time till);
  bool is_judged() const;
  std::uint64_t dropped_by_now() const;
  void count(Side side, bool ever, model::Outcomes& outcomes) const;
  Habit habit_of(const std::string& group) const;
  void note_tables();
  void change_health(SimInstance& instance, Probe health, std::string detail);

  model::Plan plan_;
  model::RolloutId rollout_;
  int rollouts_ = 0;
  model::Phase phase_ = model::Phase::succeeded;
  std::string reason_;
  int step_ = 0;
  std::optional<Time> baking_at_;
  std::optional<model::Evidence> evidence_;
  std::optional<Time> requests_at_;
  std::uint64_t given_up_before_ = 0;  // by traffic, when the rollout began
  Time now_;
  Time watched_since_{-std::chrono::hours(1)};  // for long
  Time phase_at_;
  Time progress_at_;
  int next_ordinal_ = 1;
  std::vector<SimInstance> instances_;
  std::optional<model::ServiceRoute> decided_;
  model::ServiceRoute published_;
  model::ServiceRoute adopted_;
  bool one_table_ = true;  // what is published is adopted
  model::ServiceRoute before_;
  std::vector<int> stray_shares_;
};

}  // namespace hitless::rollout
