// Rows of a benchmark: a figure beside its bar.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"

namespace hitless::bench {

struct Row {
  std::string what;
  std::string unit;
  double bar = 0;      // 0: none
  double typical = 0;  // the median
  double worst = 0;

  bool is_met() const { return worst <= bar; }
};

// From all repetitions; `values` must not be empty.
Row row_of(std::string what, std::string unit, double bar, std::vector<double> values);

void print(const std::vector<Row>& rows);
json::array to_json(const std::vector<Row>& rows);

}  // namespace hitless::bench
