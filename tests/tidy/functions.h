// Finds the functions of a C++ file that clang-format has laid out, by its braces alone.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hitless::tidy {

struct Function {
  std::string head;            // what stands before its brace, in one line
  std::size_t line_first = 0;  // of the opening brace, counted from 1
  std::size_t line_last = 0;   // of the closing brace

  std::size_t lines() const { return line_last - line_first + 1; }
};

// Outermost bodies with a parameter list; lambdas and local types are part of the function that
// holds them, namespaces and classes are looked into, initialisers of variables are left out.
std::vector<Function> functions_of(std::string_view text);

}  // namespace hitless::tidy
