#include "objects/package_files.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace hitless::objects {
namespace {

Error refused(const std::string& name, std::string_view why) {
  return Error(Code::invalid, fmt::format("{} {}", name, why));
}

class Walk {
 public:
  explicit Walk(std::filesystem::path root) : root_(std::move(root)) {}

  Result<void> folder(const std::filesystem::path& path, const std::string& prefix, int depth);
  PackageListing finish();

 private:
  Result<void> entry(const std::filesystem::path& path, const std::string& name, int depth);
  Result<std::filesystem::path> follow(const std::filesystem::path& path, const std::string& name);

  const std::filesystem::path root_;  // canonical
  PackageListing listing_;
  std::size_t entries_ = 0;
};

Result<void> Walk::folder(const std::filesystem::path& path, const std::string& prefix, int depth) {
  if (depth > k_depth_max) {
    return refused(prefix, fmt::format("is more than {} folders deep, or a link to a folder above "
                                       "it",
                                       k_depth_max));
  }
  std::error_code failure;
  for (std::filesystem::directory_iterator at(path, failure), end; !failure && at != end;
       at.increment(failure)) {
    HL_TRY(entry(at->path(), prefix + at->path().filename().string(), depth));
  }
  if (failure) return system_error("listing", path.string(), failure.value());
  return {};
}

Result<void> Walk::entry(const std::filesystem::path& path, const std::string& name, int depth) {
  if (++entries_ > k_files_max) {
    return Error(Code::invalid, fmt::format("{} holds more than {} files: is it the right folder?",
                                            root_.string(), k_files_max));
  }
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return system_error("reading", path.string(), errno);
  std::filesystem::path real = path;
  if (S_ISLNK(status.st_mode)) {
    HL_TRY_ASSIGN(real, follow(path, name));
    if (::stat(real.c_str(), &status) != 0) return system_error("reading", real.string(), errno);
  }
  if (S_ISDIR(status.st_mode)) return folder(real, name + "/", depth + 1);
  if (!S_ISREG(status.st_mode)) {
    return refused(name, "is neither a file nor a folder; a package cannot hold it");
  }
  listing_.bytes += static_cast<std::uint64_t>(status.st_size);
  listing_.files.push_back(
      {.name = name, .source = std::move(real), .program = (status.st_mode & S_IXUSR) != 0});
  return {};
}

Result<std::filesystem::path> Walk::follow(const std::filesystem::path& path,
                                           const std::string& name) {
  std::error_code failure;
  const std::filesystem::path target = std::filesystem::read_symlink(path, failure);
  if (failure) return system_error("reading", path.string(), failure.value());
  if (target.is_absolute()) {
    return refused(name, fmt::format("is a link to {}; only relative links inside the package are "
                                     "copied",
                                     target.string()));
  }
  std::filesystem::path real = std::filesystem::canonical(path, failure);
  if (failure)
    return refused(name, fmt::format("is a link to {}, which is not there", target.string()));
  const auto relative = real.lexically_relative(root_);
  if (relative.empty() || *relative.begin() == "..") {
    return refused(name,
                   fmt::format("is a link to {}, which is outside the package", target.string()));
  }
  return real;
}

PackageListing Walk::finish() {
  std::sort(
      listing_.files.begin(), listing_.files.end(),
      [](const PackageFile& left, const PackageFile& right) { return left.name < right.name; });
  return std::move(listing_);
}

}  // namespace

Result<PackageListing> list_package(const std::filesystem::path& source) {
  std::error_code failure;
  const std::filesystem::path root = std::filesystem::canonical(source, failure);
  if (failure || !std::filesystem::is_directory(root, failure)) {
    return Error(Code::not_found, fmt::format("there is no folder {}", source.string()));
  }
  if (!std::filesystem::is_regular_file(root / "model" / "config.json", failure)) {
    return Error(Code::not_found,
                 fmt::format("{} holds no model/config.json: name the folder above model/",
                             source.string()));
  }
  Walk walk(root);
  HL_TRY(walk.folder(root, "", 0));
  return walk.finish();
}

}  // namespace hitless::objects
