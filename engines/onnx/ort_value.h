// Between our tensors and ONNX Runtime's values; for session.cc only.
#pragma once

#include "engines/onnx/ort.h"
#include "engines/onnx/tensor.h"

namespace hitless::onnx {

// Type and shape; the name is the caller's.  unsupported for what is no tensor of a DataType.
Result<TensorInfo> describe(const OrtApi& api, const OrtTypeInfo& type);

// The value borrows the tensor's bytes; strings are copied.
Result<OrtOwned<OrtValue>> to_value(const OrtApi& api, const OrtMemoryInfo& memory, Tensor& tensor);

Result<Tensor> to_tensor(const OrtApi& api, const TensorInfo& info, const OrtValue& value);

}  // namespace hitless::onnx
