#include "gateway/usage_book.h"

#include <algorithm>

namespace hitless::gateway {
namespace {

bool is_known(const std::vector<model::InstanceUsage>& parts) {
  return std::any_of(parts.begin(), parts.end(),
                     [](const auto& part) { return !part.instance.empty(); });
}

}  // namespace

UsageBook::UsageBook(std::string gateway, std::size_t workers)
    : gateway_(std::move(gateway)), adopted_(workers, 0) {}

model::Generation UsageBook::own_adopted() const {
  return *std::min_element(adopted_.begin(), adopted_.end());
}

model::Generation UsageBook::adopted() const {
  return std::min(own_adopted(), other_adopted_.value_or(own_adopted()));
}

model::InstanceUsage UsageBook::sum_of(const Instances::value_type& entry, std::size_t parts) {
  model::InstanceUsage sum{.instance = entry.first,
                           .in_flight = 0,
                           .streams = 0,
                           .requests = 0,
                           .connect_failures = 0,
                           .circuit_opened = 0,
                           .circuits_open = 0};
  for (std::size_t i = 0; i < parts; ++i) {
    const model::InstanceUsage& part = entry.second[i];
    sum.in_flight += part.in_flight;
    sum.streams += part.streams;
    sum.requests += part.requests;
    sum.connect_failures += part.connect_failures;
    sum.circuit_opened += part.circuit_opened;
    sum.circuits_open += part.circuits_open;
  }
  return sum;
}

model::RevisionUsage UsageBook::sum_of(const Revisions::value_type& entry, std::size_t parts) {
  const auto& [service, revision, group] = entry.first;
  model::RevisionUsage sum{
      .service = service, .revision = revision, .outcomes = {}, .group = group};
  for (std::size_t i = 0; i < parts; ++i) {
    if (entry.second[i] != nullptr) sum.outcomes += *entry.second[i];
  }
  return sum;
}

UsageChange UsageBook::change() const {
  UsageChange made;
  made.usage.gateway = gateway_;
  made.usage.adopted = adopted();
  return made;
}

// True when nobody knows it any more.  A part with an id is one that its worker knows.
bool UsageBook::forget(const model::InstanceId& instance, std::size_t part) {
  const auto found = instances_.find(instance);
  if (found == instances_.end()) return false;
  found->second[part] = model::InstanceUsage();
  if (is_known(found->second)) return false;
  instances_.erase(found);
  return true;
}

void UsageBook::add_gone(const std::vector<model::InstanceId>& gone, std::size_t part,
                         UsageChange& change) {
  for (const model::InstanceId& instance : gone) {
    if (forget(instance, part)) {
      change.gone.push_back(instance);
    } else if (const auto found = instances_.find(instance); found != instances_.end()) {
      change.usage.instances.push_back(sum_of(*found, parts()));
    }
  }
}

void UsageBook::add_instances(const std::vector<model::InstanceUsage>& instances, std::size_t part,
                              UsageChange& change) {
  for (const model::InstanceUsage& usage : instances) {
    const auto at = instances_.try_emplace(usage.instance, parts()).first;
    at->second[part] = usage;
    std::erase(change.gone, usage.instance);
    change.usage.instances.push_back(sum_of(*at, parts()));
  }
}

model::Outcomes& UsageBook::outcomes_of(const model::RevisionUsage& revision, std::size_t part) {
  const RevisionKey key(revision.service, revision.revision, revision.group);
  const auto at = revisions_.try_emplace(key, parts()).first;
  std::unique_ptr<model::Outcomes>& outcomes = at->second[part];
  if (outcomes == nullptr) outcomes = std::make_unique<model::Outcomes>();
  return *outcomes;
}

void UsageBook::add_revisions(const std::vector<model::RevisionUsage>& revisions, std::size_t part,
                              UsageChange& change) {
  for (const model::RevisionUsage& usage : revisions) {
    outcomes_of(usage, part) = usage.outcomes;
    const RevisionKey key(usage.service, usage.revision, usage.group);
    change.usage.revisions.push_back(sum_of(*revisions_.find(key), parts()));
  }
}

UsageChange UsageBook::add(const WorkerReading& reading) {
  adopted_[reading.worker] = reading.adopted;
  UsageChange made = change();
  add_gone(reading.gone, reading.worker, made);
  add_instances(reading.instances, reading.worker, made);
  add_revisions(reading.revisions, reading.worker, made);
  return made;
}

UsageChange UsageBook::add_other(const UsageChange& other) {
  other_adopted_ = other.usage.adopted;
  const std::size_t part = parts() - 1;
  UsageChange made = change();
  add_gone(other.gone, part, made);
  add_instances(other.usage.instances, part, made);
  add_revisions(other.usage.revisions, part, made);
  return made;
}

// Its counts stay; what only it knew is gone.
UsageChange UsageBook::other_ended() {
  other_adopted_.reset();
  UsageChange made = change();
  for (auto at = instances_.begin(); at != instances_.end();) {
    model::InstanceUsage& part = at->second.back();
    part.instance = model::InstanceId();
    part.in_flight = part.streams = 0;
    if (is_known(at->second)) {
      made.usage.instances.push_back(sum_of(*at, parts()));
      ++at;
    } else {
      made.gone.push_back(at->first);
      at = instances_.erase(at);
    }
  }
  return made;
}

void UsageBook::inherit(const model::Usage& counted) {
  for (const model::InstanceUsage& instance : counted.instances) {
    const auto at = instances_.find(instance.instance);
    if (at == instances_.end()) continue;
    at->second.back().requests += instance.requests;
    at->second.back().connect_failures += instance.connect_failures;
    at->second.back().circuit_opened += instance.circuit_opened;
  }
  for (const model::RevisionUsage& revision : counted.revisions) {
    outcomes_of(revision, parts() - 1) += revision.outcomes;
  }
}

UsageChange UsageBook::own_part(const WorkerReading& reading) const {
  UsageChange own;
  own.usage.gateway = gateway_;
  own.usage.adopted = own_adopted();
  for (const model::InstanceUsage& instance : reading.instances) {
    const auto at = instances_.find(instance.instance);
    if (at != instances_.end()) own.usage.instances.push_back(sum_of(*at, adopted_.size()));
  }
  for (const model::RevisionUsage& revision : reading.revisions) {
    const auto at = revisions_.find({revision.service, revision.revision, revision.group});
    if (at != revisions_.end()) own.usage.revisions.push_back(sum_of(*at, adopted_.size()));
  }
  return own;
}

UsageChange UsageBook::whole() const {
  UsageChange all = change();
  all.whole = true;
  for (const auto& entry : instances_) all.usage.instances.push_back(sum_of(entry, parts()));
  for (const auto& entry : revisions_) all.usage.revisions.push_back(sum_of(entry, parts()));
  return all;
}

}  // namespace hitless::gateway
