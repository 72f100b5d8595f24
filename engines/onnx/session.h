// One loaded model, ready to run.
//
// Owner: main(); the Runtime outlives it.  load() first; run() from any number of threads at once,
// each run on its caller's thread.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "engines/onnx/runtime.h"
#include "engines/onnx/tensor.h"

namespace hitless::onnx {

class Session {
 public:
  // The error names what is wrong with the file, or the input or output that the protocol has no
  // words for (sequences, maps, half floats).
  static Result<std::unique_ptr<Session>> load(const Runtime& runtime,
                                               const std::filesystem::path& model);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  const std::vector<TensorInfo>& inputs() const { return inputs_; }
  const std::vector<TensorInfo>& outputs() const { return outputs_; }

  // `inputs` are the model's, in its order; `wanted` are indices into outputs().
  Result<std::vector<Tensor>> run(std::vector<Tensor>& inputs,
                                  const std::vector<std::size_t>& wanted) const;

 private:
  struct Handles;  // what the runtime gave us

  explicit Session(const Runtime& runtime);
  Result<void> open(const std::filesystem::path& model);
  Result<void> read_signature();

  // Constant after load().
  const OrtApi& api_;
  OrtEnv* const env_;
  std::unique_ptr<Handles> handles_;
  std::vector<TensorInfo> inputs_;
  std::vector<TensorInfo> outputs_;
};

// One run with zeros and empty strings, free dimensions being 1, so that the first request does
// not pay for what a first run allocates.  Many models refuse such input, which is no defect.
Result<void> warm_up(const Session& session);

}  // namespace hitless::onnx
