#include "engines/onnx/package.h"

#include <fmt/format.h>

#include <strings.h>

#include "base/file.h"
#include "base/json.h"

namespace hitless::onnx {
namespace {

// A hand-written file of a few hundred lines, with room to spare.
constexpr std::size_t k_config_bytes_max = std::size_t{1024} * 1024;

Result<void> check_config(const std::filesystem::path& path) {
  HL_TRY_ASSIGN(const std::string text, read_file(path, k_config_bytes_max));
  auto value = parse_json(text);
  if (!value) return std::move(value).error().context(path.string());
  const json::object* config = value->if_object();
  if (config == nullptr) {
    return Error(Code::invalid, fmt::format("{} must hold a JSON object", path.string()));
  }
  auto type = find_string(*config, "model_type");
  if (!type) return std::move(type).error().context(path.string());
  // The contract compares engine names without case.
  if (*type && strcasecmp((*type)->c_str(), "ONNX") != 0) {
    return Error(Code::invalid,
                 fmt::format("{} is for the engine {}, this is ONNX", path.string(), **type));
  }
  return {};
}

}  // namespace

Result<std::filesystem::path> find_model_file(const std::filesystem::path& package) {
  const std::filesystem::path folder = package / "model";
  HL_TRY(check_config(folder / "config.json"));
  std::filesystem::path found;
  std::error_code failed;
  std::filesystem::directory_iterator at(folder, failed);
  for (; !failed && at != std::filesystem::directory_iterator(); at.increment(failed)) {
    if (at->path().extension() != ".onnx") continue;
    if (!found.empty()) {
      return Error(Code::invalid,
                   fmt::format("{} holds more than one .onnx file: {} and {}", folder.string(),
                               found.filename().string(), at->path().filename().string()));
    }
    found = at->path();
  }
  if (failed) return system_error("reading", folder.string(), failed.value());
  if (found.empty()) {
    return Error(Code::not_found, fmt::format("{} holds no .onnx file", folder.string()));
  }
  return found;
}

}  // namespace hitless::onnx
