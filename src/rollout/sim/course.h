// A Course is a World with a control that drives it, for the property tests: every decision is
// held against invariants.h, every step can be told.  Value: a copy goes on from where it was
// made.  Pure, in virtual time.
#pragma once

#include <string>
#include <vector>

#include "rollout/sim/world.h"

namespace hitless::rollout {

class Course {
 public:
  Course(World start, bool tells) : world(std::move(start)), tells_(tells) {}

  struct Turn {
    model::Phase before;
    model::Phase after;
    bool changed = false;  // something moved, started, or is routed otherwise
    bool ended() const;    // with this turn
    int performed = 0;     // actions, where control was killed
  };

  // One turn of control's loop.  With fewer actions than there are control is killed after them,
  // and a fresh one takes over.
  Turn round();
  Turn round_killed_after(int actions);

  // To the next thing that happens or is due; false: nothing is, and a second passed.
  bool advance();
  std::optional<Time> due_at() const;

  void tell(const std::string& text) const;
  void fail(const std::string& text);

  World world;

  const std::vector<std::string>& failures() const { return failures_; }
  const std::string& why() const { return why_; }  // of the last decision
  std::uint64_t steps() const { return steps_; }

 private:
  Turn decide();
  Decision decide(const View& view);
  void check_recorded(const Decision& decision);
  void check_processes();
  void show(const View& view, const Decision& decision) const;

  // Kept between rounds for its memory alone, so that a copy needs none of it.
  struct Seen {
    Seen() = default;
    Seen(const Seen&) {}
    Seen& operator=(const Seen&) { return *this; }
    View view;
  };

  bool tells_;
  Seen seen_;
  std::vector<std::string> failures_;
  std::string why_;
  std::optional<Time> wake_at_;
  model::ServiceRoute last_route_;
  std::uint64_t steps_ = 0;
};

}  // namespace hitless::rollout
