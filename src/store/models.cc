#include <fmt/format.h>

#include <array>
#include <cstdio>

#include "store/row.h"
#include "store/tables.h"

namespace hitless::store {
namespace {

constexpr std::string_view k_columns =
    "id, name, version, type, description, status, error, source_location, digest, size_bytes, "
    "created_us, launch, config_text, wire";

constexpr std::array k_sorts{
    SortColumn{.word = "create_at", .column = "created_us"},
    SortColumn{.word = "model_version", .column = "version_order"},
    SortColumn{.word = "model_size", .column = "size_bytes"},
};

// A service needs a version when its current revision, either side of the rollout under way or a
// live instance names it.
constexpr const char* k_needed_by =
    "SELECT s.name FROM services s WHERE EXISTS ("
    " SELECT 1 FROM revision_models m WHERE m.model = ? AND m.service = s.id AND ("
    "  m.number = s.revision"
    "  OR EXISTS (SELECT 1 FROM rollouts r WHERE r.id = s.rollout"
    "             AND m.number IN (r.from_revision, r.to_revision))"
    "  OR EXISTS (SELECT 1 FROM instances i WHERE i.service = s.id AND i.stage <> 'gone'"
    "             AND i.revision = m.number))) ORDER BY s.name";

std::string missing(const model::ModelId& id) {
  return fmt::format("model {} does not exist", id.text());
}

// "1.2.3" as 10203: the three numbers are 0 to 99 (contract: limits).  Others sort first.
std::int64_t version_order(const std::string& version) {
  int major = 0, minor = 0, patch = 0;
  if (std::sscanf(version.c_str(), "%4d.%4d.%4d", &major, &minor, &patch) != 3) return 0;
  return (std::int64_t{major} * 100 + minor) * 100 + patch;
}

Result<model::ModelVersion> read_model(const Statement& statement) {
  Row row(statement);
  model::ModelVersion version;
  version.id = model::ModelId(row.text());
  version.name = row.text();
  version.version = row.text();
  version.type = row.text();
  version.description = row.text();
  version.status = row.word(model::model_status_from_text);
  version.error = row.text();
  version.source_location = row.text();
  version.digest = row.text();
  version.size_bytes = static_cast<std::uint64_t>(row.integer());
  version.created_at = row.time();
  version.launch = row.json_as(model::launch_from_json);
  version.config_text = row.text();
  version.wire = row.json_object();
  return row.finish(std::move(version));
}

Error taken(const model::ModelVersion& version) {
  return Error(Code::conflict,
               fmt::format("model {} already has a version {}", version.name, version.version));
}

// Everything but the id, in the order in which both writes list their columns.
void bind_model(Statement& statement, const model::ModelVersion& version) {
  statement.bind(version.name, version.version, version_order(version.version), version.type,
                 version.description, to_text(version.status), version.error,
                 version.source_location, version.digest, version.size_bytes, version.created_at,
                 to_json_text(to_json(version.launch)), version.config_text,
                 to_json_text(version.wire));
}

}  // namespace

Result<void> insert_model(Database& database, const model::ModelVersion& version) {
  HL_TRY_ASSIGN(Statement insert,
                database.prepare("INSERT INTO models (name, version, version_order, type, "
                                 "description, status, error, source_location, digest, "
                                 "size_bytes, created_us, launch, config_text, wire, id) "
                                 "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  bind_model(insert, version);
  Result<void> done = insert.bind(version.id.text()).run();
  if (!done && done.error().code() == Code::conflict) return taken(version);
  return done;
}

Result<void> update_model(Database& database, const model::ModelVersion& version) {
  HL_TRY_ASSIGN(Statement update,
                database.prepare("UPDATE models SET name = ?, version = ?, version_order = ?, "
                                 "type = ?, description = ?, status = ?, error = ?, "
                                 "source_location = ?, digest = ?, size_bytes = ?, "
                                 "created_us = ?, launch = ?, config_text = ?, wire = ? "
                                 "WHERE id = ?"));
  bind_model(update, version);
  Result<void> done = update.bind(version.id.text()).run();
  if (!done && done.error().code() == Code::conflict) return taken(version);
  if (done && update.changes() == 0) return Error(Code::not_found, missing(version.id));
  return done;
}

Result<model::ModelVersion> select_model(Database& database, const model::ModelId& id) {
  HL_TRY_ASSIGN(Statement select,
                database.prepare(fmt::format("SELECT {} FROM models WHERE id = ?", k_columns)));
  select.bind(id.text());
  return read_one(std::move(select), read_model, missing(id));
}

Result<Page<model::ModelVersion>> page_models(Database& database, const ModelQuery& query) {
  ListSql list{.columns = k_columns, .table = "models", .order = {}};
  HL_TRY_ASSIGN(list.order, order_by(query.page, k_sorts, "id"));
  Filter filter;
  if (query.exact_name) {
    filter.equal("name", query.name);
  } else {
    filter.contains("name", query.name);
  }
  filter.equal("version", query.version);
  filter.equal("status", query.status);
  filter.contains("description", query.description);
  filter.equal("type", query.type);
  if (!query.not_type.empty()) filter.add("type <> ?", query.not_type);
  return read_page<model::ModelVersion>(database, list, filter, query.page, read_model);
}

Result<void> delete_model(Database& database, const model::ModelId& id) {
  HL_TRY_ASSIGN(Statement users, database.prepare(k_needed_by));
  users.bind(id.text());
  HL_TRY_ASSIGN(const std::vector<std::string> names,
                read_all(std::move(users), [](const Statement& statement) -> Result<std::string> {
                  return statement.text(0);
                }));
  if (!names.empty()) {
    return Error(Code::conflict,
                 fmt::format("model {} is in use by: {}", id.text(), fmt::join(names, ", ")));
  }
  HL_TRY_ASSIGN(Statement remove, database.prepare("DELETE FROM models WHERE id = ?"));
  HL_TRY(remove.bind(id.text()).run());
  if (remove.changes() == 0) return Error(Code::not_found, missing(id));
  return delete_events(database, id.text());
}

}  // namespace hitless::store
