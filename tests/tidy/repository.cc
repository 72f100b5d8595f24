#include "tests/tidy/repository.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace hitless::tidy {
namespace {

namespace fs = std::filesystem;

bool is_skipped_folder(const fs::path& path) {
  const std::string name = path.filename();
  constexpr std::array k_skipped = {"build", "node_modules", "__pycache__", "dist"};
  return (name.starts_with('.') && name != ".ci") ||
         std::find(k_skipped.begin(), k_skipped.end(), name) != k_skipped.end();
}

bool is_text_file(const fs::path& path) {
  constexpr std::array k_endings = {".h",  ".cc",  ".md",   ".txt",   ".golden", ".cmake",
                                    ".sh", ".py",  ".json", ".yml",   ".sql",    ".yaml",
                                    ".ts", ".tsx", "",      ".proto", ".css",    ".html"};
  const std::string ending = path.extension();
  return std::find(k_endings.begin(), k_endings.end(), ending) != k_endings.end();
}

std::string read_whole(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

std::vector<File> read_tree() {
  std::vector<File> files;
  for (auto at = fs::recursive_directory_iterator(repository_root());
       at != fs::recursive_directory_iterator(); ++at) {
    if (at->is_directory() && is_skipped_folder(at->path())) at.disable_recursion_pending();
    if (!at->is_regular_file() || !is_text_file(at->path())) continue;
    if (at->path().filename() == ".git") continue;  // a linked work tree has a file there
    std::string text = read_whole(at->path());
    if (text.find('\0') != std::string::npos) continue;
    files.push_back({at->path().lexically_relative(repository_root()).string(), std::move(text)});
  }
  std::sort(files.begin(), files.end(),
            [](const File& left, const File& right) { return left.path < right.path; });
  return files;
}

}  // namespace

const fs::path& repository_root() {
  const char* told = std::getenv("HITLESS_ROOT");
  static const fs::path k_root = told == nullptr ? HITLESS_SOURCE_DIR : told;
  return k_root;
}

const std::vector<File>& repository_files() {
  static const std::vector<File> k_files = read_tree();
  return k_files;
}

const File* find_file(std::string_view path) {
  for (const File& file : repository_files()) {
    if (file.path == path) return &file;
  }
  return nullptr;
}

bool writes_documents() {
  return std::getenv("HITLESS_WRITE_DOCS") != nullptr;
}

}  // namespace hitless::tidy
