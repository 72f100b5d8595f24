#include "engines/onnx/ort_value.h"

#include <fmt/format.h>

#include <array>
#include <cstring>

namespace hitless::onnx {
namespace {

struct OrtTypeRow {
  ONNXTensorElementDataType theirs;
  DataType ours;
};

constexpr std::array<OrtTypeRow, 12> k_ort_types = {{
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL, DataType::BOOL},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8, DataType::UINT8},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16, DataType::UINT16},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32, DataType::UINT32},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64, DataType::UINT64},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8, DataType::INT8},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16, DataType::INT16},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32, DataType::INT32},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64, DataType::INT64},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, DataType::FP32},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE, DataType::FP64},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING, DataType::BYTES},
}};

ONNXTensorElementDataType to_ort(DataType type) {
  for (const OrtTypeRow& row : k_ort_types) {
    if (row.ours == type) return row.theirs;
  }
  HL_CHECK(false);
  return ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
}

std::optional<DataType> from_ort(ONNXTensorElementDataType type) {
  for (const OrtTypeRow& row : k_ort_types) {
    if (row.theirs == type) return row.ours;
  }
  return std::nullopt;
}

Result<Shape> shape_of(const OrtApi& api, const OrtTensorTypeAndShapeInfo& info) {
  std::size_t rank = 0;
  HL_TRY(check_status(api, api.GetDimensionsCount(&info, &rank), "reading a rank"));
  Shape shape(rank);
  HL_TRY(check_status(api, api.GetDimensions(&info, shape.data(), rank), "reading a shape"));
  return shape;
}

Result<void> read_strings(const OrtApi& api, const OrtValue& value, std::size_t count,
                          std::vector<std::string>& to) {
  std::size_t length = 0;
  HL_TRY(check_status(api, api.GetStringTensorDataLength(&value, &length), "reading strings"));
  std::string text(length, '\0');
  std::vector<std::size_t> offsets(count);
  HL_TRY(check_status(
      api, api.GetStringTensorContent(&value, text.data(), length, offsets.data(), count),
      "reading strings"));
  to.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t end = i + 1 < count ? offsets[i + 1] : length;
    to.push_back(text.substr(offsets[i], end - offsets[i]));
  }
  return {};
}

}  // namespace

Result<TensorInfo> describe(const OrtApi& api, const OrtTypeInfo& type) {
  const OrtTensorTypeAndShapeInfo* tensor = nullptr;  // borrowed from `type`
  HL_TRY(check_status(api, api.CastTypeInfoToTensorInfo(&type, &tensor), "reading a type"));
  if (tensor == nullptr) {
    return Error(Code::unsupported,
                 "is no tensor but a sequence, map or optional; export the model without "
                 "(scikit-learn converters: zipmap=False)");
  }
  ONNXTensorElementDataType element = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
  HL_TRY(check_status(api, api.GetTensorElementType(tensor, &element), "reading a type"));
  const std::optional<DataType> known = from_ort(element);
  if (!known) {
    return Error(Code::unsupported,
                 fmt::format("has elements of ONNX type {}, which this engine cannot carry",
                             static_cast<int>(element)));
  }
  TensorInfo info{.name = {}, .type = *known, .shape = std::nullopt};
  if (!api.TensorTypeAndShape_HasShape(tensor)) return info;
  HL_TRY_ASSIGN(info.shape, shape_of(api, *tensor));
  for (std::int64_t& length : *info.shape) length = std::max<std::int64_t>(length, -1);
  return info;
}

Result<OrtOwned<OrtValue>> to_value(const OrtApi& api, const OrtMemoryInfo& memory,
                                    Tensor& tensor) {
  OrtValue* raw = nullptr;
  if (tensor.type != DataType::BYTES) {
    HL_TRY(check_status(api,
                        api.CreateTensorWithDataAsOrtValue(
                            &memory, tensor.bytes.data(), tensor.bytes.size(), tensor.shape.data(),
                            tensor.shape.size(), to_ort(tensor.type), &raw),
                        "making a tensor"));
    return OrtOwned<OrtValue>(raw, OrtRelease{&api});
  }
  OrtAllocator* allocator = nullptr;
  HL_TRY(check_status(api, api.GetAllocatorWithDefaultOptions(&allocator), "finding memory"));
  HL_TRY(check_status(api,
                      api.CreateTensorAsOrtValue(allocator, tensor.shape.data(),
                                                 tensor.shape.size(), to_ort(tensor.type), &raw),
                      "making a tensor"));
  OrtOwned<OrtValue> value(raw, OrtRelease{&api});
  // By index, for a string may hold zero bytes only if its length is told.
  for (std::size_t i = 0; i < tensor.strings.size(); ++i) {
    const std::string& text = tensor.strings[i];
    char* to = nullptr;
    HL_TRY(check_status(api,
                        api.GetResizedStringTensorElementBuffer(value.get(), i, text.size(), &to),
                        "filling a tensor"));
    text.copy(to, text.size());
  }
  return value;
}

Result<Tensor> to_tensor(const OrtApi& api, const TensorInfo& info, const OrtValue& value) {
  OrtTensorTypeAndShapeInfo* raw = nullptr;
  HL_TRY(check_status(api, api.GetTensorTypeAndShape(&value, &raw), "reading an output"));
  const OrtOwned<OrtTensorTypeAndShapeInfo> type(raw, OrtRelease{&api});
  Tensor tensor{.name = info.name, .type = info.type, .shape = {}, .bytes = {}, .strings = {}};
  HL_TRY_ASSIGN(tensor.shape, shape_of(api, *type));
  HL_TRY_ASSIGN(const std::size_t count, element_count(tensor.shape));
  if (info.type == DataType::BYTES) {
    HL_TRY(read_strings(api, value, count, tensor.strings));
    return tensor;
  }
  const void* data = nullptr;
  HL_TRY(check_status(api, api.GetTensorData(&value, &data), "reading an output"));
  tensor.bytes.resize(count * bytes_per_element(info.type));
  if (!tensor.bytes.empty()) std::memcpy(tensor.bytes.data(), data, tensor.bytes.size());
  return tensor;
}

}  // namespace hitless::onnx
