// The peers' configurations with what only this run knows.  Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace hitless::bench {

// Puts `values` in the place of "@name@" and takes "#mark#" off the lines that begin with it. Every
// value must have a place, and every place a value; anything else is a defect of ours.
std::string fill_template(std::string text, const std::map<std::string, std::string>& values,
                          std::string_view mark);

}  // namespace hitless::bench
