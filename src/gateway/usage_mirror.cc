#include "gateway/usage_mirror.h"

namespace hitless::gateway {

void UsageMirror::take(UsageChange change) {
  if (change.whole) {
    instances_.clear();
    revisions_.clear();
  }
  gateway_ = change.usage.gateway;
  adopted_ = change.usage.adopted;
  for (auto& instance : change.usage.instances) instances_[instance.instance] = instance;
  for (auto& revision : change.usage.revisions) {
    RevisionKey key(revision.service, revision.revision, revision.group);
    revisions_[std::move(key)] = std::move(revision);
  }
  for (const model::InstanceId& instance : change.gone) instances_.erase(instance);
}

model::Usage UsageMirror::usage() const {
  model::Usage usage{.gateway = gateway_, .adopted = adopted_, .instances = {}, .revisions = {}};
  for (const auto& [id, instance] : instances_) usage.instances.push_back(instance);
  for (const auto& [key, revision] : revisions_) usage.revisions.push_back(revision);
  return usage;
}

}  // namespace hitless::gateway
