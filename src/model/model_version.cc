#include "model/model_version.h"

#include "model/json_members.h"
#include "model/words.h"

namespace hitless::model {
namespace {

constexpr Words<ModelStatus, 5> k_statuses{{
    {ModelStatus::publishing, "publishing"},
    {ModelStatus::published, "published"},
    {ModelStatus::failed, "failed"},
    {ModelStatus::building, "building"},
    {ModelStatus::building_failed, "building_failed"},
}};

constexpr Words<Engine, 2> k_engines{{
    {Engine::onnx, "onnx"},
    {Engine::custom, "custom"},
}};

constexpr Words<HealthCheck::Method, 2> k_methods{{
    {HealthCheck::Method::http, "HTTP"},
    {HealthCheck::Method::exec, "EXEC"},
}};

json::value to_json(const HealthCheck& health) {
  return json::object{
      {"method", text_of(k_methods, health.method)},
      {"path", health.path},
      {"command", array_of(health.command)},
      {"period_us", health.period.count()},
      {"initial_delay_us", health.initial_delay.count()},
      {"failure_threshold", health.failure_threshold},
      {"timeout_us", health.timeout.count()},
  };
}

Result<HealthCheck> health_from_json(const json::object& object) {
  HealthCheck health;
  HL_TRY_ASSIGN(const std::string method, get_string(object, "method"));
  HL_TRY_ASSIGN(health.method, value_of(k_methods, method, "way to check health"));
  HL_TRY_ASSIGN(health.path, get_string(object, "path"));
  HL_TRY_ASSIGN(health.command, get_strings(object, "command"));
  HL_TRY_ASSIGN(health.period, get_micros(object, "period_us"));
  HL_TRY_ASSIGN(health.initial_delay, get_micros(object, "initial_delay_us"));
  HL_TRY_ASSIGN(health.failure_threshold, get_small_int(object, "failure_threshold"));
  HL_TRY_ASSIGN(health.timeout, get_micros(object, "timeout_us"));
  return health;
}

}  // namespace

std::string_view to_text(ModelStatus status) {
  return text_of(k_statuses, status);
}

Result<ModelStatus> model_status_from_text(std::string_view text) {
  return value_of(k_statuses, text, "status of a model");
}

std::string_view to_text(Engine engine) {
  return text_of(k_engines, engine);
}

Result<Engine> engine_from_text(std::string_view text) {
  return value_of(k_engines, text, "engine");
}

json::value to_json(const Launch& launch) {
  return json::object{
      {"engine", to_text(launch.engine)},          {"command", array_of(launch.command)},
      {"listens_on_unix", launch.listens_on_unix}, {"health", to_json(launch.health)},
      {"warm_up", to_json(launch.warm_up)},
  };
}

Result<Launch> launch_from_json(const json::value& value) {
  HL_TRY_ASSIGN(const json::object* object, as_object(value));
  Launch launch;
  HL_TRY_ASSIGN(const std::string engine, get_string(*object, "engine"));
  HL_TRY_ASSIGN(launch.engine, engine_from_text(engine));
  HL_TRY_ASSIGN(launch.command, get_strings(*object, "command"));
  HL_TRY_ASSIGN(launch.listens_on_unix, get_bool(*object, "listens_on_unix"));
  HL_TRY_ASSIGN(const json::object* health, get_object(*object, "health"));
  HL_TRY_ASSIGN(launch.health, health_from_json(*health));
  if (const json::value* warm_up = object->if_contains("warm_up")) {  // older ones have none
    HL_TRY_ASSIGN(launch.warm_up, warm_up_from_json(*warm_up));
  }
  return launch;
}

}  // namespace hitless::model
