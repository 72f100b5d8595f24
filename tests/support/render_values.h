// What the tests of cli's texts are made from.
#pragma once

#include <gtest/gtest.h>

#include <iostream>

#include "base/json.h"
#include "cli/io.h"

namespace hitless::cli {

// No terminal, no colours.
inline Io plain_io() {
  return Io{std::cout, std::cerr, std::cin};
}

inline json::object object(const char* text) {
  auto value = parse_json(text);
  EXPECT_TRUE(value) << text;
  return value ? value->get_object() : json::object();
}

}  // namespace hitless::cli
