#include <algorithm>

#include "rollout/step.h"

namespace hitless::rollout {
namespace {

// More instances than any service has (the contract allows 128 an entry).
constexpr std::int64_t k_fits_max = 1 << 20;

struct Kind {
  std::int64_t Room::*left;
  std::int64_t model::Resources::*need;
};
constexpr Kind k_kinds[] = {
    {&Room::cpu_millis, &model::Resources::cpu_millis},
    {&Room::memory_mib, &model::Resources::memory_mib},
    {&Room::gpus, &model::Resources::gpus},
    {&Room::ports, &model::Resources::ports},
};

void add(std::int64_t& left, std::int64_t what) {
  if (left != Room::k_unlimited) left += what;
}

}  // namespace

int Room::fits(const model::Resources& needs) const {
  std::int64_t fits = std::clamp<std::int64_t>(instances, 0, k_fits_max);
  for (const Kind& kind : k_kinds) {
    const std::int64_t need = needs.*kind.need;
    if (need > 0) fits = std::min(fits, std::max<std::int64_t>(this->*kind.left, 0) / need);
  }
  return static_cast<int>(fits);
}

void Room::take(const model::Resources& needs) {
  for (const Kind& kind : k_kinds) add(this->*kind.left, -(needs.*kind.need));
  add(instances, -1);
}

void Room::give_back(const model::Resources& needs) {
  for (const Kind& kind : k_kinds) add(this->*kind.left, needs.*kind.need);
  add(instances, 1);
}

}  // namespace hitless::rollout
