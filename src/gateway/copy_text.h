// Copies short texts: most are shorter than what a call of memcpy costs.
#pragma once

#include <cstddef>
#include <cstring>
#include <string_view>

namespace hitless::gateway {

// The last piece overlaps the one before, so that no rest is left to be copied byte by byte.
template <std::size_t Piece>
inline void copy_in_pieces(char* to, const char* from, std::size_t size) {
  for (std::size_t at = 0; at + Piece < size; at += Piece) std::memcpy(to + at, from + at, Piece);
  std::memcpy(to + size - Piece, from + size - Piece, Piece);
}

// Returns the end of the copy.
inline char* copy_text(char* to, std::string_view text) {
  constexpr std::size_t k_short = 64;
  const std::size_t size = text.size();
  if (size > k_short) {
    std::memcpy(to, text.data(), size);
  } else if (size >= 16) {
    copy_in_pieces<16>(to, text.data(), size);
  } else if (size >= 8) {
    copy_in_pieces<8>(to, text.data(), size);
  } else if (size >= 4) {
    copy_in_pieces<4>(to, text.data(), size);
  } else {
    for (std::size_t at = 0; at < size; ++at) to[at] = text[at];
  }
  return to + size;
}

}  // namespace hitless::gateway
