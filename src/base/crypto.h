// Digests, random tokens and comparisons that take the same time whatever they find (libsodium).
// Any thread.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hitless {

// SHA-256 over everything added, as 64 hex digits.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void add(std::string_view bytes);
  std::string finish();  // once, last

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string sha256_hex(std::string_view bytes);
Result<std::string> sha256_hex_of_file(const std::filesystem::path& path);

// `bytes` bytes from the kernel's generator, as hex: 32 make a token, 16 an id.
std::string random_hex(std::size_t bytes);

// A random UUID (RFC 9562 version 4) in its usual 8-4-4-4-12 form.
std::string random_uuid();

// RFC 4648, with padding.  Decoding refuses (invalid) anything but exactly that.
std::string to_base64(std::string_view bytes);
Result<std::string> from_base64(std::string_view text);

// Equal content, in time that depends on the lengths only.
bool equal_in_constant_time(std::string_view left, std::string_view right);

}  // namespace hitless
