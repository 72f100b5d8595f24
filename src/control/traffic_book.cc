#include "control/traffic_book.h"

#include <set>

#include "control/limits.h"

namespace hitless::control {

json::array TrafficBook::rows_of(const Counts& counts) {
  json::array rows;
  for (const auto& [key, outcomes] : counts) {
    const auto& [service, revision, group] = key;
    rows.push_back({{"service", service.text()},
                    {"revision", revision},
                    {"group", group},
                    {"outcomes", model::to_json(outcomes)}});
  }
  return rows;
}

Result<void> TrafficBook::read_rows(const json::object& from, std::string_view name,
                                    Counts& counts) {
  HL_TRY_ASSIGN(const json::array* rows, get_array(from, name));
  for (const json::value& row : *rows) {
    if (!row.is_object()) return Error(Code::corrupt, "traffic: a row is not an object");
    const json::object& object = row.get_object();
    HL_TRY_ASSIGN(const std::string service, get_string(object, "service"));
    HL_TRY_ASSIGN(const std::int64_t revision, get_int(object, "revision"));
    std::string group;  // rows of before groups were counted have none
    if (object.contains("group")) {
      HL_TRY_ASSIGN(group, get_string(object, "group"));
    }
    const json::value* outcomes = object.if_contains("outcomes");
    if (outcomes == nullptr) return Error(Code::corrupt, "traffic: a row without outcomes");
    HL_TRY_ASSIGN(counts[Key(service, revision, group)], model::outcomes_from_json(*outcomes));
  }
  return {};
}

void TrafficBook::take(const model::Usage& usage, Time now) {
  if (usage.gateway.empty()) return;
  const MutexLock lock(mutex_);
  if (usage.gateway != gateway_) {
    for (const auto& [key, outcomes] : now_) base_[key] += outcomes;
    now_.clear();
    gateway_ = usage.gateway;
    changed_ = true;
  }
  for (const model::RevisionUsage& row : usage.revisions) {
    model::Outcomes& counts = now_[Key(row.service, row.revision, row.group)];
    if (counts.requests == row.outcomes.requests && counts.held == row.outcomes.held) continue;
    counts = row.outcomes;
    changed_ = true;
  }
  if (now - sampled_at_ >= k_traffic_sample) sample(now);
}

Reading TrafficBook::reading(const model::ServiceId& service, Time now) const {
  const MutexLock lock(mutex_);
  return {.at = now, .total = total_of(service)};
}

Reading TrafficBook::mark(const model::ServiceId& service, Time now) {
  const MutexLock lock(mutex_);
  keep(service, now);
  return recent_[service].back();
}

GroupCounts TrafficBook::groups(const model::ServiceId& service) const {
  const MutexLock lock(mutex_);
  GroupCounts groups;
  for (const auto* counts : {&base_, &now_}) {
    for (auto row = counts->lower_bound(Key(service, 0, {}));
         row != counts->end() && std::get<0>(row->first) == service; ++row) {
      const auto& [id, revision, group] = row->first;
      if (group.empty() && revision != 0) continue;  // counted before groups were
      groups[group] += row->second;
    }
  }
  return groups;
}

std::optional<Reading> TrafficBook::earlier(const model::ServiceId& service, Time now) const {
  const MutexLock lock(mutex_);
  const auto place = recent_.find(service);
  if (place == recent_.end()) return std::nullopt;
  for (const Reading& reading : place->second) {
    if (now - reading.at <= k_report_window) return reading;
  }
  return std::nullopt;
}

void TrafficBook::forget(const model::ServiceId& service) {
  const MutexLock lock(mutex_);
  std::erase_if(base_, [&](const auto& row) { return std::get<0>(row.first) == service; });
  std::erase_if(now_, [&](const auto& row) { return std::get<0>(row.first) == service; });
  recent_.erase(service);
  changed_ = true;
}

bool TrafficBook::take_changed() {
  const MutexLock lock(mutex_);
  return std::exchange(changed_, false);
}

json::value TrafficBook::to_json() const {
  const MutexLock lock(mutex_);
  return {{"gateway", gateway_}, {"base", rows_of(base_)}, {"now", rows_of(now_)}};
}

Result<void> TrafficBook::restore(const json::value& value) {
  if (!value.is_object()) return Error(Code::corrupt, "traffic: not an object");
  const MutexLock lock(mutex_);
  HL_TRY_ASSIGN(gateway_, get_string(value.get_object(), "gateway"));
  HL_TRY(read_rows(value.get_object(), "base", base_));
  return read_rows(value.get_object(), "now", now_);
}

model::Outcomes TrafficBook::total_of(const model::ServiceId& service) const {
  model::Outcomes total;
  for (const auto* counts : {&base_, &now_}) {
    for (auto row = counts->lower_bound(Key(service, 0, {}));
         row != counts->end() && std::get<0>(row->first) == service; ++row) {
      total += row->second;
    }
  }
  return total;
}

// Services without traffic cost nothing here: their reading does not change.
void TrafficBook::sample(Time now) {
  sampled_at_ = now;
  std::set<model::ServiceId> services;
  for (const auto& [key, outcomes] : now_) services.insert(std::get<0>(key));
  for (const model::ServiceId& service : services) keep(service, now);
}

void TrafficBook::keep(const model::ServiceId& service, Time now) {
  std::deque<Reading>& readings = recent_[service];
  while (!readings.empty() && now - readings.front().at > k_report_window) readings.pop_front();
  readings.push_back({.at = now, .total = total_of(service)});
}

}  // namespace hitless::control
