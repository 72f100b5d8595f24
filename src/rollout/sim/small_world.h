// A small world: the course of one small change, and one fault that befalls it.  For tests alone.
// Value: a copy goes on from where it was made.  Nothing is random.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "rollout/sim/course.h"
#include "rollout/sim/small_change.h"

namespace hitless::rollout {

// What may come of a fault: the goal stands; or it may not, or must not, and what stood before
// does; or neither, because the world leaves no way.
enum class Comes { goal, goal_or_back, back, anything };

struct SmallFault {
  std::string_view name;
  Comes comes;
};

// `flap` passes, `fail` does not.  `all` is a whole side at once, or both; where a crash of all
// ends as many new ones as make a version broken, it may go back.  What answers badly must be taken
// back if it was asked while that could be, and goes on where nothing is compared: there is nothing
// to go back to, no instance is exchanged, or all has turned to the new side already.
inline constexpr SmallFault k_small_faults[] = {
    {"none", Comes::goal},
    {"refused_start", Comes::goal},  // the pool starts nothing for a while
    {"starts_late", Comes::goal},    // just in time
    {"dies_at_start", Comes::goal_or_back},
    {"dies_when_ready", Comes::goal_or_back},
    {"hangs", Comes::goal_or_back},
    {"fails_probe", Comes::goal_or_back},
    {"crash_new", Comes::goal},
    {"crash_old", Comes::goal},
    {"crash_all_new", Comes::goal},
    {"crash_all_old", Comes::goal},
    {"crash_all", Comes::goal},
    {"flap_new", Comes::goal},
    {"flap_old", Comes::goal},
    {"flap_all_new", Comes::goal},
    {"flap_all_old", Comes::goal},
    {"flap_all", Comes::goal},
    {"fail_all_new", Comes::goal_or_back},
    {"fail_all_old", Comes::goal},
    {"busy_old", Comes::goal},
    {"killed_recorded", Comes::goal},
    {"killed_after_1", Comes::goal},
    {"killed_after_2", Comes::goal},
    {"killed_after_3", Comes::goal},
    {"killed_after_4", Comes::goal},
    {"killed_after_5", Comes::goal},
    {"killed_after_6", Comes::goal},
    {"killed_after_7", Comes::goal},
    {"killed_after_8", Comes::goal},
    {"killed_after_9", Comes::goal},
    {"killed_after_10", Comes::goal},
    {"killed_after_11", Comes::goal},
    {"killed_after_12", Comes::goal},
    {"killed_after_13", Comes::goal},  // two entries of six, and the route
    {"adopts_late", Comes::goal},
    {"room_0", Comes::anything},
    {"room_1", Comes::anything},
    {"room_2", Comes::anything},
    {"superseded", Comes::goal},
    {"superseded_by_broken", Comes::goal_or_back},
    {"taken_back", Comes::goal},
    {"stopped", Comes::goal},
    {"aborted", Comes::back},
    {"paused", Comes::goal},
    {"paused_half_way", Comes::goal},  // to what is due next
    {"paused_and_old_crashes", Comes::goal},
    {"paused_and_aborted", Comes::back},
    {"paused_and_hangs", Comes::goal_or_back},
    {"skipped", Comes::goal},
    {"answers_badly", Comes::goal_or_back},
    {"loses_requests", Comes::goal_or_back},
    {"second_fails", Comes::goal_or_back},
};

class SmallWorld {
 public:
  SmallWorld(const SmallChange& change, bool tells);

  // The planner refused it, as it had to; nothing happens.
  bool is_refused() const { return refused_; }
  bool is_at_rest() const;
  bool is_well() const { return course_.failures().empty(); }
  const Course& course() const { return course_; }

  void round();
  // Whether the fault can happen now; if so it has.
  bool befall(const SmallFault& fault);
  void go_on();  // to its end, and holds that against the fault

  // The new side answers badly, and it could be seen in time.
  bool is_to_be_judged() const { return fault_ == "answers_badly" && comes_ != Comes::goal; }
  // Its wrong answers, by when they could last turn it round.
  std::uint64_t wrong_answers() const { return wrong_; }

 private:
  Result<model::Plan> plan_to(const std::optional<model::Revision>& to);
  bool begin(const std::optional<model::Revision>& to, const std::string& refusal);
  void note(const Course::Turn& turn);
  void pass_time();
  bool mend_later(Duration after);
  void mend();

  bool take_room(int room);
  bool kill();
  bool refuse();
  bool order();
  bool go_half_way();
  bool hit();
  bool hit(const std::string& how, const std::string& whom);
  bool supersede();
  bool change_habit();
  void break_target(const Habit& habit, bool at_once = false);
  bool answer_badly();
  bool is_judged() const;
  std::uint64_t answers_of_new_side() const;

  bool calls_both_sides() const;
  void measure();
  void measure_room();

  void check_outcome(model::Phase ended);
  void check_promoted();
  void check_rest();
  void check_where_it_began(const View& view);
  void check_failed(const View& view);
  void check_left_alone(const View& view);
  void check_time();
  void check_forecast();

  SmallChange change_;
  std::string fault_ = "none";
  Course course_;
  Comes comes_ = Comes::goal;
  bool refused_ = false;
  std::uint64_t right_ = 0;  // answers of the new side before it answered badly …
  std::uint64_t wrong_ = 0;  // … and after
  bool called_throughout_ = false;
  bool met_ = false;  // both sides were called at once
  model::RevisionNumber revisions_ = 0;
  std::optional<model::Revision> serving_;
  std::optional<model::Revision> target_;
  std::optional<Time> mends_at_;
  Time ended_at_;
  bool changed_ = true;
  int lowest_ = 1000;  // instances that served
  int highest_ = 0;    // instances that ran
};

}  // namespace hitless::rollout
