// Values as people read them: sizes, times, aligned tables.  Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hitless::cli {

std::string human_count(std::int64_t count);                       // "18,003"
std::string human_bytes(std::int64_t bytes);                       // "2.2 MB"
std::string human_micros(std::int64_t micros);                     // as duration_text() of base
std::string human_ago(std::int64_t then_ms, std::int64_t now_ms);  // "5 min ago"
std::string human_clock(std::int64_t at_ms);                       // "14:03:07", UTC

// "[#####.....] 50 %"
std::string progress_bar(int percent, std::size_t width = 30);

// Each line at most so wide, an ellipsis in place of what does not fit; escape sequences have no
// width and all stay.  0: whole lines.
std::string cut_lines(std::string_view text, std::size_t width);

// At most so many lines; where some had to go, the last one says how many.  0: all of them.
std::string cut_height(std::string_view text, std::size_t height);

// Rows in aligned columns, two blanks between them; escape sequences have no width.
class Table {
 public:
  // A name that begins with ">" makes a column of numbers: it is aligned to the right.
  explicit Table(std::vector<std::string> columns);
  void add(std::vector<std::string> cells);
  std::string text() const;  // one line a row, the names first

 private:
  std::vector<bool> right_;
  std::vector<std::vector<std::string>> rows_;
};

// Names to the left, values beside them, for details.
std::string pairs_text(const std::vector<std::pair<std::string, std::string>>& pairs);

}  // namespace hitless::cli
