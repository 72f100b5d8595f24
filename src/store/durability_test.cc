// A crash or a full disk at every single write leaves the state before or the state after.
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <fstream>

#include "store/sqlite.h"
#include "store/test_faults.h"
#include "tests/support/store_values.h"

namespace hitless::store {
namespace {

using Operation = std::function<Result<void>(Store&)>;

// What a PUT over a rollout under way, and what a step of a rollout, write.
Result<void> put(Store& store) {
  HL_TRY_ASSIGN(const model::Service service, store.find_service(model::ServiceId("s1")));
  Store::AcceptedChange change{.expected = service,
                               .service = service,
                               .revision = some_revision(service.id, 2, "m2"),
                               .rollout = some_rollout("second", service.id, 1, 2),
                               .superseded = some_rollout("first-of-s1", service.id, 0, 1),
                               .events = {some_event("s1", "updating", at(9))}};
  change.superseded->phase = model::Phase::superseded;
  change.service.rollout = change.rollout->id;
  return store.accept_change(change);
}

Result<void> decide(Store& store) {
  HL_TRY_ASSIGN(model::Service service, store.find_service(model::ServiceId("s1")));
  service.status = model::ServiceStatus::running;
  model::Rollout rollout = some_rollout("first-of-s1", service.id, 0, 1);
  rollout.phase = model::Phase::starting;
  return store.record({.rollout = rollout,
                       .instances = {some_instance(service.id, 1), some_instance(service.id, 2)},
                       .service = service,
                       .events = {some_event("s1", "one", at(9)), some_event("s1", "two", at(9))}});
}

Result<void> remove(Store& store) {
  return store.remove_service(model::ServiceId("s1"));
}

Result<void> generate(Store& store) {
  HL_TRY_ASSIGN([[maybe_unused]] const model::Generation next, store.take_generation());
  return {};
}

// Every row of every table.
std::string dump(const std::filesystem::path& file) {
  const auto database = Database::open(file).value();
  std::string all;
  for (const std::string table : {"models", "services", "revisions", "revision_models", "rollouts",
                                  "instances", "events", "settings", "counters"}) {
    Statement rows = database->prepare("SELECT * FROM " + table).value();
    while (rows.step().value()) {
      all.append(table);
      for (int i = 0; i < rows.columns(); ++i) all.append("|").append(rows.text(i));
      all.append("\n");
    }
  }
  Statement check = database->prepare("PRAGMA integrity_check").value();
  EXPECT_TRUE(check.step().value());
  EXPECT_EQ(check.text(0), "ok");
  return all;
}

struct Row {
  const char* name;
  Operation operation;
};

class Durability : public testing::TestWithParam<Row> {
 protected:
  Durability() {
    const auto store = Store::open(original()).value();
    const model::Service service = some_service("s1", "first");
    EXPECT_TRUE(store->add_service(service, some_revision(service.id, 1),
                                   some_rollout("first-of-s1", service.id, 0, 1),
                                   {some_event("s1", "begin")}));
  }

  std::filesystem::path original() const { return folder_.path() / "original.db"; }
  std::filesystem::path victim() const { return folder_.path() / "victim.db"; }

  void fresh_victim() const {
    for (const char* end : {"", "-wal", "-shm", "-journal"}) {
      std::filesystem::remove(victim().string() + end);
    }
    std::filesystem::copy_file(original(), victim());
  }

  // Opens the victim, runs the operation with the fault armed.
  static Result<void> run(const std::filesystem::path& file, bool& armed) {
    HL_TRY_ASSIGN(const std::unique_ptr<Store> store, Store::open(file));
    armed = true;
    Result<void> done = GetParam().operation(*store);
    armed = false;
    return done;
  }

  void expect_before_or_after(const std::string& where) {
    const std::string now = dump(victim());
    EXPECT_TRUE(now == before_ || now == after_) << where << " left\n" << now;
  }

  void learn_before_and_after() {
    before_ = dump(original());
    fresh_victim();
    bool armed = false;
    ASSERT_TRUE(run(victim(), armed));
    after_ = dump(victim());
    ASSERT_NE(before_, after_);
  }

  const TemporaryDirectory folder_ = TemporaryDirectory::make("durability-test").value();
  std::string before_, after_;
};

TEST_P(Durability, SurvivesACrashAtEveryStatement) {
  learn_before_and_after();
  int crashes = 0;
  for (int at_statement = 1;; ++at_statement) {
    fresh_victim();
    const int status = status_of_child([&] {
      bool armed = false;
      int left = at_statement;
      const StatementWatch watch([&](const std::string&) {
        if (armed && --left == 0) _exit(WriteWatch::k_torn);
      });
      if (!run(victim(), armed)) _exit(1);
    });
    expect_before_or_after("a crash at statement " + std::to_string(at_statement));
    if (status == 0) break;
    ASSERT_EQ(status, WriteWatch::k_torn);
    ++crashes;
  }
  EXPECT_GE(crashes, 3);  // begin, at least one write, commit
  EXPECT_EQ(dump(victim()), after_);
}

TEST_P(Durability, SurvivesACrashInEveryWrite) {
  learn_before_and_after();
  int crashes = 0;
  for (int at_write = 1;; ++at_write) {
    fresh_victim();
    const int status = status_of_child([&] {
      bool armed = false;
      int left = at_write;
      const WriteWatch watch([&] {
        return armed && --left == 0 ? WriteWatch::Answer::tear : WriteWatch::Answer::pass;
      });
      if (!run(victim(), armed)) _exit(1);
    });
    expect_before_or_after("a crash in write " + std::to_string(at_write));
    if (status == 0) break;
    ASSERT_EQ(status, WriteWatch::k_torn);
    ++crashes;
  }
  EXPECT_GE(crashes, 2);
}

TEST_P(Durability, AFullDiskAtEveryWriteLeavesNothingHalfDone) {
  learn_before_and_after();
  for (int at_write = 1;; ++at_write) {
    fresh_victim();
    int left = at_write;
    bool armed = false;
    {
      const WriteWatch watch([&] {
        return armed && --left <= 0 ? WriteWatch::Answer::fail : WriteWatch::Answer::pass;
      });
      const auto store = Store::open(victim()).value();
      armed = true;
      const Result<void> done = GetParam().operation(*store);
      armed = false;
      if (done) break;
      EXPECT_EQ(done.error().code(), Code::exhausted) << done.error().text();
      EXPECT_EQ(done.error().text(),
                "the disk that holds " + victim().string() + " is full: free some space");
      // With space again the same store goes on as if nothing had been.
      const Result<void> again = GetParam().operation(*store);
      ASSERT_TRUE(again) << again.error().text();
    }
    EXPECT_EQ(dump(victim()), after_);
  }
  EXPECT_EQ(dump(victim()), after_);
}

INSTANTIATE_TEST_SUITE_P(Operations, Durability,
                         testing::Values(Row{"accept_change", put}, Row{"record", decide},
                                         Row{"remove_service", remove},
                                         Row{"take_generation", generate}),
                         [](const auto& row) { return std::string(row.param.name); });

// A file system of its own, gone with its owner.
class SmallDisk {
 public:
  explicit SmallDisk(const std::filesystem::path& folder) : folder_(folder) {
    mounted_ = mount("none", folder.c_str(), "tmpfs", 0, "size=512k") == 0;
  }
  ~SmallDisk() {
    if (mounted_) umount2(folder_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  bool mounted() const { return mounted_; }

 private:
  std::filesystem::path folder_;
  bool mounted_ = false;
};

TEST(FullDisk, IsSaidAndGoneAfterSpaceIsFreed) {
  const TemporaryDirectory folder = TemporaryDirectory::make("full-disk-test").value();
  const SmallDisk disk(folder.path());
  if (!disk.mounted()) GTEST_SKIP() << "mounting a small file system needs root";
  const std::filesystem::path file = folder.path() / "hitless.db";
  const std::filesystem::path filler = folder.path() / "filler";
  {
    const auto store = Store::open(file).value();
    ASSERT_TRUE(store->put_setting("kept", "yes"));
    std::ofstream(filler) << std::string(1 << 20, 'x');
    Result<void> done;
    int written = 0;
    for (; done && written < 1000; ++written) {
      done = store->put_setting("s" + std::to_string(written), std::string(1000, 'y'));
    }
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code(), Code::exhausted) << done.error().text();
    const std::string refused = "s" + std::to_string(written - 1);
    EXPECT_EQ(*store->find_setting(refused), std::nullopt);
    EXPECT_EQ(*store->find_setting("kept"), "yes");

    std::filesystem::remove(filler);
    EXPECT_TRUE(store->put_setting(refused, "now"));
  }
  EXPECT_FALSE(dump(file).empty());
}

}  // namespace
}  // namespace hitless::store
