#include "cli/revision_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "cli/render_report.h"

namespace hitless::cli {
namespace {

// Of each field its value as text, by its path.
using Fields = std::map<std::string, std::string>;

std::string version_of(const json::object& entry) {
  const std::string name = text_or_empty(entry, "model_name");
  return name.empty() ? text_or_empty(entry, "model_id")
                      : name + ":" + text_or_empty(entry, "model_version");
}

void flatten(const json::value& value, const std::string& path, Fields& fields) {
  if (const json::object* object = value.if_object()) {
    for (const auto& member : *object) {
      const std::string name(member.key());
      flatten(member.value(), path.empty() ? name : path + "." + name, fields);
    }
  } else if (!value.is_null()) {
    fields[path] = value.is_string() ? std::string(value.get_string()) : to_json_text(value);
  }
}

Fields fields_of_entry(const json::object& entry) {
  Fields fields;
  flatten(entry, "", fields);
  for (const char* name : {"model_id", "model_name", "model_version"}) fields.erase(name);
  fields["model"] = version_of(entry);
  return fields;
}

Fields fields_of_service(const json::object& revision) {
  Fields fields;
  for (const char* name : {"load_balancer_policy", "rollout_policy", "traffic_policy"}) {
    if (const json::value* value = revision.if_contains(name)) flatten(*value, name, fields);
  }
  return fields;
}

void tell(const std::string& what, std::string& text) {
  text.append(text.empty() ? "" : ", ").append(what);
}

void tell_changes(const Fields& older, const Fields& newer, const std::string& prefix,
                  std::string& text) {
  Fields all = newer;
  all.insert(older.begin(), older.end());
  for (const auto& each : all) {
    const std::string& name = each.first;
    const auto before = older.find(name);
    const auto after = newer.find(name);
    if (before == older.end()) {
      tell(fmt::format("{}{} {}", prefix, name, after->second), text);
    } else if (after == newer.end()) {
      tell(fmt::format("{}{} {} → none", prefix, name, before->second), text);
    } else if (before->second != after->second) {
      tell(fmt::format("{}{} {} → {}", prefix, name, before->second, after->second), text);
    }
  }
}

bool alike(const json::object& older, const json::object& newer) {
  return difference_text(older, newer).empty();
}

}  // namespace

std::string models_of(const json::object& revision) {
  std::string out;
  for (const json::value& value : array_or_empty(revision, "config")) {
    const json::object& entry = value.get_object();
    tell(fmt::format("{} x{}", version_of(entry), int_or_zero(entry, "instance_count")), out);
  }
  return out;
}

std::string difference_text(const json::object& older, const json::object& newer) {
  const json::array& before = array_or_empty(older, "config");
  const json::array& after = array_or_empty(newer, "config");
  const std::size_t entries = std::max(before.size(), after.size());
  std::string text;
  for (std::size_t at = 0; at < entries; ++at) {
    const std::string prefix = entries == 1 ? "" : fmt::format("config[{}].", at);
    if (at >= before.size()) {
      tell(prefix + "model " + version_of(after[at].get_object()), text);
    } else if (at >= after.size()) {
      tell(prefix + "model " + version_of(before[at].get_object()) + " → none", text);
    } else {
      tell_changes(fields_of_entry(before[at].get_object()),
                   fields_of_entry(after[at].get_object()), prefix, text);
    }
  }
  tell_changes(fields_of_service(older), fields_of_service(newer), "", text);
  return text;
}

std::string change_of(const json::array& revisions, std::size_t at) {
  if (at == 0) return {};
  const json::object& newer = revisions[at].get_object();
  const std::string difference = difference_text(revisions[at - 1].get_object(), newer);
  if (difference.empty()) return "nothing";
  for (std::size_t before = at - 1; before > 0; --before) {
    const json::object& older = revisions[before - 1].get_object();
    if (alike(older, newer)) return fmt::format("back to {}", int_or_zero(older, "revision"));
  }
  return difference;
}

}  // namespace hitless::cli
