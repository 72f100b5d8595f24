#include "tests/tidy/docs.h"

#include <fmt/format.h>

#include <filesystem>
#include <regex>
#include <set>

namespace hitless::tidy {
namespace {

struct Limit {
  std::string name;
  std::string value;
  std::string reason;
};

std::string joined(std::string_view first, std::string_view second) {
  if (first.empty()) return std::string(second);
  return fmt::format("{} {}", first, second);
}

// "  std::size_t a_max = 32 * 1024;" or "inline constexpr int k_a = 3;" as name and value.
bool read_limit(const std::string& statement, Limit& limit) {
  static const std::regex k_limit(R"(^[\w:<> ]+ (\w+) ?(?:= ?|\{)(.+?)\}?;$)");
  std::smatch match;
  if (!std::regex_match(statement, match, k_limit)) return false;
  limit.name = match[1];
  limit.value = match[2];
  return true;
}

std::vector<Limit> limits_of(std::string_view text) {
  std::vector<Limit> limits;
  std::string reason;
  std::string statement;
  for (std::string_view line : lines_of(text)) {
    line = trim(line);
    if (statement.empty() && line.starts_with("//")) {
      reason = joined(reason, trim(line.substr(2)));
      continue;
    }
    const std::size_t comment = line.find("//");
    if (comment != std::string_view::npos) {
      reason = joined(reason, trim(line.substr(comment + 2)));
    }
    statement = joined(statement, trim(line.substr(0, comment)));
    Limit limit;
    if (statement.ends_with(';') && read_limit(statement, limit)) {
      limit.reason = reason;
      limits.push_back(std::move(limit));
    }
    if (statement.empty() || statement.ends_with(';') || statement.ends_with('{') ||
        statement.starts_with('#')) {
      statement.clear();
      reason.clear();
    }
  }
  return limits;
}

// The lines under a heading, up to the next one.
std::string section_under(std::string_view text, std::string_view heading) {
  std::string section;
  bool is_inside = false;
  for (const std::string_view line : lines_of(text)) {
    if (line.starts_with("#")) {
      is_inside = trim(line) == heading;
    } else if (is_inside) {
      section += line;
      section += '\n';
    }
  }
  return section;
}

std::string decision_number(const File& file) {
  static const std::regex k_name(R"(^(\d{4})-[a-z0-9_-]+\.md$)");
  const std::string name = std::filesystem::path(file.path).filename();
  std::smatch match;
  return std::regex_match(name, match, k_name) ? match[1].str() : std::string();
}

std::string marker(std::string_view name) {
  return fmt::format("<!-- generated: {} -->\n", name);
}

}  // namespace

std::vector<Finding> check_rooms_described(const File& architecture, const Rooms& rooms) {
  static const std::regex k_heading("^### `src/(\\w+)/`$");
  std::vector<Finding> findings;
  std::set<std::string> described;
  for (const std::string_view line : lines_of(architecture.text)) {
    std::match_results<std::string_view::const_iterator> match;
    if (!std::regex_match(line.begin(), line.end(), match, k_heading)) continue;
    const std::string room = match[1];
    described.insert(room);
    if (!rooms.contains(room)) {
      findings.push_back({architecture.path, 0, fmt::format("there is no room src/{}/", room)});
    } else if (section_under(architecture.text, line).find("**Invariant:**") == std::string::npos) {
      findings.push_back({architecture.path, 0, fmt::format("src/{}/ has no invariant", room)});
    }
  }
  for (const auto& [room, uses] : rooms) {
    if (described.contains(room)) continue;
    findings.push_back({architecture.path, 0, fmt::format("lacks a heading ### `src/{}/`", room)});
  }
  return findings;
}

std::vector<Finding> check_links(const File& file,
                                 const std::function<bool(const std::string&)>& exists) {
  static const std::regex k_document(R"(\bdocs/[\w/-]+\.md\b)");
  static const std::regex k_link(R"(\]\(([^)#:\s]+)(#[^)]*)?\))");
  std::vector<Finding> findings;
  const auto check = [&](const std::string& path) {
    if (exists(path)) return;
    findings.push_back({file.path, 0, fmt::format("{} is not there", path)});
  };
  const std::string& text = file.text;
  for (std::sregex_iterator at(text.begin(), text.end(), k_document), end; at != end; ++at) {
    check(at->str());
  }
  if (!file.is_markdown()) return findings;
  const auto folder = std::filesystem::path(file.path).parent_path();
  for (std::sregex_iterator at(text.begin(), text.end(), k_link), end; at != end; ++at) {
    check((folder / (*at)[1].str()).lexically_normal().string());
  }
  return findings;
}

std::vector<Finding> check_decisions(const std::vector<File>& decisions) {
  std::vector<Finding> findings;
  std::set<std::string> taken;
  for (const File& file : decisions) {
    const std::string number = decision_number(file);
    if (number.empty()) {
      findings.push_back({file.path, 0, "must be named 0001-words.md"});
      continue;
    }
    if (!taken.insert(number).second) {
      findings.push_back({file.path, 0, fmt::format("number {} is taken twice", number)});
    }
    if (!file.text.starts_with(fmt::format("# {}. ", std::stoi(number)))) {
      findings.push_back(
          {file.path, 1, fmt::format("must begin with \"# {}. \"", std::stoi(number))});
    }
  }
  return findings;
}

std::string limits_document(const std::vector<File>& limit_headers) {
  std::string text =
      "# Limits\n\n"
      "Every limit of hitless, with its reason. Written from the `limits.h` of each room by\n"
      "`tests/tidy`; change it there.\n";
  for (const File& header : limit_headers) {
    text += fmt::format("\n## `{}`\n\n| limit | value | why |\n| --- | --- | --- |\n", header.path);
    for (const Limit& limit : limits_of(header.text)) {
      text += fmt::format("| `{}` | `{}` | {} |\n", limit.name, limit.value, limit.reason);
    }
  }
  return text;
}

std::string_view generated_part(std::string_view document, std::string_view name) {
  const std::string begin = marker(name);
  const std::size_t at = document.find(begin);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = document.substr(at + begin.size());
  return rest.substr(0, rest.find("<!-- end -->"));
}

std::string with_generated_part(std::string_view document, std::string_view name,
                                std::string_view content) {
  const std::string_view old = generated_part(document, name);
  if (old.data() == nullptr) return std::string(document);
  const auto begin = static_cast<std::size_t>(old.data() - document.data());
  return fmt::format("{}{}{}", document.substr(0, begin), content,
                     document.substr(begin + old.size()));
}

}  // namespace hitless::tidy
