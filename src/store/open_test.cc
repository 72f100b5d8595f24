#include <gtest/gtest.h>

#include <fstream>

#include "store/migrate.h"
#include "tests/support/store_values.h"

namespace hitless::store {
namespace {

class Opening : public StoreTest {
 protected:
  void execute(const std::string& sql) {
    store_.reset();
    ASSERT_TRUE(Database::open(file()).value()->execute(sql));
  }
  Error error_of_opening() {
    store_.reset();
    Result<std::unique_ptr<Store>> opened = Store::open(file());
    return opened ? Error(Code::internal, "it opened") : opened.error();
  }
  static bool says(const Error& error, std::string_view words) {
    return error.text().find(words) != std::string::npos;
  }
};

TEST_F(Opening, MakesADatabaseThatOthersCannotRead) {
  using std::filesystem::perms;
  const perms mode = std::filesystem::status(file()).permissions();
  EXPECT_EQ(mode, perms::owner_read | perms::owner_write);
}

TEST_F(Opening, RefusesADatabaseOfANewerVersion) {
  execute("PRAGMA user_version = 99");
  const Error error = error_of_opening();
  EXPECT_EQ(error.code(), Code::unsupported);
  EXPECT_TRUE(says(error, "made by a newer hitless (version 99")) << error.text();
  execute("PRAGMA user_version = " + std::to_string(present_schema().version));
  EXPECT_TRUE(Store::open(file()));
}

TEST_F(Opening, BringsADatabaseOfVersion2ToThePresent) {
  add("s1", "first");
  ASSERT_TRUE(store().put_setting("usage.gateway", "g1"));
  ASSERT_TRUE(store().put_setting("kept", "yes"));
  execute(
      "ALTER TABLE revisions DROP COLUMN who; CREATE TABLE usage (service TEXT); "
      "PRAGMA user_version = 2");
  reopen();
  EXPECT_TRUE(store().find_service(model::ServiceId("s1")));
  EXPECT_EQ(*store().find_setting("usage.gateway"), std::nullopt);
  EXPECT_EQ(*store().find_setting("kept"), "yes");
  store_.reset();
  const auto database = Database::open(file()).value();
  Statement left =
      database->prepare("SELECT count(*) FROM sqlite_schema WHERE name = 'usage'").value();
  ASSERT_TRUE(left.step().value());
  EXPECT_EQ(left.integer(0), 0);
}

TEST_F(Opening, RefusesADatabaseOfAnotherProgram) {
  execute("PRAGMA application_id = 7");
  const Error error = error_of_opening();
  EXPECT_EQ(error.code(), Code::corrupt);
  EXPECT_TRUE(says(error, "another program")) << error.text();
}

TEST_F(Opening, SaysWhenTheFileIsNoDatabase) {
  store_.reset();
  std::filesystem::remove(file().string() + "-wal");
  std::ofstream(file()) << std::string(8192, 'x');
  const Error error = error_of_opening();
  EXPECT_EQ(error.code(), Code::corrupt);
  EXPECT_TRUE(says(error, "is damaged or no database of hitless")) << error.text();
  EXPECT_TRUE(says(error, file().string())) << error.text();
}

TEST_F(Opening, SaysWhenPagesAreDamaged) {
  add("s1", "first");
  store_.reset();
  const auto size = std::filesystem::file_size(file());
  {
    std::fstream pages(file(), std::ios::in | std::ios::out | std::ios::binary);
    pages.seekp(4096);
    pages << std::string(size - 4096, '\xff');
  }
  Result<std::unique_ptr<Store>> opened = Store::open(file());
  const Code code = opened ? (*opened)->list_services({}).error().code() : opened.error().code();
  EXPECT_EQ(code, Code::corrupt);
}

TEST_F(Opening, SaysWhenARowCannotBeRead) {
  add("s1", "first");
  execute("UPDATE services SET status = 'dancing'");
  reopen();
  const Error error = store().find_service(model::ServiceId("s1")).error();
  EXPECT_EQ(error.code(), Code::corrupt);
  EXPECT_TRUE(says(error, "[dancing] is no status of a service")) << error.text();
  execute("UPDATE services SET status = 'running', wire = '{'");
  reopen();
  EXPECT_EQ(store().find_service(model::ServiceId("s1")).error().code(), Code::corrupt);
}

TEST_F(Opening, KeepsASecondOwnerOut) {
  const Error error = Store::open(file()).error();
  EXPECT_EQ(error.code(), Code::unavailable);
  EXPECT_TRUE(says(error, "is locked by another process")) << error.text();
  store_.reset();
  EXPECT_TRUE(Store::open(file()));
}

TEST_F(Opening, SaysWhenTheFolderIsMissing) {
  const Error error = Store::open(folder_.path() / "none" / "hitless.db").error();
  EXPECT_EQ(error.code(), Code::forbidden);
  EXPECT_TRUE(says(error, "cannot be opened for writing")) << error.text();
}

TEST_F(Opening, CommitsAreSyncedAndReferencesChecked) {
  store_.reset();
  const auto database = Database::open(file()).value();
  const auto pragma = [&](const std::string& name) {
    Statement statement = database->prepare("PRAGMA " + name).value();
    EXPECT_TRUE(statement.step().value());
    return statement.text(0);
  };
  EXPECT_EQ(pragma("synchronous"), "2");
  EXPECT_EQ(pragma("foreign_keys"), "1");
  EXPECT_EQ(pragma("journal_mode"), "wal");
  EXPECT_EQ(pragma("locking_mode"), "exclusive");
}

// A pretended history of three versions.
class Migrations : public Opening {
 protected:
  Result<void> migrate_to(int version) {
    store_.reset();
    const std::vector<Migration> all{{.to = 2, .sql = "ALTER TABLE a ADD COLUMN y DEFAULT 5"},
                                     {.to = 3,
                                      .sql = "ALTER TABLE a ADD COLUMN z; "
                                             "UPDATE a SET z = x + y"}};
    const std::vector<std::string> whole{"CREATE TABLE a (x)", "CREATE TABLE a (x, y DEFAULT 5)",
                                         "CREATE TABLE a (x, y DEFAULT 5, z)"};
    const auto count = static_cast<std::size_t>(version - 1);
    const Schema schema{
        .version = version, .whole = whole[count], .migrations = std::span(all).first(count)};
    return migrate(*Database::open(pretended()).value(), schema);
  }
  std::filesystem::path pretended() const { return folder_.path() / "pretended.db"; }
  std::string query(const std::string& sql) {
    const auto database = Database::open(pretended()).value();
    Statement statement = database->prepare(sql).value();
    EXPECT_TRUE(statement.step().value());
    return statement.text(0);
  }
};

TEST_F(Migrations, LeadFromEveryOlderVersionToThePresent) {
  for (const int from : {1, 2, 3}) {
    std::filesystem::remove(pretended());
    ASSERT_TRUE(migrate_to(from));
    query("INSERT INTO a (x) VALUES (1) RETURNING x");
    const Result<void> done = migrate_to(3);
    ASSERT_TRUE(done) << done.error().text();
    EXPECT_EQ(query("PRAGMA user_version"), "3");
    EXPECT_EQ(query("SELECT y FROM a"), "5");
    EXPECT_EQ(query("SELECT ifnull(z, 'none') FROM a"), from == 3 ? "none" : "6");
  }
}

TEST_F(Migrations, AFailedOneLeavesTheOldVersion) {
  ASSERT_TRUE(migrate_to(1));
  const std::vector<Migration> broken{{.to = 2, .sql = "CREATE TABLE b (x); CREATE TABLE a (x)"}};
  const Schema schema{.version = 2, .whole = "", .migrations = broken};
  const Error error = migrate(*Database::open(pretended()).value(), schema).error();
  EXPECT_TRUE(says(error, "migration to version 2")) << error.text();
  EXPECT_EQ(query("PRAGMA user_version"), "1");
  EXPECT_EQ(query("SELECT count(*) FROM sqlite_schema"), "1");
}

TEST_F(Migrations, AreNotSkipped) {
  ASSERT_TRUE(migrate_to(1));
  const std::vector<Migration> gap{{.to = 3, .sql = "CREATE TABLE b (x)"}};
  const Schema schema{.version = 3, .whole = "", .migrations = gap};
  EXPECT_EQ(migrate(*Database::open(pretended()).value(), schema).error().code(), Code::corrupt);
}

}  // namespace
}  // namespace hitless::store
