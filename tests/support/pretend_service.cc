#include "tests/support/pretend_service.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>

#include "tests/support/subprocess.h"

namespace hitless::tests {
namespace {

namespace fs = std::filesystem;

// An empty object stands for an answer that was not the expected one; the test has failed then.
json::object object_of(const ApiAnswer& answer) {
  EXPECT_EQ(answer.status, 200) << answer.text;
  return answer.body.is_object() ? answer.body.get_object() : json::object();
}

std::string text_in(const json::object& object, std::string_view name) {
  const auto text = find_string(object, name);
  return text && *text ? **text : std::string();
}

json::array array_in(const json::object& object, std::string_view name) {
  const auto array = find_array(object, name);
  return array && *array != nullptr ? **array : json::array();
}

// Without a policy the service keeps the one it has.
json::object body_of(const std::vector<Entry>& entries, const json::object& policy) {
  json::object body{{"config", to_config(entries)}};
  if (!policy.empty()) body["rollout_policy"] = policy;
  return body;
}

json::object config_json(const HitlessProcess& hitless, const PretendModel& model) {
  const std::string program =
      model.program.empty() ? hitless.model_server().string() : model.program;
  json::array command{program, "--listen", "{listen}", "--version-tag", model.version};
  for (const std::string& flag : model.flags) command.emplace_back(flag);
  json::object config{
      {"model_type", "Custom"},
      {"model_algorithm", "pretence"},
      {"command", std::move(command)},
      {"listen", model.listen},
      {"health",
       {{"check_method", "HTTP"},
        {"protocol", "http"},
        {"url", "/health"},
        {"period_seconds", "1"},
        {"timeout_seconds", "5"},
        {"failure_threshold", fmt::format("{}", model.failures_max)},
        {"initial_delay_seconds", fmt::format("{}", model.initial_delay_seconds)}}}};
  if (!model.warm_up.empty()) config["warm_up"] = model.warm_up;
  return config;
}

}  // namespace

fs::path make_package(const HitlessProcess& hitless, const PretendModel& model) {
  static std::atomic<int> made = 0;
  const fs::path folder =
      hitless.folder() / "packages" / fmt::format("{}-{}", model.version, ++made);
  fs::create_directories(folder / "model");
  std::ofstream(folder / "model" / "config.json")
      << to_pretty_json_text(config_json(hitless, model));
  return folder;
}

ApiAnswer post_model(HitlessProcess& hitless, const std::string& name, const std::string& version,
                     const std::string& type, const fs::path& package) {
  return hitless.api("POST", "/models",
                     json::object{{"model_name", name},
                                  {"model_version", version},
                                  {"model_type", type},
                                  {"source_location", package.string()}});
}

ApiAnswer wait_for_import(HitlessProcess& hitless, const std::string& model_id) {
  ApiAnswer details;
  const bool ended = eventually([&] {
    details = hitless.get("/models/" + model_id);
    return text_in(object_of(details), "model_status") != "publishing";
  });
  EXPECT_TRUE(ended) << "the import did not end: " << details.text;
  return details;
}

std::string import_model(HitlessProcess& hitless, const PretendModel& model) {
  static std::atomic<int> imported = 0;
  const ApiAnswer answer = post_model(hitless, "pretend", fmt::format("0.0.{}", ++imported),
                                      "Custom", make_package(hitless, model));
  const std::string id = text_in(object_of(answer), "model_id");
  const json::object details = object_of(wait_for_import(hitless, id));
  EXPECT_EQ(text_in(details, "model_status"), "published") << text_in(details, "error_msg");
  return id;
}

json::object to_json(const Entry& entry) {
  json::object properties{{"termination_grace_period_seconds", entry.grace_seconds}};
  if (entry.max_surge) properties["max_surge"] = *entry.max_surge;
  if (entry.max_unavailable) properties["max_unavailable"] = *entry.max_unavailable;
  return {{"model_id", entry.model_id},
          {"weight", entry.weight},
          {"specification", "custom"},
          {"custom_spec", {{"cpu", 2.0}, {"memory", entry.memory_mib}, {"gpu_p4", entry.gpus}}},
          {"instance_count", entry.count},
          {"envs", entry.envs},
          {"deploy_timeout_in_seconds", entry.deploy_timeout_seconds},
          {"additional_properties", std::move(properties)}};
}

json::array to_config(const std::vector<Entry>& entries) {
  json::array config;
  for (const Entry& entry : entries) config.push_back(to_json(entry));
  return config;
}

PretendService::PretendService(HitlessProcess& hitless, const std::string& name,
                               const std::vector<Entry>& entries, const json::object& policy)
    : hitless_(hitless) {
  json::object body = body_of(entries, policy);
  body["service_name"] = name;
  body["infer_type"] = "real-time";
  id_ = text_in(object_of(hitless.api("POST", "/services", body)), "service_id");
}

ApiAnswer PretendService::put(const std::vector<Entry>& entries, const json::object& policy) {
  return hitless_.api("PUT", path(), body_of(entries, policy));
}

std::string PretendService::update(const std::vector<Entry>& entries, const json::object& policy) {
  const ApiAnswer answer = put(entries, policy);
  EXPECT_EQ(answer.status, 200) << answer.text;
  return newest_rollout();
}

std::string PretendService::set_status(const std::string& status) {
  const ApiAnswer answer = hitless_.api("PUT", path(), json::object{{"status", status}});
  EXPECT_EQ(answer.status, 200) << answer.text;
  return newest_rollout();
}

json::object PretendService::details() {
  return object_of(hitless_.get(path()));
}

std::string PretendService::status() {
  return text_in(details(), "status");
}

json::array PretendService::rollouts() {
  return array_in(object_of(hitless_.get(path() + "/rollouts")), "rollouts");
}

std::string PretendService::newest_rollout() {
  const json::array all = rollouts();
  return all.empty() ? std::string() : text_in(all.front().as_object(), "rollout_id");
}

json::object PretendService::rollout(const std::string& id) {
  return object_of(hitless_.get(path() + "/rollouts/" + id));
}

std::string PretendService::phase(const std::string& rollout_id) {
  return text_in(rollout(rollout_id), "phase");
}

std::string PretendService::wait_for_end(const std::string& rollout_id) {
  json::object last;
  const bool ended = eventually([&] {
    last = rollout(rollout_id);
    const json::value* is_ended = last.if_contains("ended");
    return is_ended != nullptr && is_ended->is_bool() && is_ended->get_bool();
  });
  EXPECT_TRUE(ended) << "the rollout did not end: " << to_json_text(last);
  return text_in(last, "phase");
}

bool PretendService::wait_for_phase(const std::string& rollout_id, const std::string& phase) {
  std::string now;
  bool ended = false;
  eventually(
      [&] {
        const json::object last = rollout(rollout_id);
        now = text_in(last, "phase");
        ended = last.empty() || last.at("ended").as_bool();
        return ended || now == phase;
      },
      k_patience, std::chrono::milliseconds(1));
  return now == phase;
}

json::object PretendService::wait_for_report(const std::string& rollout_id) {
  json::object last;
  const bool whole = eventually(
      [&] {
        last = rollout(rollout_id);
        return last.contains("report") && last.at("report").as_object().contains("after");
      },
      k_patience, std::chrono::milliseconds(50));
  EXPECT_TRUE(whole) << "the report never became whole: " << to_json_text(last);
  return whole ? last.at("report").as_object() : json::object();
}

json::array PretendService::live_instances() {
  json::array live;
  for (const json::value& each :
       array_in(object_of(hitless_.get(path() + "/instances")), "instances")) {
    if (text_in(each.as_object(), "stage") != "gone") live.push_back(each);
  }
  return live;
}

std::int64_t PretendService::invocations() {
  const auto count = find_int(details(), "invocation_times");
  return count && *count ? **count : -1;
}

}  // namespace hitless::tests
