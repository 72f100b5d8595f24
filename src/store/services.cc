#include <fmt/format.h>

#include <array>

#include "store/row.h"
#include "store/tables.h"

namespace hitless::store {
namespace {

constexpr std::string_view k_columns =
    "id, name, description, infer_type, status, error, progress, revision, rollout, created_us, "
    "publish_us, transition_us, operation_us, update_us, wire, queued";

constexpr std::array k_sorts{
    SortColumn{.word = "publish_at", .column = "publish_us"},
    SortColumn{.word = "service_name", .column = "name"},
    SortColumn{.word = "transition_at", .column = "transition_us"},
};

constexpr std::string_view k_names_model =
    "EXISTS (SELECT 1 FROM revision_models m WHERE m.model = ? AND m.service = services.id AND ("
    "m.number = services.revision OR EXISTS (SELECT 1 FROM rollouts r WHERE "
    "r.id = services.rollout AND m.number IN (r.from_revision, r.to_revision))))";

std::string missing(const model::ServiceId& id) {
  return fmt::format("service {} does not exist", id.text());
}

Result<model::Service> read_service(const Statement& statement) {
  Row row(statement);
  model::Service service;
  service.id = model::ServiceId(row.text());
  service.name = row.text();
  service.description = row.text();
  service.infer_type = row.text();
  service.status = row.word(model::service_status_from_text);
  service.error = row.text();
  service.progress = row.small();
  service.revision = row.integer();
  service.rollout = model::RolloutId(row.text());
  service.created_at = row.time();
  service.publish_at = row.time();
  service.transition_at = row.time();
  service.operation_time = row.time();
  service.update_time = row.time();
  service.wire = row.json_object();
  service.queued = row.integer();
  return row.finish(std::move(service));
}

// What control writes, in the order of k_set_state.
constexpr std::string_view k_set_state =
    "status = ?, error = ?, progress = ?, revision = ?, rollout = ?, publish_us = ?, "
    "transition_us = ?, operation_us = ?, update_us = ?";

void bind_state(Statement& statement, const model::Service& service) {
  statement.bind(to_text(service.status), service.error, service.progress, service.revision,
                 service.rollout.text(), service.publish_at, service.transition_at,
                 service.operation_time, service.update_time);
}

Result<void> finish(Result<void> done, Statement& statement, const model::Service& service) {
  if (!done && done.error().code() == Code::conflict) {
    return Error(Code::conflict, fmt::format("a service named {} exists", service.name));
  }
  if (done && statement.changes() == 0) return Error(Code::not_found, missing(service.id));
  return done;
}

std::string describe(const model::Service& service) {
  return fmt::format("{} at revision {}{}{}", to_text(service.status), service.revision,
                     service.rollout.empty() ? "" : " in rollout " + service.rollout.text(),
                     service.queued == 0 ? "" : fmt::format(", {} waiting", service.queued));
}

}  // namespace

Result<void> insert_service(Database& database, const model::Service& service) {
  HL_TRY_ASSIGN(Statement insert,
                database.prepare("INSERT INTO services (status, error, progress, revision, "
                                 "rollout, publish_us, transition_us, operation_us, update_us, "
                                 "id, name, description, infer_type, created_us, wire, queued) "
                                 "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  bind_state(insert, service);
  insert.bind(service.id.text(), service.name, service.description, service.infer_type,
              service.created_at, to_json_text(service.wire), service.queued);
  return finish(insert.run(), insert, service);
}

Result<void> update_service(Database& database, const model::Service& service) {
  HL_TRY_ASSIGN(Statement update,
                database.prepare(fmt::format("UPDATE services SET {}, name = ?, description = ?, "
                                             "infer_type = ?, created_us = ?, wire = ?, queued = ? "
                                             "WHERE id = ?",
                                             k_set_state)));
  bind_state(update, service);
  update.bind(service.name, service.description, service.infer_type, service.created_at,
              to_json_text(service.wire), service.queued, service.id.text());
  return finish(update.run(), update, service);
}

Result<void> update_service_state(Database& database, const model::Service& service) {
  HL_TRY_ASSIGN(Statement update,
                database.prepare(fmt::format("UPDATE services SET {} WHERE id = ?", k_set_state)));
  bind_state(update, service);
  update.bind(service.id.text());
  return finish(update.run(), update, service);
}

Result<void> check_unchanged(Database& database, const model::Service& expected) {
  HL_TRY_ASSIGN(const model::Service now, select_service(database, expected.id));
  if (now.status == expected.status && now.revision == expected.revision &&
      now.rollout == expected.rollout && now.queued == expected.queued) {
    return {};
  }
  return Error(Code::conflict, fmt::format("service {} changed meanwhile: it was {} and is {}",
                                           now.name, describe(expected), describe(now)));
}

Result<model::Service> select_service(Database& database, const model::ServiceId& id) {
  HL_TRY_ASSIGN(Statement select,
                database.prepare(fmt::format("SELECT {} FROM services WHERE id = ?", k_columns)));
  select.bind(id.text());
  return read_one(std::move(select), read_service, missing(id));
}

Result<model::Service> select_service_by_name(Database& database, const std::string& name) {
  HL_TRY_ASSIGN(Statement select,
                database.prepare(fmt::format("SELECT {} FROM services WHERE name = ?", k_columns)));
  select.bind(name);
  return read_one(std::move(select), read_service, fmt::format("no service is named {}", name));
}

Result<Page<model::Service>> page_services(Database& database, const ServiceQuery& query) {
  ListSql list{.columns = k_columns, .table = "services", .order = {}};
  HL_TRY_ASSIGN(list.order, order_by(query.page, k_sorts, "id"));
  Filter filter;
  filter.equal("id", query.id);
  filter.contains("name", query.name);
  if (!query.model.empty()) filter.add(k_names_model, query.model);
  filter.equal("infer_type", query.infer_type);
  filter.equal("status", query.status);
  return read_page<model::Service>(database, list, filter, query.page, read_service);
}

Result<void> delete_service(Database& database, const model::ServiceId& id) {
  HL_TRY_ASSIGN(Statement remove, database.prepare("DELETE FROM services WHERE id = ?"));
  HL_TRY(remove.bind(id.text()).run());
  if (remove.changes() == 0) return Error(Code::not_found, missing(id));
  HL_TRY_ASSIGN(Statement forget,
                database.prepare("DELETE FROM journal WHERE rollout IN (SELECT id FROM rollouts "
                                 "WHERE service = ?)"));
  HL_TRY(forget.bind(id.text()).run());
  return delete_events(database, id.text());
}

}  // namespace hitless::store
