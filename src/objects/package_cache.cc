#include "objects/package_cache.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "base/crypto.h"
#include "base/file.h"
#include "objects/package_files.h"

namespace hitless::objects {
namespace {

constexpr std::size_t k_buffer_bytes = 1 << 20;
constexpr std::size_t k_digest_size = 64;
constexpr std::string_view k_aside = ".import-";  // what comes and goes; after a crash, swept
constexpr const char* k_lock = ".lock";

// Everything in a package is for reading, by whichever user its instance runs as.
constexpr mode_t k_folder_mode = 0555;
constexpr mode_t k_file_mode = 0444;
constexpr mode_t k_program_mode = 0555;

bool is_digest(const std::string& text) {
  return text.size() == k_digest_size && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

// Removes a tree whose folders are read-only, which keeps everybody but root from emptying them.
void remove_tree(const std::filesystem::path& root) {
  std::error_code failure;
  std::filesystem::permissions(root, std::filesystem::perms(0755), failure);
  for (std::filesystem::recursive_directory_iterator entry(root, failure), end;
       !failure && entry != end; entry.increment(failure)) {
    std::error_code ignored;  // what cannot be opened cannot be emptied: remove_all then tells
    if (entry->is_directory(ignored) && !entry->is_symlink(ignored)) {
      std::filesystem::permissions(entry->path(), std::filesystem::perms(0755), ignored);
    }
  }
  std::filesystem::remove_all(root, failure);
}

// A folder that vanishes with its owner unless it was given its final name.  Its lock tells who
// sweeps the cache that somebody is at it.
class Aside {
 public:
  static Result<std::unique_ptr<Aside>> make(const std::filesystem::path& directory) {
    std::filesystem::path path = directory / fmt::format("{}{}", k_aside, random_hex(8));
    HL_TRY_ASSIGN(UniqueFd lock, lock_file(path.string() + k_lock));
    return std::make_unique<Aside>(std::move(path), std::move(lock));
  }
  Aside(std::filesystem::path path, UniqueFd lock)
      : path_(std::move(path)), lock_(std::move(lock)) {}
  ~Aside() {
    remove_tree(path_);
    ::unlink((path_.string() + k_lock).c_str());
  }
  Aside(const Aside&) = delete;
  Aside& operator=(const Aside&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  const std::filesystem::path path_;
  const UniqueFd lock_;
};

std::uint64_t free_bytes(const std::filesystem::path& path) {
  struct statvfs status {};
  return ::statvfs(path.c_str(), &status) == 0 ? status.f_bavail * status.f_frsize : 0;
}

// "8.0 MiB"; small sizes exactly.
std::string readable(std::uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{} bytes", bytes);
  constexpr const char* units[] = {"KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < std::size(units); ++unit) value /= 1024;
  return fmt::format("{:.1f} {}", value, units[unit]);
}

Error disk_full(const std::filesystem::path& where, std::uint64_t needed, std::uint64_t free) {
  return Error(Code::exhausted,
               fmt::format("the disk of {} is full: the package needs {} and {} are free; remove "
                           "models that are not used or make room",
                           where.string(), readable(needed), readable(free)));
}

Error named(std::string_view call, const std::filesystem::path& path) {
  return system_error(call, path.string(), errno);
}

Result<void> sync_folder(const std::filesystem::path& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) return named("syncing", path);
  return {};
}

// One import: copies files one by one and digests what it has written, so that the digest is true
// of the copy also when the source changes meanwhile.
class Import {
 public:
  explicit Import(const std::filesystem::path& target)
      : target_(target), buffer_(k_buffer_bytes, '\0') {}

  Result<void> copy(const PackageFile& file);
  std::string finish() { return digest_.finish(); }
  std::uint64_t bytes() const { return bytes_; }
  bool met_full_disk() const { return full_; }

 private:
  Result<void> copy_content(int from, int to, const PackageFile& file);
  Error failed(std::string_view call, const std::filesystem::path& path, int error_number) {
    full_ = full_ || error_number == ENOSPC || error_number == EDQUOT;
    return system_error(call, path.string(), error_number);
  }

  const std::filesystem::path& target_;
  std::string buffer_;
  Sha256 digest_;
  std::uint64_t bytes_ = 0;
  bool full_ = false;
};

Result<void> Import::copy(const PackageFile& file) {
  const std::filesystem::path to_path = target_ / file.name;
  std::error_code failure;
  std::filesystem::create_directories(to_path.parent_path(), failure);
  if (failure) return failed("creating", to_path.parent_path(), failure.value());
  const UniqueFd from(::open(file.source.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!from) return named("opening", file.source);
  const UniqueFd to(::open(to_path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!to) return failed("creating", to_path, errno);
  const std::uint64_t before = bytes_;
  // With lengths, so that no two different packages read the same.
  digest_.add(fmt::format("{}:{}:{}:", file.name.size(), file.name, file.program ? "x" : "-"));
  HL_TRY(copy_content(from.get(), to.get(), file));
  digest_.add(fmt::format(":{};", bytes_ - before));
  if (::fchmod(to.get(), file.program ? k_program_mode : k_file_mode) != 0) {
    return named("setting the mode of", to_path);
  }
  if (::fsync(to.get()) != 0) return failed("syncing", to_path, errno);
  return {};
}

Result<void> Import::copy_content(int from, int to, const PackageFile& file) {
  for (;;) {
    const ssize_t got = ::read(from, buffer_.data(), buffer_.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return named("reading", file.source);
    if (got == 0) return {};
    std::string_view rest(buffer_.data(), static_cast<std::size_t>(got));
    digest_.add(rest);
    while (!rest.empty()) {
      const ssize_t written = ::write(to, rest.data(), rest.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return failed("writing", target_ / file.name, errno);
      bytes_ += static_cast<std::uint64_t>(written);
      rest.remove_prefix(static_cast<std::size_t>(written));
    }
  }
}

// Folders read-only, contents before their names: from the leaves to the root.
Result<void> seal(const std::filesystem::path& root) {
  std::vector<std::filesystem::path> folders{root};
  std::error_code failure;
  for (std::filesystem::recursive_directory_iterator entry(root, failure), end;
       !failure && entry != end; entry.increment(failure)) {
    if (entry->is_directory(failure)) folders.push_back(entry->path());
  }
  if (failure) return system_error("listing", root.string(), failure.value());
  std::sort(folders.rbegin(), folders.rend());
  for (const auto& folder : folders) {
    HL_TRY(sync_folder(folder));
    if (::chmod(folder.c_str(), k_folder_mode) != 0) return named("setting the mode of", folder);
  }
  return {};
}

// What a crash left in the cache; not what somebody is at.
void sweep(const std::filesystem::path& directory) {
  std::vector<std::string> names;
  std::error_code failure;
  for (std::filesystem::directory_iterator entry(directory, failure), end; !failure && entry != end;
       entry.increment(failure)) {
    std::string name = entry->path().filename().string();
    if (!name.starts_with(k_aside)) continue;
    if (name.ends_with(k_lock)) name.resize(name.size() - std::strlen(k_lock));
    names.push_back(std::move(name));
  }
  for (const std::string& name : names) {
    const std::filesystem::path lock_path = directory / (name + k_lock);
    const Result<UniqueFd> lock = lock_file(lock_path);
    if (!lock) continue;
    remove_tree(directory / name);
    ::unlink(lock_path.c_str());
  }
}

std::uint64_t size_of(const std::filesystem::path& root) {
  std::uint64_t bytes = 0;
  std::error_code failure;
  for (std::filesystem::recursive_directory_iterator entry(root, failure), end;
       !failure && entry != end; entry.increment(failure)) {
    std::error_code ignored;  // removed meanwhile
    if (entry->is_regular_file(ignored)) bytes += entry->file_size(ignored);
  }
  return bytes;
}

}  // namespace

Result<PackageCache> PackageCache::open(std::filesystem::path directory) {
  HL_TRY(ensure_directory(directory, 0755));
  std::error_code failure;
  directory = std::filesystem::absolute(directory, failure);
  if (failure) return system_error("finding", directory.string(), failure.value());
  sweep(directory);
  return PackageCache(std::move(directory));
}

Result<CachedPackage> PackageCache::import(const std::filesystem::path& source) const {
  HL_TRY_ASSIGN(const PackageListing listing, list_package(source));
  const std::uint64_t free = free_bytes(directory_);
  if (listing.bytes > free) return disk_full(directory_, listing.bytes, free);
  HL_TRY_ASSIGN(const auto aside, Aside::make(directory_));
  if (::mkdir(aside->path().c_str(), 0755) != 0) return named("creating", aside->path());
  Import import(aside->path());
  for (const PackageFile& file : listing.files) {
    auto copied = import.copy(file);
    if (copied) continue;
    if (!import.met_full_disk()) return std::move(copied).error().context("copying the package");
    return disk_full(directory_, listing.bytes, free_bytes(directory_));
  }
  const std::string digest = import.finish();
  if (auto present = find(digest)) return present;
  HL_TRY(seal(aside->path()));
  // Somebody may have been quicker with the same content: theirs is as good.
  const std::filesystem::path path = directory_ / digest;
  if (::rename(aside->path().c_str(), path.c_str()) != 0 && errno != EEXIST && errno != ENOTEMPTY) {
    return named("renaming", aside->path());
  }
  HL_TRY(sync_folder(directory_));
  return CachedPackage{.digest = digest, .path = path, .size_bytes = import.bytes()};
}

Result<CachedPackage> PackageCache::find(const std::string& digest) const {
  struct stat status {};
  const std::filesystem::path path = directory_ / digest;
  if (!is_digest(digest) || ::stat(path.c_str(), &status) != 0) {
    return Error(Code::not_found, fmt::format("package {} is not in the cache", digest));
  }
  return CachedPackage{.digest = digest, .path = path, .size_bytes = size_of(path)};
}

Result<void> PackageCache::remove(const std::string& digest) const {
  HL_TRY_ASSIGN(const CachedPackage package, find(digest));
  // Renamed first: a package is complete or absent, also to whoever looks while it goes.
  HL_TRY_ASSIGN(const auto aside, Aside::make(directory_));
  if (::rename(package.path.c_str(), aside->path().c_str()) != 0) {
    return named("removing", package.path);
  }
  return {};
}

}  // namespace hitless::objects
