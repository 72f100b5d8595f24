// The tree that the rules are held against.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tests/tidy/text.h"

namespace hitless::tidy {

// The root of the source tree: HITLESS_ROOT from the environment, else where this was built from.
const std::filesystem::path& repository_root();

// Every text file of the project, by path; build output and hidden folders (but .ci) left out.
const std::vector<File>& repository_files();

// The file of that path; nullptr when there is none.
const File* find_file(std::string_view path);

// Whether the tests were asked to write generated documents instead of comparing them.
bool writes_documents();

}  // namespace hitless::tidy
