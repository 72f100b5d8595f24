// What a package consists of, as it lies at its source.  Any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace hitless::objects {

// A Python package with its libraries has some thousand files; more than this is a mistaken folder
// (a home, a file system's root).
inline constexpr std::size_t k_files_max = 50000;
// Folders in folders.  Also where a link to its own parent ends.
inline constexpr int k_depth_max = 32;

struct PackageFile {
  std::string name;              // relative, with '/'
  std::filesystem::path source;  // where its content is: the end of links
  bool program = false;          // executable by its owner
};

struct PackageListing {
  std::vector<PackageFile> files;  // by name
  std::uint64_t bytes = 0;
};

// Links inside the package count as what they lead to.  Errors: not_found (names what is missing),
// invalid (names the link, special file or folder that cannot be in a package).
Result<PackageListing> list_package(const std::filesystem::path& source);

}  // namespace hitless::objects
