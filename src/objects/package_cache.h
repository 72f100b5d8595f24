// A content-addressed cache of model packages: what a version runs from can never change under it.
//
// Folders <directory>/<digest>/ hold one package each, read-only.  A package is complete or absent:
// it is copied aside and renamed.  Any thread; two imports of the same content meet in one folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.h"

namespace hitless::objects {

struct CachedPackage {
  std::string digest;          // SHA-256 over names, modes and contents of all files
  std::filesystem::path path;  // the package's root: holds model/
  std::uint64_t size_bytes = 0;
};

class PackageCache {
 public:
  static Result<PackageCache> open(std::filesystem::path directory);

  // Copies `source` (a folder that holds model/config.json).  Errors: not_found (names what is
  // missing), exhausted (disk full: how much is needed and free; nothing is left behind), invalid
  // (links out of the package, special files, more than k_files_max files).
  Result<CachedPackage> import(const std::filesystem::path& source) const;

  // not_found when it was removed.
  Result<CachedPackage> find(const std::string& digest) const;

  Result<void> remove(const std::string& digest) const;

 private:
  explicit PackageCache(std::filesystem::path directory) : directory_(std::move(directory)) {}
  std::filesystem::path directory_;
};

}  // namespace hitless::objects
