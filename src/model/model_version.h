// A model version: immutable, pinned by digest, with everything needed to start an instance of it.
// Values.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "model/ids.h"
#include "model/warm_up.h"

namespace hitless::model {

// What turns a package into a running server.
enum class Engine {
  onnx,    // our ONNX server
  custom,  // a command of the package's own
};

// Wire words of model_status.
enum class ModelStatus { publishing, published, failed, building, building_failed };

// How an instance is asked whether it may get traffic (contract: health checks).
struct HealthCheck {
  enum class Method { http, exec };
  Method method = Method::http;
  std::string path = "/health";      // http: any 2xx passes
  std::vector<std::string> command;  // exec: exit status 0 passes; cwd is the package
  Duration period = std::chrono::seconds(5);
  Duration initial_delay = std::chrono::seconds(12);  // failures before this do not count
  int failure_threshold = 12;                         // failures in a row
  Duration timeout = std::chrono::seconds(1);
  friend bool operator==(const HealthCheck&, const HealthCheck&) = default;
};

// What one instance runs.  In command and envs, "{port}" and "{listen}" stand for what the pool's
// driver gives the instance to listen on.
struct Launch {
  Engine engine = Engine::custom;
  std::vector<std::string> command;  // custom: argv; empty for engines of ours
  bool listens_on_unix = false;      // else on TCP port {port}, also in the variable PORT
  HealthCheck health;
  WarmUp warm_up;  // answered right before it is ready
  friend bool operator==(const Launch&, const Launch&) = default;
};

struct ModelVersion {
  ModelId id;
  std::string name;
  std::string version;  // "0.0.1"
  std::string type;     // wire word of model_type, as given
  std::string description;
  ModelStatus status = ModelStatus::publishing;
  std::string error;            // why status is failed; empty otherwise
  std::string source_location;  // as given
  std::string digest;           // SHA-256 over the package's files; empty until imported
  std::uint64_t size_bytes = 0;
  Time created_at;
  Launch launch;
  std::string config_text;  // config.json as text: initial_config as given, else the file's
  json::object wire;        // the request's body as sent, for answers that must echo it
  friend bool operator==(const ModelVersion&, const ModelVersion&) = default;
};

std::string_view to_text(ModelStatus status);
Result<ModelStatus> model_status_from_text(std::string_view text);
std::string_view to_text(Engine engine);
Result<Engine> engine_from_text(std::string_view text);

json::value to_json(const Launch& launch);
Result<Launch> launch_from_json(const json::value& value);

// Reads config.json (contract: ModelConfigFile) as far as starting an instance needs it, on top of
// what the engine itself knows (the ONNX engine has its own health path).  The error names the
// field and what is allowed.  `type` is the request's model_type.
Result<Launch> launch_from_config(const json::object& config, std::string_view type);

}  // namespace hitless::model
