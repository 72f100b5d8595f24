#include "cli/text.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "base/duration_text.h"

namespace hitless::cli {
namespace {

constexpr std::string_view k_gap = "  ";

constexpr std::string_view k_ellipsis = "…";

// Tells byte by byte which ones stand on the screen: escape sequences do not.
class Screen {
 public:
  enum class Byte { escape, first, continuation };

  Byte take(char c) {
    if (escape_) {
      escape_ = c != 'm';
      return Byte::escape;
    }
    escape_ = c == '\x1b';
    if (escape_) return Byte::escape;
    const bool continues = (static_cast<unsigned char>(c) & 0xC0) == 0x80;
    return continues ? Byte::continuation : Byte::first;
  }

 private:
  bool escape_ = false;
};

// Characters on the screen.
std::size_t width_of(std::string_view text) {
  Screen screen;
  std::size_t width = 0;
  for (const char c : text) width += screen.take(c) == Screen::Byte::first ? 1 : 0;
  return width;
}

std::string cut_line(std::string_view line, std::size_t width) {
  if (width_of(line) <= width) return std::string(line);
  Screen screen;
  std::string out;
  std::size_t column = 0;
  for (const char c : line) {
    const Screen::Byte byte = screen.take(c);
    if (byte == Screen::Byte::first && ++column == width) out += k_ellipsis;
    if (byte == Screen::Byte::escape || column < width) out += c;
  }
  return out;
}

std::string padded(std::string_view text, std::size_t width, bool right) {
  const std::string blanks(width - std::min(width, width_of(text)), ' ');
  return right ? blanks + std::string(text) : std::string(text) + blanks;
}

}  // namespace

std::string human_count(std::int64_t count) {
  const std::string digits = fmt::format("{}", count);
  const std::size_t first = digits.starts_with('-') ? 1 : 0;
  std::string out;
  for (std::size_t at = 0; at < digits.size(); ++at) {
    if (at > first && (digits.size() - at) % 3 == 0) out += ',';
    out += digits[at];
  }
  return out;
}

std::string human_bytes(std::int64_t bytes) {
  constexpr std::array k_units = {"B", "kB", "MB", "GB", "TB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < k_units.size()) {
    value /= 1000;
    ++unit;
  }
  if (unit == 0 || value >= 99.95) return fmt::format("{:.0f} {}", value, k_units[unit]);
  return fmt::format("{:.1f} {}", value, k_units[unit]);
}

std::string human_micros(std::int64_t micros) {
  return duration_text(Duration(micros));
}

std::string human_ago(std::int64_t then_ms, std::int64_t now_ms) {
  const std::int64_t seconds = (now_ms - then_ms) / 1000;
  if (then_ms <= 0) return "-";
  if (seconds < 1) return "just now";
  if (seconds < 120) return fmt::format("{} s ago", seconds);
  if (seconds < 2 * 3600) return fmt::format("{} min ago", seconds / 60);
  if (seconds < 2 * 86400) return fmt::format("{} h ago", seconds / 3600);
  return fmt::format("{} days ago", seconds / 86400);
}

std::string human_clock(std::int64_t at_ms) {
  const std::chrono::sys_seconds at{std::chrono::seconds(at_ms / 1000)};
  return fmt::format("{:%H:%M:%S}", at);
}

std::string progress_bar(int percent, std::size_t width) {
  const int sane = std::clamp(percent, 0, 100);
  const std::size_t filled = width * static_cast<std::size_t>(sane) / 100;
  return fmt::format("[{}{}] {:>3} %", std::string(filled, '#'), std::string(width - filled, '.'),
                     sane);
}

std::string cut_lines(std::string_view text, std::size_t width) {
  if (width == 0) return std::string(text);
  std::string out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    out += cut_line(text.substr(0, end), width);
    if (end < text.size()) out += '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string cut_height(std::string_view text, std::size_t height) {
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  if (height == 0 || lines <= height) return std::string(text);
  std::size_t end = 0;
  for (std::size_t kept = 0; kept + 1 < height; ++kept) end = text.find('\n', end) + 1;
  return fmt::format("{}… and {} more\n", text.substr(0, end), lines - height + 1);
}

Table::Table(std::vector<std::string> columns) {
  for (std::string& column : columns) {
    right_.push_back(column.starts_with('>'));
    if (right_.back()) column.erase(0, 1);
  }
  rows_.push_back(std::move(columns));
}

void Table::add(std::vector<std::string> cells) {
  cells.resize(right_.size());
  rows_.push_back(std::move(cells));
}

std::string Table::text() const {
  std::vector<std::size_t> widths(right_.size(), 0);
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], width_of(row[i]));
    }
  }
  std::string out;
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line.append(i == 0 ? "" : k_gap).append(padded(row[i], widths[i], right_[i]));
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out.append(line).append("\n");
  }
  return out;
}

std::string pairs_text(const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::size_t width = 0;
  for (const auto& [name, value] : pairs) {
    if (!value.empty()) width = std::max(width, width_of(name));
  }
  std::string out;
  for (const auto& [name, value] : pairs) {
    if (value.empty()) continue;
    out.append(padded(name, width, false)).append(k_gap).append(value).append("\n");
  }
  return out;
}

}  // namespace hitless::cli
