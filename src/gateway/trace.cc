#include "gateway/trace.h"

#include <algorithm>

namespace hitless::gateway {
namespace {

constexpr std::size_t k_version_end = k_trace_id_at - 1;
constexpr std::size_t k_trace_end = k_span_id_at - 1;
constexpr std::size_t k_parent_end = k_span_id_at + k_span_id_digits;
constexpr std::size_t k_flags_begin = k_parent_end + 1;
constexpr std::size_t k_size = k_traceparent_bytes;

// Capitals are not valid.
constexpr std::array<bool, 256> k_is_digit = [] {
  std::array<bool, 256> is_digit{};
  for (const char digit : std::string_view("0123456789abcdef")) {
    is_digit[static_cast<unsigned char>(digit)] = true;
  }
  return is_digit;
}();

bool are_digits(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char byte) { return k_is_digit[static_cast<unsigned char>(byte)]; });
}

bool is_id(std::string_view text) {
  return are_digits(text) && text.find_first_not_of('0') != std::string_view::npos;
}

}  // namespace

std::string_view trace_id_of(std::string_view traceparent) {
  if (traceparent.size() < k_size) return {};
  const std::string_view version = traceparent.substr(0, k_version_end);
  if (!are_digits(version) || version == "ff") return {};
  if (traceparent[k_version_end] != '-' || traceparent[k_trace_end] != '-' ||
      traceparent[k_parent_end] != '-') {
    return {};
  }
  if (traceparent.size() > k_size && (version == "00" || traceparent[k_size] != '-')) return {};
  const std::string_view trace = traceparent.substr(k_trace_id_at, k_trace_id_digits);
  const std::string_view parent = traceparent.substr(k_span_id_at, k_span_id_digits);
  if (!is_id(trace) || !is_id(parent) || !are_digits(traceparent.substr(k_flags_begin, 2))) {
    return {};
  }
  return trace;
}

}  // namespace hitless::gateway
