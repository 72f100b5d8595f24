#include "engines/onnx/tensor_json.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

namespace hitless::onnx {
namespace {

// Longest text of std::to_chars for a double is 24 characters, for a 64-bit integer 20.
constexpr std::size_t k_number_chars_max = 32;

template <class T>
bool read_integer(const json::value& from, T& to) {
  if (const std::int64_t* number = from.if_int64()) {
    to = static_cast<T>(*number);
    return std::in_range<T>(*number);
  }
  if (const std::uint64_t* number = from.if_uint64()) {
    to = static_cast<T>(*number);
    return std::in_range<T>(*number);
  }
  const double* number = from.if_double();
  if (number == nullptr || std::trunc(*number) != *number) return false;
  // 2^digits is exact as a double; the type's largest value may not be.
  const double limit = std::ldexp(1.0, std::numeric_limits<T>::digits);
  if (*number >= limit || *number < (std::is_signed_v<T> ? -limit : 0.0)) return false;
  to = static_cast<T>(*number);
  return true;
}

template <class T>
bool read_floating(const json::value& from, T& to) {
  double number = 0;
  if (const double* value = from.if_double()) {
    number = *value;
  } else if (const std::int64_t* whole = from.if_int64()) {
    number = static_cast<double>(*whole);
  } else if (const std::uint64_t* large = from.if_uint64()) {
    number = static_cast<double>(*large);
  } else {
    return false;
  }
  to = static_cast<T>(number);
  return std::isfinite(to);
}

bool read_boolean(const json::value& from, bool& to) {
  if (const bool* value = from.if_bool()) {
    to = *value;
    return true;
  }
  const std::int64_t* number = from.if_int64();
  if (number == nullptr || (*number != 0 && *number != 1)) return false;
  to = *number == 1;
  return true;
}

// Writes elements one after the other into a tensor whose storage has its final size.
template <class T>
class Filler {
 public:
  explicit Filler(Tensor& tensor) : tensor_(tensor) {}

  // `data` has as many leaves as the tensor has elements.
  Result<void> fill(const json::array& data) {
    if (!data.empty() && data.front().is_array()) return fill_level(data, 0);
    for (const json::value& element : data) HL_TRY(put(element));
    return {};
  }

 private:
  Result<void> fill_level(const json::array& data, std::size_t level) {
    const auto length = static_cast<std::size_t>(tensor_.shape[level]);
    if (data.size() != length) {
      return Error(Code::invalid,
                   fmt::format("data has {} elements in dimension {}, shape {} says {}",
                               data.size(), level, to_text(tensor_.shape), length));
    }
    const bool last = level + 1 == tensor_.shape.size();
    for (const json::value& element : data) {
      const json::array* inner = element.if_array();
      if (last) {
        HL_TRY(put(element));
      } else if (inner == nullptr) {
        return Error(Code::invalid,
                     fmt::format("data is not nested as shape {} says", to_text(tensor_.shape)));
      } else {
        HL_TRY(fill_level(*inner, level + 1));
      }
    }
    return {};
  }

  Result<void> put(const json::value& element) {
    if constexpr (std::is_same_v<T, std::string>) {
      const json::string* text = element.if_string();
      if (text == nullptr) return wrong_element(element);
      tensor_.strings[next_++].assign(text->begin(), text->end());
    } else {
      T value{};
      bool good = false;
      if constexpr (std::is_same_v<T, bool>)
        good = read_boolean(element, value);
      else if constexpr (std::is_floating_point_v<T>)
        good = read_floating(element, value);
      else
        good = read_integer(element, value);
      if (!good) return wrong_element(element);
      std::memcpy(tensor_.bytes.data() + next_++ * sizeof(T), &value, sizeof(T));
    }
    return {};
  }

  Error wrong_element(const json::value& element) const {
    constexpr std::size_t shown_max = 40;
    const std::string text = element.is_structured()
                                 ? std::string(element.is_array() ? "an array" : "an object")
                                 : to_json_text(element).substr(0, shown_max);
    return Error(Code::invalid, fmt::format("element {} of data is {}, not a value of {}", next_,
                                            text, to_text(tensor_.type)));
  }

  Tensor& tensor_;
  std::size_t next_ = 0;
};

template <class T>
void append_number(std::string& text, T value) {
  if constexpr (std::is_floating_point_v<T>) {
    if (!std::isfinite(value)) {
      text += "null";
      return;
    }
  }
  char buffer[k_number_chars_max];
  const std::to_chars_result end = std::to_chars(buffer, buffer + sizeof buffer, value);
  text.append(buffer, end.ptr);
}

template <class T>
void append_numbers(std::string& text, const Tensor& tensor) {
  const std::size_t count = tensor.bytes.size() / sizeof(T);
  text.reserve(text.size() + count * 8);
  for (std::size_t i = 0; i < count; ++i) {
    T value{};
    std::memcpy(&value, tensor.bytes.data() + i * sizeof(T), sizeof(T));
    if (i != 0) text += ',';
    if constexpr (std::is_same_v<T, bool>)
      text += value ? "true" : "false";
    else
      append_number(text, value);
  }
}

void append_strings(std::string& text, const Tensor& tensor) {
  for (std::size_t i = 0; i < tensor.strings.size(); ++i) {
    if (i != 0) text += ',';
    append_json_string(text, tensor.strings[i]);
  }
}

// Depth is limited by the parser.
std::size_t count_leaves(const json::array& data) {
  std::size_t count = 0;
  for (const json::value& element : data) {
    const json::array* inner = element.if_array();
    count += inner == nullptr ? 1 : count_leaves(*inner);
  }
  return count;
}

// Calls `use` with a value of the C++ type that stores `type`.
template <class Use>
auto with_element_type(DataType type, Use use) {
  switch (type) {
    case DataType::BOOL: return use(bool{});
    case DataType::UINT8: return use(std::uint8_t{});
    case DataType::UINT16: return use(std::uint16_t{});
    case DataType::UINT32: return use(std::uint32_t{});
    case DataType::UINT64: return use(std::uint64_t{});
    case DataType::INT8: return use(std::int8_t{});
    case DataType::INT16: return use(std::int16_t{});
    case DataType::INT32: return use(std::int32_t{});
    case DataType::INT64: return use(std::int64_t{});
    case DataType::FP32: return use(float{});
    case DataType::FP64: return use(double{});
    case DataType::BYTES: return use(std::string{});
  }
  HL_CHECK(false);
  return use(float{});
}

// The length of the UTF-8 sequence at the front of `text`; 0 when there is none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // Overlong forms, surrogates and code points past U+10FFFF.
  const unsigned char second = byte(1);
  if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f)) return 0;
  if ((first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f)) return 0;
  return length;
}

}  // namespace

Result<void> read_tensor_data(const json::value& data, Tensor& tensor) {
  const json::array* array = data.if_array();
  if (array == nullptr) return Error(Code::invalid, "data must be an array");
  HL_TRY_ASSIGN(const std::size_t count, element_count(tensor.shape));
  // Counted before anything is reserved: a shape is easily written larger than memory.
  const std::size_t leaves = count_leaves(*array);
  if (leaves != count) {
    return Error(Code::invalid, fmt::format("data has {} elements, shape {} says {}", leaves,
                                            to_text(tensor.shape), count));
  }
  if (tensor.shape.empty() && array->front().is_array()) {
    return Error(Code::invalid, "data is nested, shape [] is one element");
  }
  return with_element_type(tensor.type, [&]<class T>(T) -> Result<void> {
    if constexpr (std::is_same_v<T, std::string>)
      tensor.strings.resize(count);
    else
      tensor.bytes.resize(count * sizeof(T));
    return Filler<T>(tensor).fill(*array);
  });
}

void append_tensor_data(std::string& text, const Tensor& tensor) {
  text += '[';
  with_element_type(tensor.type, [&]<class T>(T) {
    if constexpr (std::is_same_v<T, std::string>)
      append_strings(text, tensor);
    else
      append_numbers<T>(text, tensor);
  });
  text += ']';
}

void append_json_string(std::string& text, std::string_view value) {
  text += '"';
  while (!value.empty()) {
    const std::size_t length = utf8_length(value);
    const char first = value.front();
    if (length == 0) {
      text += "\xef\xbf\xbd";
    } else if (first == '"' || first == '\\') {
      text += '\\';
      text += first;
    } else if (static_cast<unsigned char>(first) < 0x20) {
      fmt::format_to(std::back_inserter(text), "\\u{:04x}", static_cast<unsigned>(first));
    } else {
      text += value.substr(0, length);
    }
    value.remove_prefix(length == 0 ? 1 : length);
  }
  text += '"';
}

}  // namespace hitless::onnx
