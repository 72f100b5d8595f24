// ONNX Runtime's C API with owners and Errors; for runtime.cc and session.cc only.
#pragma once

#include <onnxruntime_c_api.h>

#include <memory>
#include <string_view>

#include "base/result.h"

namespace hitless::onnx {

struct OrtRelease {
  const OrtApi* api = nullptr;

  void operator()(OrtSession* it) const { api->ReleaseSession(it); }
  void operator()(OrtSessionOptions* it) const { api->ReleaseSessionOptions(it); }
  void operator()(OrtMemoryInfo* it) const { api->ReleaseMemoryInfo(it); }
  void operator()(OrtTypeInfo* it) const { api->ReleaseTypeInfo(it); }
  void operator()(OrtTensorTypeAndShapeInfo* it) const { api->ReleaseTensorTypeAndShapeInfo(it); }
  void operator()(OrtValue* it) const { api->ReleaseValue(it); }
};

template <class T>
using OrtOwned = std::unique_ptr<T, OrtRelease>;

// Takes the status over.  What the caller sent wrong is invalid, all else internal.
Result<void> check_status(const OrtApi& api, OrtStatus* status, std::string_view doing);

}  // namespace hitless::onnx
