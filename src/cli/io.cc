#include "cli/io.h"

#include <array>

namespace hitless::cli {
namespace {

struct WordColour {
  std::string_view word;
  Colour colour;
};

constexpr std::array k_words = {
    WordColour{"running", Colour::green},       WordColour{"published", Colour::green},
    WordColour{"succeeded", Colour::green},     WordColour{"routed", Colour::green},
    WordColour{"ready", Colour::green},         WordColour{"SUCCESS", Colour::green},
    WordColour{"normal", Colour::green},        WordColour{"deploying", Colour::yellow},
    WordColour{"publishing", Colour::yellow},   WordColour{"starting", Colour::yellow},
    WordColour{"warming", Colour::yellow},      WordColour{"shifting", Colour::yellow},
    WordColour{"draining", Colour::yellow},     WordColour{"stopping", Colour::yellow},
    WordColour{"RUNNING", Colour::yellow},      WordColour{"concerning", Colour::yellow},
    WordColour{"rolling_back", Colour::yellow}, WordColour{"rolled_back", Colour::red},
    WordColour{"failed", Colour::red},          WordColour{"FAIL", Colour::red},
    WordColour{"notReady", Colour::red},        WordColour{"abnormal", Colour::red},
    WordColour{"stopped", Colour::dim},         WordColour{"gone", Colour::dim},
    WordColour{"superseded", Colour::dim},
};

std::string_view code_of(Colour colour) {
  switch (colour) {
    case Colour::plain: return "";
    case Colour::bold: return "1";
    case Colour::dim: return "2";
    case Colour::red: return "31";
    case Colour::green: return "32";
    case Colour::yellow: return "33";
    case Colour::cyan: return "36";
  }
  return "";
}

}  // namespace

std::string paint(const Io& io, Colour colour, std::string_view text) {
  if (!io.colour || colour == Colour::plain) return std::string(text);
  std::string out = "\x1b[";
  return out.append(code_of(colour)).append("m").append(text).append("\x1b[0m");
}

std::string paint_word(const Io& io, std::string_view word) {
  for (const WordColour& row : k_words) {
    if (row.word == word) return paint(io, row.colour, word);
  }
  return std::string(word);
}

}  // namespace hitless::cli
