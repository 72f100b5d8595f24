// Result<T> is a T or the Error that kept us from having one.  The API follows std::expected, so
// that it can give way to it when the compiler has it.
#pragma once

#include <optional>
#include <utility>
#include <variant>

#include "base/check.h"
#include "base/error.h"

namespace hitless {

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  T& value() & { return held<0>(state_); }
  const T& value() const& { return held<0>(state_); }
  T&& value() && { return std::move(held<0>(state_)); }
  T value_or(T other) && { return has_value() ? std::move(*std::get_if<0>(&state_)) : other; }

  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const& { return held<1>(state_); }
  Error&& error() && { return std::move(held<1>(state_)); }

 private:
  template <std::size_t Index, class State>
  static auto& held(State& state) {
    auto* value = std::get_if<Index>(&state);
    HL_CHECK(value != nullptr);
    return *value;
  }

  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  bool has_value() const { return !error_.has_value(); }
  explicit operator bool() const { return has_value(); }

  const Error& error() const& { return HL_CHECK(!has_value()), *error_; }
  Error&& error() && { return HL_CHECK(!has_value()), std::move(*error_); }

 private:
  std::optional<Error> error_;
};

}  // namespace hitless

#define HL_CONCAT_(a, b) a##b
#define HL_CONCAT(a, b) HL_CONCAT_(a, b)

// HL_TRY(expression);  hands the error of a Result<void> to our caller.
#define HL_TRY(expression)                                                              \
  do {                                                                                  \
    if (auto hl_result = (expression); !hl_result) return std::move(hl_result).error(); \
  } while (false)

// HL_TRY_ASSIGN(auto value, expression);  the same for a Result<T>, and binds the value.
#define HL_TRY_ASSIGN(target, expression) \
  HL_TRY_ASSIGN_(target, expression, HL_CONCAT(hl_result_, __LINE__))
#define HL_TRY_ASSIGN_(target, expression, name) \
  auto name = (expression);                      \
  if (!name) return std::move(name).error();     \
  target = std::move(name).value()
