#include "rollout/demand.h"

#include <fmt/format.h>

#include <algorithm>

namespace hitless::rollout {
namespace {

std::string cores_text(std::int64_t millis) {
  return fmt::format("{:g} cores", static_cast<double>(millis) / 1000);
}

std::string mebibytes_text(std::int64_t mebibytes) {
  return fmt::format("{} MiB", mebibytes);
}

std::string number_text(std::int64_t number) {
  return std::to_string(number);
}

struct Kind {
  std::int64_t Room::*left;
  std::int64_t (*need)(const model::Resources&);
  std::string (*text)(std::int64_t);
  const char* what;
};
constexpr Kind k_kinds[] = {
    {&Room::memory_mib, [](const model::Resources& needs) { return needs.memory_mib; },
     mebibytes_text, " of memory"},
    {&Room::cpu_millis, [](const model::Resources& needs) { return needs.cpu_millis; }, cores_text,
     ""},
    {&Room::gpus, [](const model::Resources& needs) { return needs.gpus; }, number_text, " GPUs"},
    {&Room::ports, [](const model::Resources& needs) { return needs.ports; }, number_text,
     " TCP ports"},
    {&Room::instances, [](const model::Resources&) { return std::int64_t{1}; }, number_text,
     " places for instances"},
};

// "2 × 512 MiB + 1 × 64 MiB".
std::string sum_text(const Kind& kind, const std::vector<Demand>& demands) {
  std::string text;
  for (const Demand& demand : demands) {
    const std::int64_t need = kind.need(demand.needs);
    if (demand.count == 0 || need == 0) continue;
    text += fmt::format("{}{} × {}", text.empty() ? "" : " + ", demand.count, kind.text(need));
  }
  return text;
}

}  // namespace

std::optional<std::string> shortage(const Room& room, const std::vector<Demand>& demands,
                                    std::string_view are) {
  for (const Kind& kind : k_kinds) {
    if (room.*kind.left == Room::k_unlimited) continue;
    std::int64_t needed = 0;
    for (const Demand& demand : demands) needed += demand.count * kind.need(demand.needs);
    const std::int64_t left = std::max<std::int64_t>(room.*kind.left, 0);
    if (needed <= left) continue;
    const bool counts = kind.left == &Room::instances;
    const std::string sum = counts ? "" : sum_text(kind, demands) + " = ";
    return fmt::format("{}{}{} are needed, {} are {}", sum, kind.text(needed), kind.what,
                       kind.text(left), are);
  }
  return std::nullopt;
}

Room without(Room room, const std::vector<Demand>& demands) {
  for (const Demand& demand : demands) {
    for (int index = 0; index < demand.count; ++index) room.take(demand.needs);
  }
  return room;
}

}  // namespace hitless::rollout
