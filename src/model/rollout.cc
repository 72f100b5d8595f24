#include "model/rollout.h"

#include "model/words.h"

namespace hitless::model {
namespace {

constexpr Words<Phase, 9> k_phases{{
    {Phase::planned, "planned"},
    {Phase::starting, "starting"},
    {Phase::shifting, "shifting"},
    {Phase::draining, "draining"},
    {Phase::rolling_back, "rolling_back"},
    {Phase::succeeded, "succeeded"},
    {Phase::rolled_back, "rolled_back"},
    {Phase::failed, "failed"},
    {Phase::superseded, "superseded"},
}};

}  // namespace

bool is_terminal(Phase phase) {
  switch (phase) {
    case Phase::planned:
    case Phase::starting:
    case Phase::shifting:
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
