// The Open Inference Protocol, version 2, REST with JSON tensors: its texts from and to values.
// Pure; any thread.  https://github.com/kserve/open-inference-protocol
//
// Tolerant where the protocol leaves room: "parameters" and unknown members are ignored, data may
// be flat or nested, one element may be sent for a scalar as shape [1].  Strict with what a model
// would silently get wrong: names, shapes, types and lengths; the error names the tensor.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engines/onnx/tensor.h"

namespace hitless::onnx {

struct Signature {
  const std::vector<TensorInfo>& inputs;
  const std::vector<TensorInfo>& outputs;
};

struct InferRequest {
  std::optional<std::string> id;
  std::vector<Tensor> inputs;        // all of the model's, in its order
  std::vector<std::size_t> outputs;  // indices into the model's; all when the request names none
};

Result<InferRequest> parse_infer_request(std::string_view body, const Signature& signature);

std::string infer_response_text(std::string_view model, const std::optional<std::string>& id,
                                const std::vector<Tensor>& outputs);

std::string server_metadata_text(std::string_view version);
std::string model_metadata_text(std::string_view model, const Signature& signature);

std::string error_text(std::string_view reason);  // {"error":"..."}

}  // namespace hitless::onnx
