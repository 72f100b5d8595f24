#include "model/usage.h"

#include <algorithm>

#include "model/json_members.h"

namespace hitless::model {
namespace {

Error corrupt(std::string text) {
  return Error(Code::corrupt, std::move(text));
}

Result<const json::object*> as_object(const json::value& value, std::string_view what) {
  const json::object* object = value.if_object();
  if (object == nullptr) return corrupt(std::string(what) + " must be an object");
  return object;
}

// The plain counters, once, so that no sum, difference or form forgets one.
struct NamedCounter {
  std::string_view name;
  std::uint64_t Outcomes::*member;
};
constexpr std::array<NamedCounter, 17> k_counters{{
    {"requests", &Outcomes::requests},
    {"failed", &Outcomes::failed},
    {"retried", &Outcomes::retried},
    {"held", &Outcomes::held},
    {"held_done", &Outcomes::held_done},
    {"streams", &Outcomes::streams},
    {"cut", &Outcomes::cut},
    {"client_gone", &Outcomes::client_gone},
    {"parted", &Outcomes::parted},
    {"client_stalled", &Outcomes::client_stalled},
    {"bytes_in", &Outcomes::bytes_in},
    {"bytes_out", &Outcomes::bytes_out},
    {"latency_us", &Outcomes::latency_us},
    {"first_byte_us", &Outcomes::first_byte_us},
    {"rate_limited", &Outcomes::rate_limited},
    {"concurrency_limited", &Outcomes::concurrency_limited},
    {"circuit_open", &Outcomes::circuit_open},
}};

json::object to_json(const InstanceUsage& usage) {
  return {{"instance", usage.instance.text()},
          {"in_flight", usage.in_flight},
          {"streams", usage.streams},
          {"requests", usage.requests},
          {"connect_failures", usage.connect_failures},
          {"circuit_opened", usage.circuit_opened},
          {"circuits_open", usage.circuits_open}};
}

Result<InstanceUsage> instance_from_json(const json::value& value) {
  HL_TRY_ASSIGN(const json::object* object, as_object(value, "an instance's usage"));
  InstanceUsage usage;
  HL_TRY_ASSIGN(std::string instance, get_string(*object, "instance"));
  usage.instance = InstanceId(std::move(instance));
  HL_TRY_ASSIGN(usage.in_flight, get_count(*object, "in_flight"));
  HL_TRY_ASSIGN(usage.requests, get_count(*object, "requests"));
  if (object->contains("streams")) {  // younger than the value
    HL_TRY_ASSIGN(usage.streams, get_count(*object, "streams"));
  }
  HL_TRY_ASSIGN(usage.connect_failures, get_count(*object, "connect_failures"));
  if (object->contains("circuit_opened")) {  // younger than the value
    HL_TRY_ASSIGN(usage.circuit_opened, get_count(*object, "circuit_opened"));
    HL_TRY_ASSIGN(usage.circuits_open, get_count(*object, "circuits_open"));
  }
  return usage;
}

json::object to_json(const RevisionUsage& usage) {
  return {{"service", usage.service.text()},
          {"revision", usage.revision},
          {"group", usage.group},
          {"outcomes", to_json(usage.outcomes)}};
}

Result<RevisionUsage> revision_from_json(const json::value& value) {
  HL_TRY_ASSIGN(const json::object* object, as_object(value, "a revision's usage"));
  RevisionUsage usage;
  HL_TRY_ASSIGN(std::string service, get_string(*object, "service"));
  usage.service = ServiceId(std::move(service));
  HL_TRY_ASSIGN(usage.revision, get_int(*object, "revision"));
  HL_TRY_ASSIGN(usage.group, get_string(*object, "group"));
  HL_TRY_ASSIGN(const json::object* outcomes, get_object(*object, "outcomes"));
  HL_TRY_ASSIGN(usage.outcomes, outcomes_from_json(json::value(*outcomes)));
  return usage;
}

Result<Histogram> get_histogram(const json::object& from, std::string_view name) {
  HL_TRY_ASSIGN(const json::array* pairs, get_array(from, name));
  return histogram_from_json(json::value(*pairs));
}

}  // namespace

Outcomes& Outcomes::operator+=(const Outcomes& other) {
  for (const NamedCounter& counter : k_counters) this->*counter.member += other.*counter.member;
  for (std::size_t i = 0; i < by_class.size(); ++i) by_class[i] += other.by_class[i];
  held_longest_us = std::max(held_longest_us, other.held_longest_us);
  latency += other.latency;
  first_byte += other.first_byte;
  held_for += other.held_for;
  return *this;
}

Outcomes Outcomes::since(const Outcomes& earlier) const {
  Outcomes difference = *this;
  const auto take = [](std::uint64_t& from, std::uint64_t what) { from -= std::min(from, what); };
  for (const NamedCounter& counter : k_counters) {
    take(difference.*counter.member, earlier.*counter.member);
  }
  for (std::size_t i = 0; i < by_class.size(); ++i) {
    take(difference.by_class[i], earlier.by_class[i]);
  }
  difference.latency -= earlier.latency;
  difference.first_byte -= earlier.first_byte;
  difference.held_for -= earlier.held_for;
  if (difference.held_for.count() > 0 ||
      difference.held == 0) {  // else: counted before there was it
    difference.held_longest_us =
        std::min(difference.held_longest_us, difference.held_for.percentile(1));
  }
  return difference;
}

const InstanceUsage* Usage::find(const InstanceId& instance) const {
  const auto found = std::lower_bound(
      instances.begin(), instances.end(), instance,
      [](const InstanceUsage& usage, const InstanceId& id) { return usage.instance < id; });
  return found == instances.end() || found->instance != instance ? nullptr : &*found;
}

json::value to_json(const Outcomes& outcomes) {
  json::object object;
  for (const NamedCounter& counter : k_counters) object[counter.name] = outcomes.*counter.member;
  object["held_longest_us"] = outcomes.held_longest_us;
  json::array by_class;
  for (const std::uint64_t count : outcomes.by_class) by_class.push_back(count);
  object["by_class"] = std::move(by_class);
  object["latency"] = to_json(outcomes.latency);
  object["first_byte"] = to_json(outcomes.first_byte);
  object["held_for"] = to_json(outcomes.held_for);
  return object;
}

Result<Outcomes> outcomes_from_json(const json::value& value) {
  HL_TRY_ASSIGN(const json::object* object, as_object(value, "outcomes"));
  Outcomes outcomes;
  for (const NamedCounter& counter : k_counters) {
    if (object->if_contains(counter.name) == nullptr) continue;  // younger than the value
    HL_TRY_ASSIGN(outcomes.*counter.member, get_count(*object, counter.name));
  }
  HL_TRY_ASSIGN(outcomes.held_longest_us, get_count(*object, "held_longest_us"));
  HL_TRY_ASSIGN(const json::array* by_class, get_array(*object, "by_class"));
  if (by_class->size() != outcomes.by_class.size()) return corrupt("[by_class] must have 6 counts");
  for (std::size_t i = 0; i < outcomes.by_class.size(); ++i) {
    boost::system::error_code failure;
    outcomes.by_class[i] = (*by_class)[i].to_number<std::uint64_t>(failure);
    if (failure) return corrupt("[by_class] must have 6 counts");
  }
  HL_TRY_ASSIGN(outcomes.latency, get_histogram(*object, "latency"));
  HL_TRY_ASSIGN(outcomes.first_byte, get_histogram(*object, "first_byte"));
  if (object->contains("held_for")) {  // younger than the value
    HL_TRY_ASSIGN(outcomes.held_for, get_histogram(*object, "held_for"));
  }
  return outcomes;
}

json::value to_json(const Usage& usage) {
  json::array instances;
  for (const InstanceUsage& instance : usage.instances) instances.push_back(to_json(instance));
  json::array revisions;
  for (const RevisionUsage& revision : usage.revisions) revisions.push_back(to_json(revision));
  return json::object{{"gateway", usage.gateway},
                      {"adopted", usage.adopted},
                      {"instances", std::move(instances)},
                      {"revisions", std::move(revisions)}};
}

Result<Usage> usage_from_json(const json::value& value) {
  HL_TRY_ASSIGN(const json::object* object, as_object(value, "usage"));
  Usage usage;
  HL_TRY_ASSIGN(usage.gateway, get_string(*object, "gateway"));
  HL_TRY_ASSIGN(usage.adopted, get_count(*object, "adopted"));
  HL_TRY_ASSIGN(const json::array* instances, get_array(*object, "instances"));
  for (const json::value& item : *instances) {
    HL_TRY_ASSIGN(InstanceUsage instance, instance_from_json(item));
    usage.instances.push_back(std::move(instance));
  }
  HL_TRY_ASSIGN(const json::array* revisions, get_array(*object, "revisions"));
  for (const json::value& item : *revisions) {
    HL_TRY_ASSIGN(RevisionUsage revision, revision_from_json(item));
    usage.revisions.push_back(std::move(revision));
  }
  return usage;
}

}  // namespace hitless::model
