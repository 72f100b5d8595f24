// Sessions over a model made here, byte by byte: Identity for each datatype.
#include "engines/onnx/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "base/file.h"

namespace hitless::onnx {
namespace {

using testing::HasSubstr;

// Protocol buffers by hand: a number below 128, and bytes (shorter than 128) in a numbered field.
std::string number(int field, int value) {
  return {static_cast<char>(field << 3), static_cast<char>(value)};
}
std::string bytes(int field, const std::string& content) {
  return std::string{static_cast<char>(field << 3 | 2), static_cast<char>(content.size())} +
         content;
}

// ValueInfoProto: a tensor [free, 2] of the ONNX element type.
std::string value_info(const std::string& name, int element_type) {
  const std::string shape = bytes(1, bytes(2, "n")) + bytes(1, number(1, 2));
  const std::string tensor = number(1, element_type) + bytes(2, shape);
  return bytes(1, name) + bytes(2, bytes(1, tensor));
}

// ModelProto with one Identity node from "x" to "y".
std::string identity_model(int element_type) {
  const std::string node = bytes(1, "x") + bytes(2, "y") + bytes(4, "Identity");
  const std::string graph = bytes(1, node) + bytes(2, "g") +
                            bytes(11, value_info("x", element_type)) +
                            bytes(12, value_info("y", element_type));
  return number(1, 8) + bytes(7, graph) + bytes(8, number(2, 16));
}

class SessionTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto library = find_runtime_library("");
    ASSERT_TRUE(library) << library.error().text();
    auto runtime = Runtime::load(*library);
    ASSERT_TRUE(runtime) << runtime.error().text();
    runtime_ = std::move(runtime).value().release();
  }
  static void TearDownTestSuite() {
    delete runtime_;
    runtime_ = nullptr;
  }

  Result<std::unique_ptr<Session>> load(int element_type) const {
    const std::filesystem::path path = folder_.path() / "identity.onnx";
    std::ofstream(path, std::ios::binary) << identity_model(element_type);
    return Session::load(*runtime_, path);
  }

  static inline Runtime* runtime_ = nullptr;
  TemporaryDirectory folder_ = *TemporaryDirectory::make("onnx-session");
};

TEST_F(SessionTest, ReadsTheSignatureOfEveryDatatypeAndRunsIt) {
  // ONNX's own numbers of element types (TensorProto.DataType).
  const std::vector<std::pair<int, DataType>> rows = {
      {1, DataType::FP32},  {2, DataType::UINT8},   {3, DataType::INT8},    {4, DataType::UINT16},
      {5, DataType::INT16}, {6, DataType::INT32},   {7, DataType::INT64},   {9, DataType::BOOL},
      {11, DataType::FP64}, {12, DataType::UINT32}, {13, DataType::UINT64},
  };
  for (const auto& [element_type, type] : rows) {
    const auto session = load(element_type);
    ASSERT_TRUE(session) << session.error().text();
    ASSERT_EQ((*session)->inputs().size(), 1U);
    EXPECT_EQ((*session)->inputs()[0].name, "x");
    EXPECT_EQ((*session)->inputs()[0].type, type);
    EXPECT_EQ((*session)->inputs()[0].shape, (Shape{-1, 2}));
    std::vector<Tensor> inputs(1);
    inputs[0].type = type;
    inputs[0].shape = {3, 2};
    inputs[0].bytes.assign(6 * bytes_per_element(type), std::byte{1});
    const auto outputs = (*session)->run(inputs, {0});
    ASSERT_TRUE(outputs) << outputs.error().text();
    EXPECT_EQ((*outputs)[0].name, "y");
    EXPECT_EQ((*outputs)[0].shape, (Shape{3, 2}));
    EXPECT_EQ((*outputs)[0].bytes, inputs[0].bytes) << to_text(type);
    EXPECT_TRUE(warm_up(**session));
  }
}

TEST_F(SessionTest, CarriesStringsWhateverTheirBytes) {
  const auto session = load(8);
  ASSERT_TRUE(session) << session.error().text();
  EXPECT_EQ((*session)->inputs()[0].type, DataType::BYTES);
  std::vector<Tensor> inputs(1);
  inputs[0].type = DataType::BYTES;
  inputs[0].shape = {2, 2};
  inputs[0].strings = {"", std::string("a\0b", 3), "größe", std::string(1000, 'x')};
  const auto outputs = (*session)->run(inputs, {0});
  ASSERT_TRUE(outputs) << outputs.error().text();
  EXPECT_EQ((*outputs)[0].strings, inputs[0].strings);
  EXPECT_TRUE(warm_up(**session));
}

TEST_F(SessionTest, TakesTensorsWithoutElements) {
  for (const int element_type : {1, 8}) {
    const auto session = load(element_type);
    ASSERT_TRUE(session);
    std::vector<Tensor> inputs(1);
    inputs[0].type = (*session)->inputs()[0].type;
    inputs[0].shape = {0, 2};
    const auto outputs = (*session)->run(inputs, {0});
    ASSERT_TRUE(outputs) << outputs.error().text();
    EXPECT_EQ((*outputs)[0].shape, (Shape{0, 2}));
  }
}

TEST_F(SessionTest, RefusesDatatypesTheProtocolCannotCarry) {
  const auto half_floats = load(10);
  ASSERT_FALSE(half_floats);
  EXPECT_EQ(half_floats.error().code(), Code::unsupported);
  EXPECT_THAT(half_floats.error().text(),
              HasSubstr("identity.onnx: input [x]: has elements of ONNX type 10"));
}

TEST_F(SessionTest, SaysWhenThereIsNoFile) {
  const auto session = Session::load(*runtime_, folder_.path() / "absent.onnx");
  ASSERT_FALSE(session);
  EXPECT_THAT(session.error().text(), HasSubstr("absent.onnx"));
}

TEST(Runtime, RefusesALibraryThatIsAnother) {
  EXPECT_THAT(Runtime::load("libm.so.6").error().text(), HasSubstr("is not ONNX Runtime"));
}

}  // namespace
}  // namespace hitless::onnx
