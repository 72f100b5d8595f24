#include "bench/gateway/figures.h"

#include <fmt/format.h>

namespace hitless::bench {
namespace {

std::string text_of(const std::optional<double>& value) {
  if (!value) return "-";
  return *value < 100 ? fmt::format("{:.2f}", *value) : fmt::format("{:.0f}", *value);
}

}  // namespace

void print(const std::vector<Figure>& figures) {
  if (figures.empty()) return;
  fmt::print("{:<62} {:>14} {:>9} {:>9} {:>9}\n", "exactly", "bar", "hitless", "nginx", "haproxy");
  for (const Figure& figure : figures) {
    fmt::print("{:<62} {:>14} {:>9} {:>9} {:>9}  {}\n", figure.what,
               fmt::format("{:g} {}", figure.bar, figure.unit), text_of(figure.of[0]),
               text_of(figure.of[1]), text_of(figure.of[2]),
               !figure.ours()    ? "not measured"
               : figure.is_met() ? "ok"
                                 : "MISSED");
  }
}

json::array to_json(const std::vector<Figure>& figures) {
  json::array all;
  for (const Figure& figure : figures) {
    json::object of;
    for (const Kind kind : k_kinds) {
      const auto& value = figure.of[static_cast<std::size_t>(kind)];
      if (value) of[to_text(kind)] = *value;
    }
    all.push_back(json::object{{"what", figure.what},
                               {"unit", figure.unit},
                               {"bar", figure.bar},
                               {"met", figure.is_met()},
                               {"of", std::move(of)}});
  }
  return all;
}

}  // namespace hitless::bench
