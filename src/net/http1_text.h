// Which bytes may stand where in a head (RFC 9110 sections 5.1 and 5.5).  For who reads or writes
// heads.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

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

inline constexpr std::uint64_t k_ones = 0x0101010101010101;
inline constexpr std::uint64_t k_highs = 0x8080808080808080;

// Walks over the bytes sixteen at a time, where the processor can, then eight at a time.
// `suspects` says which of them may be odd, with none missing: of eight by their highest bits, of
// sixteen by a bit each; `is_odd` decides.  Returns the first odd one, or `end`.
template <class Suspects, class IsOdd>
[[gnu::always_inline]] inline const char* first_odd_byte(const char* at, const char* end,
                                                         Suspects suspects, IsOdd is_odd) {
  static_assert(std::endian::native == std::endian::little);
#if defined(__SSE2__)
  for (; end - at >= 16; at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    for (unsigned left = suspects(bytes); left != 0; left &= left - 1) {
      const char* const suspect = at + std::countr_zero(left);
      if (is_odd(*suspect)) return suspect;
    }
  }
#endif
  for (; end - at >= 8; at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, 8);
    for (std::uint64_t left = suspects(word) & k_highs; left != 0; left &= left - 1) {
      const char* const suspect = at + std::countr_zero(left) / 8;
      if (is_odd(*suspect)) return suspect;
    }
  }
  while (at != end && !is_odd(*at)) ++at;
  return at;
}

// Bytes below `least`, and 0x7f; a neighbour of one may be among them.
template <char least>
struct LowBytes {
  std::uint64_t operator()(std::uint64_t word) const {
    const std::uint64_t below = (word - k_ones * static_cast<std::uint64_t>(least)) & ~word;
    const std::uint64_t deleted = word ^ (k_ones * 0x7f);
    return below | ((deleted - k_ones) & ~deleted);
  }
#if defined(__SSE2__)
  unsigned operator()(__m128i bytes) const {
    const __m128i below = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(least - 1)), bytes);
    const __m128i deleted = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f));
    return static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(below, deleted)));
  }
#endif
};

// Bytes that are neither letters nor hyphens.
struct NoLetters {
  // Sums of bytes below 0x80 do not carry over.
  std::uint64_t operator()(std::uint64_t word) const {
    const std::uint64_t bytes = word & ~k_highs;
    const std::uint64_t small = bytes | (k_ones * 0x20);
    const std::uint64_t letters =
        (small + k_ones * (0x80 - 'a')) & ~(small + k_ones * (0x7f - 'z'));
    const std::uint64_t hyphens = ~((bytes ^ (k_ones * '-')) + k_ones * 0x7f);
    return word | ~(letters | hyphens);
  }
#if defined(__SSE2__)
  // Bytes from 0x80 on are negative here.
  unsigned operator()(__m128i bytes) const {
    const __m128i small = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
    const __m128i letters = _mm_and_si128(_mm_cmpgt_epi8(small, _mm_set1_epi8('a' - 1)),
                                          _mm_cmplt_epi8(small, _mm_set1_epi8('z' + 1)));
    const __m128i hyphens = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('-'));
    return static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(letters, hyphens))) ^ 0xffff;
  }
#endif
};

inline const char* token_end(const char* at, const char* end) {
  return first_odd_byte(at, end, NoLetters(), [](char byte) { return !is_token_byte(byte); });
}
// A control other than tab, or `end`.
inline const char* first_control(const char* at, const char* end) {
  return first_odd_byte(at, end, LowBytes<0x20>(), [](char byte) { return is_control(byte); });
}
// A control or a blank, or `end`.
inline const char* first_blank_or_control(const char* at, const char* end) {
  return first_odd_byte(at, end, LowBytes<0x21>(), [](char byte) {
    const auto value = static_cast<std::uint8_t>(byte);
    return value <= 0x20 || value == 0x7f;
  });
}

}  // namespace hitless::net::http1
