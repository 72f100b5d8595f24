// Who may include whom.  The table of rooms is src/CMakeLists.txt; what is too tempting is
// forbidden here by name.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/tidy/text.h"

namespace hitless::tidy {

// A room and the rooms it may include: those it names in USES, directly or through them.
using Rooms = std::map<std::string, std::set<std::string>>;

// Reads the hitless_room(NAME USES ...) calls.
Rooms rooms_of(std::string_view cmake_text);

// What is wrong with the includes of one file of src/.
std::vector<Finding> check_room_includes(const File& file, const Rooms& rooms);

// Third-party headers: which library may be named where (one .h/.cc pair a library, .cc files
// otherwise), and that no unknown library comes in unseen.
std::vector<Finding> check_library_includes(const File& file);

}  // namespace hitless::tidy
