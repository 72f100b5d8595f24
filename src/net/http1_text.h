// Which bytes may stand where in a head (RFC 9110 sections 5.1 and 5.5).  For http1*.cc only.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace hitless::net::http1 {

inline constexpr std::array<bool, 256> k_token_bytes = [] {
  std::array<bool, 256> table{};
  for (int byte = 0; byte < 256; ++byte) {
    const bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
    table[static_cast<std::size_t>(byte)] = letter || (byte >= '0' && byte <= '9');
  }
  for (const char byte : std::string_view("!#$%&'*+-.^_`|~")) {
    table[static_cast<std::uint8_t>(byte)] = true;
  }
  return table;
}();

inline bool is_token_byte(char byte) {
  return k_token_bytes[static_cast<std::uint8_t>(byte)];
}
inline bool is_blank(char byte) {
  return byte == ' ' || byte == '\t';
}
inline char lower(char byte) {
  return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte | 0x20) : byte;
}

// A control other than tab.
inline bool is_control(char byte) {
  const auto value = static_cast<std::uint8_t>(byte);
  return (value < 0x20 && value != '\t') || value == 0x7f;
}

// Whether a byte is below `least` or is 0x7f, except for tabs when these are allowed.  Eight bytes
// at a time: most words have none, the others are looked at one by one.
template <char least, bool tabs>
bool has_odd_byte(std::string_view text) {
  const auto is_odd = [](char byte) {
    const auto value = static_cast<std::uint8_t>(byte);
    return (value < static_cast<std::uint8_t>(least) && !(tabs && byte == '\t')) || value == 0x7f;
  };
  constexpr std::uint64_t k_ones = 0x0101010101010101;
  constexpr std::uint64_t k_highs = 0x8080808080808080;
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, 8);
    const std::uint64_t below = (word - k_ones * static_cast<std::uint64_t>(least)) & ~word;
    const std::uint64_t deleted = word ^ (k_ones * 0x7f);
    const std::uint64_t found = (below | ((deleted - k_ones) & ~deleted)) & k_highs;
    if (found == 0) continue;
    for (std::size_t i = at; i < at + 8; ++i) {
      if (is_odd(text[i])) return true;
    }
  }
  for (; at < text.size(); ++at) {
    if (is_odd(text[at])) return true;
  }
  return false;
}

// Controls other than tab.
inline bool has_control(std::string_view text) {
  return has_odd_byte<0x20, true>(text);
}
// Controls and blanks.
inline bool has_blank_or_control(std::string_view text) {
  return has_odd_byte<0x21, false>(text);
}

}  // namespace hitless::net::http1
