// The requests of tests/refusals/ as values.  That folder's README.md says how they are written.
//
// Pure but for reading the files; a file that is written wrong ends the test program.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

namespace hitless::testing {

struct RefusalCase {
  std::string name;     // with its file's
  std::string section;  // "9112 6.3"
  int status = 0;       // 200: is to be accepted
  bool by_limit = false;
  std::string bytes;
  // What the instance gets of an accepted one.
  std::string method;
  std::string target;
  std::string body;

  bool is_accepted() const { return status == 200; }
};

// What stands for ${call} and ${token}, and is part of ${post} and ${chunked}.
struct RefusalWords {
  std::string call;   // the address of the service
  std::string token;  // the line that authenticates, with its CRLF
};

namespace refusal_corpus {

[[noreturn]] inline void fail(std::string_view text) {
  std::cerr << "tests/refusals is written wrong: " << text << "\n";
  std::abort();
}

inline char unescape(std::string_view text, std::size_t& at) {
  if (at >= text.size()) fail(text);
  switch (text[at++]) {
    case 'r': return '\r';
    case 'n': return '\n';
    case 't': return '\t';
    case '0': return '\0';
    case '\\': return '\\';
    case 'x': {
      const std::string digits(text.substr(at, 2));
      char* end = nullptr;
      const auto byte = static_cast<char>(std::strtoul(digits.c_str(), &end, 16));
      if (digits.size() != 2 || *end != '\0') fail(text);
      at += 2;
      return byte;
    }
    default: fail(text);
  }
}

inline std::string expand(std::string_view text, const RefusalWords& words);

inline std::string word(std::string_view name, const RefusalWords& words) {
  const std::string post = "POST " + words.call + "/first HTTP/1.1\r\nHost: a\r\n" + words.token;
  if (name == "call") return words.call;
  if (name == "token") return words.token;
  if (name == "post") return post;
  if (name == "chunked") return post + "Transfer-Encoding: chunked\r\n\r\n";
  constexpr std::string_view k_repeat = "repeat ";
  if (!name.starts_with(k_repeat)) fail(name);
  const std::string rest(name.substr(k_repeat.size()));
  char* end = nullptr;
  const unsigned long count = std::strtoul(rest.c_str(), &end, 10);
  if (*end != ' ') fail(name);
  const std::string piece = expand(end + 1, words);
  std::string repeated;
  for (unsigned long i = 0; i < count; ++i) repeated += piece;
  return repeated;
}

// From behind "${" to its brace.
inline std::string_view braced(std::string_view text) {
  int depth = 1;
  for (std::size_t at = 0; at < text.size(); ++at) {
    depth += text.substr(at, 2) == "${" ? 1 : 0;
    depth -= text[at] == '}' ? 1 : 0;
    if (depth == 0) return text.substr(0, at);
  }
  fail(text);
}

inline std::string expand(std::string_view text, const RefusalWords& words) {
  std::string bytes;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '\\') {
      bytes += unescape(text, ++at);
    } else if (text.substr(at, 2) == "${") {
      const std::string_view name = braced(text.substr(at + 2));
      bytes += word(name, words);
      at += name.size() + 3;
    } else {
      bytes += text[at++];
    }
  }
  return bytes;
}

inline std::string_view after(std::string_view line, std::string_view key) {
  return line.starts_with(key) ? line.substr(key.size()) : std::string_view();
}

inline void read_line(RefusalCase& one, std::string_view line, const RefusalWords& words) {
  if (line == "limit") {
    one.by_limit = true;
  } else if (const auto bytes = after(line, "> "); !bytes.empty()) {
    one.bytes += expand(bytes, words);
  } else if (const auto section = after(line, "section "); !section.empty()) {
    one.section = section;
  } else if (const auto status = after(line, "status "); !status.empty()) {
    one.status = std::atoi(std::string(status).c_str());
  } else if (const auto sees = after(line, "sees "); !sees.empty()) {
    const std::size_t first = sees.find(' ');
    // Its bytes may hold blanks; only the target's repetition does, within braces.
    const std::string rest = expand(sees.substr(std::min(first, sees.size() - 1) + 1), words);
    one.method = sees.substr(0, first);
    one.target = rest.substr(0, rest.find(' '));
    one.body = rest.size() > one.target.size() ? rest.substr(one.target.size() + 1) : "";
  } else {
    fail(line);
  }
}

inline void check(const RefusalCase& one) {
  const bool is_whole = !one.section.empty() && one.status >= 200 && !one.bytes.empty();
  if (!is_whole || one.is_accepted() != !one.method.empty()) fail(one.name);
}

inline void read_file(const std::filesystem::path& path, const RefusalWords& words,
                      std::vector<RefusalCase>& cases) {
  std::ifstream in(path);
  const std::size_t before = cases.size();
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line.starts_with('#')) continue;
    if (line.starts_with('[') && line.ends_with(']')) {
      cases.emplace_back().name = path.stem().string() + ": " + line.substr(1, line.size() - 2);
    } else {
      if (cases.size() == before) fail(line);
      read_line(cases.back(), line, words);
    }
  }
  for (std::size_t i = before; i < cases.size(); ++i) check(cases[i]);
}

}  // namespace refusal_corpus

// Sorted by file; the order within one is as it is written.
inline std::vector<RefusalCase> read_refusals(const RefusalWords& words) {
  const char* root = std::getenv("HITLESS_ROOT");
  if (root == nullptr) refusal_corpus::fail("HITLESS_ROOT is not set");
  std::vector<std::filesystem::path> files;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::filesystem::path(root) / "tests" / "refusals")) {
    if (entry.path().extension() == ".txt") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<RefusalCase> cases;
  for (const auto& file : files) refusal_corpus::read_file(file, words, cases);
  if (cases.empty()) refusal_corpus::fail("there is no case");
  return cases;
}

}  // namespace hitless::testing
