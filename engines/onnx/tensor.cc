#include "engines/onnx/tensor.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <limits>

namespace hitless::onnx {
namespace {

struct TypeRow {
  DataType type;
  std::string_view text;
  std::size_t bytes;
};

constexpr std::array<TypeRow, 12> k_types = {{
    {DataType::BOOL, "BOOL", 1},
    {DataType::UINT8, "UINT8", 1},
    {DataType::UINT16, "UINT16", 2},
    {DataType::UINT32, "UINT32", 4},
    {DataType::UINT64, "UINT64", 8},
    {DataType::INT8, "INT8", 1},
    {DataType::INT16, "INT16", 2},
    {DataType::INT32, "INT32", 4},
    {DataType::INT64, "INT64", 8},
    {DataType::FP32, "FP32", 4},
    {DataType::FP64, "FP64", 8},
    {DataType::BYTES, "BYTES", 0},
}};

const TypeRow& row_of(DataType type) {
  const TypeRow& row = k_types[static_cast<std::size_t>(type)];
  HL_DCHECK(row.type == type);
  return row;
}

// A string costs this much before its first character; the widest element we store.
constexpr std::size_t k_element_bytes_max = sizeof(std::string);

}  // namespace

std::string_view to_text(DataType type) {
  return row_of(type).text;
}

std::optional<DataType> data_type_from_text(std::string_view text) {
  for (const TypeRow& row : k_types) {
    if (row.text == text) return row.type;
  }
  return std::nullopt;
}

std::size_t bytes_per_element(DataType type) {
  return row_of(type).bytes;
}

std::string to_text(const Shape& shape) {
  return fmt::format("[{}]", fmt::join(shape, ","));
}

Result<std::size_t> element_count(const Shape& shape) {
  constexpr std::size_t most = std::numeric_limits<std::ptrdiff_t>::max() / k_element_bytes_max;
  std::size_t count = 1;
  for (const std::int64_t length : shape) {
    if (length < 0) {
      return Error(Code::invalid, fmt::format("shape {} has a negative length", to_text(shape)));
    }
    if (__builtin_mul_overflow(count, static_cast<std::size_t>(length), &count) || count > most) {
      return Error(Code::invalid, fmt::format("shape {} is too large", to_text(shape)));
    }
  }
  return count;
}

}  // namespace hitless::onnx
