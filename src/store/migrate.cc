#include "store/migrate.h"

#include <fmt/format.h>

namespace hitless::store {
namespace {

// "htls": tells our databases from those of other programs.
constexpr std::int64_t k_application_id = 0x68746c73;

Result<std::int64_t> query_number(Database& database, const std::string& sql) {
  HL_TRY_ASSIGN(Statement statement, database.prepare(sql));
  HL_TRY_ASSIGN(const bool found, statement.step());
  return found ? statement.integer(0) : 0;
}

Result<bool> is_empty(Database& database) {
  HL_TRY_ASSIGN(const std::int64_t tables,
                query_number(database, "SELECT count(*) FROM sqlite_schema"));
  return tables == 0;
}

Result<void> make(Database& database, const Schema& schema) {
  HL_TRY(database.execute(schema.whole));
  return database.execute(fmt::format("PRAGMA application_id = {}", k_application_id));
}

Result<void> catch_up(Database& database, const Schema& schema, std::int64_t version) {
  for (const Migration& migration : schema.migrations) {
    if (migration.to != version + 1) continue;
    Result<void> done = database.execute(migration.sql);
    if (!done) return done.error().context(fmt::format("migration to version {}", migration.to));
    ++version;
  }
  if (version == schema.version) return {};
  return Error(Code::corrupt,
               fmt::format("no way leads from database version {} to {}", version, schema.version));
}

Result<void> check_origin(Database& database, const Schema& schema, std::int64_t version) {
  HL_TRY_ASSIGN(const std::int64_t application, query_number(database, "PRAGMA application_id"));
  if (application != k_application_id) {
    return Error(Code::corrupt, "the file is a database of another program");
  }
  if (version <= schema.version) return {};
  return Error(Code::unsupported,
               fmt::format("the database was made by a newer hitless (version {}, this one knows "
                           "up to {}): run that one, or restore a backup from before",
                           version, schema.version));
}

}  // namespace

const Schema& present_schema() {
  static const Migration k_migrations[] = {
      {.to = 2, .sql = R"sql(
ALTER TABLE rollouts ADD COLUMN course TEXT NOT NULL DEFAULT '{}';
ALTER TABLE services ADD COLUMN queued INTEGER NOT NULL DEFAULT 0;
CREATE TABLE journal (
  rollout  TEXT NOT NULL REFERENCES rollouts (id) ON DELETE CASCADE,
  sequence INTEGER NOT NULL,
  at_us    INTEGER NOT NULL,
  view     TEXT NOT NULL,
  decision TEXT NOT NULL,
  PRIMARY KEY (rollout, sequence)
) STRICT, WITHOUT ROWID;
)sql"},
      {.to = 3,  // control keeps its totals by itself; these were never read
       .sql = "DROP TABLE usage;"
              "DELETE FROM settings WHERE name IN ('usage.gateway', 'usage.adopted')"},
      {.to = 4, .sql = "ALTER TABLE revisions ADD COLUMN who TEXT NOT NULL DEFAULT ''"},
      // A report outlives its service.  Both tables are made anew: what the journal refers to goes
      // and takes it along.
      {.to = 5, .sql = R"sql(
CREATE TABLE rollouts_made_anew (
  sequence      INTEGER PRIMARY KEY,
  id            TEXT NOT NULL UNIQUE,
  service       TEXT NOT NULL,
  plan          TEXT NOT NULL,
  from_revision INTEGER NOT NULL,
  to_revision   INTEGER NOT NULL,
  phase         TEXT NOT NULL,
  why           TEXT NOT NULL,
  reason        TEXT NOT NULL,
  created_us    INTEGER NOT NULL,
  phase_us      INTEGER NOT NULL,
  progress_us   INTEGER NOT NULL,
  ended_us      INTEGER,
  report        TEXT NOT NULL,
  course        TEXT NOT NULL DEFAULT '{}'
) STRICT;
INSERT INTO rollouts_made_anew (sequence, id, service, plan, from_revision, to_revision, phase, why,
    reason, created_us, phase_us, progress_us, ended_us, report, course)
  SELECT sequence, id, service, plan, from_revision, to_revision, phase, why,
    reason, created_us, phase_us, progress_us, ended_us, report, course FROM rollouts;
CREATE TABLE journal_made_anew (
  rollout  TEXT NOT NULL REFERENCES rollouts_made_anew (id) ON DELETE CASCADE,
  sequence INTEGER NOT NULL,
  at_us    INTEGER NOT NULL,
  view     TEXT NOT NULL,
  decision TEXT NOT NULL,
  PRIMARY KEY (rollout, sequence)
) STRICT, WITHOUT ROWID;
INSERT INTO journal_made_anew (rollout, sequence, at_us, view, decision)
  SELECT rollout, sequence, at_us, view, decision FROM journal;
DROP TABLE journal;
DROP TABLE rollouts;
ALTER TABLE rollouts_made_anew RENAME TO rollouts;
ALTER TABLE journal_made_anew RENAME TO journal;
CREATE INDEX rollouts_by_service ON rollouts (service, sequence);
)sql"},
  };
  static const Schema k_schema{.version = 5,
                               .whole =
#include "store/schema.sql"
                                   , .migrations = k_migrations};
  return k_schema;
}

Result<void> migrate(Database& database, const Schema& schema) {
  HL_TRY_ASSIGN(Transaction transaction, Transaction::begin(database));
  HL_TRY_ASSIGN(const std::int64_t version, query_number(database, "PRAGMA user_version"));
  HL_TRY_ASSIGN(const bool empty, is_empty(database));
  if (empty) {
    HL_TRY(make(database, schema));
  } else {
    HL_TRY(check_origin(database, schema, version));
    HL_TRY(catch_up(database, schema, version));
  }
  if (version != schema.version) {  // writing the same number again would be a write, too
    HL_TRY(database.execute(fmt::format("PRAGMA user_version = {}", schema.version)));
  }
  return transaction.commit();
}

}  // namespace hitless::store
