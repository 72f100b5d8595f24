// What a command talks through: its streams, and whether a person watches.
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace hitless::cli {

struct Io {
  std::ostream& out;
  std::ostream& err;
  std::istream& in;
  bool terminal = false;                                 // out is one: live views and progress bars
  bool colour = false;                                   // a terminal, and no NO_COLOR
  std::size_t (*columns)() = nullptr;                    // the terminal's now; 0: not known
  std::size_t (*rows)() = nullptr;                       // the same
  Duration poll_every = std::chrono::milliseconds(200);  // of an import
  Duration ask_every = std::chrono::seconds(1);          // what could not be had as a stream
};

enum class Colour { plain, bold, dim, red, green, yellow, cyan };

// `text` in that colour when io has colours.
std::string paint(const Io& io, Colour colour, std::string_view text);

// The colour of a status or phase word, from one table.
std::string paint_word(const Io& io, std::string_view word);

}  // namespace hitless::cli
