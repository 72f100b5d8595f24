#include "control/pool_standing.h"

namespace hitless::control {

rollout::Room room_beside(const PoolStanding& pool, const std::optional<model::Revision>& serving) {
  rollout::Room room = pool.room;
  for (const model::Resources& used : pool.own) room.give_back(used);
  if (!serving) return room;
  for (const model::ConfigEntry& entry : serving->config.entries) {
    for (int index = 0; index < entry.instance_count; ++index) room.take(entry.resources);
  }
  return room;
}

rollout::Room room_to_come(const PoolStanding& pool,
                           const std::optional<model::Revision>& serving) {
  rollout::Room room = room_beside(pool, serving);
  for (const model::Resources& used : pool.leaving) room.give_back(used);
  return room;
}

}  // namespace hitless::control
