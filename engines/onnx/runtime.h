// The ONNX Runtime library, loaded at run time: the engine's build needs its headers only, and the
// library can be exchanged without building anew.
//
// Owner: main(), for the process's life; outlives every Session.  load() before other threads start
// (it sets the environment variable that keeps the library from reporting to its maker); then any
// thread.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/result.h"

struct OrtApi;
struct OrtEnv;

namespace hitless::onnx {

// Where the library is: what the caller names, else $HITLESS_ONNXRUNTIME_LIB, else
// libonnxruntime.so beside this program.
Result<std::filesystem::path> find_runtime_library(const std::string& named);

class Runtime {
 public:
  // The error says what the dynamic linker said, or that the library is too old.
  static Result<std::unique_ptr<Runtime>> load(const std::filesystem::path& library);
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  const std::string& version() const { return version_; }
  const OrtApi& api() const { return *api_; }
  OrtEnv* env() const { return env_; }

 private:
  Runtime(const OrtApi* api, std::string version) : api_(api), version_(std::move(version)) {}

  // Constant after load().
  const OrtApi* api_;
  std::string version_;
  OrtEnv* env_ = nullptr;
};

}  // namespace hitless::onnx
