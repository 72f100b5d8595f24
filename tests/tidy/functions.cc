#include "tests/tidy/functions.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "tests/tidy/text.h"

namespace hitless::tidy {
namespace {

bool has_word(std::string_view text, std::string_view word) {
  for (std::size_t at = text.find(word); at != std::string_view::npos;
       at = text.find(word, at + 1)) {
    const auto is_name = [&](std::size_t place) {
      return place < text.size() &&
             (std::isalnum(static_cast<unsigned char>(text[place])) != 0 || text[place] == '_');
    };
    if ((at == 0 || !is_name(at - 1)) && !is_name(at + word.size())) return true;
  }
  return false;
}

// Without the "template <...>" in front.
std::string_view without_template(std::string_view head) {
  if (!head.starts_with("template")) return head;
  int depth = 0;
  for (std::size_t at = 0; at < head.size(); ++at) {
    if (head[at] == '<') ++depth;
    if (head[at] == '>' && --depth == 0) return head.substr(at + 1);
  }
  return head;
}

// A brace that opens a namespace, a type or an `extern "C"` block, whose string is blank by now.
// Only what stands before a parameter list counts: a parameter may be a "struct x*".
bool opens_scope(std::string_view head) {
  constexpr std::array<std::string_view, 5> k_scopes = {"namespace", "class", "struct", "union",
                                                        "enum"};
  const std::string_view plain = without_template(trim(head));
  const std::string_view front = plain.substr(0, plain.find('('));
  return trim(front) == "extern" ||
         std::any_of(k_scopes.begin(), k_scopes.end(),
                     [&](std::string_view word) { return has_word(front, word); });
}

bool opens_function(std::string_view head) {
  const std::string_view text = trim(head);
  return text.find('(') != std::string_view::npos && !text.ends_with('=') && !text.ends_with('(') &&
         !text.ends_with(',');
}

std::string in_one_line(std::string_view head) {
  std::string line;
  for (const char letter : trim(head)) {
    const bool is_blank = std::isspace(static_cast<unsigned char>(letter)) != 0;
    if (is_blank && (line.empty() || line.back() == ' ')) continue;
    line += is_blank ? ' ' : letter;
  }
  return line;
}

class Scanner {
 public:
  explicit Scanner(std::string_view text) : code_(blank_non_code(text)) {}

  std::vector<Function> run() {
    for (std::size_t at = 0; at < code_.size(); ++at) {
      if (code_[at] == '\n') ++line_;
      if (code_[at] == '{') open(at);
      if (code_[at] == '}') close(at);
      if (code_[at] == ';' && body_depth_ == 0) head_begin_ = at + 1;
    }
    return std::move(found_);
  }

 private:
  void open(std::size_t at) {
    if (body_depth_ > 0) {
      ++body_depth_;
      return;
    }
    const std::string head = in_one_line(code_.substr(head_begin_, at - head_begin_));
    if (opens_scope(head)) {
      head_begin_ = at + 1;
      return;
    }
    body_depth_ = 1;
    is_function_ = opens_function(head);
    if (is_function_) found_.push_back({head, line_, line_});
  }

  void close(std::size_t at) {
    head_begin_ = at + 1;
    if (body_depth_ == 0) return;
    if (--body_depth_ == 0 && is_function_) found_.back().line_last = line_;
  }

  std::string code_;
  std::size_t line_ = 1;
  std::size_t head_begin_ = 0;
  std::size_t body_depth_ = 0;  // 0: between functions, in namespaces and types
  bool is_function_ = false;
  std::vector<Function> found_;
};

}  // namespace

std::vector<Function> functions_of(std::string_view text) {
  return Scanner(text).run();
}

}  // namespace hitless::tidy
