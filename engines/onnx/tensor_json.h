// Tensor data from and to JSON.  Pure; any thread.
#pragma once

#include <string>

#include "base/json.h"
#include "engines/onnx/tensor.h"

namespace hitless::onnx {

// Fills tensor.bytes or tensor.strings from `data`, an array that is flat or nested as the
// tensor's shape is.  The error says which element or how many are wrong.
Result<void> read_tensor_data(const json::value& data, Tensor& tensor);

// Appends the tensor's elements as one flat array.  Numbers are the shortest text that reads back
// as the same number; NaN and infinities, which JSON does not have, become null.
void append_tensor_data(std::string& text, const Tensor& tensor);

// Appends a JSON string, quotes included.  Bytes that are not UTF-8 become U+FFFD.
void append_json_string(std::string& text, std::string_view value);

}  // namespace hitless::onnx
