// Every small world, with one fault at every step of its course.  First the course without a fault
// is gone through; at each of its steps a copy branches off, the fault happens there, and the copy
// goes on to its end.  Nothing is random.  HITLESS_WORLD="replace 2 3 1 0 crash_new 5" replays one
// world and prints its course; HITLESS_LONG=1 leaves none out.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <map>
#include <sstream>

#include "rollout/sim/effort.h"
#include "rollout/sim/small_world.h"

namespace hitless::rollout {
namespace {

using model::Phase;

constexpr int k_most = 6;               // instances of a side
constexpr int k_sanitized_stride = 10;  // sanitizers, ten times slower, see each tenth fault
constexpr int k_canary_stride = 2;
constexpr int k_slow_stride = 23;
constexpr int k_rare_stride = 101;

struct Totals {
  std::uint64_t worlds = 0;
  std::uint64_t steps = 0;
  std::map<Phase, std::uint64_t> ends;
  std::uint64_t refused = 0;
  std::uint64_t hit_at_once = 0;
  std::uint64_t bad_went_back = 0;  // answered badly
  std::uint64_t bad_went_on = 0;    // likewise
  std::uint64_t bad_seen_most = 0;  // wrong answers of those
  int failed = 0;
};

void count(const SmallWorld& world, const SmallChange& change, const SmallFault& fault, int at,
           std::uint64_t steps_before, Totals& totals) {
  const Phase end = world.course().world.phase();
  ++totals.worlds;
  totals.steps += world.course().steps() - steps_before;
  ++totals.ends[end];
  totals.hit_at_once += fault.name.find("_all") == std::string_view::npos ? 0 : 1;
  if (world.is_to_be_judged()) {
    ++(end == Phase::succeeded ? totals.bad_went_on : totals.bad_went_back);
    if (end == Phase::succeeded)
      totals.bad_seen_most = std::max(totals.bad_seen_most, world.wrong_answers());
  }
  if (world.is_well()) return;
  ++totals.failed;
  ADD_FAILURE() << "HITLESS_WORLD=\"" << change.text() << " " << fault.name << " " << at
                << "\": " << world.course().failures()[0];
}

bool is_extreme(int knob, int most) {
  return knob <= 1 || knob == most;
}

// Every plan of one to six instances is gone through, with one in so many of its faults; 0: not at
// all.  The normal run sees all faults of up to 4 instances that are exchanged or scaled without
// more ado, of other kinds up to 3, and of more where counts stay and knobs are least, most or
// quarters; but fewer where courses are long: many steps, shares that rise, a second entry.  Of the
// rest it sees a sample, each plan other faults than its neighbours.  Sanitizers see a tenth of the
// smallest.
int stride_of(const SmallChange& change) {
  const int most = std::max(change.from, change.to);
  if (k_sanitized) {
    const bool is_smallest = most <= 2 && change.from == change.to && change.kind != "quarters";
    return is_smallest ? k_sanitized_stride : 0;
  }
  if (is_long()) return 1;
  const bool is_plain = change.kind == "replace" || change.kind == "scale";
  const bool has_quarters = change.kind == "quarters";
  const bool is_usual = has_quarters || change.knows_pool() ||
                        (is_extreme(change.surge, most) && is_extreme(change.unavailable, most));
  const bool is_seen = most <= (is_plain ? 4 : 3) || (change.from == change.to && is_usual);
  if (!is_seen) return k_rare_stride;
  if (change.kind == "slow") return most <= 1 ? 1 : most == 2 ? k_canary_stride : k_slow_stride;
  if (change.kind == "add") return most <= 2 ? 1 : k_slow_stride;
  if (change.kind == "canary") return most <= 2 ? 1 : k_canary_stride;
  return change.knows_pool() && most > 3 ? k_canary_stride : 1;
}

// All faults at all steps of one plan's course.
void go_through(const SmallChange& change, int stride, Totals& totals) {
  SmallWorld trunk(change, false);
  if (trunk.is_refused()) {
    ++totals.refused;
    return count(trunk, change, k_small_faults[0], 0, 0, totals);
  }
  const int first =
      change.from + k_most * (change.to + k_most * (change.surge + k_most * change.unavailable));
  for (int at = 0; totals.failed < 10; ++at) {
    for (const SmallFault& fault : k_small_faults) {
      const auto index = std::distance(std::begin(k_small_faults), &fault);
      const bool is_none = fault.name == "none";
      if (is_none ? at > 0 : (first + at + index) % stride != 0) continue;
      SmallWorld branch = trunk;
      if (!branch.befall(fault)) continue;
      branch.go_on();
      count(branch, change, fault, at, trunk.course().steps(), totals);
    }
    if (trunk.is_at_rest() || !trunk.is_well()) return;
    trunk.round();
  }
}

void replay(const char* text) {
  SmallChange change;
  std::string name;
  int at = 0;
  std::istringstream words(text);
  words >> change.kind >> change.from >> change.to >> change.surge >> change.unavailable >> name >>
      at;
  SmallWorld world(change, true);
  for (int step = 0; step < at; ++step) world.round();
  for (const SmallFault& fault : k_small_faults) {
    if (fault.name != name) continue;
    EXPECT_TRUE(world.is_refused() || world.befall(fault));
    world.go_on();
    for (const std::string& failure : world.course().failures()) ADD_FAILURE() << failure;
    return;
  }
  ADD_FAILURE() << "no such world: " << text;
}

void tell(const Totals& totals) {
  fmt::print("worlds {} steps {}", totals.worlds, totals.steps);
  for (const auto& [phase, count] : totals.ends) {
    fmt::print(", {} {}", model::to_text(phase), count);
  }
  fmt::print("\nof these {} refused, {} with a whole side hit at once; of {} that answered badly ",
             totals.refused, totals.hit_at_once, totals.bad_went_back + totals.bad_went_on);
  fmt::print("{} went back, {} went on with {} wrong answers seen at the most\n",
             totals.bad_went_back, totals.bad_went_on, totals.bad_seen_most);
}

TEST(SmallWorlds, KeepEveryPromiseWithAFaultAtEveryStep) {
  if (const char* world = std::getenv("HITLESS_WORLD")) return replay(world);
  Totals totals;
  for (const std::string_view kind : k_small_kinds) {
    SmallChange change{std::string(kind)};
    for (change.from = 1; change.from <= k_most; ++change.from) {
      for (change.to = 1; change.to <= k_most; ++change.to) {
        const int most = std::max(change.from, change.to);
        for (change.surge = 0; change.surge <= most + 2; ++change.surge) {
          for (change.unavailable = 0; change.unavailable <= most; ++change.unavailable) {
            const int stride = change.has_meaning() ? stride_of(change) : 0;
            if (stride > 0) go_through(change, stride, totals);
          }
        }
      }
    }
  }
  tell(totals);
  if (k_sanitized) return;
  EXPECT_GE(totals.worlds, 350'000u);
  EXPECT_GE(totals.steps, 4'000'000u);
  EXPECT_GE(totals.refused, 200u);
  EXPECT_GE(totals.hit_at_once, 30'000u);
  EXPECT_GE(totals.bad_went_back, 5'000u);
}

}  // namespace
}  // namespace hitless::rollout
