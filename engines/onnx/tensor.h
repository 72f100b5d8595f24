// Tensors as values, in the words of the Open Inference Protocol.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hitless::onnx {

// The protocol's names.  BYTES elements are strings.
enum class DataType {
  BOOL,
  UINT8,
  UINT16,
  UINT32,
  UINT64,
  INT8,
  INT16,
  INT32,
  INT64,
  FP32,
  FP64,
  BYTES,
};

std::string_view to_text(DataType type);
std::optional<DataType> data_type_from_text(std::string_view text);
std::size_t bytes_per_element(DataType type);  // 0 for BYTES

using Shape = std::vector<std::int64_t>;

std::string to_text(const Shape& shape);  // "[1,576]"; -1 is a dimension that may have any length

// How many elements a shape without free dimensions has.  Error: negative, or more than memory.
Result<std::size_t> element_count(const Shape& shape);

// What a model says of one of its inputs or outputs.
struct TensorInfo {
  std::string name;
  DataType type = DataType::FP32;
  std::optional<Shape> shape;  // -1: any length; absent: any shape at all
};

struct Tensor {
  std::string name;
  DataType type = DataType::FP32;
  Shape shape;
  std::vector<std::byte> bytes;      // elements in the machine's order, row by row
  std::vector<std::string> strings;  // instead of bytes, for BYTES
};

}  // namespace hitless::onnx
