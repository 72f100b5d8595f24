#include "examples/vad/stream.h"

#include <fmt/format.h>

#include <iterator>
#include <span>

#include "base/json.h"
#include "examples/vad/resample.h"

namespace hitless::vad {
namespace {

// Below the threshold by this much counts as silence; between, things stay as they are.
constexpr float k_hysteresis = 0.15F;
constexpr std::size_t k_quiet_windows = 4;  // 128 ms: longer than the stop of a consonant

void append_numbers(std::string& text, std::span<const float> numbers) {
  text += '[';
  for (const float number : numbers) {
    if (text.back() != '[') text += ',';
    fmt::format_to(std::back_inserter(text), "{}", number);
  }
  text += ']';
}

Result<const json::array*> data_of(const json::object& answer, std::string_view name,
                                   std::size_t count) {
  HL_TRY_ASSIGN(const json::array* outputs, get_array(answer, "outputs"));
  for (const json::value& element : *outputs) {
    const json::object* output = element.if_object();
    if (output == nullptr) continue;
    HL_TRY_ASSIGN(const std::string found, get_string(*output, "name"));
    if (found != name) continue;
    HL_TRY_ASSIGN(const json::array* data, get_array(*output, "data"));
    if (data->size() == count) return data;
    return Error(Code::corrupt, fmt::format("the answer's [{}] has {} elements, expected {}", name,
                                            data->size(), count));
  }
  return Error(Code::corrupt, fmt::format("the answer has no output [{}]", name));
}

Result<std::vector<float>> numbers_of(const json::object& answer, std::string_view name,
                                      std::size_t count) {
  HL_TRY_ASSIGN(const json::array* data, data_of(answer, name, count));
  std::vector<float> numbers;
  numbers.reserve(count);
  for (const json::value& element : *data) {
    if (!element.is_number()) {
      return Error(Code::corrupt, fmt::format("the answer's [{}] holds what is no number", name));
    }
    numbers.push_back(element.to_number<float>());
  }
  return numbers;
}

double seconds_at(std::size_t window) {
  return static_cast<double>(window * k_window_samples) / k_model_rate;
}

}  // namespace

Stream::Stream(std::vector<float> samples) : state_(k_state_elements, 0.0F) {
  const std::size_t windows = (samples.size() + k_window_samples - 1) / k_window_samples;
  samples_.assign(k_context_samples, 0.0F);
  samples_.insert(samples_.end(), samples.begin(), samples.end());
  samples_.resize(k_context_samples + windows * k_window_samples, 0.0F);
}

std::optional<std::string> Stream::next_request() const {
  constexpr std::size_t length = k_context_samples + k_window_samples;
  const std::size_t at = window_ * k_window_samples;
  if (at + length > samples_.size()) return std::nullopt;
  std::string body = fmt::format(
      R"({{"inputs":[{{"name":"input","datatype":"FP32","shape":[1,{}],"data":)", length);
  append_numbers(body, std::span(samples_).subspan(at, length));
  body += R"(},{"name":"state","datatype":"FP32","shape":[2,1,128],"data":)";
  append_numbers(body, state_);
  fmt::format_to(std::back_inserter(body),
                 R"(}},{{"name":"sr","datatype":"INT64","shape":[],"data":[{}]}}]}})",
                 k_model_rate);
  return body;
}

Result<float> Stream::take_answer(std::string_view body) {
  HL_TRY_ASSIGN(const json::value value, parse_json(body));
  const json::object* answer = value.if_object();
  if (answer == nullptr) return Error(Code::corrupt, "the answer is no JSON object");
  HL_TRY_ASSIGN(const std::vector<float> probability, numbers_of(*answer, "output", 1));
  HL_TRY_ASSIGN(state_, numbers_of(*answer, "stateN", k_state_elements));
  ++window_;
  return probability.front();
}

void SpeechTracker::add(float probability) {
  const std::size_t window = windows_++;
  if (probability >= threshold_) {
    ++speech_windows_;
    if (!begin_) begin_ = window;
  }
  quiet_ = probability < threshold_ - k_hysteresis ? quiet_ + 1 : 0;
  if (begin_ && quiet_ == k_quiet_windows) {
    closed_.push_back({seconds_at(*begin_), seconds_at(window + 1 - quiet_)});
    begin_.reset();
  }
}

std::vector<Segment> SpeechTracker::segments() const {
  std::vector<Segment> all = closed_;
  if (begin_) all.push_back({seconds_at(*begin_), seconds_at(windows_ - quiet_)});
  return all;
}

}  // namespace hitless::vad
