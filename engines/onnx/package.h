// A model package on disk: DIR/model/config.json and exactly one DIR/model/*.onnx.
#pragma once

#include <filesystem>

#include "base/result.h"

namespace hitless::onnx {

// The package's model file.  The error says which file is missing, one too many or not readable
// as what it should be.
Result<std::filesystem::path> find_model_file(const std::filesystem::path& package);

}  // namespace hitless::onnx
