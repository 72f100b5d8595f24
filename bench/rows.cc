#include "bench/rows.h"

#include <fmt/format.h>

#include <algorithm>

namespace hitless::bench {

Row row_of(std::string what, std::string unit, double bar, std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {.what = std::move(what),
          .unit = std::move(unit),
          .bar = bar,
          .typical = values[values.size() / 2],
          .worst = values.back()};
}

void print(const std::vector<Row>& rows) {
  fmt::print("{:<58} {:>10} {:>12} {:>12}\n", "what", "bar", "median", "worst");
  for (const Row& row : rows) {
    const std::string bar = row.bar == 0 ? "-" : fmt::format("{:g} {}", row.bar, row.unit);
    fmt::print("{:<58} {:>10} {:>9.2f} {:<2} {:>9.2f} {:<2} {}\n", row.what, bar, row.typical,
               row.unit, row.worst, row.unit,
               row.bar == 0   ? ""
               : row.is_met() ? "met"
                              : "NOT MET");
  }
}

json::array to_json(const std::vector<Row>& rows) {
  json::array out;
  for (const Row& row : rows) {
    json::object object{
        {"what", row.what}, {"unit", row.unit}, {"median", row.typical}, {"worst", row.worst}};
    if (row.bar != 0) {
      object["bar"] = row.bar;
      object["met"] = row.is_met();
    }
    out.push_back(std::move(object));
  }
  return out;
}

}  // namespace hitless::bench
