// Figures out of figures.  Pure.
#pragma once

#include <span>
#include <vector>

namespace hitless::bench {

// The value below which `share` of them are; 0 of none.
double percentile(std::vector<float> values, double share);
double median(std::vector<double> values);  // 0 of none
double smallest(std::span<const double> values);

// What one thing costs beside the cheaper of others, all measured in the same rounds.
struct Ratio {
  double of_minima = 0;  // smallest ÷ smallest: the steadiest on a machine that is not quiet
  double median = 0;     // of the rounds' own ratios
};
// others[i][round].  All must have as many rounds as `ours`, at least one.
Ratio ratio_to_best(std::span<const double> ours, const std::vector<std::vector<double>>& others);
// Which of them has the smallest.
std::size_t best_of(const std::vector<std::vector<double>>& others);

}  // namespace hitless::bench
