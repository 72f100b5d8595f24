// One table per enumeration: its wire words, read in both directions.  Private to this room.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/result.h"

namespace hitless::model {

template <class E>
struct Word {
  E value;
  std::string_view text;
};

template <class E, std::size_t N>
using Words = std::array<Word<E>, N>;

// Every enumerator stands in its table.
template <class E, std::size_t N>
std::string_view text_of(const Words<E, N>& words, E value) {
  const auto found = std::find_if(words.begin(), words.end(),
                                  [&](const Word<E>& word) { return word.value == value; });
  HL_CHECK(found != words.end());
  return found->text;
}

// "surge, shrink": every word but that of `except`.
template <class E, std::size_t N>
std::string list_of(const Words<E, N>& words, std::optional<E> except = std::nullopt) {
  std::string list;
  for (const Word<E>& word : words) {
    if (word.value == except) continue;
    list.append(list.empty() ? "" : ", ").append(word.text);
  }
  return list;
}

// The error names `what` it should have been and every word that would have done.
template <class E, std::size_t N>
Result<E> value_of(const Words<E, N>& words, std::string_view text, std::string_view what) {
  for (const Word<E>& word : words) {
    if (word.text == text) return word.value;
  }
  return Error(Code::invalid, std::string("[")
                                  .append(text)
                                  .append("] is no ")
                                  .append(what)
                                  .append("; one of: ")
                                  .append(list_of(words)));
}

}  // namespace hitless::model
