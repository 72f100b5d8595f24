// An Error is a value that says what went wrong, in words for the person who must act on it.
//
// Each layer adds what it was doing with context(); the top logs or shows the chain once.  Never
// both log and return an Error.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace hitless {

// What a caller can do about it, not where it came from.  Equal to the wire word.
enum class Code {
  invalid,          // the input is wrong and stays wrong
  not_found,        // no such thing
  conflict,         // the world moved, or the name is taken
  unauthenticated,  // who are you?
  forbidden,        // not you
  exhausted,        // a limit is reached: disk, memory, quota
  unavailable,      // try again later
  timeout,          // no answer in time
  cancelled,        // taken back by whoever asked
  unsupported,      // not on this machine or not in this version
  corrupt,          // stored or received data breaks its own rules
  internal,         // a defect of ours
};

std::string_view to_text(Code code);

class [[nodiscard]] Error {
 public:
  Error(Code code, std::string text) : code_(code), text_(std::move(text)) {}

  Code code() const { return code_; }
  const std::string& text() const { return text_; }

  // The same error as seen one layer up: "importing vad: opening config.json: no such file".
  Error context(std::string_view doing) const&;
  Error context(std::string_view doing) &&;

  friend bool operator==(const Error&, const Error&) = default;

 private:
  Code code_;
  std::string text_;
};

// The Error of a failed system call: its name, its object and the reason in errno's words.
Error system_error(std::string_view call, std::string_view object, int error_number);

}  // namespace hitless
