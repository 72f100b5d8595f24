// W3C Trace Context (Recommendation, level 1): which trace a request belongs to.
//
// The gateway passes a valid traceparent, and its tracestate, on as they are: it reports no spans,
// and a parent that nobody reports would tear a trace apart.  A request without a valid one begins
// a trace here.  Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstring>
#include <string_view>

namespace hitless::gateway {

inline constexpr std::size_t k_trace_id_digits = 32;
inline constexpr std::size_t k_span_id_digits = 16;

// Of version 00: "00-" trace-id "-" parent-id "-" flags.
inline constexpr std::size_t k_trace_id_at = 3;
inline constexpr std::size_t k_span_id_at = k_trace_id_at + k_trace_id_digits + 1;
inline constexpr std::size_t k_traceparent_bytes = k_span_id_at + k_span_id_digits + 3;
// One that is begun here is sampled: it is in the access record, and what an instance makes of it
// is the instance's choice.
inline constexpr std::array<char, k_traceparent_bytes> k_traceparent_form = [] {
  std::array<char, k_traceparent_bytes> form{};
  form.fill('-');
  form[0] = form[1] = form[k_traceparent_bytes - 2] = '0';
  form[k_traceparent_bytes - 1] = '1';
  return form;
}();

// The trace-id of a valid traceparent; empty when it is none.  Of versions to come only what
// version 00 knows is looked at.
std::string_view trace_id_of(std::string_view traceparent);

// What is kept of it.
class TraceId {
 public:
  // Its first digits.
  void set(std::string_view digits) {
    std::memcpy(digits_.data(), digits.data(), digits_.size());
    is_set_ = true;
  }
  std::string_view text() const {
    return is_set_ ? std::string_view(digits_.data(), digits_.size()) : std::string_view();
  }

 private:
  std::array<char, k_trace_id_digits> digits_;
  bool is_set_ = false;
};

}  // namespace hitless::gateway
