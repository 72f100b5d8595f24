// What plans are told of the pool.
#include "control/loop.h"

namespace hitless::control {

using model::Stage;

void Loop::World::take(const model::Resources& used) {
  free.cpu_millis -= used.cpu_millis;
  free.memory_mib -= used.memory_mib;
  free.gpus -= used.gpus;
  free.ports -= used.ports;
}

// What is left of it; what has no limit is not in it.
rollout::Room Loop::World::room_in(const model::Resources& left) const {
  rollout::Room room;
  if (capacity.cpu_millis > 0) room.cpu_millis = left.cpu_millis;
  if (capacity.memory_mib > 0) room.memory_mib = left.memory_mib;
  room.gpus = left.gpus;
  if (limits_ports) room.ports = left.ports;
  return room;
}

void Loop::show_pool(const World& world) {
  std::map<model::ServiceId, std::vector<model::Resources>> used;
  std::map<model::ServiceId, std::vector<model::Resources>> leaving;
  for (const auto& [id, state] : services_) {
    for (const model::Instance& instance : state.instances) {
      if (instance.stage == Stage::gone) continue;
      const model::Resources resources = used_by(instance);
      used[id].push_back(resources);
      const bool leaves = instance.stage == Stage::draining || instance.stage == Stage::stopping;
      if (leaves) leaving[id].push_back(resources);
    }
  }
  const rollout::Room capacity = world.room_in(world.capacity);
  const rollout::Room room = world.room_in(world.free);

  const MutexLock lock(mutex_);
  pool_.capacity = capacity;
  pool_.room = room;
  pool_used_ = std::move(used);
  pool_leaving_ = std::move(leaving);
}

PoolStanding Loop::pool_standing(const model::ServiceId& service) const {
  const MutexLock lock(mutex_);
  PoolStanding pool = pool_;
  if (const auto own = pool_used_.find(service); own != pool_used_.end()) pool.own = own->second;
  for (const auto& [id, leaving] : pool_leaving_) {
    if (id == service) continue;
    pool.leaving.insert(pool.leaving.end(), leaving.begin(), leaving.end());
  }
  return pool;
}

}  // namespace hitless::control
