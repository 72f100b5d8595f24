#include "gateway/usage_book.h"

#include <algorithm>

namespace hitless::gateway {

UsageBook::UsageBook(std::string gateway, std::size_t workers)
    : gateway_(std::move(gateway)), adopted_(workers, 0) {}

model::Generation UsageBook::adopted() const {
  return *std::min_element(adopted_.begin(), adopted_.end());
}

model::InstanceUsage UsageBook::sum_of(const Instances::value_type& entry) {
  model::InstanceUsage sum{
      .instance = entry.first, .in_flight = 0, .requests = 0, .connect_failures = 0};
  for (const model::InstanceUsage& part : entry.second) {
    sum.in_flight += part.in_flight;
    sum.requests += part.requests;
    sum.connect_failures += part.connect_failures;
  }
  return sum;
}

model::RevisionUsage UsageBook::sum_of(const Revisions::value_type& entry) {
  const auto& [service, revision, group] = entry.first;
  model::RevisionUsage sum{
      .service = service, .revision = revision, .outcomes = {}, .group = group};
  for (const auto& part : entry.second) {
    if (part != nullptr) sum.outcomes += *part;
  }
  return sum;
}

// True when no worker knows it any more.  A part with an id is one that its worker knows.
bool UsageBook::forget(const model::InstanceId& instance, std::size_t worker) {
  const auto found = instances_.find(instance);
  if (found == instances_.end()) return false;
  found->second[worker] = model::InstanceUsage();
  const bool known = std::any_of(found->second.begin(), found->second.end(),
                                 [](const auto& part) { return !part.instance.empty(); });
  if (!known) instances_.erase(found);
  return !known;
}

UsageChange UsageBook::add(const WorkerReading& reading) {
  adopted_[reading.worker] = reading.adopted;
  UsageChange change;
  change.usage.gateway = gateway_;
  change.usage.adopted = adopted();
  for (const model::InstanceId& instance : reading.gone) {
    if (forget(instance, reading.worker)) {
      change.gone.push_back(instance);
    } else if (const auto found = instances_.find(instance); found != instances_.end()) {
      change.usage.instances.push_back(sum_of(*found));
    }
  }
  for (const model::InstanceUsage& part : reading.instances) {
    const auto at = instances_.try_emplace(part.instance, adopted_.size()).first;
    at->second[reading.worker] = part;
    std::erase(change.gone, part.instance);
    change.usage.instances.push_back(sum_of(*at));
  }
  for (const model::RevisionUsage& part : reading.revisions) {
    const RevisionKey key(part.service, part.revision, part.group);
    const auto at = revisions_.try_emplace(key, adopted_.size()).first;
    std::unique_ptr<model::Outcomes>& outcomes = at->second[reading.worker];
    if (outcomes == nullptr) outcomes = std::make_unique<model::Outcomes>();
    *outcomes = part.outcomes;
    change.usage.revisions.push_back(sum_of(*at));
  }
  return change;
}

UsageChange UsageBook::whole() const {
  UsageChange all;
  all.whole = true;
  all.usage.gateway = gateway_;
  all.usage.adopted = adopted();
  for (const auto& entry : instances_) all.usage.instances.push_back(sum_of(entry));
  for (const auto& entry : revisions_) all.usage.revisions.push_back(sum_of(entry));
  return all;
}

}  // namespace hitless::gateway
