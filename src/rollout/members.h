// Structs as JSON objects by one list of their members for both directions:
//
//   template <class Visit> void visit_members(Visit& visit, Kind<Room>) {
//     visit("gpus", &Room::gpus);  …
//   }
//
// A member that stands at the default of its struct is left out, and absent ones are read as that.
// Internal to the journal.
#pragma once

#include <fmt/format.h>

#include <concepts>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/json.h"
#include "base/result.h"
#include "model/evidence.h"
#include "model/ids.h"
#include "model/traffic_policy.h"
#include "model/usage.h"

namespace hitless::rollout {

template <class T>
struct Kind {};

// Enumerations have a table of words: k_words_of(Kind<E>), in the order of their enumerators.
template <class E>
concept Worded = std::is_enum_v<E>;

template <class T>
concept Identified = requires(const T& id) {
  id.text();
};

struct MemberCounter {
  int members = 0;
  template <class M>
  void operator()(std::string_view, M) {
    ++members;
  }
};

template <class S>
concept Listed = requires(MemberCounter& visit) {
  visit_members(visit, Kind<S>());
};

inline json::value write_value(const std::string& text) {
  return json::value(text);
}
template <class T>
requires std::integral<T> json::value write_value(T number) {
  return json::value(number);
}
inline json::value write_value(Time time) {
  return to_micros(time);
}
inline json::value write_value(Duration duration) {
  return duration.count();
}
inline json::value write_value(const Address& address) {
  return json::value(to_text(address));
}
inline json::value write_value(const model::Outcomes& outcomes) {
  return model::to_json(outcomes);
}
inline json::value write_value(const model::Evidence& evidence) {
  return model::to_json(evidence);
}
inline json::value write_value(const model::TrafficPolicy& policy) {
  return model::to_json(policy);
}
template <Identified T>
json::value write_value(const T& id) {
  return json::value(id.text());
}
template <Worded E>
json::value write_value(E value) {
  return json::value(words_of(Kind<E>())[static_cast<std::size_t>(value)]);
}
template <Listed S>
json::value write_value(const S& from);
template <class T>
json::value write_value(const std::vector<T>& values);
template <class T>
json::value write_value(const std::optional<T>& value) {
  return value ? write_value(*value) : json::value();
}
template <class T>
json::value write_value(const std::vector<T>& values) {
  json::array out;
  for (const T& value : values) out.push_back(write_value(value));
  return out;
}

template <class S>
class MemberWriter {
 public:
  explicit MemberWriter(const S& from) : from_(from) {}
  template <class M>
  void operator()(std::string_view name, M S::*member) {
    if (!(from_.*member == usual_.*member)) out[name] = write_value(from_.*member);
  }
  json::object out;

 private:
  const S& from_;
  const S usual_{};
};

template <Listed S>
json::value write_value(const S& from) {
  MemberWriter<S> visit(from);
  visit_members(visit, Kind<S>());
  return std::move(visit.out);
}

inline Error unreadable(std::string_view want) {
  return Error(Code::corrupt, fmt::format("not {}", want));
}

inline Result<void> read_value(const json::value& value, std::string& to) {
  if (!value.is_string()) return unreadable("a text");
  to = std::string(value.get_string());
  return {};
}
template <class T>
requires std::integral<T> Result<void> read_value(const json::value& value, T& to) {
  if constexpr (std::same_as<T, bool>) {
    if (!value.is_bool()) return unreadable("true or false");
    to = value.get_bool();
  } else {
    boost::system::error_code failure;
    to = value.to_number<T>(failure);
    if (failure) return unreadable("a whole number in range");
  }
  return {};
}
inline Result<void> read_value(const json::value& value, Time& to) {
  std::int64_t micros = 0;
  HL_TRY(read_value(value, micros));
  to = from_micros(micros);
  return {};
}
inline Result<void> read_value(const json::value& value, Duration& to) {
  std::int64_t micros = 0;
  HL_TRY(read_value(value, micros));
  to = Duration(micros);
  return {};
}
inline Result<void> read_value(const json::value& value, Address& to) {
  std::string text;
  HL_TRY(read_value(value, text));
  HL_TRY_ASSIGN(to, parse_address(text));
  return {};
}
inline Result<void> read_value(const json::value& value, model::Outcomes& to) {
  HL_TRY_ASSIGN(to, model::outcomes_from_json(value));
  return {};
}
inline Result<void> read_value(const json::value& value, model::Evidence& to) {
  HL_TRY_ASSIGN(to, model::evidence_from_json(value));
  return {};
}
inline Result<void> read_value(const json::value& value, model::TrafficPolicy& to) {
  HL_TRY_ASSIGN(to, model::traffic_policy_from_json(value));
  return {};
}
template <Identified T>
Result<void> read_value(const json::value& value, T& to) {
  std::string text;
  HL_TRY(read_value(value, text));
  to = T(std::move(text));
  return {};
}
template <Worded E>
Result<void> read_value(const json::value& value, E& to) {
  std::string text;
  HL_TRY(read_value(value, text));
  const auto& words = words_of(Kind<E>());
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] != text) continue;
    to = static_cast<E>(i);
    return {};
  }
  return unreadable(fmt::format("a word that is known: {}", text));
}
template <Listed S>
Result<void> read_value(const json::value& value, S& to);
template <class T>
Result<void> read_value(const json::value& value, std::vector<T>& to);
template <class T>
Result<void> read_value(const json::value& value, std::optional<T>& to) {
  return read_value(value, to.emplace());
}
template <class T>
Result<void> read_value(const json::value& value, std::vector<T>& to) {
  if (!value.is_array()) return unreadable("a list");
  for (const json::value& item : value.get_array()) HL_TRY(read_value(item, to.emplace_back()));
  return {};
}

template <class S>
class MemberReader {
 public:
  MemberReader(const json::object& from, S& to) : from_(from), to_(to) {}
  template <class M>
  void operator()(std::string_view name, M S::*member) {
    const json::value* value = from_.if_contains(name);
    if (value == nullptr || !done) return;
    to_.*member = M();
    done = read_value(*value, to_.*member);
    if (!done) done = done.error().context(std::string(name));
  }
  Result<void> done;

 private:
  const json::object& from_;
  S& to_;
};

template <Listed S>
Result<void> read_value(const json::value& value, S& to) {
  if (!value.is_object()) return unreadable("an object");
  MemberReader<S> visit(value.get_object(), to);
  visit_members(visit, Kind<S>());
  return visit.done;
}

}  // namespace hitless::rollout
