#include "tests/support/pretend_model.h"

#include <fmt/format.h>

#include <cstdint>

namespace hitless::tests {
namespace {

constexpr std::string_view k_begin = R"({"version":")";

// FNV-1a: two lines, and every changed, lost or doubled byte shows.
std::uint64_t digest_of(std::string_view bytes) {
  std::uint64_t digest = 0xcbf29ce484222325U;
  for (const char byte : bytes) {
    digest = (digest ^ static_cast<unsigned char>(byte)) * 0x100000001b3U;
  }
  return digest;
}

std::string filler(std::size_t bytes) {
  std::string text(bytes, 'a');
  for (std::size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>('a' + i % 26);
  return text;
}

}  // namespace

std::string pretend_answer(std::string_view version, std::string_view body, std::size_t pad) {
  return fmt::format(R"({}{}","digest":"{:016x}","bytes":{},"pad":"{}"}})", k_begin, version,
                     digest_of(body), body.size(), filler(pad));
}

std::optional<std::string> version_of_answer(std::string_view answer, std::string_view body,
                                             std::size_t pad) {
  if (!answer.starts_with(k_begin)) return std::nullopt;
  const std::string_view rest = answer.substr(k_begin.size());
  const std::string version(rest.substr(0, rest.find('"')));
  if (answer != pretend_answer(version, body, pad)) return std::nullopt;
  return version;
}

}  // namespace hitless::tests
