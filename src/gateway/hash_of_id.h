// Where a service is in a table of services.  What is in the table are ids of ours, so nobody can
// choose many that fall together; a general hash takes three times as long for one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace hitless::gateway {

inline std::size_t hash_of_id(std::string_view id) {
  constexpr std::uint64_t k_spread = 0x9e3779b97f4a7c15;  // of the golden section
  std::uint64_t hash = id.size();
  // What the highest bytes differ in reaches the lowest by changing places with them.
  const auto add = [&hash](std::uint64_t word) {
    hash = __builtin_bswap64((hash ^ word) * k_spread);
  };
  if (id.size() < sizeof(std::uint64_t)) {
    for (const char byte : id) add(static_cast<unsigned char>(byte));
    return hash;
  }
  const auto word_at = [&id](std::size_t at) {
    std::uint64_t word = 0;
    std::memcpy(&word, id.data() + at, sizeof word);
    return word;
  };
  const std::size_t last = id.size() - sizeof(std::uint64_t);
  for (std::size_t at = 0; at < last; at += sizeof(std::uint64_t)) add(word_at(at));
  add(word_at(last));
  return hash;
}

}  // namespace hitless::gateway
