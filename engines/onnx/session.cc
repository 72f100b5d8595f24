#include "engines/onnx/session.h"

#include <fmt/format.h>

#include <utility>

#include "engines/onnx/ort.h"
#include "engines/onnx/ort_value.h"

namespace hitless::onnx {

struct Session::Handles {
  OrtOwned<OrtSession> session;
  OrtOwned<OrtMemoryInfo> memory;
};

Session::Session(const Runtime& runtime) : api_(runtime.api()), env_(runtime.env()) {}
Session::~Session() = default;

Result<std::unique_ptr<Session>> Session::load(const Runtime& runtime,
                                               const std::filesystem::path& model) {
  std::unique_ptr<Session> session(new Session(runtime));
  if (auto opened = session->open(model); !opened) {
    return std::move(opened).error().context(model.filename().string());
  }
  return session;
}

Result<void> Session::open(const std::filesystem::path& model) {
  const auto check = [this](OrtStatus* status, std::string_view doing) {
    return check_status(api_, status, doing);
  };
  OrtSessionOptions* raw = nullptr;
  HL_TRY(check(api_.CreateSessionOptions(&raw), "making session options"));
  const OrtOwned<OrtSessionOptions> options(raw, OrtRelease{&api_});
  // Requests are what runs in parallel: a run stays on its handler's thread, and the runtime
  // starts none of its own.
  HL_TRY(check(api_.SetIntraOpNumThreads(options.get(), 1), "setting threads"));
  HL_TRY(check(api_.SetInterOpNumThreads(options.get(), 1), "setting threads"));
  HL_TRY(check(api_.SetSessionExecutionMode(options.get(), ORT_SEQUENTIAL), "setting threads"));
  HL_TRY(check(api_.AddSessionConfigEntry(options.get(), "session.intra_op.allow_spinning", "0"),
               "turning spinning off"));
  OrtSession* session = nullptr;
  HL_TRY(
      check(api_.CreateSession(env_, model.c_str(), options.get(), &session), "loading the model"));
  OrtOwned<OrtSession> owned_session(session, OrtRelease{&api_});
  OrtMemoryInfo* memory = nullptr;
  HL_TRY(check(api_.CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &memory),
               "describing memory"));
  handles_.reset(new Handles{std::move(owned_session), {memory, OrtRelease{&api_}}});
  return read_signature();
}

namespace {

// Inputs and outputs are told by two families of functions of the same form.
struct SignatureHalf {
  std::string_view word;
  decltype(OrtApi::SessionGetInputCount) count;
  decltype(OrtApi::SessionGetInputName) name;
  decltype(OrtApi::SessionGetInputTypeInfo) type;
};

Result<TensorInfo> read_one(const OrtApi& api, const SignatureHalf& half, const OrtSession& session,
                            std::size_t at) {
  OrtAllocator* allocator = nullptr;
  HL_TRY(check_status(api, api.GetAllocatorWithDefaultOptions(&allocator), "finding memory"));
  char* raw_name = nullptr;
  HL_TRY(check_status(api, half.name(&session, at, allocator, &raw_name), "reading a name"));
  const std::string name(raw_name);
  HL_TRY(check_status(api, api.AllocatorFree(allocator, raw_name), "freeing a name"));
  OrtTypeInfo* raw_type = nullptr;
  HL_TRY(check_status(api, half.type(&session, at, &raw_type), "reading a type"));
  const OrtOwned<OrtTypeInfo> type(raw_type, OrtRelease{&api});
  auto info = describe(api, *type);
  if (!info) return std::move(info).error().context(fmt::format("{} [{}]", half.word, name));
  info->name = name;
  return info;
}

Result<std::vector<TensorInfo>> read_half(const OrtApi& api, const SignatureHalf& half,
                                          const OrtSession& session) {
  std::size_t count = 0;
  HL_TRY(check_status(api, half.count(&session, &count), "counting inputs and outputs"));
  std::vector<TensorInfo> all;
  for (std::size_t at = 0; at < count; ++at) {
    HL_TRY_ASSIGN(TensorInfo one, read_one(api, half, session, at));
    all.push_back(std::move(one));
  }
  return all;
}

}  // namespace

Result<void> Session::read_signature() {
  const OrtSession& session = *handles_->session;
  HL_TRY_ASSIGN(inputs_, read_half(api_,
                                   {"input", api_.SessionGetInputCount, api_.SessionGetInputName,
                                    api_.SessionGetInputTypeInfo},
                                   session));
  HL_TRY_ASSIGN(outputs_, read_half(api_,
                                    {"output", api_.SessionGetOutputCount,
                                     api_.SessionGetOutputName, api_.SessionGetOutputTypeInfo},
                                    session));
  return {};
}

Result<std::vector<Tensor>> Session::run(std::vector<Tensor>& inputs,
                                         const std::vector<std::size_t>& wanted) const {
  HL_CHECK(inputs.size() == inputs_.size());
  std::vector<OrtOwned<OrtValue>> values;
  std::vector<const char*> input_names;
  std::vector<const OrtValue*> input_values;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    HL_TRY_ASSIGN(auto value, to_value(api_, *handles_->memory, inputs[i]));
    input_names.push_back(inputs_[i].name.c_str());
    input_values.push_back(value.get());
    values.push_back(std::move(value));
  }
  std::vector<const char*> output_names;
  output_names.reserve(wanted.size());
  for (const std::size_t at : wanted) output_names.push_back(outputs_[at].name.c_str());
  std::vector<OrtValue*> raw_outputs(wanted.size(), nullptr);
  auto ran = check_status(
      api_,
      api_.Run(handles_->session.get(), nullptr, input_names.data(), input_values.data(),
               input_values.size(), output_names.data(), output_names.size(), raw_outputs.data()),
      "running the model");
  std::vector<OrtOwned<OrtValue>> outputs;
  outputs.reserve(raw_outputs.size());
  for (OrtValue* raw : raw_outputs) outputs.emplace_back(raw, OrtRelease{&api_});
  if (!ran) return std::move(ran).error();

  std::vector<Tensor> tensors;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    HL_TRY_ASSIGN(Tensor tensor, to_tensor(api_, outputs_[wanted[i]], *outputs[i]));
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

Result<void> warm_up(const Session& session) {
  std::vector<Tensor> zeros;
  for (const TensorInfo& info : session.inputs()) {
    Tensor tensor{.name = info.name, .type = info.type, .shape = {}, .bytes = {}, .strings = {}};
    tensor.shape = info.shape.value_or(Shape{1});
    for (std::int64_t& length : tensor.shape) length = length < 0 ? 1 : length;
    HL_TRY_ASSIGN(const std::size_t count, element_count(tensor.shape));
    if (info.type == DataType::BYTES) tensor.strings.resize(count);
    tensor.bytes.resize(count * bytes_per_element(info.type));
    zeros.push_back(std::move(tensor));
  }
  std::vector<std::size_t> all(session.outputs().size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  HL_TRY_ASSIGN(const std::vector<Tensor> answers, session.run(zeros, all));
  HL_CHECK(answers.size() == all.size());
  return {};
}

}  // namespace hitless::onnx
