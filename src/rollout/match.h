// Which entry of the new configuration takes the place of which of the old one.  Internal; pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/service.h"

namespace hitless::rollout {

// Indexes into the two configurations; one at least is there.
struct Pair {
  std::optional<std::size_t> from;
  std::optional<std::size_t> to;
  friend bool operator==(const Pair&, const Pair&) = default;
};

struct Pairing {
  std::vector<std::string> from_keys;  // Group::key of each entry
  std::vector<std::string> to_keys;
  std::vector<Pair> pairs;  // new entries in their order, then the dropped ones in theirs
};

// Equal keys are paired first: their instances stay.  Then what runs the same model version, then
// what stands at the same index, then the rest in order.
Pairing pair_entries(const model::ServiceConfig& from, const model::ServiceConfig& to);

}  // namespace hitless::rollout
