#include "engines/onnx/runtime.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <cstdlib>

#include "engines/onnx/ort.h"

namespace hitless::onnx {
Result<void> check_status(const OrtApi& api, OrtStatus* status, std::string_view doing) {
  if (status == nullptr) return {};
  const Code code =
      api.GetErrorCode(status) == ORT_INVALID_ARGUMENT ? Code::invalid : Code::internal;
  Error error(code, fmt::format("{}: {}", doing, api.GetErrorMessage(status)));
  api.ReleaseStatus(status);
  return error;
}

Result<std::filesystem::path> find_runtime_library(const std::string& named) {
  if (!named.empty()) return std::filesystem::path(named);
  // Read once, before threads start.
  if (const char* path = std::getenv("HITLESS_ONNXRUNTIME_LIB")) {  // NOLINT(concurrency-mt-unsafe)
    return std::filesystem::path(path);
  }
  std::error_code failed;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", failed);
  const std::filesystem::path beside = program.parent_path() / "libonnxruntime.so";
  if (failed || !std::filesystem::exists(beside, failed)) {
    return Error(Code::not_found, fmt::format("no ONNX Runtime at {}; name it with --runtime or "
                                              "HITLESS_ONNXRUNTIME_LIB",
                                              beside.string()));
  }
  return beside;
}

Result<std::unique_ptr<Runtime>> Runtime::load(const std::filesystem::path& library) {
  // The library would otherwise report to its maker over the network, and keep a database in the
  // home directory for it; its API can stop that only after it has begun.
  ::setenv("ORT_DISABLE_TELEMETRY", "1", 1);  // NOLINT(concurrency-mt-unsafe)
  // Never closed: the library registers handlers that run at exit.
  void* handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* reason = dlerror();  // NOLINT(concurrency-mt-unsafe): threads come later
    return Error(Code::not_found, fmt::format("loading ONNX Runtime: {}", reason));
  }
  using GetBase = const OrtApiBase*(ORT_API_CALL*)();
  const auto get_base = reinterpret_cast<GetBase>(dlsym(handle, "OrtGetApiBase"));
  if (get_base == nullptr) {
    return Error(Code::invalid, fmt::format("{} is not ONNX Runtime", library.string()));
  }
  const OrtApiBase& base = *get_base();
  const OrtApi* api = base.GetApi(ORT_API_VERSION);
  if (api == nullptr) {
    return Error(Code::unsupported,
                 fmt::format("{} is ONNX Runtime {}; this program needs one with API version {}",
                             library.string(), base.GetVersionString(), ORT_API_VERSION));
  }
  std::unique_ptr<Runtime> runtime(new Runtime(api, base.GetVersionString()));
  // What fails comes back as a status and is told once; the library would log it a second time.
  HL_TRY(check_status(*api, api->CreateEnv(ORT_LOGGING_LEVEL_FATAL, "onnx", &runtime->env_),
                      "starting ONNX Runtime"));
  HL_TRY(check_status(*api, api->DisableTelemetryEvents(runtime->env_), "turning telemetry off"));
  return runtime;
}

Runtime::~Runtime() {
  if (env_ != nullptr) api_->ReleaseEnv(env_);
}

}  // namespace hitless::onnx
