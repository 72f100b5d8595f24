#include <fmt/format.h>

#include <array>

#include "store/row.h"
#include "store/tables.h"

namespace hitless::store {
namespace {

constexpr std::string_view k_columns =
    "id, service, plan, phase, why, reason, created_us, phase_us, progress_us, ended_us, report, "
    "course";

constexpr std::array k_sorts{SortColumn{.word = "created_at", .column = "sequence"}};

std::string missing(const model::RolloutId& id) {
  return fmt::format("rollout {} does not exist", id.text());
}

Result<model::Rollout> read_rollout(const Statement& statement) {
  Row row(statement);
  model::Rollout rollout;
  rollout.id = model::RolloutId(row.text());
  rollout.service = model::ServiceId(row.text());
  rollout.plan = row.json_as(model::plan_from_json);
  rollout.phase = row.word(model::phase_from_text);
  rollout.why = row.text();
  rollout.reason = row.text();
  rollout.created_at = row.time();
  rollout.phase_at = row.time();
  rollout.progress_at = row.time();
  rollout.ended_at = row.optional_time();
  rollout.report = row.json_as(model::report_from_json);
  row.json_into([&](const json::value& value) { return model::read_course(value, rollout); });
  return row.finish(std::move(rollout));
}

// All of them, for select_newest(); SQLite takes a negative limit for none.
constexpr std::int64_t k_no_limit = -1;

Result<std::vector<model::Rollout>> select_newest(Database& database,
                                                  const model::ServiceId& service,
                                                  std::int64_t limit) {
  HL_TRY_ASSIGN(
      Statement select,
      database.prepare(fmt::format(
          "SELECT {} FROM rollouts WHERE service = ? ORDER BY sequence DESC LIMIT ?", k_columns)));
  select.bind(service.text(), limit);
  return read_all(std::move(select), read_rollout);
}

// The phase that is recorded, without reading the plan.
Result<model::Phase> select_phase(Database& database, const model::RolloutId& id) {
  HL_TRY_ASSIGN(Statement select, database.prepare("SELECT phase FROM rollouts WHERE id = ?"));
  select.bind(id.text());
  const auto read = [](const Statement& statement) -> Result<model::Phase> {
    Row row(statement);
    const model::Phase phase = row.word(model::phase_from_text);
    return row.finish(phase);
  };
  return read_one(std::move(select), read, missing(id));
}

}  // namespace

Result<void> insert_rollout(Database& database, const model::Rollout& rollout) {
  HL_TRY_ASSIGN(Statement insert,
                database.prepare("INSERT INTO rollouts (id, service, plan, from_revision, "
                                 "to_revision, phase, why, reason, created_us, phase_us, "
                                 "progress_us, ended_us, report, course) "
                                 "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  return insert
      .bind(rollout.id.text(), rollout.service.text(), to_json_text(to_json(rollout.plan)),
            rollout.plan.from, rollout.plan.to, to_text(rollout.phase), rollout.why, rollout.reason,
            rollout.created_at, rollout.phase_at, rollout.progress_at, rollout.ended_at,
            to_json_text(to_json(rollout.report)), to_json_text(model::course_to_json(rollout)))
      .run();
}

Result<void> update_rollout(Database& database, const model::Rollout& rollout) {
  HL_TRY_ASSIGN(const model::Phase recorded, select_phase(database, rollout.id));
  if (is_terminal(recorded) && recorded != rollout.phase) {
    return Error(Code::conflict, fmt::format("rollout {} has ended meanwhile: {}",
                                             rollout.id.text(), to_text(recorded)));
  }
  HL_TRY_ASSIGN(Statement update,
                database.prepare("UPDATE rollouts SET phase = ?, why = ?, reason = ?, "
                                 "phase_us = ?, progress_us = ?, ended_us = ?, report = ?, "
                                 "course = ? "
                                 "WHERE id = ?"));
  return update
      .bind(to_text(rollout.phase), rollout.why, rollout.reason, rollout.phase_at,
            rollout.progress_at, rollout.ended_at, to_json_text(to_json(rollout.report)),
            to_json_text(model::course_to_json(rollout)), rollout.id.text())
      .run();
}

Result<void> update_report(Database& database, const model::RolloutId& id,
                           const model::Report& report) {
  HL_TRY_ASSIGN(Statement update, database.prepare("UPDATE rollouts SET report = ? WHERE id = ?"));
  HL_TRY(update.bind(to_json_text(to_json(report)), id.text()).run());
  if (update.changes() > 0) return {};
  return Error(Code::not_found, missing(id));
}

Result<model::Rollout> select_rollout(Database& database, const model::RolloutId& id) {
  HL_TRY_ASSIGN(Statement select,
                database.prepare(fmt::format("SELECT {} FROM rollouts WHERE id = ?", k_columns)));
  select.bind(id.text());
  return read_one(std::move(select), read_rollout, missing(id));
}

Result<std::vector<model::Rollout>> select_rollouts(Database& database,
                                                    const model::ServiceId& service) {
  return select_newest(database, service, k_no_limit);
}

Result<Page<model::Rollout>> page_rollouts(Database& database, const model::ServiceId& service,
                                           const PageQuery& page) {
  ListSql list{.columns = k_columns, .table = "rollouts", .order = {}};
  HL_TRY_ASSIGN(list.order, order_by(page, k_sorts, "sequence"));
  Filter filter;
  filter.equal("service", service.text());
  return read_page<model::Rollout>(database, list, filter, page, read_rollout);
}

Result<std::optional<model::Rollout>> select_newest_rollout(Database& database,
                                                            const model::ServiceId& service) {
  HL_TRY_ASSIGN(auto rows, select_newest(database, service, 1));
  if (rows.empty()) return std::optional<model::Rollout>();
  return std::optional(std::move(rows.front()));
}

Result<std::vector<model::RevisionNumber>> select_served(Database& database,
                                                         const model::ServiceId& service) {
  HL_TRY_ASSIGN(Statement select,
                database.prepare("SELECT to_revision FROM rollouts WHERE service = ? AND "
                                 "phase = ? AND to_revision > 0 ORDER BY sequence DESC"));
  select.bind(service.text(), to_text(model::Phase::succeeded));
  const auto read = [](const Statement& statement) -> Result<model::RevisionNumber> {
    Row row(statement);
    const model::RevisionNumber number = row.integer();
    return row.finish(number);
  };
  return read_all(std::move(select), read);
}

}  // namespace hitless::store
