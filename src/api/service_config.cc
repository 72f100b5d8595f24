#include "api/service_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "api/limits.h"

namespace hitless::api {
namespace {

constexpr std::string_view k_entry_members[] = {
    "model_id", "weight", "specification", "custom_spec", "instance_count", "envs",
    "deploy_timeout_in_seconds", "cluster_id", "pool_name", "additional_properties", "affinity",
    "nodes", "src_path", "src_type", "dest_path", "req_uri", "mapping_type", "mapping_rule",
    // Only answers carry these; clients send back what they read.
    "model_name", "model_version", "source_type", "status", "scaling", "support_debug",
    "start_time", "finished_time"};

constexpr std::string_view k_read_only_members[] = {"model_name", "model_version", "source_type",
                                                    "status",     "scaling",       "support_debug",
                                                    "start_time", "finished_time"};

constexpr std::string_view k_property_members[] = {
    "log_volume",         "max_surge",
    "max_unavailable",    "termination_grace_period_seconds",
    "persistent_volumes", "deploy_timeout_in_seconds"};

constexpr std::string_view k_custom_spec_members[] = {"cpu", "memory", "gpu_p4", "ascend_a310"};

bool contains(Words words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

Failure bad_field(std::string_view path, std::string_view name, std::string_view wanted) {
  return Failure(Cause::invalid_argument,
                 fmt::format("field [{}.{}] must be {}", path, name, wanted));
}

// A number that clients send as a string too.
Checked<std::optional<std::int64_t>> read_weight(const json::object& entry, std::string_view path) {
  const json::value* value = entry.if_contains("weight");
  if (value == nullptr || value->is_null()) return std::optional<std::int64_t>();
  std::optional<std::int64_t> weight;
  if (const json::string* text = value->if_string()) {
    const bool digits =
        !text->empty() && text->size() <= 3 &&
        std::all_of(text->begin(), text->end(), [](char c) { return c >= '0' && c <= '9'; });
    if (digits) weight = std::stoi(std::string(*text));
  } else if (Result<std::optional<std::int64_t>> number = find_int(entry, "weight")) {
    weight = *number;
  }
  if (!weight || *weight < 0 || *weight > 100) {
    return bad_field(path, "weight", "an integer from 0 to 100");
  }
  return weight;
}

// GPUs are whole here: what shares one device does so inside an instance.
Checked<std::int64_t> read_gpus(const ApiOptions& options, const json::object& spec,
                                const std::string& path) {
  const Result<std::optional<double>> wanted = find_number(spec, "gpu_p4");
  if (!wanted) return in_field(path, wanted.error());
  const double count = wanted->value_or(0);
  if (!(count >= 0) || count != std::floor(count)) {
    return bad_field(path, "gpu_p4", "a whole number from 0 on");
  }
  if (count <= static_cast<double>(options.gpus)) return static_cast<std::int64_t>(count);
  return Failure(Cause::resources_short,
                 fmt::format("The field [{}.gpu_p4] asks for {} GPUs: the pool has {} "
                             "(serve --pool-gpus).",
                             path, count, options.gpus));
}

Checked<model::Resources> read_custom_spec(const ApiOptions& options, const json::object& entry,
                                           std::string_view path) {
  const Result<const json::object*> spec = get_object(entry, "custom_spec");
  if (!spec) return in_field(path, spec.error());
  const std::string inner = fmt::format("{}.custom_spec", path);
  HL_TRY(check_members(**spec, inner, k_custom_spec_members, {}, ""));
  const Result<double> cpu = get_number(**spec, "cpu");
  if (!cpu) return in_field(inner, cpu.error());
  const Result<std::int64_t> memory = get_int(**spec, "memory");
  if (!memory) return in_field(inner, memory.error());
  if (!(*cpu >= 0.01) || *cpu > 4096) return bad_field(inner, "cpu", "from 0.01 to 4096 cores");
  if (*memory < 1 || *memory > (1 << 26)) return bad_field(inner, "memory", "1 MB or more");
  const Result<std::optional<double>> ascend = find_number(**spec, "ascend_a310");
  if (!ascend) return in_field(inner, ascend.error());
  if (ascend->value_or(0) != 0) {
    return Failure(
        Cause::resources_short,
        fmt::format("The field [{}.ascend_a310] asks for an accelerator: no pool has one.", inner));
  }
  HL_TRY_ASSIGN(const std::int64_t gpus, read_gpus(options, **spec, inner));
  return model::Resources{.cpu_millis = static_cast<std::int64_t>(std::llround(*cpu * 1000)),
                          .memory_mib = *memory,
                          .gpus = gpus};
}

Checked<void> read_specification(const ApiOptions& options, const json::object& entry,
                                 std::string_view path, model::ConfigEntry& out) {
  Result<std::string> name = get_string(entry, "specification");
  if (!name) return in_field(path, name.error());
  out.specification = *name;
  if (out.specification == "custom") {
    HL_TRY_ASSIGN(out.resources, read_custom_spec(options, entry, path));
    return {};
  }
  std::string known = "custom";
  for (const Flavor& flavor : options.flavors) {
    if (flavor.name == out.specification) {
      out.resources = flavor.resources;
      return {};
    }
    known.append(", ").append(flavor.name);
  }
  return bad_field(path, "specification", "one of " + known);
}

Checked<void> read_envs(const json::object& entry, const std::string& path,
                        model::ConfigEntry& out) {
  const Result<const json::object*> envs = find_object(entry, "envs");
  if (!envs) return in_field(path, envs.error());
  if (*envs == nullptr) return {};
  for (const auto& [name, value] : **envs) {
    const std::string_view key = name;
    if (key.empty() || key.find_first_of(std::string_view("=\0", 2)) != std::string_view::npos) {
      return Failure(
          Cause::invalid_argument,
          fmt::format("field [{}.envs] has a name that no variable can have: \"{}\"", path, key));
    }
    if (!value.is_string() || value.get_string().find('\0') != json::string::npos) {
      return bad_field(path + ".envs", key, "a string without zero bytes");
    }
    out.envs.emplace(key, std::string(value.get_string()));
  }
  return {};
}

Checked<void> read_deploy_timeout(const ApiOptions& options, const json::object& from,
                                  std::string_view path, model::Knobs& knobs) {
  const Result<std::optional<std::int64_t>> seconds = find_int(from, "deploy_timeout_in_seconds");
  if (!seconds) return in_field(path, seconds.error());
  if (!*seconds) return {};
  const std::int64_t least = options.deploy_timeout_min.count();
  if (**seconds < least || **seconds > k_deploy_timeout_seconds_max) {
    return bad_field(path, "deploy_timeout_in_seconds",
                     fmt::format("from {} to {}", least, k_deploy_timeout_seconds_max));
  }
  knobs.deploy_timeout = std::chrono::seconds(**seconds);
  return {};
}

// Below 1 a share of the instances, from 1 on a number of them.
bool is_share_or_count(double allowance) {
  return allowance >= 0 && allowance <= k_allowance_max &&
         (allowance < 1 || allowance == std::floor(allowance));
}

Checked<void> read_allowances(const json::object& properties, const std::string& path,
                              model::Knobs& knobs) {
  const Result<std::optional<double>> surge = find_number(properties, "max_surge");
  if (!surge) return in_field(path, surge.error());
  const Result<std::optional<double>> unavailable = find_number(properties, "max_unavailable");
  if (!unavailable) return in_field(path, unavailable.error());
  if (*surge && *unavailable && **surge == 0 && **unavailable == 0) {
    return Failure(Cause::invalid_argument,
                   fmt::format("fields [{0}.max_surge] and [{0}.max_unavailable] are both 0: "
                               "then no instance could ever be replaced",
                               path));
  }
  const bool may_shrink = *unavailable && **unavailable > 0;
  const std::string wanted =
      fmt::format("a share below 1 or a whole number up to {}", k_allowance_max);
  if (*surge && !(is_share_or_count(**surge) && (**surge > 0 || may_shrink))) {
    return bad_field(path, "max_surge",
                     "above 0: " + wanted + "; or 0 with a max_unavailable above 0");
  }
  if (*unavailable && !is_share_or_count(**unavailable)) {
    return bad_field(path, "max_unavailable", "0 or more: " + wanted);
  }
  knobs.max_surge = surge->value_or(knobs.max_surge);
  knobs.max_unavailable = unavailable->value_or(knobs.max_unavailable);
  return {};
}

Checked<void> read_properties(const ApiOptions& options, const json::object& entry,
                              const std::string& outer, model::Knobs& knobs) {
  const Result<const json::object*> properties = find_object(entry, "additional_properties");
  if (!properties) return in_field(outer, properties.error());
  if (*properties == nullptr) return {};
  const std::string path = outer + ".additional_properties";
  HL_TRY(check_members(**properties, path, k_property_members, k_entry_members, outer));
  HL_TRY(read_allowances(**properties, path, knobs));
  HL_TRY(read_deploy_timeout(options, **properties, path, knobs));
  const Result<std::optional<std::int64_t>> grace =
      find_int(**properties, "termination_grace_period_seconds");
  if (!grace) return in_field(path, grace.error());
  if (*grace && (**grace < 0 || **grace > k_grace_seconds_max)) {
    return bad_field(path, "termination_grace_period_seconds",
                     fmt::format("from 0 to {}", k_grace_seconds_max));
  }
  if (*grace) knobs.grace = std::chrono::seconds(**grace);
  return {};
}

Checked<void> read_count(const json::object& entry, std::string_view path,
                         model::ConfigEntry& out) {
  const Result<std::int64_t> count = get_int(entry, "instance_count");
  if (!count) return in_field(path, count.error());
  if (*count < 1 || *count > k_instances_max) {
    return bad_field(path, "instance_count", fmt::format("from 1 to {}", k_instances_max));
  }
  out.instance_count = static_cast<int>(*count);
  return {};
}

Checked<void> read_entry_pool(const ApiOptions& options, const json::object& entry,
                              std::string_view path, const std::string& service_pool,
                              model::ConfigEntry& out) {
  std::string pool = service_pool;
  for (std::string_view member : {"cluster_id", "pool_name"}) {  // the later one wins
    Result<std::optional<std::string>> name = find_string(entry, member);
    if (!name) return in_field(path, name.error());
    if (*name && !(*name)->empty()) pool = **name;
  }
  HL_TRY_ASSIGN(out.pool, check_pool(options, std::move(pool)));
  return {};
}

// What must hold between the entries.
Checked<void> check_together(const std::vector<model::ConfigEntry>& entries,
                             const std::vector<bool>& weighed) {
  int sum = 0;
  std::set<model::ModelId> models;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (!weighed[i] && entries.size() > 1) {
      return Failure(Cause::invalid_argument,
                     fmt::format("field [config[{}].weight] is required and cannot be empty", i));
    }
    sum += entries[i].weight;
    if (!models.insert(entries[i].model).second) {
      return Failure(Cause::same_version_twice,
                     fmt::format("The field [config[{}].model_id] names the version {} once more: "
                                 "a service runs each version in one entry.",
                                 i, entries[i].model.text()));
    }
  }
  if (sum == 100) return {};
  return Failure(Cause::invalid_argument,
                 fmt::format("field [config] has weights that make {} in all, not 100", sum));
}

Checked<void> check_model(store::Store& store, const model::ModelId& id) {
  const Result<model::ModelVersion> version = store.find_model(id);
  if (!version && version.error().code() == Code::not_found) {
    return Failure(Cause::model_unknown_to_service,
                   fmt::format("Model {} does not exist.", id.text()));
  }
  if (!version) return version.error();
  if (version->status == model::ModelStatus::published) return {};
  return Failure(Cause::model_not_published,
                 fmt::format("Model {} ({} {}) is not published: its status is {}{}{}.", id.text(),
                             version->name, version->version, model::to_text(version->status),
                             version->error.empty() ? "" : ", ", version->error));
}

}  // namespace

Checked<void> check_members(const json::object& object, std::string_view path, Words known,
                            Words elsewhere, std::string_view place) {
  for (const auto& [name, value] : object) {
    if (contains(known, name)) continue;
    const std::string_view member = name;
    if (contains(elsewhere, member)) {
      return Failure(Cause::invalid_argument,
                     fmt::format("field [{}.{}] is in the wrong place: it belongs into [{}]", path,
                                 member, place));
    }
    return Failure(Cause::invalid_argument, fmt::format("field [{}.{}] is unknown", path, member));
  }
  return {};
}

Checked<std::string> check_pool(const ApiOptions& options, std::string name) {
  const auto& pools = options.pools;
  if (name.empty() || std::find(pools.begin(), pools.end(), name) != pools.end()) return name;
  return Failure(Cause::pool_unknown,
                 fmt::format("The resource pool {} does not exist: leave pool_name and cluster_id "
                             "out for the public pool.",
                             name));
}

Checked<model::ConfigEntry> read_entry(const ApiOptions& options, const json::value& value,
                                       const std::string& path, const std::string& pool) {
  if (!value.is_object()) {
    return Failure(Cause::invalid_argument, fmt::format("field [{}] must be an object", path));
  }
  const json::object& entry = value.get_object();
  HL_TRY(check_members(entry, path, k_entry_members, k_property_members,
                       path + ".additional_properties"));
  model::ConfigEntry out;
  Result<std::string> id = get_string(entry, "model_id");
  if (!id) return in_field(path, id.error());
  out.model = model::ModelId(*id);
  HL_TRY_ASSIGN(const auto weight, read_weight(entry, path));
  out.weight = static_cast<int>(weight.value_or(100));
  HL_TRY(read_specification(options, entry, path, out));
  HL_TRY(read_count(entry, path, out));
  HL_TRY(read_envs(entry, path, out));
  HL_TRY(read_properties(options, entry, path, out.knobs));
  HL_TRY(read_deploy_timeout(options, entry, path, out.knobs));
  HL_TRY(read_entry_pool(options, entry, path, pool, out));
  out.wire = entry;
  for (std::string_view member : k_read_only_members) out.wire.erase(member);
  return out;
}

Checked<std::vector<model::ConfigEntry>> read_entries(const Call& call, const json::array& list,
                                                      const std::string& pool) {
  if (list.empty()) {
    return Failure(Cause::invalid_argument, "field [config] is required and cannot be empty");
  }
  std::vector<model::ConfigEntry> entries;
  std::vector<bool> weighed;
  for (std::size_t i = 0; i < list.size(); ++i) {
    HL_TRY_ASSIGN(model::ConfigEntry entry,
                  read_entry(call.options, list[i], fmt::format("config[{}]", i), pool));
    weighed.push_back(entry.wire.contains("weight"));
    entries.push_back(std::move(entry));
  }
  HL_TRY(check_together(entries, weighed));
  for (const model::ConfigEntry& entry : entries) HL_TRY(check_model(call.store, entry.model));
  return entries;
}

json::object echo_of(const model::ConfigEntry& entry) {
  json::object out = entry.wire;
  out["model_id"] = entry.model.text();
  out["weight"] = entry.weight;
  out["specification"] = entry.specification;
  out["instance_count"] = entry.instance_count;
  return out;
}

}  // namespace hitless::api
