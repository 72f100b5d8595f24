#include "engines/onnx/protocol.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "base/json.h"
#include "engines/onnx/tensor_json.h"

namespace hitless::onnx {
namespace {

using testing::HasSubstr;

const std::vector<TensorInfo> k_inputs = {
    {.name = "x", .type = DataType::FP32, .shape = Shape{-1, 2}},
    {.name = "rate", .type = DataType::INT64, .shape = Shape{}},
};
const std::vector<TensorInfo> k_outputs = {
    {.name = "y", .type = DataType::FP32, .shape = Shape{-1}},
    {.name = "label", .type = DataType::BYTES, .shape = std::nullopt},
};

Result<InferRequest> parse(std::string_view body) {
  return parse_infer_request(body, {k_inputs, k_outputs});
}

std::string body_with(std::string_view x, std::string_view rest = "") {
  std::string body = R"({"inputs":[{"name":"rate","datatype":"INT64","shape":[1],"data":[16000]},)";
  return body.append(x).append("]").append(rest).append("}");
}

template <class T>
std::vector<T> elements(const Tensor& tensor) {
  std::vector<T> all(tensor.bytes.size() / sizeof(T));
  std::memcpy(all.data(), tensor.bytes.data(), tensor.bytes.size());
  return all;
}

TEST(InferRequest, TakesFlatAndNestedDataInTheModelsOrder) {
  for (const char* data : {"[1,2.5,-3,4e0]", "[[1,2.5],[-3,4]]"}) {
    const auto request = parse(body_with(
        std::string(R"({"name":"x","datatype":"FP32","shape":[2,2],"parameters":{"p":1},"data":)") +
            data + "}",
        R"(,"id":"q7","outputs":[{"name":"label"}],"parameters":{"unknown":true})"));
    ASSERT_TRUE(request) << request.error().text();
    EXPECT_EQ(request->id, "q7");
    EXPECT_EQ(elements<float>(request->inputs[0]), (std::vector<float>{1, 2.5F, -3, 4}));
    EXPECT_EQ(elements<std::int64_t>(request->inputs[1]), std::vector<std::int64_t>{16000});
    EXPECT_EQ(request->inputs[1].shape, Shape{}) << "one element fits a scalar";
    EXPECT_EQ(request->outputs, std::vector<std::size_t>{1});
  }
}

TEST(InferRequest, AsksForAllOutputsWhenItNamesNone) {
  const auto request =
      parse(body_with(R"({"name":"x","datatype":"FP32","shape":[0,2],"data":[]})"));
  ASSERT_TRUE(request) << request.error().text();
  EXPECT_EQ(request->outputs, (std::vector<std::size_t>{0, 1}));
  EXPECT_EQ(request->id, std::nullopt);
}

struct Refusal {
  const char* what;
  std::string body;
  const char* reason;
};

TEST(InferRequest, NamesWhatIsWrong) {
  const std::string good = R"({"name":"x","datatype":"FP32","shape":[1,2],"data":[1,2]})";
  const std::vector<Refusal> rows = {
      {"no JSON", "{", ""},
      {"no object", "[]", "must be a JSON object"},
      {"no inputs", "{}", "inputs"},
      {"input is no object", R"({"inputs":[1]})", "array of objects"},
      {"unknown name", body_with(R"({"name":"z","datatype":"FP32","shape":[1],"data":[1]})"),
       "input [z]: no such input; the model takes [x], [rate]"},
      {"twice", body_with(good + "," + good), "input [x]: given twice"},
      {"missing", R"({"inputs":[]})", "input [x]: missing"},
      {"datatype", body_with(R"({"name":"x","datatype":"FP64","shape":[1,2],"data":[1,2]})"),
       "input [x]: datatype FP64 given, the model takes FP32"},
      {"rank", body_with(R"({"name":"x","datatype":"FP32","shape":[2],"data":[1,2]})"),
       "input [x]: shape [2] does not fit the model's [-1,2]"},
      {"length", body_with(R"({"name":"x","datatype":"FP32","shape":[1,3],"data":[1,2,3]})"),
       "input [x]: shape [1,3] does not fit the model's [-1,2]"},
      {"negative", body_with(R"({"name":"x","datatype":"FP32","shape":[-1,2],"data":[1,2]})"),
       "input [x]: shape must be"},
      {"count", body_with(R"({"name":"x","datatype":"FP32","shape":[2,2],"data":[1,2,3]})"),
       "input [x]: data has 3 elements, shape [2,2] says 4"},
      {"too large to reserve",
       body_with(R"({"name":"x","datatype":"FP32","shape":[4611686018427387904,2],"data":[[1]]})"),
       "is too large"},
      {"larger than its data",
       body_with(R"({"name":"x","datatype":"FP32","shape":[4000000000,2],"data":[[1,2]]})"),
       "data has 2 elements"},
      {"nested otherwise",
       body_with(R"({"name":"x","datatype":"FP32","shape":[2,2],"data":[[1,2,3],[4]]})"),
       "3 elements in dimension 1"},
      {"half nested",
       body_with(R"({"name":"x","datatype":"FP32","shape":[2,2],"data":[[1,2],3,4]})"),
       "3 elements in dimension 0"},
      {"text for a number",
       body_with(R"({"name":"x","datatype":"FP32","shape":[1,2],"data":[1,"2"]})"),
       "input [x]: element 1 of data is \"2\", not a value of FP32"},
      {"number too large",
       body_with(R"({"name":"x","datatype":"FP32","shape":[1,2],"data":[1e39,0]})"),
       "element 0 of data"},
      {"unknown output", body_with(good, R"(,"outputs":[{"name":"z"}])"),
       "output [z]: no such output; the model gives [y], [label]"},
      {"output twice", body_with(good, R"(,"outputs":[{"name":"y"},{"name":"y"}])"),
       "output [y]: given twice"},
      {"id is a number", body_with(good, R"(,"id":7)"), "id"},
  };
  for (const Refusal& row : rows) {
    const auto request = parse(row.body);
    ASSERT_FALSE(request) << row.what;
    EXPECT_THAT(request.error().text(), HasSubstr(row.reason)) << row.what;
  }
}

Result<Tensor> read(DataType type, std::string_view data, Shape shape) {
  Tensor tensor{.name = "t", .type = type, .shape = std::move(shape), .bytes = {}, .strings = {}};
  HL_TRY_ASSIGN(const json::value value, parse_json(data));
  HL_TRY(read_tensor_data(value, tensor));
  return tensor;
}

std::string written(const Tensor& tensor) {
  std::string text;
  append_tensor_data(text, tensor);
  return text;
}

TEST(TensorData, ReadsBackWhatItWritesInEveryDatatype) {
  const std::vector<std::pair<DataType, std::string>> rows = {
      {DataType::BOOL, "[true,false]"},
      {DataType::UINT8, "[0,255]"},
      {DataType::UINT16, "[0,65535]"},
      {DataType::UINT32, "[0,4294967295]"},
      {DataType::UINT64, "[0,18446744073709551615]"},
      {DataType::INT8, "[-128,127]"},
      {DataType::INT16, "[-32768,32767]"},
      {DataType::INT32, "[-2147483648,2147483647]"},
      {DataType::INT64, "[-9223372036854775808,9223372036854775807]"},
      {DataType::FP32, "[0.1,-3.4028235e+38]"},
      {DataType::FP64, "[0.1,1e-300]"},
      {DataType::BYTES, R"(["a \"b\" \\ \u0001","größe"])"},
  };
  for (const auto& [type, text] : rows) {
    const auto tensor = read(type, text, {2});
    ASSERT_TRUE(tensor) << to_text(type) << ": " << tensor.error().text();
    EXPECT_EQ(written(*tensor), text) << to_text(type);
    EXPECT_EQ(data_type_from_text(to_text(type)), type);
  }
}

TEST(TensorData, RefusesWhatTheTypeCannotHold) {
  const std::vector<std::pair<DataType, std::string>> rows = {
      {DataType::BOOL, "[2]"},           {DataType::UINT8, "[256]"},
      {DataType::UINT8, "[-1]"},         {DataType::INT8, "[-129]"},
      {DataType::INT32, "[2147483648]"}, {DataType::INT64, "[9223372036854775808]"},
      {DataType::INT64, "[9.3e18]"},     {DataType::UINT64, "[-0.5]"},
      {DataType::INT16, "[1.5]"},        {DataType::FP64, "[null]"},
      {DataType::BYTES, "[1]"},          {DataType::FP32, "[{}]"},
  };
  for (const auto& [type, text] : rows) {
    EXPECT_FALSE(read(type, text, {1})) << to_text(type) << " " << text;
  }
  EXPECT_EQ(written(*read(DataType::INT64, "[3.0]", {1})), "[3]");
}

TEST(TensorData, WritesNullForWhatJsonDoesNotHave) {
  Tensor tensor{.name = "t", .type = DataType::FP32, .shape = {2}, .bytes = {}, .strings = {}};
  const float values[] = {std::nanf(""), std::numeric_limits<float>::infinity()};
  tensor.bytes.resize(sizeof values);
  std::memcpy(tensor.bytes.data(), values, sizeof values);
  EXPECT_EQ(written(tensor), "[null,null]");
}

TEST(JsonString, IsValidWhateverTheBytes) {
  for (const std::string_view bytes :
       {std::string_view("\xff\xfe"), std::string_view("a\xc3"), std::string_view("\xed\xa0\x80"),
        std::string_view("\xf4\x90\x80\x80"), std::string_view("\xc0\x80"),
        std::string_view("\0\n\x1f", 3)}) {
    std::string text;
    append_json_string(text, bytes);
    EXPECT_TRUE(parse_json(text)) << text;
  }
}

TEST(InferResponse, IsJsonThatEchoesTheId) {
  auto y = read(DataType::FP32, "[0.5]", {1});
  y->name = "y";
  const std::string text = infer_response_text("m", "a\"b", {*y, *y});
  const auto value = parse_json(text);
  ASSERT_TRUE(value) << text;
  EXPECT_EQ(value->at("id").as_string(), "a\"b");
  EXPECT_EQ(value->at("model_name").as_string(), "m");
  EXPECT_EQ(value->at("outputs").as_array().size(), 2U);
}

TEST(ModelMetadata, TellsFreeDimensionsAsMinusOne) {
  EXPECT_EQ(model_metadata_text("m", {k_inputs, {}}),
            R"({"name":"m","versions":[],"platform":"onnx_onnxv1","inputs":[)"
            R"({"name":"x","datatype":"FP32","shape":[-1,2]},)"
            R"({"name":"rate","datatype":"INT64","shape":[]}],"outputs":[]})");
}

}  // namespace
}  // namespace hitless::onnx
