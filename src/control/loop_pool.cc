// What plans are told of the pool.
#include "control/loop.h"

namespace hitless::control {

using model::Stage;

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
  rollout::Room capacity;
  if (world.capacity.cpu_millis > 0) capacity.cpu_millis = world.capacity.cpu_millis;
  if (world.capacity.memory_mib > 0) capacity.memory_mib = world.capacity.memory_mib;
  if (world.capacity.gpus > 0) capacity.gpus = world.capacity.gpus;
  const rollout::Room room = room_of(world);

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
