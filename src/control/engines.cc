#include "control/engines.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "base/crypto.h"
#include "base/file.h"

namespace hitless::control {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view k_onnx_engine = "hitless-onnx";
constexpr std::string_view k_onnx_runtime = "libonnxruntime.so";

// Threads that answer requests in one instance of an engine of ours; more only queue for the CPU.
constexpr std::int64_t k_engine_threads_max = 16;

Result<void> copy_readable(const fs::path& from, const fs::path& to, fs::perms mode) {
  std::error_code failure;
  fs::copy_file(from, to, fs::copy_options::overwrite_existing, failure);
  if (!failure) fs::permissions(to, mode, failure);
  if (!failure) return {};
  // A full disk shows as an input/output error here.
  std::error_code unknown;
  const bool is_full =
      fs::space(to.parent_path(), unknown).available < fs::file_size(from, unknown);
  const int cause = is_full ? ENOSPC : failure.value();
  fs::remove(to, unknown);
  return system_error("copying to " + to.string(), from.string(), cause);
}

// One folder per content, so that a running instance keeps the engine it was started with.
Result<fs::path> install_onnx(const fs::path& from, const fs::path& state) {
  HL_TRY_ASSIGN(const std::string engine, sha256_hex_of_file(from / k_onnx_engine));
  HL_TRY_ASSIGN(const std::string runtime, sha256_hex_of_file(from / k_onnx_runtime));
  const fs::path folder = state / "engines" / sha256_hex(engine + runtime).substr(0, 16);
  const fs::path installed = folder / k_onnx_engine;
  if (fs::exists(installed)) return installed;

  HL_TRY(ensure_directory(state / "engines", 0755));
  const fs::path aside = folder.string() + ".new";
  HL_TRY(ensure_directory(aside, 0755));
  HL_TRY(copy_readable(from / k_onnx_runtime, aside / k_onnx_runtime, fs::perms(0444)));
  HL_TRY(copy_readable(from / k_onnx_engine, aside / k_onnx_engine, fs::perms(0555)));
  std::error_code failure;
  fs::rename(aside, folder, failure);
  if (failure) return system_error("renaming", aside.string(), failure.value());
  return installed;
}

std::int64_t engine_threads(const model::Resources& resources) {
  const std::int64_t cores = (resources.cpu_millis + 999) / 1000;
  return std::clamp<std::int64_t>(cores * 2, 2, k_engine_threads_max);
}

}  // namespace

Result<EngineKit> install_engines(const fs::path& from, const fs::path& state) {
  EngineKit kit;
  if (fs::exists(from / k_onnx_engine) && fs::exists(from / k_onnx_runtime)) {
    HL_TRY_ASSIGN(kit.onnx, install_onnx(from, state));
  }
  return kit;
}

Result<pools::InstanceSpec> instance_spec(const model::Instance& instance,
                                          const model::ConfigEntry& entry,
                                          const model::ModelVersion& version,
                                          const fs::path& package, const EngineKit& engines) {
  pools::InstanceSpec spec{.id = instance.id,
                           .service = instance.service,
                           .command = version.launch.command,
                           .envs = entry.envs,
                           .package = package,
                           .listens_on_unix = version.launch.listens_on_unix,
                           .limits = entry.resources};
  if (version.launch.engine == model::Engine::onnx) {
    if (engines.onnx.empty()) {
      return Error(Code::unsupported,
                   "the ONNX engine is not installed: start serve with --engines DIR, a folder "
                   "with hitless-onnx and libonnxruntime.so");
    }
    spec.command = {engines.onnx.string(),
                    "--model-dir",
                    ".",
                    "--listen",
                    "{listen}",
                    "--name",
                    version.name,
                    "--threads",
                    fmt::format("{}", engine_threads(entry.resources))};
  }
  // A package's own command stands beside its config.json, and so does what it opens.
  if (version.launch.engine == model::Engine::custom) spec.package = package / "model";
  if (!spec.listens_on_unix) spec.envs.try_emplace("PORT", "{port}");
  return spec;
}

std::int64_t ports_of(const model::ConfigEntry& entry, const model::ModelVersion& version) {
  pools::InstanceSpec spec;
  spec.command = version.launch.command;
  spec.envs = entry.envs;
  spec.listens_on_unix = version.launch.listens_on_unix;
  return pools::wants_port(spec) ? 1 : 0;
}

}  // namespace hitless::control
