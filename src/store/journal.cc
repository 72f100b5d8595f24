#include "store/limits.h"
#include "store/row.h"
#include "store/tables.h"

namespace hitless::store {
namespace {

Result<JournalRow> read_journal_row(const Statement& statement) {
  Row row(statement);
  JournalRow value;
  value.rollout = model::RolloutId(row.text());
  value.at = row.time();
  value.view = row.text();
  value.decision = row.text();
  return row.finish(std::move(value));
}

Result<JournalSize> read_journal_size(const Statement& statement) {
  Row row(statement);
  JournalSize size;
  size.rows = row.integer();
  size.bytes = row.integer();
  return row.finish(size);
}

// With a rollout's first row the oldest journal of its service goes, but never that of the newest
// that went wrong.
Result<void> prune_journals(Database& database, const model::RolloutId& newest) {
  HL_TRY_ASSIGN(Statement prune,
                database.prepare("WITH of_service AS (SELECT id, phase, sequence FROM rollouts "
                                 "WHERE service = (SELECT service FROM rollouts WHERE id = ?)) "
                                 "DELETE FROM journal WHERE rollout IN ("
                                 "SELECT id FROM of_service ORDER BY sequence DESC "
                                 "LIMIT -1 OFFSET ?) "
                                 "AND rollout IS NOT (SELECT id FROM of_service "
                                 "WHERE phase IN (?, ?) ORDER BY sequence DESC LIMIT 1)"));
  return prune
      .bind(newest.text(), k_journals_kept, to_text(model::Phase::failed),
            to_text(model::Phase::rolled_back))
      .run();
}

}  // namespace

Result<void> insert_journal_row(Database& database, const JournalRow& row) {
  std::int64_t sequence = 0;
  {
    HL_TRY_ASSIGN(Statement next,
                  database.prepare("SELECT ifnull(max(sequence), 0) + 1 FROM journal "
                                   "WHERE rollout = ?"));
    HL_TRY_ASSIGN(const bool found, next.bind(row.rollout.text()).step());
    HL_CHECK(found);
    sequence = next.integer(0);
  }
  {
    HL_TRY_ASSIGN(Statement insert,
                  database.prepare("INSERT INTO journal (rollout, sequence, at_us, view, decision) "
                                   "VALUES (?, ?, ?, ?, ?)"));
    HL_TRY(insert.bind(row.rollout.text(), sequence, row.at, row.view, row.decision).run());
  }
  return sequence == 1 ? prune_journals(database, row.rollout) : Result<void>();
}

Result<std::vector<JournalRow>> select_journal(Database& database, const model::RolloutId& id) {
  HL_TRY_ASSIGN(Statement select,
                database.prepare("SELECT rollout, at_us, view, decision FROM journal "
                                 "WHERE rollout = ? ORDER BY sequence"));
  select.bind(id.text());
  return read_all(std::move(select), read_journal_row);
}

Result<JournalSize> select_journal_size(Database& database, const model::RolloutId& id) {
  HL_TRY_ASSIGN(Statement select,
                database.prepare("SELECT count(*), ifnull(sum(length(view) + length(decision)), 0) "
                                 "FROM journal WHERE rollout = ?"));
  select.bind(id.text());
  return read_one(std::move(select), read_journal_size, "a count without a row");
}

}  // namespace hitless::store
