#include "objects/package_cache.h"

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <set>
#include <thread>

#include "base/file.h"
#include "objects/package_files.h"

namespace hitless::objects {
namespace {

namespace fs = std::filesystem;

class PackageCacheTest : public testing::Test {
 protected:
  PackageCacheTest() { put("model/config.json", "{}"); }

  fs::path source() const { return folder.path() / "source"; }
  fs::path cache_folder() const { return folder.path() / "cache"; }
  PackageCache cache() const { return PackageCache::open(cache_folder()).value(); }

  void put(const std::string& name, const std::string& content, unsigned mode = 0644) {
    ASSERT_TRUE(ensure_directory((source() / name).parent_path()));
    ASSERT_TRUE(write_file_atomically(source() / name, content, mode));
  }
  std::string read(const fs::path& path) { return read_file(path, 1 << 20).value_or("(none)"); }

  static std::vector<std::string> entries(const fs::path& path) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(path)) {
      names.push_back(entry.path().filename().string());
    }
    return names;
  }

  TemporaryDirectory folder = TemporaryDirectory::make("cache-test").value();
};

unsigned mode_of(const fs::path& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
}

TEST_F(PackageCacheTest, CopiesAPackageReadOnly) {
  put("model/weights/a.bin", std::string(3 << 20, 'w'));
  put("model/run.sh", "#!/bin/sh\n", 0755);
  const auto package = cache().import(source());
  ASSERT_TRUE(package) << package.error().text();
  EXPECT_EQ(package->path, cache_folder() / package->digest);
  EXPECT_EQ(package->size_bytes, (3U << 20) + 2 + 10);
  EXPECT_EQ(read(package->path / "model/config.json"), "{}");
  EXPECT_EQ(fs::file_size(package->path / "model/weights/a.bin"), 3U << 20);
  EXPECT_EQ(mode_of(package->path), 0555U);
  EXPECT_EQ(mode_of(package->path / "model/weights"), 0555U);
  EXPECT_EQ(mode_of(package->path / "model/config.json"), 0444U);
  EXPECT_EQ(mode_of(package->path / "model/run.sh"), 0555U);
  EXPECT_EQ(entries(cache_folder()), std::vector<std::string>{package->digest});
}

TEST_F(PackageCacheTest, FindsAndRemovesByDigest) {
  const auto package = cache().import(source()).value();
  const auto found = cache().find(package.digest);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->path, package.path);
  EXPECT_EQ(found->size_bytes, 2U);
  ASSERT_TRUE(cache().remove(package.digest));
  EXPECT_EQ(cache().find(package.digest).error().code(), Code::not_found);
  EXPECT_EQ(cache().remove(package.digest).error().code(), Code::not_found);
  EXPECT_TRUE(entries(cache_folder()).empty());
  EXPECT_EQ(cache().find("../source").error().code(), Code::not_found);
}

TEST_F(PackageCacheTest, DigestsNamesModesAndContents) {
  std::set<std::string> digests;
  const auto digest = [this] { return cache().import(source()).value().digest; };
  digests.insert(digest());
  EXPECT_TRUE(digests.contains(digest())) << "equal content, equal digest";
  put("model/a", "one");
  EXPECT_TRUE(digests.insert(digest()).second) << "another file";
  put("model/a", "two");
  EXPECT_TRUE(digests.insert(digest()).second) << "other content";
  put("model/a", "two", 0755);
  EXPECT_TRUE(digests.insert(digest()).second) << "another mode";
  put("model/a", "two", 0700);
  EXPECT_FALSE(digests.insert(digest()).second) << "who else may read it says nothing";
  fs::rename(source() / "model/a", source() / "model/b");
  EXPECT_TRUE(digests.insert(digest()).second) << "another name";
}

TEST_F(PackageCacheTest, NamesWhatIsMissing) {
  const auto nowhere = cache().import(folder.path() / "nowhere");
  EXPECT_EQ(nowhere.error().code(), Code::not_found);
  EXPECT_NE(nowhere.error().text().find("nowhere"), std::string::npos);
  fs::remove(source() / "model/config.json");
  const auto without = cache().import(source());
  EXPECT_EQ(without.error().code(), Code::not_found);
  EXPECT_NE(without.error().text().find("model/config.json"), std::string::npos);
}

TEST_F(PackageCacheTest, CopiesLinksInsideAsWhatTheyLeadTo) {
  put("shared/weights.bin", "weights");
  fs::create_symlink("../shared/weights.bin", source() / "model/weights.bin");
  fs::create_symlink("../shared", source() / "model/all");
  const auto package = cache().import(source());
  ASSERT_TRUE(package) << package.error().text();
  EXPECT_FALSE(fs::is_symlink(package->path / "model/weights.bin"));
  EXPECT_EQ(read(package->path / "model/weights.bin"), "weights");
  EXPECT_EQ(read(package->path / "model/all/weights.bin"), "weights");
}

struct BadEntry {
  const char* name;
  std::function<void(const fs::path&)> make;
  const char* why;
};

TEST_F(PackageCacheTest, RefusesWhatLeadsOutOrIsSpecial) {
  const BadEntry rows[] = {
      {"absolute", [](const fs::path& at) { fs::create_symlink("/etc/passwd", at); },
       "only relative links"},
      {"escaping", [](const fs::path& at) { fs::create_symlink("../../outside", at); },
       "outside the package"},
      {"broken", [](const fs::path& at) { fs::create_symlink("nothing", at); }, "not there"},
      {"loop", [](const fs::path& at) { fs::create_symlink("..", at); }, "deep"},
      {"fifo", [](const fs::path& at) { ASSERT_EQ(::mkfifo(at.c_str(), 0600), 0); },
       "neither a file nor a folder"},
  };
  ASSERT_TRUE(write_file_atomically(folder.path() / "outside", "secret"));
  for (const BadEntry& row : rows) {
    const fs::path at = source() / "model" / row.name;
    row.make(at);
    const auto refused = cache().import(source());
    ASSERT_FALSE(refused) << row.name;
    EXPECT_EQ(refused.error().code(), Code::invalid) << row.name;
    EXPECT_NE(refused.error().text().find(row.why), std::string::npos) << refused.error().text();
    EXPECT_TRUE(entries(cache_folder()).empty()) << row.name;
    fs::remove(at);
  }
}

TEST_F(PackageCacheTest, RefusesAFolderWithTooManyFiles) {
  const fs::path crowd = source() / "crowd";
  fs::create_directory(crowd);
  put("crowd/first", "x");
  for (std::size_t at = 0; at < k_files_max; ++at) {
    // Names for one file are as many files to a copy, and quicker to make.
    ASSERT_EQ(::link((crowd / "first").c_str(), (crowd / std::to_string(at)).c_str()), 0);
  }
  const auto refused = cache().import(source());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::invalid);
}

TEST_F(PackageCacheTest, ImportsOfEqualContentMeet) {
  put("model/weights.bin", std::string(1 << 20, 'w'));
  const PackageCache shared = cache();
  std::vector<Result<CachedPackage>> results(8, Error(Code::internal, "not run"));
  std::vector<std::thread> threads;
  for (auto& result : results) {
    threads.emplace_back([&shared, &result, this] { result = shared.import(source()); });
  }
  for (std::thread& thread : threads) thread.join();
  for (auto& result : results) {
    ASSERT_TRUE(result) << result.error().text();
    EXPECT_EQ(result->digest, results.front()->digest);
  }
  EXPECT_EQ(entries(cache_folder()), std::vector<std::string>{results.front()->digest});
}

TEST_F(PackageCacheTest, SweepsWhatACrashLeftButNotWhatIsUnderWay) {
  ASSERT_TRUE(ensure_directory(cache_folder() / ".import-dead/model", 0555));
  ASSERT_TRUE(ensure_directory(cache_folder() / ".import-live/model"));
  const auto lock = lock_file(cache_folder() / ".import-live.lock");
  ASSERT_TRUE(lock);
  (void)cache();
  EXPECT_FALSE(fs::exists(cache_folder() / ".import-dead"));
  EXPECT_FALSE(fs::exists(cache_folder() / ".import-dead.lock"));
  EXPECT_TRUE(fs::exists(cache_folder() / ".import-live/model"));
}

// A file system of its own, as large as a test wants it.
class SmallDisk {
 public:
  SmallDisk(fs::path path, const char* options) : path_(std::move(path)) {
    fs::create_directories(path_);
    mounted_ = ::mount("none", path_.c_str(), "tmpfs", 0, options) == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  bool is_mounted() const { return mounted_; }

 private:
  fs::path path_;
  bool mounted_ = false;
};

TEST_F(PackageCacheTest, SaysHowMuchAFullDiskLacks) {
  const SmallDisk disk(cache_folder(), "size=1m");
  if (!disk.is_mounted()) GTEST_SKIP() << "only root can mount a small disk";
  put("model/weights.bin", std::string(2 << 20, 'w'));
  const auto full = cache().import(source());
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code(), Code::exhausted);
  EXPECT_NE(full.error().text().find("needs 2.0 MiB and 1.0 MiB are free"), std::string::npos)
      << full.error().text();
  EXPECT_TRUE(entries(cache_folder()).empty());
}

TEST_F(PackageCacheTest, LeavesNothingWhenTheDiskFillsUpHalfway) {
  const SmallDisk disk(cache_folder(), "size=1m");
  if (!disk.is_mounted()) GTEST_SKIP() << "only root can mount a small disk";
  // Few bytes, but a block for each.
  for (int at = 0; at < 400; ++at) {
    std::ofstream(source() / "model" / ("part" + std::to_string(at))) << "x";
  }
  const auto full = cache().import(source());
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code(), Code::exhausted);
  EXPECT_NE(full.error().text().find("is full"), std::string::npos) << full.error().text();
  EXPECT_TRUE(entries(cache_folder()).empty());
}

}  // namespace
}  // namespace hitless::objects
