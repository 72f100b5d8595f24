#include "engines/onnx/protocol.h"

#include <fmt/format.h>

#include <charconv>

#include "base/json.h"
#include "engines/onnx/tensor_json.h"

namespace hitless::onnx {
namespace {

std::string names_of(const std::vector<TensorInfo>& infos) {
  std::string text;
  for (const TensorInfo& info : infos)
    text += fmt::format("{}[{}]", text.empty() ? "" : ", ", info.name);
  return text;
}

std::optional<std::size_t> find(const std::vector<TensorInfo>& infos, std::string_view name) {
  for (std::size_t i = 0; i < infos.size(); ++i) {
    if (infos[i].name == name) return i;
  }
  return std::nullopt;
}

Result<Shape> read_shape(const json::array& from) {
  Shape shape;
  shape.reserve(from.size());
  for (const json::value& length : from) {
    const std::int64_t* number = length.if_int64();
    if (number == nullptr || *number < 0) {
      return Error(Code::invalid, "shape must be an array of whole numbers from 0");
    }
    shape.push_back(*number);
  }
  return shape;
}

// The shape as the model is to get it.
Result<Shape> fit_shape(Shape shape, const TensorInfo& info) {
  if (!info.shape) return shape;
  const Shape& declared = *info.shape;
  if (declared.empty() && shape == Shape{1}) return Shape{};
  bool fits = shape.size() == declared.size();
  for (std::size_t i = 0; fits && i < shape.size(); ++i) {
    fits = declared[i] < 0 || shape[i] == declared[i];
  }
  if (fits) return shape;
  return Error(Code::invalid, fmt::format("shape {} does not fit the model's {}", to_text(shape),
                                          to_text(declared)));
}

Result<void> read_input(const json::object& from, const TensorInfo& info, Tensor& to) {
  HL_TRY_ASSIGN(const std::string datatype, get_string(from, "datatype"));
  if (datatype != to_text(info.type)) {
    return Error(Code::invalid, fmt::format("datatype {} given, the model takes {}", datatype,
                                            to_text(info.type)));
  }
  HL_TRY_ASSIGN(const json::array* shape_text, get_array(from, "shape"));
  HL_TRY_ASSIGN(Shape shape, read_shape(*shape_text));
  HL_TRY_ASSIGN(const json::array* data, get_array(from, "data"));
  (void)data;
  to.name = info.name;
  to.type = info.type;
  // Data is nested as the client's shape is, which may be [1] for our [].
  to.shape = shape;
  HL_TRY_ASSIGN(Shape fitted, fit_shape(std::move(shape), info));
  HL_TRY(read_tensor_data(from.at("data"), to));
  to.shape = std::move(fitted);
  return {};
}

Result<std::vector<Tensor>> read_inputs(const json::object& body,
                                        const std::vector<TensorInfo>& infos) {
  HL_TRY_ASSIGN(const json::array* list, get_array(body, "inputs"));
  std::vector<Tensor> inputs(infos.size());
  std::vector<bool> seen(infos.size(), false);
  for (const json::value& element : *list) {
    const json::object* input = element.if_object();
    if (input == nullptr) return Error(Code::invalid, "inputs must be an array of objects");
    HL_TRY_ASSIGN(const std::string name, get_string(*input, "name"));
    const std::optional<std::size_t> at = find(infos, name);
    if (!at) {
      return Error(Code::invalid, fmt::format("input [{}]: no such input; the model takes {}", name,
                                              names_of(infos)));
    }
    if (seen[*at]) return Error(Code::invalid, fmt::format("input [{}]: given twice", name));
    seen[*at] = true;
    if (auto read = read_input(*input, infos[*at], inputs[*at]); !read) {
      return std::move(read).error().context(fmt::format("input [{}]", name));
    }
  }
  for (std::size_t i = 0; i < infos.size(); ++i) {
    if (!seen[i]) return Error(Code::invalid, fmt::format("input [{}]: missing", infos[i].name));
  }
  return inputs;
}

Result<std::vector<std::size_t>> read_outputs(const json::object& body,
                                              const std::vector<TensorInfo>& infos) {
  HL_TRY_ASSIGN(const json::array* list, find_array(body, "outputs"));
  std::vector<std::size_t> outputs;
  if (list == nullptr || list->empty()) {
    for (std::size_t i = 0; i < infos.size(); ++i) outputs.push_back(i);
    return outputs;
  }
  for (const json::value& element : *list) {
    const json::object* output = element.if_object();
    if (output == nullptr) return Error(Code::invalid, "outputs must be an array of objects");
    HL_TRY_ASSIGN(const std::string name, get_string(*output, "name"));
    const std::optional<std::size_t> at = find(infos, name);
    if (!at) {
      return Error(Code::invalid, fmt::format("output [{}]: no such output; the model gives {}",
                                              name, names_of(infos)));
    }
    for (const std::size_t other : outputs) {
      if (other == *at) return Error(Code::invalid, fmt::format("output [{}]: given twice", name));
    }
    outputs.push_back(*at);
  }
  return outputs;
}

void append_shape(std::string& text, const Shape& shape) {
  text += to_text(shape);
}

void append_infos(std::string& text, const std::vector<TensorInfo>& infos) {
  text += '[';
  for (const TensorInfo& info : infos) {
    if (text.back() != '[') text += ',';
    text += "{\"name\":";
    append_json_string(text, info.name);
    fmt::format_to(std::back_inserter(text), ",\"datatype\":\"{}\",\"shape\":", to_text(info.type));
    append_shape(text, info.shape.value_or(Shape{-1}));
    text += '}';
  }
  text += ']';
}

}  // namespace

Result<InferRequest> parse_infer_request(std::string_view body, const Signature& signature) {
  HL_TRY_ASSIGN(const json::value value, parse_json(body));
  const json::object* object = value.if_object();
  if (object == nullptr) return Error(Code::invalid, "the body must be a JSON object");
  InferRequest request;
  HL_TRY_ASSIGN(request.id, find_string(*object, "id"));
  HL_TRY_ASSIGN(request.inputs, read_inputs(*object, signature.inputs));
  HL_TRY_ASSIGN(request.outputs, read_outputs(*object, signature.outputs));
  return request;
}

std::string infer_response_text(std::string_view model, const std::optional<std::string>& id,
                                const std::vector<Tensor>& outputs) {
  std::string text = "{\"model_name\":";
  append_json_string(text, model);
  if (id) {
    text += ",\"id\":";
    append_json_string(text, *id);
  }
  text += ",\"outputs\":[";
  for (const Tensor& output : outputs) {
    if (text.back() != '[') text += ',';
    text += "{\"name\":";
    append_json_string(text, output.name);
    text += ",\"datatype\":\"";
    text += to_text(output.type);
    text += "\",\"shape\":";
    append_shape(text, output.shape);
    text += ",\"data\":";
    append_tensor_data(text, output);
    text += '}';
  }
  text += "]}";
  return text;
}

std::string server_metadata_text(std::string_view version) {
  std::string text = "{\"name\":\"hitless-onnx\",\"version\":";
  append_json_string(text, version);
  return text + ",\"extensions\":[]}";
}

std::string model_metadata_text(std::string_view model, const Signature& signature) {
  std::string text = "{\"name\":";
  append_json_string(text, model);
  text += ",\"versions\":[],\"platform\":\"onnx_onnxv1\",\"inputs\":";
  append_infos(text, signature.inputs);
  text += ",\"outputs\":";
  append_infos(text, signature.outputs);
  return text + "}";
}

std::string error_text(std::string_view reason) {
  std::string text = "{\"error\":";
  append_json_string(text, reason);
  return text + "}";
}

}  // namespace hitless::onnx
