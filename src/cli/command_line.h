// A command line as it was understood, to be shown and typed again.
#pragma once

#include <string>
#include <string_view>

namespace CLI {
class App;
}

namespace hitless::cli {

// The word as a shell takes it: quoted where it must be.
std::string shell_word(std::string_view word);

// "hitless service update speech --model vad:0.0.2": `command` with another last name, and every
// option that was given but --json.
std::string command_line_of(const CLI::App& command, const std::string& name);

}  // namespace hitless::cli
