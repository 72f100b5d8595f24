#include <fmt/format.h>

#include "store/row.h"
#include "store/tables.h"

namespace hitless::store {
namespace {

std::string missing(const model::ServiceId& service, model::RevisionNumber number) {
  return fmt::format("service {} has no revision {}", service.text(), number);
}

Result<model::Revision> read_revision(const Statement& statement) {
  Row row(statement);
  model::Revision revision;
  revision.service = model::ServiceId(row.text());
  revision.number = row.integer();
  revision.config = row.json_as(model::service_config_from_json);
  revision.created_at = row.time();
  revision.who = row.text();
  return row.finish(std::move(revision));
}

}  // namespace

Result<void> insert_revision(Database& database, const model::Revision& revision) {
  {
    HL_TRY_ASSIGN(Statement insert,
                  database.prepare("INSERT INTO revisions (service, number, config, created_us, "
                                   "who) VALUES (?, ?, ?, ?, ?)"));
    Result<void> done =
        insert
            .bind(revision.service.text(), revision.number, to_json_text(to_json(revision.config)),
                  revision.created_at, revision.who)
            .run();
    if (!done && done.error().code() == Code::conflict) {
      return Error(Code::conflict, fmt::format("service {} already has a revision {}",
                                               revision.service.text(), revision.number));
    }
    HL_TRY(done);
  }
  HL_TRY_ASSIGN(Statement name,
                database.prepare("INSERT OR IGNORE INTO revision_models (service, number, model) "
                                 "SELECT ?, ?, value FROM json_each(?)"));
  json::array models;
  for (const model::ConfigEntry& entry : revision.config.entries) {
    models.emplace_back(entry.model.text());
  }
  return name.bind(revision.service.text(), revision.number, to_json_text(models)).run();
}

Result<model::Revision> select_revision(Database& database, const model::ServiceId& service,
                                        model::RevisionNumber number) {
  HL_TRY_ASSIGN(Statement select,
                database.prepare("SELECT service, number, config, created_us, who FROM revisions "
                                 "WHERE service = ? AND number = ?"));
  select.bind(service.text(), number);
  return read_one(std::move(select), read_revision, missing(service, number));
}

Result<std::vector<model::Revision>> select_revisions(Database& database,
                                                      const model::ServiceId& service) {
  HL_TRY_ASSIGN(Statement select,
                database.prepare("SELECT service, number, config, created_us, who FROM revisions "
                                 "WHERE service = ? ORDER BY number"));
  select.bind(service.text());
  return read_all(std::move(select), read_revision);
}

Result<void> delete_revision(Database& database, const model::ServiceId& service,
                             model::RevisionNumber number) {
  HL_TRY_ASSIGN(Statement remove,
                database.prepare("DELETE FROM revisions WHERE service = ? AND number = ?"));
  HL_TRY(remove.bind(service.text(), number).run());
  if (remove.changes() > 0) return {};
  return Error(Code::not_found, missing(service, number));
}

Result<model::RevisionNumber> next_revision(Database& database, const model::ServiceId& service) {
  HL_TRY_ASSIGN(Statement select,
                database.prepare("SELECT ifnull(max(number), 0) + 1 FROM revisions "
                                 "WHERE service = ?"));
  HL_TRY_ASSIGN(const bool found, select.bind(service.text()).step());
  HL_CHECK(found);
  return select.integer(0);
}

}  // namespace hitless::store
