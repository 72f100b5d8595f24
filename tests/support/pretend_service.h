// Models and services of a test, made and changed through the API as a client would.
//
// Owner: a test; everything lives in the HitlessProcess it is given.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "tests/support/hitless_process.h"

namespace hitless::tests {

// A Custom package around the pretend model.
struct PretendModel {
  std::string version;             // what its answers name
  std::vector<std::string> flags;  // of tests/support/model_server.cc
  std::string listen = "unix";     // or "tcp"
  int failures_max = 3;            // failure_threshold
  int initial_delay_seconds = 30;  // 0: failures count at once
  json::array warm_up{};           // of its config.json
  std::string program{};           // another one than the pretend model, with the same flags
};

// Writes <folder>/packages/<version>/model/config.json; the folder to import.
std::filesystem::path make_package(const HitlessProcess& hitless, const PretendModel& model);

// Imports it and waits until it is published; the model's id.
std::string import_model(HitlessProcess& hitless, const PretendModel& model);

// POST of a package that exists; the answer as it is.
ApiAnswer post_model(HitlessProcess& hitless, const std::string& name, const std::string& version,
                     const std::string& type, const std::filesystem::path& package);

// Waits until it is no longer publishing; its last details.
ApiAnswer wait_for_import(HitlessProcess& hitless, const std::string& model_id);

// One config entry.
struct Entry {
  std::string model_id;
  int count = 2;
  int weight = 100;
  json::object envs;
  int deploy_timeout_seconds = 30;
  int grace_seconds = 5;
  int memory_mib = 256;
  int gpus = 0;
  std::optional<int> max_surge{};  // none: what hitless takes
  std::optional<int> max_unavailable{};
};

json::object to_json(const Entry& entry);
json::array to_config(const std::vector<Entry>& entries);

class PretendService {
 public:
  // Creates it; the newest rollout's end says when it runs.  `policy` is its rollout_policy.
  PretendService(HitlessProcess& hitless, const std::string& name,
                 const std::vector<Entry>& entries, const json::object& policy = {});

  const std::string& id() const { return id_; }
  std::string path() const { return "/services/" + id_; }

  // PUT of a new configuration; the new rollout's id.
  std::string update(const std::vector<Entry>& entries, const json::object& policy = {});
  // The same, with the answer as it is.
  ApiAnswer put(const std::vector<Entry>& entries, const json::object& policy = {});
  // PUT {"status": ...}; the new rollout's id.
  std::string set_status(const std::string& status);

  json::object details();
  std::string status();

  // Newest first.
  json::array rollouts();
  std::string newest_rollout();
  json::object rollout(const std::string& id);
  std::string phase(const std::string& rollout_id);

  // Waits for the rollout's last phase and gives it.
  std::string wait_for_end(const std::string& rollout_id);
  // Waits until the rollout is in this phase or past it; false when it ended before.
  bool wait_for_phase(const std::string& rollout_id, const std::string& phase);
  // ... until its report is whole, window after the change included.
  json::object wait_for_report(const std::string& rollout_id);

  // Instances that are not gone.
  json::array live_instances();
  // Calls as the service's details count them.
  std::int64_t invocations();

 private:
  HitlessProcess& hitless_;
  std::string id_;
};

}  // namespace hitless::tests
