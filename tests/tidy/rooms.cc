#include "tests/tidy/rooms.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <sstream>

namespace hitless::tidy {
namespace {

// One #include line.
struct Include {
  std::size_t line = 0;
  std::string path;
  bool is_quoted = false;
};

std::vector<Include> includes_of(std::string_view text) {
  std::vector<Include> found;
  std::size_t number = 0;
  for (std::string_view line : lines_of(text)) {
    ++number;
    if (!line.starts_with("#include")) continue;
    line = trim(line.substr(std::string_view("#include").size()));
    if (line.size() < 2) continue;
    const std::size_t end = line.find(line.front() == '<' ? '>' : '"', 1);
    found.push_back({number, std::string(line.substr(1, end - 1)), line.front() == '"'});
  }
  return found;
}

// Includes that the table of rooms would allow and this house does not.
struct Forbidden {
  std::string_view from;
  std::string_view to;
  std::string_view except;  // the one header of `to` that is allowed; empty: none
  std::string_view why;
};

constexpr std::array k_forbidden = {
    Forbidden{"api", "control", "control/port.h", "the API asks control through its port alone"},
    Forbidden{"api", "pools", "", "instances are control's business"},
    Forbidden{"api", "gateway", "", "traffic is control's business"},
    Forbidden{"api", "rollout", "", "plans come from control"},
    Forbidden{"control", "gateway", "gateway/client.h", "the gateway is another process"},
    Forbidden{"control", "pools", "pools/driver.h", "control knows no kind of pool"},
    Forbidden{"gateway", "identity", "identity/verify.h",
              "the gateway verifies and issues nothing"},
    Forbidden{"gateway", "store", "", "the gateway must go on without the control plane"},
    Forbidden{"store", "rollout", "", "the store remembers, it does not decide"},
    Forbidden{"rollout", "net", "", "rollout is pure"},
    Forbidden{"rollout", "store", "", "rollout is pure"},
    Forbidden{"rollout", "objects", "", "rollout is pure"},
    Forbidden{"rollout", "pools", "", "rollout is pure"},
    Forbidden{"rollout", "gateway", "", "rollout is pure"},
};

std::optional<std::string> reason_against(const std::string& from, const std::string& to,
                                          const std::string& header, bool is_test) {
  for (const Forbidden& rule : k_forbidden) {
    if (rule.from != from || rule.to != to || header == rule.except) continue;
    // A room's test may set up the real parts behind a header it may see.
    if (is_test && !rule.except.empty()) continue;
    return fmt::format("{} must not include {}: {}", from, header, rule.why);
  }
  return std::nullopt;
}

// A library: the beginning of its headers' paths, and where they may be named besides *_test.cc.
struct Library {
  std::string_view prefix;
  std::vector<std::string_view> places;        // beginnings of paths
  std::vector<std::string_view> headers = {};  // the headers of ours that may name it
};

const std::vector<Library>& libraries() {
  static const std::vector<Library> k_libraries = {
      {"boost/json", {"src/base/json.cc"}, {"src/base/json.h"}},
      {"boost/", {"src/net/"}, {"src/net/http_connection.h"}},
      {"curl/", {"src/net/", "examples/", "tests/support/"}},
      {"sqlite3.h", {"src/store/"}},
      {"sodium", {"src/base/", "src/identity/"}},
      {"spdlog/", {"src/base/log.cc"}},
      {"nghttp2/", {"src/net/", "tests/support/"}},
      {"openssl/", {"src/net/", "src/identity/", "tests/support/"}},
      {"emmintrin.h", {"src/net/"}, {"src/net/http1_text.h"}},
      {"CLI/", {"src/cli/", "src/app/", "engines/", "examples/", "bench/", "tests/"}},
      {"fmt/", {"src/", "engines/", "tests/", "bench/", "examples/"}},
      {"onnxruntime", {"engines/onnx/"}},
      {"gtest/", {"tests/"}},
      {"gmock/", {"tests/"}},
      {"rapidcheck", {"tests/"}},
      {"benchmark/", {"bench/"}},
  };
  return k_libraries;
}

bool is_test_code(const File& file) {
  return file.ends_with("_test.cc") || file.starts_with("tests/");
}

// Of the C++ library: no folder, no ending.  Of C and the kernel: these.
bool is_system_header(std::string_view path) {
  if (path.find('.') == std::string_view::npos) return path.find('/') == std::string_view::npos;
  constexpr std::array k_folders = {"sys/", "netinet/", "arpa/", "linux/", "net/"};
  constexpr std::array k_headers = {
      "unistd.h",   "fcntl.h",   "poll.h",   "signal.h", "dirent.h",  "pwd.h",    "grp.h",
      "netdb.h",    "dlfcn.h",   "spawn.h",  "time.h",   "errno.h",   "ftw.h",    "pthread.h",
      "sched.h",    "termios.h", "stdlib.h", "string.h", "strings.h", "stdio.h",  "utime.h",
      "execinfo.h", "syslog.h",  "libgen.h", "wait.h",   "glob.h",    "limits.h", "stdint.h",
      "ifaddrs.h",  "fnmatch.h", "mqueue.h", "aio.h",    "ucontext.h"};
  return std::any_of(k_folders.begin(), k_folders.end(),
                     [&](std::string_view folder) { return path.starts_with(folder); }) ||
         std::find(k_headers.begin(), k_headers.end(), path) != k_headers.end();
}

bool may_name(const File& file, const Library& library) {
  const auto begins = [&](std::string_view place) { return file.starts_with(place); };
  if (file.is_header() && file.starts_with("src/") && library.prefix != "fmt/") {
    return std::any_of(library.headers.begin(), library.headers.end(), begins);
  }
  return std::any_of(library.places.begin(), library.places.end(), begins) ||
         (is_test_code(file) && !file.is_header());
}

}  // namespace

Rooms rooms_of(std::string_view cmake_text) {
  Rooms rooms;
  constexpr std::string_view k_call = "\nhitless_room(";
  for (std::size_t at = cmake_text.find(k_call); at != std::string_view::npos;
       at = cmake_text.find(k_call, at + 1)) {
    const std::size_t begin = at + k_call.size();
    std::istringstream words(
        std::string(cmake_text.substr(begin, cmake_text.find(')', begin) - begin)));
    std::string room;
    std::string word;
    bool is_use = false;
    words >> room;
    std::set<std::string>& uses = rooms[room];
    while (words >> word) {
      if (word == "USES" || word == "LIBS") {
        is_use = word == "USES";
      } else if (is_use) {
        uses.insert(word);
        const std::set<std::string> through = rooms[word];
        uses.insert(through.begin(), through.end());
      }
    }
  }
  return rooms;
}

std::vector<Finding> check_room_includes(const File& file, const Rooms& rooms) {
  std::vector<Finding> findings;
  const std::string inside = file.path.substr(std::string_view("src/").size());
  const std::string from = inside.substr(0, inside.find('/'));
  const auto uses = rooms.find(from);
  if (uses == rooms.end()) {
    findings.push_back({file.path, 0, fmt::format("src/CMakeLists.txt has no room {}", from)});
    return findings;
  }
  for (const Include& include : includes_of(file.text)) {
    if (!include.is_quoted) continue;
    const std::string to = include.path.substr(0, include.path.find('/'));
    const auto complain = [&](std::string text) {
      findings.push_back({file.path, include.line, std::move(text)});
    };
    if (to == from || (to == "tests" && is_test_code(file))) continue;
    if (!rooms.contains(to)) {
      complain(fmt::format("\"{}\" does not begin with a room's name", include.path));
    } else if (auto why = reason_against(from, to, include.path, is_test_code(file))) {
      complain(std::move(*why));
    } else if (!uses->second.contains(to)) {
      complain(
          fmt::format("{} must not include {}: it does not use that room", from, include.path));
    }
  }
  return findings;
}

std::vector<Finding> check_library_includes(const File& file) {
  std::vector<Finding> findings;
  for (const Include& include : includes_of(file.text)) {
    if (include.is_quoted || is_system_header(include.path)) continue;
    const auto library =
        std::find_if(libraries().begin(), libraries().end(),
                     [&](const Library& each) { return include.path.starts_with(each.prefix); });
    if (library == libraries().end()) {
      findings.push_back({file.path, include.line,
                          fmt::format("<{}> is of no library that tests/tidy/rooms.cc knows; add "
                                      "it there, with the room it stays in",
                                      include.path)});
    } else if (!may_name(file, *library)) {
      findings.push_back(
          {file.path, include.line, fmt::format("<{}> must not be named here", include.path)});
    }
  }
  return findings;
}

}  // namespace hitless::tidy
