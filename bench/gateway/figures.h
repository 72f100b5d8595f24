// Figures of all proxies beside a bar that only ours has to meet.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "bench/gateway/proxies.h"

namespace hitless::bench {

struct Figure {
  std::string what;
  std::string unit;
  double bar = 0;
  std::array<std::optional<double>, std::size(k_kinds)> of;  // in the order of k_kinds

  const std::optional<double>& ours() const { return of[static_cast<std::size_t>(Kind::hitless)]; }
  bool is_met() const { return ours().has_value() && *ours() <= bar; }
};

void print(const std::vector<Figure>& figures);
json::array to_json(const std::vector<Figure>& figures);

}  // namespace hitless::bench
