// What documents must agree on with the code, with each other and with the tree.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/tidy/rooms.h"
#include "tests/tidy/text.h"

namespace hitless::tidy {

// Every room has its heading "### `src/ROOM/`" in ARCHITECTURE.md, whose paragraph ends with an
// **Invariant:**; and every such heading names a room.
std::vector<Finding> check_rooms_described(const File& architecture, const Rooms& rooms);

// Paths of documents ("docs/x.md") and links of Markdown files lead to files that are there.
std::vector<Finding> check_links(const File& file,
                                 const std::function<bool(const std::string&)>& exists);

// docs/decisions/: "0007-words.md", each number once, beginning with "# 7. ".
std::vector<Finding> check_decisions(const std::vector<File>& decisions);

// The text of docs/limits.md: every named value of the */limits.h files, with the comment above it.
std::string limits_document(const std::vector<File>& limit_headers);

// What stands between "<!-- generated: NAME -->" and "<!-- end -->"; empty when it is not there.
std::string_view generated_part(std::string_view document, std::string_view name);

// The document with `content` there instead.
std::string with_generated_part(std::string_view document, std::string_view name,
                                std::string_view content);

}  // namespace hitless::tidy
