#include <set>

#include "store/row.h"
#include "store/tables.h"

namespace hitless::store {
namespace {

constexpr const char* k_gateway = "usage.gateway";
constexpr const char* k_adopted = "usage.adopted";

using UsageKey = std::pair<std::string, model::RevisionNumber>;

Result<model::RevisionUsage> read_usage(const Statement& statement) {
  Row row(statement);
  model::RevisionUsage usage;
  usage.service = model::ServiceId(row.text());
  usage.revision = row.integer();
  usage.outcomes = row.json_as(model::outcomes_from_json);
  return row.finish(std::move(usage));
}

Result<std::set<UsageKey>> select_usage_keys(Database& database) {
  HL_TRY_ASSIGN(Statement select, database.prepare("SELECT service, revision FROM usage"));
  std::set<UsageKey> keys;
  while (true) {
    HL_TRY_ASSIGN(const bool more, select.step());
    if (!more) return keys;
    keys.emplace(select.text(0), select.integer(1));
  }
}

// Counters that stand still cost no write.
Result<void> put_usage(Database& database, const model::RevisionUsage& usage) {
  HL_TRY_ASSIGN(Statement put, database.prepare("INSERT INTO usage (service, revision, outcomes) "
                                                "VALUES (?, ?, ?) ON CONFLICT DO UPDATE "
                                                "SET outcomes = excluded.outcomes "
                                                "WHERE outcomes <> excluded.outcomes"));
  return put.bind(usage.service.text(), usage.revision, to_json_text(to_json(usage.outcomes)))
      .run();
}

}  // namespace

Result<std::int64_t> add_to_counter(Database& database, std::string_view name, std::int64_t more) {
  HL_TRY_ASSIGN(Statement add,
                database.prepare("INSERT INTO counters (name, value) VALUES (?, ?) "
                                 "ON CONFLICT DO UPDATE SET value = value + excluded.value "
                                 "RETURNING value"));
  HL_TRY_ASSIGN(const bool found, add.bind(name, more).step());
  HL_CHECK(found);
  const std::int64_t value = add.integer(0);
  HL_TRY_ASSIGN(const bool another, add.step());
  HL_CHECK(!another);
  return value;
}

Result<void> replace_usage(Database& database, const model::Usage& usage) {
  HL_TRY(put_setting(database, k_gateway, usage.gateway));
  HL_TRY(put_setting(database, k_adopted, std::to_string(usage.adopted)));
  HL_TRY_ASSIGN(std::set<UsageKey> outdated, select_usage_keys(database));
  for (const model::RevisionUsage& revision : usage.revisions) {
    HL_TRY(put_usage(database, revision));
    outdated.erase({revision.service.text(), revision.revision});
  }
  HL_TRY_ASSIGN(Statement remove, database.prepare("DELETE FROM usage WHERE service = ? "
                                                   "AND revision = ?"));
  for (const auto& [service, revision] : outdated) {
    HL_TRY(remove.bind(service, revision).run());
    remove.reset();
  }
  return {};
}

Result<model::Usage> select_usage(Database& database) {
  model::Usage usage;
  HL_TRY_ASSIGN(const std::optional<std::string> gateway, select_setting(database, k_gateway));
  HL_TRY_ASSIGN(const std::optional<std::string> adopted, select_setting(database, k_adopted));
  usage.gateway = gateway.value_or("");
  usage.adopted = std::strtoull(adopted.value_or("0").c_str(), nullptr, 10);
  HL_TRY_ASSIGN(Statement select, database.prepare("SELECT service, revision, outcomes FROM usage "
                                                   "ORDER BY service, revision"));
  HL_TRY_ASSIGN(usage.revisions, read_all(std::move(select), read_usage));
  return usage;
}

Result<void> delete_usage(Database& database, const model::ServiceId& service) {
  HL_TRY_ASSIGN(Statement remove, database.prepare("DELETE FROM usage WHERE service = ?"));
  return remove.bind(service.text()).run();
}

Result<std::optional<std::string>> select_setting(Database& database, const std::string& name) {
  HL_TRY_ASSIGN(Statement select, database.prepare("SELECT value FROM settings WHERE name = ?"));
  HL_TRY_ASSIGN(const bool found, select.bind(name).step());
  if (!found) return std::optional<std::string>();
  return std::optional<std::string>(select.text(0));
}

Result<void> put_setting(Database& database, const std::string& name, const std::string& value) {
  HL_TRY_ASSIGN(Statement put, database.prepare("INSERT INTO settings (name, value) VALUES (?, ?) "
                                                "ON CONFLICT DO UPDATE SET value = excluded.value "
                                                "WHERE value <> excluded.value"));
  return put.bind(name, value).run();
}

}  // namespace hitless::store
