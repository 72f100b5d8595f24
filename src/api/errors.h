// What the API answers when it refuses: a cause, and a sentence that names the field or the thing.
//
// A Failure is to the API what an Error is to the rooms below; one table turns causes into HTTP
// status and error_code.  Values; any thread.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/check.h"
#include "base/error.h"
#include "base/result.h"
#include "net/http.h"

namespace hitless::api {

enum class Cause {
  invalid_argument,
  no_token,
  bad_token,
  wrong_user,
  other_project,
  path_unknown,
  method_unknown,
  model_unknown,
  model_unknown_to_service,
  model_exists,
  model_in_use,
  config_text_invalid,
  service_unknown,
  service_exists,
  model_not_published,
  same_version_twice,
  kind_not_enabled,
  state_forbids,
  pool_unknown,
  resources_short,
  object_unknown,  // of hitless' own kinds: rollouts, instances
  plan_outdated,
  not_in_this_state,  // an order to a rollout, or the deletion of a revision
  overloaded,
  unsupported,
  internal,
};

struct CauseRow {
  Cause cause;
  int status;
  std::string_view error_code;
};

// The row of `cause` in the one table.
const CauseRow& row_of(Cause cause);

class [[nodiscard]] Failure {
 public:
  Failure(Cause cause, std::string text) : cause_(cause), text_(std::move(text)) {}

  // By the error's code; `special` says what a code means at this place.
  Failure(const Error& error, std::initializer_list<std::pair<Code, Cause>> special);
  Failure(const Error& error) : Failure(error, {}) {}

  Cause cause() const { return cause_; }
  const std::string& text() const { return text_; }

 private:
  Cause cause_;
  std::string text_;
};

net::HttpResponse to_response(const Failure& failure);

// A Result whose error is a Failure; HL_TRY and HL_TRY_ASSIGN work on both, and hand an Error on
// as the Failure of its code.
template <class T>
class [[nodiscard]] Checked {
 public:
  Checked(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Checked(Failure failure) : state_(std::in_place_index<1>, std::move(failure)) {}
  Checked(const Error& error) : state_(std::in_place_index<1>, Failure(error)) {}

  explicit operator bool() const { return state_.index() == 0; }
  T& value() & { return HL_CHECK(state_.index() == 0), *std::get_if<0>(&state_); }
  T&& value() && { return HL_CHECK(state_.index() == 0), std::move(*std::get_if<0>(&state_)); }
  T& operator*() & { return value(); }
  T* operator->() { return &value(); }
  const Failure& error() const { return HL_CHECK(state_.index() == 1), *std::get_if<1>(&state_); }

 private:
  std::variant<T, Failure> state_;
};

template <>
class [[nodiscard]] Checked<void> {
 public:
  Checked() = default;
  Checked(Failure failure) : failure_(std::move(failure)) {}
  Checked(const Error& error) : failure_(Failure(error)) {}

  explicit operator bool() const { return !failure_.has_value(); }
  const Failure& error() const { return HL_CHECK(failure_.has_value()), *failure_; }

 private:
  std::optional<Failure> failure_;
};

using Reply = Checked<net::HttpResponse>;

}  // namespace hitless::api
